"""The grid of responses: densities sum to one and moments come out, for every gate and family."""

from __future__ import annotations

import numpy as np

from mixexp.models import Expert, Gate
from mixexp.models.response_grid import response_grid
from tests.instances import PAIRS, known_at, problem


@PAIRS
def test_every_law_has_total_mass_one_and_its_own_mean(gate: Gate, expert: Expert) -> None:
    case = problem(gate, expert, n_experts=3, n_columns=2)
    rows = slice(0, 7)
    x, known = case.x[rows], known_at(case, rows)
    grid = response_grid(case.model, case.params, x, known)
    density = np.exp(case.model.log_prob(case.params, x[grid.row], grid.y))
    mass = np.bincount(grid.row, grid.weight * density)
    np.testing.assert_allclose(mass, 1.0, rtol=1e-11)
    mean = case.model.mean(case.params, x, known)
    if mean.ndim == 1:
        y = grid.y if grid.y.ndim == 1 else grid.y[:, 0]
        found = np.bincount(grid.row, grid.weight * density * y)
        np.testing.assert_allclose(found, mean, rtol=1e-10, atol=1e-10)


@PAIRS
def test_a_grid_for_two_laws_serves_both(gate: Gate, expert: Expert) -> None:
    one = problem(gate, expert, n_experts=2, seed=1)
    # A second law far from the first one.
    other = one.params_of(one.theta + 0.5)
    x, known = one.x[:5], known_at(one, slice(0, 5))
    grid = response_grid(one.model, [one.params, other], x, known)
    for params in (one.params, other):
        density = np.exp(one.model.log_prob(params, x[grid.row], grid.y))
        np.testing.assert_allclose(np.bincount(grid.row, grid.weight * density), 1.0, rtol=1e-11)
