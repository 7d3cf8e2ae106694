"""Starting values for top-K gates: the dense gate made sparse, and change points of one column."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from mixexp.estimation.box import Box
from mixexp.estimation.objective import Objective
from mixexp.estimation.pieces import pieces_of
from mixexp.estimation.solvers.annealing import with_gate
from mixexp.estimation.solvers.em import EM
from mixexp.models.experts import MStep
from mixexp.models.gates import TopK

Array = NDArray[np.float64]

_EM_STEPS = 5
# Candidate change points of one exhaustive search, and how often it is repeated closer by.
_GRID = 48
_ZOOMS = 3
_M_STEPS = 30


def densified(objective: Objective) -> Objective:
    """The objective with every expert active: there M-steps can move the gate."""
    gate = objective.model.gate
    if not isinstance(gate, TopK):
        return objective
    return with_gate(objective, gate.with_active(objective.model.n_experts))


def annealed(objective: Objective, theta: Array, box: Box) -> Array:
    """θ after EM steps with all experts active, then with one less, down to K."""
    gate, n_experts = objective.model.gate, objective.model.n_experts
    assert isinstance(gate, TopK)
    for n_active in range(n_experts, gate.n_active, -1):
        dense = with_gate(objective, gate.with_active(n_active))
        n_steps = 4 * _EM_STEPS if n_active == n_experts else _EM_STEPS
        theta = EM().solve(dense, theta, box, max_iter=n_steps).theta
    return theta


def has_change_points(objective: Objective) -> bool:
    """Whether the regions are intervals of one column: one active expert, selected by its line."""
    pieces, layout = pieces_of(objective), objective.layout
    if pieces is None or not pieces.jumps or pieces.n_active > 1 or not pieces.linear:
        return False
    basis = layout.coordinates[pieces.coordinate].basis
    return basis.constant and basis.n_terms == 2 and objective.model.n_experts > 1


def change_points(objective: Objective, box: Box) -> Array:
    """θ of the best cut of one column into K intervals, each with an expert of its own.

    Exhaustive over all cuts of a grid of quantiles, by dynamic programming on the log-likelihoods
    of the fits to every interval; then again on finer grids around the cuts that were found. Of
    more experts than distinct values, the last ones have their intervals beyond the data.
    """
    layout, data = objective.layout, objective.in_memory
    pieces = pieces_of(objective)
    assert pieces is not None
    basis = layout.coordinates[pieces.coordinate].basis
    u = basis.expand(data.z, np.empty((2, data.n_rows)))[1]
    values = np.unique(u)
    middles = 0.5 * (values[1:] + values[:-1])
    n_missing = max(objective.model.n_experts - len(values), 0)
    size = max(_GRID, objective.model.n_experts)
    grid = _thinned(np.arange(len(middles)), size)
    for _ in range(_ZOOMS):
        cuts, experts = _best_cuts(
            objective, box, u, middles[grid], objective.model.n_experts - n_missing
        )
        best = grid[list(cuts)]
        step = int(np.max(np.diff(grid), initial=1))
        if step == 1:
            break
        near = [np.arange(b - step, b + step + 1) for b in best]
        finer = np.unique(np.concatenate(near).clip(0, len(middles) - 1))
        # The best so far stay in the race, so that no zoom makes it worse.
        grid = np.union1d(_thinned(finer, size), best)
    at = np.concatenate([middles[best], values[-1] + 1.0 + np.arange(n_missing)])
    experts = [np.concatenate([t, np.repeat(t[-1:], n_missing, axis=0)]) for t in experts]
    return _from_cuts(objective, at, experts, box)


def _thinned(positions: NDArray[np.intp], size: int) -> NDArray[np.intp]:
    chosen = np.linspace(0, len(positions) - 1, min(size, len(positions))).round().astype(int)
    return positions[np.unique(chosen)]


def _best_cuts(
    objective: Objective, box: Box, u: Array, cuts: Array, n_experts: int
) -> tuple[tuple[int, ...], list[Array]]:
    """Positions in ``cuts`` of the best n_experts - 1, and the coefficients of their intervals."""
    edges = np.concatenate([[-np.inf], cuts, [np.inf]])
    ends = [(a, b) for a in range(len(edges)) for b in range(a + 1, len(edges))]
    inside = np.array([(u > edges[a]) & (u <= edges[b]) for a, b in ends], dtype=float)
    height, coefficients = _fits(objective, box, inside)
    value = dict(zip(ends, height.tolist(), strict=True))
    last = len(edges) - 1
    best: dict[int, tuple[float, tuple[int, ...]]] = {
        b: (value[0, b], (b,)) for b in range(1, last + 1)
    }
    for _ in range(n_experts - 1):
        best = {
            b: max(
                ((best[a][0] + value[a, b], (*best[a][1], b)) for a in best if a < b),
                key=lambda found: found[0],
            )
            for b in range(min(best) + 1, last + 1)
        }
    path = (0, *best[last][1])
    rows = [ends.index(pair) for pair in pairwise(path)]
    return tuple(position - 1 for position in path[1:-1]), [table[rows] for table in coefficients]


def _fits(objective: Objective, box: Box, inside: Array) -> tuple[Array, list[Array]]:
    """Log-likelihood and coefficients of an expert fitted to each set of rows, inside (S, n)."""
    layout, data, expert = objective.layout, objective.in_memory, objective.model.expert
    n_gate = len(layout.gate)
    weight = np.ones(data.n_rows) if data.weight is None else data.weight
    features = layout.features(data.z)
    of = [features[b] for b in layout.basis_of[n_gate:]]
    constants = expert.intercepts(data.y, data.weight)
    shapes = [(len(inside), c.basis.n_terms) for c in layout.expert]
    tables = [np.zeros(shape) for shape in shapes]
    for table, constant in zip(tables, constants, strict=True):
        table[:, 0] = constant
    lower, upper = (
        [np.repeat(table[:1], len(inside), axis=0) for table in layout.coefficients(bound)[n_gate:]]
        for bound in box
    )
    constraints = MStep(objective.penalty.expert, lower, upper)
    for _ in range(_M_STEPS):
        predictors = _predictors(objective, tables, of)
        statistics = expert.statistics(weight * inside, predictors, of, data.y)
        previous, tables = tables, expert.m_step(statistics, tables, constraints)
        if max(np.abs(a - b).max() for a, b in zip(previous, tables, strict=True)) < 1e-6:
            break
    density = expert.log_density(_predictors(objective, tables, of), data.y, np.empty_like(inside))
    enough = inside.sum(axis=1) > sum(c.basis.n_terms for c in layout.expert)
    height = np.where(inside > 0.0, density, 0.0) @ weight
    return np.where(enough, height, -1e300), tables


def _predictors(objective: Objective, tables: list[Array], features: list[Array]) -> list[Array]:
    rows = zip(objective.layout.expert, tables, features, strict=True)
    return [table @ phi if c.by_row else table for c, table, phi in rows]


def _from_cuts(objective: Objective, cuts: Array, experts: list[Array], box: Box) -> Array:
    """Lines whose upper envelope has its corners at the cuts, and the experts between them."""
    layout = objective.layout
    pieces = pieces_of(objective)
    assert pieces is not None
    tables = layout.coefficients(np.zeros(layout.n_free))
    slope = np.arange(layout.n_experts, dtype=float)
    level = -np.concatenate([[0.0], np.cumsum(cuts)])
    table = np.column_stack([level, slope])
    tables[pieces.coordinate] = table - table[-1]
    for i, fitted in enumerate(experts, start=len(layout.gate)):
        shared = len(tables[i]) < len(fitted)
        tables[i] = fitted.mean(axis=0, keepdims=True) if shared else fitted
    return box.project(layout.vector(tables))
