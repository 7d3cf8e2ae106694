"""The fused kernel of gate probabilities, responsibilities, log-likelihood."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import log_softmax, logsumexp, softmax

from mixexp._kernels.posterior import posterior


def run(logits: np.ndarray, density: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Responsibilities, gate probabilities and log-likelihoods of (K, B) arrays."""
    r, g = np.full_like(logits, 7.0), np.full_like(logits, 7.0)
    n = logits.shape[1]
    loglik = np.full(n, 7.0)
    posterior(logits, density, np.full((4, n), 7.0), r, g, loglik)
    return r, g, loglik


@settings(derandomize=True)
@given(
    st.integers(1, 6),
    st.integers(1, 20),
    st.floats(0.1, 700.0),
    st.floats(0.1, 700.0),
    st.integers(0, 2**32 - 1),
)
def test_agrees_with_scipy(k: int, n: int, gate: float, expert: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, f = gate * rng.normal(size=(k, n)), expert * rng.normal(size=(k, n))
    r, g, loglik = run(a, f)
    assert np.allclose(g, softmax(a, axis=0), rtol=1e-12, atol=1e-300)
    assert np.allclose(r, softmax(a + f, axis=0), rtol=1e-12, atol=1e-300)
    expected = logsumexp(log_softmax(a, axis=0) + f, axis=0)
    size = 1.0 + np.abs(a).max(axis=0) + np.abs(f).max(axis=0)
    assert np.all(np.abs(loglik - expected) <= 1e-14 * size)
    assert np.allclose(r.sum(axis=0), 1.0, atol=1e-14)
    assert np.allclose(g.sum(axis=0), 1.0, atol=1e-14)


def test_an_expert_that_is_switched_off_has_probability_exactly_zero() -> None:
    a = np.array([[-np.inf, 0.3, 1.0], [0.5, -np.inf, -np.inf], [0.0, 2.0, -np.inf]])
    f = np.array([[5.0, -1.0, -3.0], [-2.0, 800.0, 900.0], [-1.0, -4.0, 1.0]])
    r, g, loglik = run(a, f)
    off = a == -np.inf
    assert np.all(g[off] == 0.0)
    assert np.all(r[off] == 0.0)
    for i in range(3):
        on = ~off[:, i]
        assert np.allclose(g[on, i], softmax(a[on, i]), rtol=1e-14)
        assert np.allclose(r[on, i], softmax(a[on, i] + f[on, i]), rtol=1e-13)
        expected = logsumexp(log_softmax(a[on, i]) + f[on, i])
        assert loglik[i] == pytest.approx(expected, rel=1e-14)


def test_a_response_that_no_expert_allows() -> None:
    """Log-likelihood -inf, and responsibilities that fall back on the gate."""
    a = np.array([[0.0, -np.inf], [1.0, 2.0]])
    r, g, loglik = run(a, np.full((2, 2), -np.inf))
    assert loglik.tolist() == [-np.inf, -np.inf]
    assert np.allclose(g, softmax(a, axis=0), rtol=1e-15)
    assert np.array_equal(r, g)


def test_a_response_that_one_expert_does_not_allow() -> None:
    r, _, loglik = run(np.array([[3.0], [0.0]]), np.array([[-np.inf], [-1.0]]))
    assert r.ravel().tolist() == [0.0, 1.0]
    assert loglik[0] == pytest.approx(-1.0 - np.log1p(np.exp(3.0)), rel=1e-15)


@pytest.mark.parametrize("expert", [0, 1])
def test_not_a_number_is_passed_on(expert: int) -> None:
    f = np.zeros((2, 3))
    f[expert, 1] = np.nan
    loglik = run(np.zeros((2, 3)), f)[2]
    assert np.isnan(loglik).tolist() == [False, True, False]
