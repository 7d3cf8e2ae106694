"""What is known about an optimum that a solver found."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mixexp.estimation.box import Box
from mixexp.estimation.expert_separation import separated_experts
from mixexp.estimation.objective import Evaluation, Objective
from mixexp.estimation.pieces import KINKS, FixedRegions, describe, pieces_of, restrict
from mixexp.estimation.separation import Separation, find_separation
from mixexp.estimation.solvers._base import Reason, Solution
from mixexp.estimation.solvers.edges import working_basis
from mixexp.estimation.solvers.em import EM
from mixexp.estimation.solvers.newton import CERTIFICATE_RADIUS, quadratic_model

Array = NDArray[np.float64]

# Moving by one along a direction of smaller curvature changes the log-likelihood by less than can
# be told from rounding and from the tolerance, in nats.
NULL_CURVATURE = 1e-6
# EM steps that follow a finite step along a null direction.
_PROBE_STEPS = 3
_MAX_CLIMBS = 32


@dataclass(frozen=True)
class Certificate:
    """Second-order facts at a fit, in nats and in standardised free coordinates.

    Attributes
    ----------
    holds : bool
        Whether the fit is a certified optimum in the box: remaining gain within ``tol``, no
        direction of ascent, and no probe along a null direction found a higher value.
    remaining_gain : float
        Largest gain the exact quadratic model promises within a radius of 1, nats.
    probe_gain : float
        Largest gain that finite steps along null directions found, nats.
    score_norm : float
        Largest absolute score of a free coordinate, per unit of weight.
    information : (float, float)
        Smallest and largest eigenvalue of the observed information per unit of weight, on the
        coordinates that are not held on a bound.
    n_null : int
        Number of null directions of the information.
    null_blocks : tuple of str
        The parameters that take part in them.
    active_bounds : tuple of str
        Coordinates held on a bound; not those whose bounds are equal, which are known.
    separation : Separation
        Whether the likelihood rises towards infinite gate coefficients.
    separated_experts : tuple of int
        Experts of which the same is true for their own coefficients.
    boundaries : str
        How the boundaries between active experts were searched, for likelihoods that are smooth in
        pieces only; everything else above then is about moves that leave them where they are.
    n_starts, n_optima, n_hits : int
        Starts that were run, distinct optima they ended in, and starts that ended in this one.
    findings : tuple of str
        What else a user should know, in words.
    """

    holds: bool
    remaining_gain: float
    probe_gain: float
    score_norm: float
    information: tuple[float, float]
    n_null: int
    null_blocks: tuple[str, ...]
    active_bounds: tuple[str, ...]
    separation: Separation
    separated_experts: tuple[int, ...] = ()
    boundaries: str = ""
    n_starts: int = 1
    n_optima: int = 1
    n_hits: int = 1
    findings: tuple[str, ...] = ()

    def with_search(self, n_starts: int, n_optima: int, n_hits: int) -> Certificate:
        """The same certificate with the outcome of the search over starts."""
        return replace(self, n_starts=n_starts, n_optima=n_optima, n_hits=n_hits)

    def with_boundaries(self, solution: Solution) -> Certificate:
        """The same certificate with what the solver did about boundaries, if there are any.

        It does not hold where boundaries that carry jumps were not searched, or the search was cut
        short.
        """
        if not self.boundaries:
            return self
        moves = f"{solution.n_moves} moves accepted"
        path = "the likelihood never fell" if solution.monotone else "the likelihood FELL"
        if solution.n_tried:
            if solution.reason is Reason.MAX_ITER:
                text = f"{moves}, the search did not end; {path} on the way"
                return replace(self, holds=False, boundaries=f"{self.boundaries}; {text}")
            text = f"{moves}, none of the last {solution.n_tried} helped; {path} on the way"
            return replace(self, boundaries=f"{self.boundaries}; {text}")
        if self.boundaries == KINKS:
            return replace(self, boundaries=f"{self.boundaries}; none was in the way")
        text = "not searched by this solver: use solver='auto'"
        return replace(self, holds=False, boundaries=f"boundaries of active experts {text}")

    def adding(self, findings: tuple[str, ...]) -> Certificate:
        """The same certificate with further findings."""
        return replace(self, findings=self.findings + findings)

    def summary(self) -> str:
        """The certificate as text."""
        smallest, largest = self.information
        lines = [
            f"certified optimum: {'yes' if self.holds else 'NO'}",
            f"remaining gain: {self.remaining_gain:.2g} nats within one standard deviation"
            + (", boundaries held" if self.boundaries else ""),
            f"largest score per row: {self.score_norm:.2g}",
            f"observed information per row: eigenvalues from {smallest:.3g} to {largest:.3g}",
            f"search: best of {self.n_starts} starts, {self.n_optima} distinct optima, "
            f"this one reached {self.n_hits} times",
        ]
        if self.active_bounds:
            lines.append("on a bound: " + ", ".join(self.active_bounds))
        if self.n_null:
            lines.append(f"{self.n_null} null direction(s) in: " + ", ".join(self.null_blocks))
        if self.boundaries:
            lines.append("regions: " + self.boundaries)
        if self.separation.message:
            lines.append(self.separation.message)
        return "\n".join([*lines, *self.findings])


def certify(
    objective: Objective,
    theta: Array,
    box: Box,
    names: list[str],
    *,
    tol: float = 1e-8,
    bounds_lifted: Box | None = None,
    evaluation: Evaluation | None = None,
) -> tuple[Certificate, Array]:
    """Certificate at θ, and the best point that its probes came across (θ itself if none rose).

    Parameters
    ----------
    objective : Objective
    theta : array (P,)
    box : Box
    names : list of str
        Names of the entries of θ.
    tol : float
        Remaining gain that counts as none, nats.
    bounds_lifted : Box, optional
        A wider box in which to look for separation when the gate is on its bound.
    evaluation : Evaluation, optional
        Value, gradient and Hessian at θ, if they are known.
    """
    pieces = pieces_of(objective)
    evaluation = evaluation or objective.evaluate(theta, 2)
    basis = working_basis(objective, evaluation, theta, box, tol)
    smooth: Objective | FixedRegions = objective
    if pieces is not None:
        smooth, evaluation = FixedRegions(objective, basis), restrict(evaluation, basis)
    assert evaluation.gradient is not None and evaluation.hessian is not None
    gain = quadratic_model(evaluation, theta, box).maximize(CERTIFICATE_RADIUS).gain
    free = box.free(theta, evaluation.gradient)
    inside = basis[:, free] if pieces is None else _within(basis, free)
    values, vectors = _information(evaluation, inside)
    # Rounding of the sums in the Hessian hides smaller curvatures.
    noise = np.finfo(float).eps * len(theta) * float(np.abs(values).max(initial=0.0))
    null = vectors[:, np.abs(values) <= max(NULL_CURVATURE, 4.0 * noise)]
    # Along an exact invariance there is nothing to find, and no separation either.
    unknown = _apart(null, objective.model.invariant_directions(theta))
    # EM would turn boundaries, and what they hold is not part of the certificate.
    climb = pieces is None or not pieces.jumps
    best, probe_gain = _probe(objective, evaluation, theta, box, unknown, climb=climb)
    ascent = values[0] < -max(2.0 * tol, 4.0 * noise) if len(values) else False
    # An expert that can shrink its scale has no outcome that is certain.
    continuous = objective.model.expert.standardizes
    certain = (
        [] if continuous else separated_experts(smooth, theta, evaluation, box, unknown, names)
    )
    weight = objective.data.total_weight
    held = ~free & ~box.known
    certificate = Certificate(
        holds=bool(gain <= tol and probe_gain <= 10.0 * tol and not ascent),
        remaining_gain=gain,
        probe_gain=probe_gain,
        score_norm=float(np.abs(evaluation.gradient[free]).max(initial=0.0)) / weight,
        information=(
            (float(values[0]) / weight, float(values[-1]) / weight)
            if len(values)
            else (np.nan, np.nan)
        ),
        n_null=null.shape[1],
        null_blocks=_participants(null, names),
        active_bounds=tuple(name for name, on in zip(names, held, strict=True) if on),
        separation=find_separation(smooth, theta, evaluation, box, unknown, bounds_lifted),
        separated_experts=tuple(separated.expert for separated in certain),
        boundaries=describe(objective),
        findings=tuple(separated.message for separated in certain),
    )
    return certificate, best


def _within(basis: Array, free: NDArray[np.bool_]) -> Array:
    """Orthonormal basis of the moves in ``basis`` that leave the coordinates on bounds alone."""
    if free.all():
        return basis
    _, sizes, rows = np.linalg.svd(basis[~free])
    return basis @ rows[int(np.sum(sizes > 1e-9)) :].T


def _information(evaluation: Evaluation, basis: Array) -> tuple[Array, Array]:
    """Eigenvalues of -H on the moves in an orthonormal basis, and eigenvectors as moves of θ."""
    assert evaluation.hessian is not None
    values, inside = np.linalg.eigh(-basis.T @ evaluation.hessian @ basis)
    return values, basis @ inside


def _apart(null: Array, known: Array) -> Array:
    """Orthonormal basis of what the null directions hold beside the known ones."""
    if not known.shape[1] or not null.shape[1]:
        return null
    left, sizes, _ = np.linalg.svd(null - known @ (known.T @ null), full_matrices=False)
    return left[:, sizes > 1e-3]


def _probe(
    objective: Objective,
    evaluation: Evaluation,
    theta: Array,
    box: Box,
    null: Array,
    *,
    climb: bool = True,
) -> tuple[Array, float]:
    """Try finite steps both ways along null directions on the true likelihood.

    Where experts coincide the likelihood can rise along a curve only, means moving apart while
    scales shrink: EM steps from the ends of the most promising straight steps follow it. An
    interpolating fit has hundreds of null directions, too many to climb from each.
    """
    best, gain = theta, 0.0
    rounding = 1e-14 * (1.0 + abs(evaluation.value))
    tried = []
    for direction in null.T:
        for step in (0.1, -0.1, 1.0, -1.0):
            point = box.project(theta + step * direction)
            tried.append((objective.evaluate(point).value, point))
    tried.sort(key=lambda pair: pair[0], reverse=True)
    promising = tried[:_MAX_CLIMBS] if climb else []
    climbed = (EM().solve(objective, point, box, max_iter=_PROBE_STEPS) for _, point in promising)
    for value, point in [*tried[:1], *((found.value, found.theta) for found in climbed)]:
        if value - evaluation.value > max(gain, rounding):
            best, gain = point, value - evaluation.value
    return best, gain


def _participants(null: Array, names: list[str]) -> tuple[str, ...]:
    """Names of the coordinates with a visible part in a null direction."""
    if null.shape[1] == 0:
        return ()
    part = np.sqrt(np.sum(null**2, axis=1))
    return tuple(name for name, p in zip(names, part, strict=True) if p > 0.1)
