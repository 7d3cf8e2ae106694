"""The grid of responses: densities sum to one and moments come out, for every gate and family."""

from __future__ import annotations

import numpy as np
import pytest

from mixexp.models import (
    Expert,
    Gate,
    MixtureOfExperts,
    MixtureParams,
    Poisson,
    PoissonParams,
    Softmax,
    SoftmaxParams,
)
from mixexp.models.response_grid import points_per_row, response_grid
from tests.instances import UNIVARIATE_PAIRS, known_at, problem


@UNIVARIATE_PAIRS
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


@UNIVARIATE_PAIRS
def test_a_grid_for_two_laws_serves_both(gate: Gate, expert: Expert) -> None:
    one = problem(gate, expert, n_experts=2, seed=1)
    # A second law far from the first one.
    other = one.params_of(one.theta + 0.5)
    x, known = one.x[:5], known_at(one, slice(0, 5))
    grid = response_grid(one.model, [one.params, other], x, known)
    for params in (one.params, other):
        density = np.exp(one.model.log_prob(params, x[grid.row], grid.y))
        np.testing.assert_allclose(np.bincount(grid.row, grid.weight * density), 1.0, rtol=1e-11)


def counts(*means: float) -> tuple[MixtureOfExperts, MixtureParams]:
    k = len(means)
    model = MixtureOfExperts(Softmax(), Poisson(), k, 1)
    gate = SoftmaxParams(np.zeros(k), np.zeros((k, 1)))
    return model, MixtureParams(gate, PoissonParams(np.log(means), np.zeros((k, 1))))


def test_counts_between_far_apart_experts_are_left_out() -> None:
    model, params = counts(3.0, 1e6, 2.5)
    grid = response_grid(model, params, np.zeros((2, 1)))
    assert len(grid.y) < 100_000
    # No value twice, in ascending order.
    for row in (0, 1):
        assert np.all(np.diff(grid.y[grid.row == row]) >= 1.0)
    density = np.exp(model.log_prob(params, np.zeros((len(grid.y), 1)), grid.y))
    np.testing.assert_allclose(np.bincount(grid.row, density), 1.0, rtol=1e-9)


def test_counts_too_many_to_sum_over_are_refused() -> None:
    with pytest.raises(ValueError, match="too many to sum over"):
        response_grid(*counts(1.0, 1e15), np.zeros((1, 1)))


@pytest.mark.parametrize("gap", [0.0, 1.0, 3.0, 5.0, 8.0, 12.0, 30.0])
@pytest.mark.parametrize("mean", [10.0, 300.0, 3e3, 1e5])
def test_strides_over_large_counts_keep_smooth_sums(mean: float, gap: float) -> None:
    """Mass, shares of two experts, what their scores know, all of order one or below."""
    model, params = counts(mean, mean + gap * np.sqrt(mean))
    x = np.zeros((1, 1))
    sums = []
    for smooth in (False, True):
        grid = response_grid(model, params, x, smooth=smooth)
        at = np.zeros((len(grid.y), 1))
        density = grid.weight * np.exp(model.log_prob(params, at, grid.y))
        r = model.posterior(params, at, grid.y)[:, 0]
        z = (grid.y - mean) / np.sqrt(mean)
        terms = [np.ones_like(r), r, r * (1.0 - r), (r * z) ** 2]
        sums.append([float(density @ term) for term in terms])
    np.testing.assert_allclose(sums[1], sums[0], rtol=1e-10, atol=1e-10)
    if mean < 250.0:
        np.testing.assert_array_equal(sums[1], sums[0])
    else:
        assert len(grid.y) < 2 * 19 * 16


def test_the_number_of_points_is_known_before_they_are_made() -> None:
    for means in ((3.0, 5.0), (3.0, 1e6, 2.5), (4e7, 4.001e7, 1e5)):
        model, params = counts(*means)
        grid = response_grid(model, params, np.zeros((3, 1)), smooth=True)
        number = points_per_row(model, params, np.zeros((3, 1)))
        np.testing.assert_array_equal(number, np.bincount(grid.row))
        assert number.max() <= 1000
        density = grid.weight * np.exp(model.log_prob(params, np.zeros((len(grid.y), 1)), grid.y))
        # Logarithms of densities of large counts are rounded to 1e-7.
        np.testing.assert_allclose(np.bincount(grid.row, density), 1.0, rtol=1e-6)
