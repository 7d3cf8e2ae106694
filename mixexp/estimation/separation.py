"""Separation: the likelihood rises towards infinite gate coefficients and has no maximum."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mixexp.estimation.box import Box
from mixexp.estimation.objective import Evaluation, Objective
from mixexp.estimation.pieces import FixedRegions
from mixexp.estimation.solvers._base import Solution
from mixexp.estimation.solvers.newton import Newton

Array = NDArray[np.float64]

# Gates that harden this many logits further without losing a nat are steps for every purpose.
_LOGIT_GROWTH = 10.0
_FLAT = 1e-6


class Separation(NamedTuple):
    """Whether the gate separates, how far the known supremum lies above the fit (nats), words."""

    found: bool
    gain: float
    message: str


NONE = Separation(False, 0.0, "")


def find_separation(
    objective: Objective | FixedRegions,
    theta: Array,
    evaluation: Evaluation,
    box: Box,
    null: Array,
    lifted: Box | None,
) -> Separation:
    """Follow the direction in which the gate hardens, beyond the box.

    Towards a step the likelihood approaches its supremum exponentially: Newton's steps stay about
    constant while curvature and gain vanish. Off the bound the direction is the projection of the
    gate's coefficients on the null directions of the information; on the bound, whose multiplier
    hides the curvature, the fit goes on in a wider box.
    """
    n = objective.layout.n_gate
    assert evaluation.gradient is not None
    ridged = objective.penalty.gate > 0.0
    held = (~box.free(theta, evaluation.gradient) & ~box.known)[:n]
    if not held.any() or lifted is None:
        gain = _hardens(objective, theta, evaluation.value, null)
        return NONE if gain is None else _report(gain, ridged=ridged)
    solution = Newton().solve(objective, theta, lifted, max_iter=60)  # type: ignore[arg-type]
    rise = solution.value - evaluation.value
    beyond = _hardens(objective, solution.theta, solution.value, null_space(objective, solution))
    if beyond is not None:
        return _report(rise + beyond, ridged=ridged)
    if rise <= _FLAT:
        return NONE
    return Separation(
        False, rise, f"the bounds of the gate cost {rise:.3g} nats; widen them with bounds="
    )


def null_space(objective: Objective | FixedRegions, solution: Solution) -> Array:
    """Directions (P, m) in which the log-likelihood is flat at a solution."""
    hessian = objective.evaluate(solution.theta, 2).hessian
    assert hessian is not None
    values, vectors = np.linalg.eigh(-hessian)
    noise = 4.0 * np.finfo(float).eps * len(values) * float(np.abs(values).max())
    return vectors[:, np.abs(values) <= max(_FLAT, noise)]


def _hardens(
    objective: Objective | FixedRegions, theta: Array, value: float, null: Array
) -> float | None:
    """Gain in nats far along the hardening direction; None if the likelihood falls on the way."""
    n = objective.layout.n_gate
    direction = np.zeros_like(theta)
    gate_null = null[:n]
    direction[:n] = gate_null @ (gate_null.T @ theta[:n])
    length = float(np.linalg.norm(direction))
    if length <= 1e-8 * (1.0 + float(np.linalg.norm(theta[:n]))):
        return None
    gain = gain_along(objective, theta, value, direction)
    if gain is None:
        return None
    grown = objective.logit_range(theta + 4.0 * direction) - objective.logit_range(theta)
    return gain if grown > _LOGIT_GROWTH else None


def gain_along(
    objective: Objective | FixedRegions, theta: Array, value: float, direction: Array
) -> float | None:
    """Gain in nats far along a direction; None if the likelihood falls, or is flat both ways."""
    # Between experts that coincide nothing depends on the gate.
    if not objective.evaluate(theta - direction).value - value < -_FLAT:
        return None
    gain = 0.0
    for scale in (0.25, 1.0, 4.0):
        gain = objective.evaluate(theta + scale * direction).value - value
        if not gain >= -_FLAT:
            return None
    return gain


def _report(gain: float, *, ridged: bool) -> Separation:
    remedy = "an estimator with gate_penalty= gives finite ones"
    if ridged:
        remedy = "gate_penalty= keeps slopes finite and leaves intercepts alone"
    return Separation(
        True,
        gain,
        "the gate separates: the likelihood rises towards infinite gate coefficients, by another "
        f"{max(gain, 0.0):.2g} nats; read the gate as a step, not its coefficients ({remedy})",
    )
