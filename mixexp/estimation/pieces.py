"""Piecewise smooth likelihoods: moves that keep every row on its piece, and moves of boundaries.

With a top-K gate the likelihood jumps where a row changes its active experts, and the score on a
piece says nothing about the jumps. The moves of θ are therefore cut in two: *rigid* ones, along
which the law is smooth because no boundary moves (biases, temperatures, experts, a common scale of
the scores), and moves of single experts' scores, which rotate or shift boundaries.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from mixexp._kernels import topk
from mixexp.estimation.objective import Evaluation, Objective
from mixexp.models.coordinates import Sharing
from mixexp.models.gates import Pieces

Array = NDArray[np.float64]
Pairs = list[tuple[int, int]]

# Rows that are looked at together.
BLOCK_ROWS = 8192
# Largest score coefficient where scores only matter through their order.
_SCORE_SIZE = 5.0
# Moves of boundaries that are tried in one sweep.
_MAX_MOVES = 200


def pieces_of(objective: Objective) -> Pieces | None:
    """The pieces of the objective's gate."""
    return objective.model.gate.pieces(objective.model.n_experts)


class FixedRegions:
    """An objective with the true value, and derivatives along rigid moves only.

    Steps of a Newton method on it keep the boundaries where they are; whatever moves a row across
    one is judged by the true likelihood.
    """

    def __init__(self, objective: Objective, basis: Array):
        self.objective, self.basis = objective, basis
        self.layout, self.data = objective.layout, objective.data
        self.penalty = objective.penalty

    def evaluate(self, theta: Array, order: int = 0) -> Evaluation:
        """As :meth:`Objective.evaluate`, with the derivatives projected."""
        return restrict(self.objective.evaluate(theta, order), self.basis)

    def logit_range(self, theta: Array) -> float:
        """As :meth:`Objective.logit_range`."""
        return self.objective.logit_range(theta)


KINKS = "kinks of the activation searched on grids of step lengths"


def describe(objective: Objective) -> str:
    """How boundaries are searched, for a certificate; empty if there are none."""
    pieces, layout = pieces_of(objective), objective.layout
    if pieces is None:
        return ""
    if not pieces.jumps:
        return KINKS
    if not pieces.linear:
        return "boundaries of active experts searched on grids of step lengths"
    basis = layout.coordinates[pieces.coordinate].basis
    if not basis.constant and basis.n_terms == 1:
        return "the only boundary is at zero, so orders of the slopes searched, not positions"
    if pieces.n_active > 1:
        return "boundaries of active experts searched by exact profiles along lines"
    if basis.constant and basis.n_terms == 2:
        return "change points of one column searched by exact profiles along lines"
    return "regions of single experts, a heuristic: exact profiles along lines from several starts"


def restrict(evaluation: Evaluation, basis: Array) -> Evaluation:
    """Gradient and Hessian along the columns of an orthonormal ``basis``; steep down across it."""
    value, gradient, hessian = evaluation
    if gradient is not None:
        gradient = basis @ (basis.T @ gradient)
    if hessian is not None:
        inside = basis.T @ hessian @ basis
        outside = np.eye(len(basis)) - basis @ basis.T
        hessian = basis @ inside @ basis.T - (1.0 + np.abs(inside).max(initial=0.0)) * outside
        hessian = 0.5 * (hessian + hessian.T)
    return Evaluation(value, gradient, hessian)


def neighbours(objective: Objective, theta: Array) -> Pairs:
    """Pairs of experts with a boundary between them among the rows of the data, k < l.

    The lowest active and the highest inactive expert of a row are the ones that a boundary near it
    would swap; a boundary runs through the data where both orders occur.
    """
    pieces = pieces_of(objective)
    assert pieces is not None
    k = objective.model.n_experts
    if not pieces.jumps or not pieces.linear:
        return []

    def codes(scores: Array) -> NDArray[np.int64]:
        chosen = np.empty((pieces.n_active + 1, scores.shape[1]), dtype=np.int64)
        topk.select(np.ascontiguousarray(scores), chosen)
        return np.unique(chosen[-2] * k + chosen[-1])

    seen: set[tuple[int, int]] = set()
    for scores in scores_by_block(objective, theta, pieces.coordinate):
        seen.update((int(code) // k, int(code) % k) for code in codes(scores))
    return sorted((a, b) for a, b in seen if a < b and (b, a) in seen)


def scores_by_block(objective: Objective, theta: Array, coordinate: int) -> Iterator[Array]:
    """The local coordinate that decides about pieces, (K, B) for each block of rows."""
    for _, (scores,) in both_by_block(objective, (theta,), coordinate):
        yield scores


def both_by_block(
    objective: Objective, thetas: Sequence[Array], coordinate: int
) -> Iterator[tuple[Array, list[Array]]]:
    """Covariates z (n_columns, B), and the same at several θ, for each block of rows."""
    layout = objective.layout
    tables = [layout.coefficients(theta)[coordinate] for theta in thetas]
    basis = layout.coordinates[coordinate].basis
    for part in objective.data.parts():
        for start in range(0, part.n_rows, BLOCK_ROWS):
            z = part.z[:, start : start + BLOCK_ROWS]
            phi = basis.expand(z, np.empty((basis.n_terms, z.shape[1])))
            yield z, [table @ phi for table in tables]


def rigid_basis(objective: Objective, theta: Array) -> Array:
    """Orthonormal basis (P, m) of the moves of θ that keep every row on its piece."""
    pieces, layout = pieces_of(objective), objective.layout
    if pieces is None:
        return np.eye(layout.n_free)
    where = layout.slices[pieces.coordinate]
    free = np.ones(layout.n_free, dtype=bool)
    free[where] = False
    if pieces.jumps and pieces.n_active == 1:
        # The weights are 0 or 1: nothing about the gate but its regions is in the likelihood.
        free[: layout.n_gate] = False
    columns = [np.eye(layout.n_free)[:, free]]
    inside = _rigid_scores(objective, theta, pieces)
    block = np.zeros((layout.n_free, inside.shape[1]))
    block[where] = inside
    return np.hstack([*columns, block])


def _rigid_scores(objective: Objective, theta: Array, pieces: Pieces) -> Array:
    """Orthonormal moves of the deciding coefficients that turn no boundary."""
    layout = objective.layout
    table = layout.coefficients(theta)[pieces.coordinate]
    rows, terms = layout.shapes[pieces.coordinate]
    size = rows * terms
    if not pieces.linear or (pieces.jumps and pieces.n_active == 1):
        return np.zeros((size, 0))
    normals: list[tuple[int, int | None]] = [(k, None) for k in range(rows)]
    if pieces.jumps:
        normals = [*neighbours(objective, theta)]
    constraints = [np.zeros((1, size))]
    for k, other in normals:
        normal = table[k] - (0.0 if other is None else table[other])
        length = float(np.linalg.norm(normal))
        across = np.eye(terms)
        if length > 0.0:
            across -= np.outer(normal, normal) / length**2
        rows_of = np.zeros((terms, size))
        rows_of[:, k * terms : (k + 1) * terms] = across
        if other is not None and other < rows:
            rows_of[:, other * terms : (other + 1) * terms] = -across
        constraints.append(rows_of)
    # The triangular factor has the same right vectors as thousands of constraints.
    triangle = np.linalg.qr(np.vstack(constraints), mode="r")
    _, values, vectors = np.linalg.svd(triangle, full_matrices=True)
    rank = int(np.sum(values > 1e-9))
    return vectors[rank:].T


def boundary_moves(
    objective: Objective, theta: Array, rng: np.random.Generator
) -> list[tuple[int, Array]]:
    """Moves of one expert's scores: (expert, direction like its row of coefficients).

    Towards each neighbour, which leaves the boundary with it where it is and moves the expert's
    others, and along each term. In random order, and not more than can be tried.
    """
    pieces, layout = pieces_of(objective), objective.layout
    assert pieces is not None
    table = layout.coefficients(theta)[pieces.coordinate]
    size = float(np.abs(table).max(initial=0.0)) or 1.0
    moves = [(k, size * e) for k in range(len(table)) for e in np.eye(table.shape[1])]
    if pieces.jumps:
        near = neighbours(objective, theta)
        for a, b in [*near, *((b, a) for a, b in near)]:
            moves.append((a, table[a] - table[b]))
        if len(near) == 0 and len(table) <= 8:
            moves += [(a, table[a] - table[b]) for a, b in permutations(range(len(table)), 2)]
    if layout.coordinates[pieces.coordinate].sharing is Sharing.PINNED:
        moves = [(k, e) for k, e in moves if k < len(table) - 1]
    order = rng.permutation(len(moves))[:_MAX_MOVES]
    return [moves[i] for i in order]


def moved(objective: Objective, theta: Array, expert: int, direction: Array, t: float) -> Array:
    """θ with ``t * direction`` added to one expert's scores, the reference pinned again."""
    pieces, layout = pieces_of(objective), objective.layout
    assert pieces is not None
    tables = layout.coefficients(theta)
    table = tables[pieces.coordinate].copy()
    table[expert] += t * direction
    if layout.coordinates[pieces.coordinate].sharing is Sharing.CONTRAST:
        table -= table[-1].copy()
    tables[pieces.coordinate] = table
    return normalised(objective, layout.vector(tables))


def normalised(objective: Objective, theta: Array) -> Array:
    """θ with scores of a fixed size where one expert is active and only their order matters.

    Biases that take no part in the selection, and a temperature, then matter for nothing: zero.
    """
    pieces, layout = pieces_of(objective), objective.layout
    if pieces is None or not pieces.jumps or not pieces.linear or pieces.n_active > 1:
        return theta
    where = layout.slices[pieces.coordinate]
    scores = theta[where]
    size = float(np.abs(scores).max(initial=0.0))
    theta = theta.copy()
    theta[: layout.n_gate] = 0.0
    if size > 0.0:
        theta[where] = scores * (_SCORE_SIZE / size)
    return theta
