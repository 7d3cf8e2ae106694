"""The integrands of divergences against many digits, where laws are close and where they vanish."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest

from mixexp.theory.divergences.integrands import integrands, scaled_integrands

RHO = [1e-3, 0.1, 0.5, 0.9, 0.999]


def exact(log_p: float, log_q: float, rho: float) -> list[float]:
    """The four integrands with 60 digits."""
    with mpmath.workdps(60):
        p, q, r = mpmath.exp(mpmath.mpf(log_p)), mpmath.exp(mpmath.mpf(log_q)), mpmath.mpf(rho)
        m = (1 - r) * p + r * q
        values = [
            (mpmath.sqrt(p) - mpmath.sqrt(q)) ** 2 / 2,
            (p - q) / 2,
            p * (mpmath.mpf(log_p) - mpmath.mpf(log_q)) - p + q,
            (p * mpmath.log(p / m) - p + m) / r,
        ]
        return [float(v) for v in values]


@pytest.mark.parametrize("rho", RHO)
@pytest.mark.parametrize("log_p", [-0.5, -20.0, 3.0])
def test_relative_accuracy_at_every_distance(log_p: float, rho: float) -> None:
    size = np.concatenate([10.0 ** np.arange(-14, 2.1, 0.5), [0.2499, 0.2501, 30.0, 600.0]])
    log_q = log_p + np.concatenate([size, -size])
    found = integrands(np.full(len(log_q), log_p), log_q, rho)
    expected = np.array([exact(log_p, b, rho) for b in log_q]).T
    np.testing.assert_allclose(found, expected, rtol=3e-14)


def test_never_negative_where_it_must_not_be() -> None:
    delta = np.random.default_rng(0).normal(size=20_000) * 10.0 ** np.linspace(-17, 2, 20_000)
    found = scaled_integrands(delta, 0.3)
    assert np.all(found[[0, 2, 3]] >= 0)
    np.testing.assert_array_equal(np.sign(found[1]), np.sign(delta))
    # The densities in the other order: two of them are symmetric, one is antisymmetric.
    swapped = scaled_integrands(-delta, 0.3)
    np.testing.assert_array_equal(found[0], swapped[0])
    np.testing.assert_array_equal(found[1], -swapped[1])


def test_densities_that_vanish() -> None:
    log_p = np.array([-np.inf, 0.0, -np.inf, -800.0])
    log_q = np.array([0.0, -np.inf, -np.inf, -np.inf])
    found = integrands(log_p, log_q, 0.25)
    # KL(p, (1 - ρ) p) / ρ, less the mass that q lacks.
    mixed = -np.log(0.75) / 0.25 - 1.0
    np.testing.assert_allclose(
        found[:, :3].T, [[0.5, -0.5, 1, 1], [0.5, 0.5, np.inf, mixed], [0] * 4]
    )
    assert found[2, 3] == np.inf
    assert np.all(found[[0, 1, 3], 3] < 1e-300)


def test_nan_is_refused() -> None:
    with pytest.raises(ValueError, match="log_q is nan for 1 responses"):
        integrands(np.zeros(3), np.array([0.0, np.nan, 1.0]), 0.5)
    with pytest.raises(ValueError, match="log_p is nan"):
        integrands(np.array([np.nan]), np.array([1.0]), 0.5)
