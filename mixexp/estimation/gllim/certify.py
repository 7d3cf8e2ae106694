"""Certificates of joint optima: of second order where the Hessian can be formed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from mixexp.estimation.certificate import NULL_CURVATURE, Certificate
from mixexp.estimation.gllim.climb import Climb, Climber
from mixexp.estimation.gllim.repair import dead, moved_apart
from mixexp.estimation.separation import NONE
from mixexp.estimation.solvers.newton import CERTIFICATE_RADIUS, quadratic_model
from mixexp.models.gllim import GLLiMParams

Array = NDArray[np.float64]

_MAX_PROBED = 64
# EM steps after experts that coincide were moved apart.
_STEPS_APART = 50


def certify(climber: Climber, climb: Climb, tol: float) -> tuple[Certificate, GLLiMParams | None]:
    """Certificate of where a climb ended, and better parameters if a probe found some."""
    if climber.objective is None or climb.theta is None:
        return _first_order(climber, climb, tol)
    objective, box, theta = climber.objective, climber.box, climb.theta
    evaluation = objective.evaluate(theta, 2)
    assert evaluation.gradient is not None and evaluation.hessian is not None
    gain = quadratic_model(evaluation, theta, box).maximize(CERTIFICATE_RADIUS).gain
    free = box.free(theta, evaluation.gradient)
    values, inside = np.linalg.eigh(-evaluation.hessian[np.ix_(free, free)])
    vectors = np.zeros((len(theta), len(values)))
    vectors[free] = inside
    noise = np.finfo(float).eps * len(theta) * float(np.abs(values).max(initial=0.0))
    null = vectors[:, np.abs(values) <= max(NULL_CURVATURE, 4.0 * noise)]
    best, probe_gain = _probe(climber, theta, evaluation.value, null)
    ascent = bool(len(values)) and values[0] < -max(2.0 * tol, 4.0 * noise)
    weight = climber.data.total_weight
    assert climber.chart is not None
    names = climber.chart.names
    part = np.sqrt(np.sum(null**2, axis=1))
    held = [name for name, on in zip(names, ~free, strict=True) if on]
    certificate = Certificate(
        holds=bool(gain <= tol and probe_gain <= 10.0 * tol and not ascent),
        remaining_gain=gain,
        probe_gain=probe_gain,
        score_norm=float(np.abs(evaluation.gradient[free]).max(initial=0.0)) / weight,
        information=(float(values[0]) / weight, float(values[-1]) / weight),
        n_null=null.shape[1],
        null_blocks=tuple(dict.fromkeys(n for n, p in zip(names, part, strict=True) if p > 0.1)),
        active_bounds=tuple(dict.fromkeys(held)),
        separation=NONE,
    )
    certificate = _alive(climber, climb, certificate)
    return certificate, None if best is None else climber.chart.params(best)


def _probe(climber: Climber, theta: Array, value: float, null: Array) -> tuple[Array | None, float]:
    """Finite steps both ways along null directions, on the true likelihood."""
    assert climber.objective is not None
    best, gain = None, 1e-14 * (1.0 + abs(value))
    found = 0.0
    for direction in null.T[:_MAX_PROBED]:
        for step in (0.1, -0.1, 1.0, -1.0):
            point = climber.box.project(theta + step * direction)
            rise = climber.objective.evaluate(point).value - value
            if rise > gain:
                best, gain, found = point, rise, rise
    return best, found


def _first_order(
    climber: Climber, climb: Climb, tol: float
) -> tuple[Certificate, GLLiMParams | None]:
    """What EM alone knows: the gain it has left if its increments go on falling as they do.

    Experts that coincide are moved apart, once: EM by itself would never part them.
    """
    if climber.model.n_latent:
        why = "loadings of latent inputs have rotations that change nothing"
    else:
        why = (
            f"{climber.model.n_parameters} parameters are more than the numbers in the data, or "
            "their Hessian costs too much"
        )
    text = (
        f"certificate of first order only ({why}): EM's remaining gain is extrapolated from its "
        "last steps, and directions of ascent other than EM's own were not looked for, but between "
        "experts that coincide"
    )
    better, rise = None, 0.0
    apart = moved_apart(climb.params)
    if apart is not None:
        tried = climber.em_steps(apart, _STEPS_APART, tol)
        if tried.value > climb.value + 1e-12 * (1.0 + abs(climb.value)):
            better, rise = tried.params, tried.value - climb.value
    certificate = Certificate(
        holds=bool(climb.gain <= tol and rise <= 10.0 * tol), remaining_gain=climb.gain,
        probe_gain=rise, score_norm=np.nan, information=(np.nan, np.nan), n_null=0, null_blocks=(),
        active_bounds=(), separation=NONE, findings=(text,),
    )  # fmt: skip
    return _alive(climber, climb, certificate), better


def _alive(climber: Climber, climb: Climb, certificate: Certificate) -> Certificate:
    """The certificate, which does not hold where an expert holds no row."""
    gone = np.flatnonzero(dead(climber.em, climb.mass)).tolist()
    if not gone:
        return certificate
    text = (
        f"experts {gone} hold no row: the likelihood does not see their parameters, and others "
        "might raise it; fit fewer experts or give other starts"
    )
    return replace(certificate, holds=False, findings=(*certificate.findings, text))
