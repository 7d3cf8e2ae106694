"""The closed-form M-step of Gaussian experts against weighted least squares."""

from __future__ import annotations

import numpy as np
import pytest

from mixexp.models import Gaussian
from mixexp.models.experts import MStep

N, K = 80, 3
RNG = np.random.default_rng(0)
X = RNG.normal(size=(N, 2))
DESIGN = np.column_stack([np.ones(N), X])
Y = 3.0 + X @ [1.0, -2.0] + RNG.normal(size=N)
WEIGHTS = RNG.dirichlet(np.ones(K), size=N).T * RNG.uniform(0.5, 2.0, size=N)


def start(k: int, n_terms: int, shared: bool = False) -> list[np.ndarray]:
    """Coefficients that are far from any answer."""
    rng = np.random.default_rng(k)
    return [rng.normal(size=(k, n_terms)), rng.normal(size=(1 if shared else k, 1))]


def m_step(
    weights: np.ndarray,
    design: np.ndarray = DESIGN,
    y: np.ndarray = Y,
    *,
    expert: Gaussian | None = None,
    penalty: float = 0.0,
    bound: float = 1e9,
    floor: float = 1e-12,
    coefficients: list[np.ndarray] | None = None,
) -> list[np.ndarray]:
    expert = expert or Gaussian()
    begin = coefficients or start(len(weights), design.shape[1], expert.variance == "shared")
    upper = [np.full_like(begin[0], bound), np.full_like(begin[1], 1e9)]
    lower = [-upper[0], np.full_like(begin[1], np.log(floor))]
    phi = np.ascontiguousarray(design.T)
    statistics = expert.statistics(weights, [begin[0] @ phi, begin[1]], [phi, phi[:1]], y[None])
    return expert.m_step(statistics, begin, MStep(penalty, lower, upper))


def least_squares(w: np.ndarray, design: np.ndarray = DESIGN, y: np.ndarray = Y) -> np.ndarray:
    root = np.sqrt(w)
    return np.linalg.lstsq(root[:, None] * design, root * y, rcond=None)[0]


def test_one_expert_is_ordinary_least_squares() -> None:
    mean, log_variance = m_step(np.ones((1, N)))
    expected = least_squares(np.ones(N))
    assert np.allclose(mean[0], expected, rtol=1e-10, atol=1e-12)
    residual = Y - DESIGN @ expected
    assert np.exp(log_variance) == pytest.approx(residual @ residual / N, rel=1e-10)


def test_each_expert_is_weighted_least_squares() -> None:
    mean, log_variance = m_step(WEIGHTS)
    for k, w in enumerate(WEIGHTS):
        expected = least_squares(w)
        assert np.allclose(mean[k], expected, rtol=1e-10, atol=1e-12)
        residual = Y - DESIGN @ expected
        assert np.exp(log_variance[k, 0]) == pytest.approx(w @ residual**2 / w.sum(), rel=1e-10)


def test_shared_variance_pools_the_residuals() -> None:
    mean, log_variance = m_step(WEIGHTS, expert=Gaussian(variance="shared"))
    residual = Y - mean @ DESIGN.T
    assert log_variance.shape == (1, 1)
    assert np.exp(log_variance[0, 0]) == pytest.approx(
        np.sum(WEIGHTS * residual**2) / WEIGHTS.sum(), rel=1e-10
    )


def test_collinear_and_constant_columns_leave_the_fitted_values() -> None:
    """The normal equations are singular; the fit is that of the columns that matter."""
    design = np.column_stack([DESIGN, X[:, 0] + 2.0 * X[:, 1], np.full(N, 5.0), np.zeros(N)])
    mean, log_variance = m_step(WEIGHTS, design)
    plain, plain_variance = m_step(WEIGHTS)
    assert np.all(np.isfinite(mean))
    assert np.allclose(mean @ design.T, plain @ DESIGN.T, rtol=1e-9, atol=1e-9)
    assert np.allclose(log_variance, plain_variance, atol=1e-9)


def test_columns_of_very_different_scale() -> None:
    design = DESIGN * [1.0, 1e8, 1e-8]
    mean, _ = m_step(WEIGHTS, design, coefficients=[np.zeros((K, 3)), np.zeros((K, 1))])
    assert np.allclose(mean * [1.0, 1e8, 1e-8], m_step(WEIGHTS)[0], rtol=1e-10)


def test_exact_fit_keeps_its_precision() -> None:
    """Residuals from the current mean do not cancel: two steps find a scale of rounding size."""
    y = DESIGN @ [1e6, 3.0, -2.0]
    once = m_step(np.ones((1, N)), y=y, floor=1e-40)
    twice = m_step(np.ones((1, N)), y=y, floor=1e-40, coefficients=once)
    assert np.allclose(twice[0][0], [1e6, 3.0, -2.0], rtol=1e-14, atol=1e-9)
    assert np.exp(0.5 * twice[1][0, 0]) <= 1e-9


def test_scale_stops_at_its_floor() -> None:
    y = DESIGN @ [1.0, 3.0, -2.0]
    log_variance = m_step(np.ones((1, N)), y=y, floor=1e-4)[1]
    assert log_variance[0, 0] == pytest.approx(np.log(1e-4), abs=1e-15)


def test_an_expert_without_responsibility_stays_where_it_is() -> None:
    weights = WEIGHTS.copy()
    weights[1] = 0.0
    begin = start(K, 3)
    mean, log_variance = m_step(weights)
    assert np.array_equal(mean[1], begin[0][1])
    assert log_variance[1, 0] == begin[1][1, 0]
    assert np.allclose(mean[[0, 2]], m_step(WEIGHTS)[0][[0, 2]])


def test_ridge_spares_the_intercept() -> None:
    """½ λ ‖a‖² beside RSS / (2 σ²), at the variance the step starts from."""
    begin = start(1, 3)
    mean, _ = m_step(np.ones((1, N)), penalty=7.0, coefficients=begin)
    ridge = 7.0 * np.exp(begin[1][0, 0]) * np.diag([0.0, 1.0, 1.0])
    assert np.allclose(mean[0], np.linalg.solve(DESIGN.T @ DESIGN + ridge, DESIGN.T @ Y))


def test_bounds_are_kept_and_the_other_coefficients_go_on() -> None:
    begin = [np.zeros((1, 3)), np.zeros((1, 1))]
    for _ in range(50):
        begin = m_step(np.ones((1, N)), bound=1.5, coefficients=begin)
    mean = begin[0][0]
    assert np.array_equal(np.abs(mean) == 1.5, np.abs(least_squares(np.ones(N))) > 1.5)
    slope = DESIGN.T @ (Y - DESIGN @ mean)
    free = np.abs(mean) < 1.5
    assert np.abs(slope[free]).max() < 1e-8 * np.abs(slope).max()
    assert np.all(slope[~free] * mean[~free] > 0.0)
