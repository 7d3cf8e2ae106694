"""Optima on the edge of a region: where the smooth likelihood rises but the next row would jump."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mixexp.estimation.box import Box
from mixexp.estimation.objective import Evaluation, Objective
from mixexp.estimation.pieces import both_by_block, pieces_of, restrict, rigid_basis
from mixexp.estimation.solvers.newton import CERTIFICATE_RADIUS, quadratic_model

Array = NDArray[np.float64]

# A row that crosses within this part of the step is what stops it.
_NEAR = 1e-3
MAX_EDGES = 12
# How much of the way to the edge is left, so that rounding carries no row across.
_SHORT = 1e-3


class Blocker(NamedTuple):
    """The first row that changes its active experts along a step: when, and its margin's gradient.

    ``normal`` (P,) is the derivative of the difference between the two scores that trade places.
    """

    t: float
    normal: Array


def working_basis(
    objective: Objective, evaluation: Evaluation, theta: Array, box: Box, tol: float
) -> Array:
    """Moves that turn no boundary and push no row over the edge it stands on.

    Starts from the rigid moves; as long as the best step within radius 1 promises more than ``tol``
    nats but would at once carry a row across, the margin of that row is held as well.
    ``evaluation`` holds the full derivatives at θ.
    """
    basis = rigid_basis(objective, theta)
    pieces = pieces_of(objective)
    if pieces is None or not pieces.jumps or not pieces.linear:
        return basis
    for _ in range(MAX_EDGES):
        step = quadratic_model(restrict(evaluation, basis), theta, box).maximize(CERTIFICATE_RADIUS)
        if step.gain <= tol:
            break
        blocker = first_crossing(objective, theta, step.step)
        if blocker is None or blocker.t > _NEAR:
            break
        normal = basis.T @ blocker.normal
        if np.linalg.norm(normal) <= 1e-10 * np.linalg.norm(blocker.normal):
            break
        # What is left of the basis is the complement of the margin's gradient inside it.
        _, _, rows = np.linalg.svd(normal[None, :])
        basis = basis @ rows[1:].T
    return basis


def to_the_edge(
    objective: Objective, evaluation: Evaluation, theta: Array, box: Box, tol: float
) -> tuple[Array, Array]:
    """θ moved up to the edge that stops the best rigid step, and the working basis there."""
    basis = rigid_basis(objective, theta)
    step = quadratic_model(restrict(evaluation, basis), theta, box).maximize(CERTIFICATE_RADIUS)
    blocker = first_crossing(objective, theta, step.step)
    if blocker is not None and 0.0 < blocker.t <= _NEAR:
        there = box.project(theta + (1.0 - _SHORT) * blocker.t * step.step)
        if objective.evaluate(there).value >= evaluation.value:
            theta, evaluation = there, objective.evaluate(there, 2)
    return theta, working_basis(objective, evaluation, theta, box, tol)


def first_crossing(objective: Objective, theta: Array, step: Array) -> Blocker | None:
    """The first row that changes its active experts between θ and θ + step."""
    pieces, layout = pieces_of(objective), objective.layout
    assert pieces is not None
    where = layout.slices[pieces.coordinate]
    best, found = 1.0, None
    for z, (scores, speed) in both_by_block(objective, (theta, step), pieces.coordinate):
        order = np.argsort(-scores, axis=0, kind="stable")
        active, idle = order[: pieces.n_active], order[pieces.n_active :]
        for a in active:
            for b in idle:
                gap = np.take_along_axis(scores, np.stack([a, b]), axis=0)
                rate = np.take_along_axis(speed, np.stack([a, b]), axis=0)
                closing = rate[1] - rate[0]
                with np.errstate(divide="ignore", invalid="ignore"):
                    t = np.where(closing > 0.0, (gap[0] - gap[1]) / closing, np.inf)
                i = int(np.argmin(t))
                if t[i] < best:
                    best, found = float(t[i]), (z[:, i].copy(), int(a[i]), int(b[i]))
    if found is None:
        return None
    at, a, b = found
    basis = layout.coordinates[pieces.coordinate].basis
    phi = basis.expand(at[:, None], np.empty((basis.n_terms, 1)))[:, 0]
    n_rows, n_terms = layout.shapes[pieces.coordinate]
    table = np.zeros((n_rows + 1, n_terms))
    table[a] += phi
    table[b] -= phi
    normal = np.zeros(layout.n_free)
    normal[where] = table[:n_rows].ravel()
    return Blocker(best, normal)
