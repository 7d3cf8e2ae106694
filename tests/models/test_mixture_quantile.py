"""Quantiles of mixtures: accuracy against mpmath, extreme laws, and few steps."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mixexp.models import mixture_quantile
from mixexp.models.components import NormalComponents
from mixexp.models.distribution import MixtureDistribution
from tests.models.mixtures import P, make


def quantile_residual(dist: MixtureDistribution, y: np.ndarray, p: np.ndarray) -> np.ndarray:
    """Distance of the tail at y from p, in units of what rounding of p and of y explains."""
    lower = p <= 0.5
    wanted = np.where(lower, np.log(np.where(lower, p, 0.5)), np.log1p(-np.where(lower, 0.5, p)))

    def excess(y: np.ndarray) -> np.ndarray:
        return np.where(lower, dist.logcdf(y), dist.logccdf(y)) - wanted

    # No number lies between the neighbours of y: the law may step over p there.
    stepped_over = excess(np.nextafter(y, -np.inf)) * excess(np.nextafter(y, np.inf)) < 0
    rounding = 1e-13 * np.maximum(1.0, -wanted)
    return np.where(stepped_over, 0.0, np.abs(excess(y)) / rounding)


@pytest.mark.parametrize("p", P)
@pytest.mark.parametrize(
    ("weights", "mean", "scale"),
    [
        ([0.2, 0.5, 0.3], [-1.0, 0.0, 1.0], [1.0, 1e-6, 1e3]),
        ([0.2, 0.5, 0.3], [-1e3, 0.0, 1e6], [1.0, 1e-3, 1e3]),
        ([1e-12, 1.0 - 1e-12], [0.0, 1.0], [1e3, 1e-3]),
        ([1e-300, 0.5, 0.5], [-1e6, 0.0, 3.0], [1e-3, 1.0, 1.0]),
    ],
)
def test_quantile_is_accurate_against_mpmath(weights, mean, scale, p):
    dist = MixtureDistribution([weights], NormalComponents([mean], [scale]))
    y = dist.icdf(p)[0]
    with mpmath.workdps(400):
        parts = list(zip(dist.weights[0], mean, scale, strict=True))
        density = sum(w * mpmath.npdf(mpmath.mpf(y), m, s) for w, m, s in parts)
        total = mpmath.fsum(mpmath.mpf(w) for w in dist.weights[0])
        below = sum(w * mpmath.ncdf((mpmath.mpf(y) - m) / s) for w, m, s in parts)
        # Weights sum to one up to rounding: the upper tail is measured from its own end.
        surplus = below - p if p <= 0.5 else (1 - p) - (total - below)
        tail = mpmath.mpf(min(p, 1 - p))
        error = abs(surplus / density)
        assert error <= 1e-10 * min(tail / density, max(scale)) + 2 * np.spacing(abs(y))


def test_quantile_where_the_distribution_function_is_flat():
    dist = MixtureDistribution([[0.3, 0.7]], NormalComponents([[0.0, 1e6]], [[1.0, 1e-3]]))
    flat = dist.icdf(0.3)[0]
    assert 5.0 < flat < 1e6
    assert abs(dist.cdf(flat)[0] - 0.3) < 1e-15
    np.testing.assert_allclose(dist.icdf(0.15), 0.0, atol=1e-12)
    np.testing.assert_allclose(dist.icdf(0.65), 1e6, rtol=1e-15)


@pytest.mark.parametrize("shift", [0.0, 1e8])
def test_quantiles_of_ordinary_laws_take_few_steps(monkeypatch, shift):
    monkeypatch.setattr(mixture_quantile, "_MAX_STEPS", 20)
    dist = make(200, 3)
    moved = MixtureDistribution(
        dist.weights,
        NormalComponents(dist.components.mean() + shift, np.sqrt(dist.components.variance())),
    )
    p = P[:, None] * np.ones(200)
    assert (quantile_residual(moved, moved.icdf(p), p) <= 1.0).all()


def exponents(low: float, high: float, n_experts: int = 4) -> st.SearchStrategy[np.ndarray]:
    return arrays(float, n_experts, elements=st.floats(low, high)).map(lambda e: 10.0**e)


@settings(max_examples=60)
@given(
    raw=exponents(-300.0, 0.0),
    switched_off=arrays(bool, 3),
    size=exponents(-9.0, 9.0),
    sign=arrays(float, 4, elements=st.sampled_from([-1.0, 0.0, 1.0])),
    scale=exponents(-9.0, 9.0),
    p=st.one_of(
        exponents(-300.0, 0.0, 6), arrays(float, 6, elements=st.floats(1e-300, 1.0 - 2.0**-53))
    ),
)
def test_quantiles_of_extreme_laws(raw, switched_off, size, sign, scale, p):
    raw = raw * np.append(1.0, ~switched_off)
    mean, p = sign * size, np.minimum(p, 1.0 - 2.0**-53)[:, None]
    weights = [raw / raw.sum()]
    dist = MixtureDistribution(weights, NormalComponents([mean], [scale]))
    y = dist.icdf(p)
    assert np.isfinite(y).all()
    assert (quantile_residual(dist, y, p) <= 1.0).all()
    mirrored = MixtureDistribution(weights, NormalComponents([-mean], [scale]))
    np.testing.assert_array_equal(mirrored.iccdf(p), -y)


def test_many_quantiles_are_the_same_as_few():
    dist = make(300, 2, 4)
    p = np.linspace(0.0, 1.0, 101)[:, None]
    every = dist.icdf(p)
    for row in (0, 137, 299):
        np.testing.assert_array_equal(dist[row].icdf(p)[:, 0], every[:, row])
