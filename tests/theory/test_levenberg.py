"""Least squares in a box against other solvers and against their own optimality conditions."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import lsq_linear

from mixexp.theory.exponents.levenberg import least_squares


def linear(rng: np.random.Generator, m: int = 12, n: int = 5):
    matrix, right = rng.normal(size=(m, n)), rng.normal(size=m)
    return matrix, right, lambda z: (matrix @ z - right, matrix)


@pytest.mark.parametrize("seed", range(8))
def test_linear_problems_in_a_box(seed: int) -> None:
    rng = np.random.default_rng(seed)
    matrix, right, residual = linear(rng)
    lower, upper = -rng.uniform(0.0, 0.5, 5), rng.uniform(0.0, 0.5, 5)
    found = least_squares(residual, np.zeros(5), lower, upper, tol=1e-12)
    oracle = lsq_linear(matrix, right, (lower, upper), tol=1e-14)
    assert found.converged
    np.testing.assert_allclose(found.z, oracle.x, atol=1e-5)


def test_a_curved_valley_with_a_tiny_slope_along_it() -> None:
    def residual(z):
        r = np.array([z[1] - z[0] ** 2, 1e-3 * (z[0] - 1.5)])
        return r, np.array([[-2.0 * z[0], 1.0], [1e-3, 0.0]])

    free = np.full(2, np.inf)
    found = least_squares(residual, np.array([-1.0, 1.0]), -free, free, max_iter=500)
    np.testing.assert_allclose(found.z, [1.5, 2.25], rtol=1e-4)


def test_a_null_direction_does_no_harm() -> None:
    def residual(z):
        return np.array([z[0] * z[1] - 2.0, 1.0]), np.array([[z[1], z[0]], [0.0, 0.0]])

    free = np.full(2, np.inf)
    found = least_squares(residual, np.array([1.0, 1.0]), -free, free)
    assert found.converged
    assert found.z[0] * found.z[1] == pytest.approx(2.0, abs=1e-3)
    assert found.value == pytest.approx(1.0, abs=1e-6)


def test_a_fixed_coordinate_stays_where_it_is() -> None:
    matrix, right, residual = linear(np.random.default_rng(1))
    lower, upper = np.full(5, -np.inf), np.full(5, np.inf)
    lower[2] = upper[2] = 0.7
    found = least_squares(residual, np.zeros(5), lower, upper, tol=1e-12)
    rest = np.delete(matrix, 2, axis=1)
    oracle = np.linalg.lstsq(rest, right - 0.7 * matrix[:, 2], rcond=None)[0]
    assert found.z[2] == 0.7
    np.testing.assert_allclose(np.delete(found.z, 2), oracle, atol=1e-5)


def test_the_norm_never_rises_and_a_limit_is_told() -> None:
    def residual(z):
        return np.array([np.exp(z[0]) - 3.0]), np.array([[np.exp(z[0])]])

    free = np.full(1, np.inf)
    values = [
        least_squares(residual, np.array([6.0]), -free, free, max_iter=n).value for n in range(9)
    ]
    assert np.all(np.diff(values) <= 0.0)
    assert not least_squares(residual, np.array([6.0]), -free, free, max_iter=2).converged
    assert least_squares(residual, np.array([6.0]), -free, free, zero=1e9).n_iter == 0


def test_residuals_that_overflow_are_stepped_over() -> None:
    def residual(z):
        with np.errstate(over="ignore"):
            return np.array([np.exp(z[0]) - 1e-8]), np.array([[np.exp(z[0])]])

    free = np.full(1, np.inf)
    found = least_squares(residual, np.array([0.0]), -free, free)
    assert found.z[0] == pytest.approx(np.log(1e-8), rel=1e-3)
