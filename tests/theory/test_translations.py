"""The exact infimum over translations: weighted median and sums of powers of distances."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from mixexp.theory.voronoi.translations import DistancePowers, weighted_median


@st.composite
def problems(draw: st.DrawFn) -> DistancePowers:
    """Centres that may coincide, offsets from exact kinks to nearly exact ones, all powers."""
    m, d = draw(st.integers(1, 5)), draw(st.integers(1, 3))
    values = st.integers(-4, 4) | st.floats(-4, 4)

    def some(strategy: st.SearchStrategy, size: int) -> np.ndarray:
        return np.array(draw(st.lists(strategy, min_size=size, max_size=size)), dtype=float)

    return DistancePowers(
        some(values, m * d).reshape(m, d),
        some(st.sampled_from([0.0, 1e-12, 1e-6, 0.1, 2.0]), m),
        some(st.sampled_from([1e-6, 0.1, 0.25, 1.0]), m),
        some(st.sampled_from([1.0, 1.0, 1.05, 1.5, 1.5, 2.0, 3.0, 4.0, 6.0]), m),
    )


@settings(max_examples=60)
@given(problem=problems())
def test_no_search_goes_below_and_the_certificate_says_so(problem: DistancePowers) -> None:
    found = problem.minimise()
    assert found.value == pytest.approx(problem.value(found.point), rel=1e-9, abs=1e-12)
    assert found.gap <= 1e-10 * (1 + found.value)
    for start in (problem.centre.mean(axis=0), found.point + 0.01):
        search = minimize(problem.value, start, method="Nelder-Mead", options={"maxiter": 60})
        assert found.value <= search.fun * (1 + 1e-12) + 1e-15


@pytest.mark.parametrize("power", [1.0, 1.05, 1.5, 3.0])
@pytest.mark.parametrize("seed", range(4))
def test_gap_bounds_the_distance_from_the_infimum(seed: int, power: float) -> None:
    rng = np.random.default_rng(seed)
    problem = DistancePowers(
        rng.normal(size=(4, 2)), rng.uniform(0, 1, 4) * (seed % 2), np.ones(4), np.full(4, power)
    )
    infimum = problem.minimise().value
    for _ in range(20):
        t = rng.dirichlet(np.ones(4)) @ problem.centre
        excess = problem.value(t) - infimum
        assert -1e-14 <= excess <= problem.gap(t) + 1e-14


def test_a_centre_with_half_of_the_weight_is_the_minimiser() -> None:
    centre = np.array([[0.0, 0.0], [1.0, 0.0], [0.3, 2.0]])
    problem = DistancePowers(centre, np.zeros(3), np.array([1.0, 0.6, 0.4]), np.ones(3))
    found = problem.minimise()
    assert found.point.tolist() == [0.0, 0.0]
    assert found.gap == 0


def test_a_kink_that_is_not_optimal_is_left() -> None:
    # The best centre is a kink, yet the Fermat point of the triangle lies inside.
    corner = np.array([[0.0, 0.1], [1.0, 0.0], [0.5, 0.8]])
    problem = DistancePowers(corner, np.zeros(3), np.ones(3), np.ones(3))
    found = problem.minimise()
    away = found.point - corner
    unit = away / np.linalg.norm(away, axis=1)[:, None]
    np.testing.assert_allclose(unit @ unit.T, 1.5 * np.eye(3) - 0.5, atol=1e-9)


def test_a_power_of_little_more_than_one() -> None:
    # The minimiser is 5 * 0.4^1000 from the first centre, less than the smallest number away.
    problem = DistancePowers(
        np.array([[0.0, 0.0], [3.0, 4.0]]), np.zeros(2), np.array([1.0, 0.4]), np.full(2, 1.001)
    )
    found = problem.minimise()
    assert np.linalg.norm(found.point) < 1e-290
    assert found.value == pytest.approx(0.4 * 5**1.001, rel=1e-12)
    assert found.gap < 1e-13 * found.value


@pytest.mark.parametrize("seed", range(3))
def test_powers_between_one_and_two_against_a_search(seed: int) -> None:
    rng = np.random.default_rng(seed)
    problem = DistancePowers(
        rng.normal(size=(5, 2)), np.zeros(5), rng.uniform(0.5, 1, 5), np.full(5, 1.5)
    )
    search = minimize(problem.value, np.zeros(2), method="BFGS", options={"gtol": 1e-9})
    found = problem.minimise()
    assert found.value == pytest.approx(search.fun, rel=1e-10)
    np.testing.assert_allclose(found.point, search.x, atol=1e-5)


def test_every_kink_is_left_downhill() -> None:
    # For about one in a hundred of these, Newton's direction at the best centre leads uphill.
    rng = np.random.default_rng(1)
    for _ in range(150):
        centre, weight = rng.normal(size=(4, 2)), rng.uniform(0.1, 1.0, 4)
        found = DistancePowers(centre, np.zeros(4), weight, np.ones(4)).minimise()
        assert found.gap <= 1e-11 * found.value


def test_a_flat_power_beside_a_kink() -> None:
    # At the best centre the curvature of |t|^8 vanishes; a bare Newton step would be infinite.
    problem = DistancePowers(
        np.array([[0.0], [2.0]]), np.zeros(2), np.array([0.9, 0.1]), np.array([8.0, 1.0])
    )
    t = (0.1 / (8 * 0.9)) ** (1 / 7)
    assert problem.minimise().point[0] == pytest.approx(t, rel=1e-12)


def test_a_minimiser_beside_a_nearly_sharp_centre_keeps_its_digits() -> None:
    # It lies about 1e-8 from the second centre, whose coordinates have an ulp of 7e-15.
    centre = np.array([[-15.7, -15.2, -27.3], [38.5, 13.7, -36.0], [3.1, 30.3, 20.2]])
    offset, weight = np.array([1e-4, 2e-8, 1e-10]), np.array([0.3, 0.6, 0.1])
    assert DistancePowers(centre, offset, weight, np.ones(3)).minimise().gap < 1e-13


def test_newton_needs_few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(3)
    problem = DistancePowers(
        rng.normal(size=(4, 2)), np.full(4, 0.1), np.ones(4), np.array([1.0, 2.0, 4.0, 6.0])
    )
    monkeypatch.setattr("mixexp.theory.voronoi.translations._MAX_NEWTON_STEPS", 6)
    found = problem.minimise()
    assert found.gap < 1e-13 * found.value


def test_squares_give_the_weighted_mean() -> None:
    rng = np.random.default_rng(0)
    centre, weight = rng.normal(size=(5, 3)), rng.uniform(1, 2, 5)
    found = DistancePowers(centre, np.ones(5), weight, np.full(5, 2.0)).minimise()
    np.testing.assert_allclose(found.point, np.average(centre, axis=0, weights=weight), atol=1e-13)


@given(
    st.lists(st.tuples(st.floats(-5, 5), st.sampled_from([0.1, 0.5, 1.0, 3.0])), min_size=1),
    st.floats(-6, 6),
)
def test_weighted_median_minimises(pairs: list[tuple[float, float]], other: float) -> None:
    value, weight = np.array(pairs).T
    s = weighted_median(value, weight)
    assert s in value
    assert weight @ np.abs(value - s) <= weight @ np.abs(value - other) + 1e-10
