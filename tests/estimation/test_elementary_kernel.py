"""Exponentials and logarithms that the compiler vectorises."""

from __future__ import annotations

import mpmath
import numpy as np

from mixexp._kernels.elementary import exp_nonpositive, log1p_fraction, log_positive


def exp(x: np.ndarray) -> np.ndarray:
    out = np.full_like(x, 7.0)
    exp_nonpositive(x, out)
    return out


def ulps(got: np.ndarray, expected: np.ndarray) -> np.ndarray:
    return np.abs(got - expected) / np.spacing(expected)


def test_exponential_is_within_two_ulp_down_to_the_smallest_normal_number() -> None:
    rng = np.random.default_rng(0)
    x = np.concatenate([
        -rng.uniform(0.0, 708.0, size=200_000),
        -np.exp(rng.uniform(-40.0, 6.5, size=200_000)),
        -np.arange(1022) * np.log(2.0),  # where the range reduction changes its integer
        np.nextafter(-(np.arange(1021) + 0.5) * np.log(2.0), 0.0),
        [0.0, -0.0, -708.0, np.nextafter(0.0, -1.0), -1e-300],
    ])  # fmt: skip
    assert x.min() >= -708.0
    assert ulps(exp(x), np.exp(x)).max() <= 2.0


def test_exponential_against_thirty_digits() -> None:
    """Where the range reduction leaves most, half way between two powers of two."""
    halfway = -(np.arange(1000) + 0.5) * np.log(2.0)
    x = np.concatenate([halfway * (1.0 + 1e-7), halfway * (1.0 - 1e-7)])
    with mpmath.workdps(30):
        exact = [mpmath.exp(mpmath.mpf(float(v))) for v in x]
        error = [abs(mpmath.mpf(float(g)) - e) for g, e in zip(exp(x), exact, strict=True)]
    assert np.max(np.array(error, dtype=float) / np.spacing(np.exp(x))) <= 1.5


def test_exponential_below_minus_708_is_zero() -> None:
    """Results below exp(-708) = 3.3e-308, every subnormal one among them, are flushed to zero."""
    x = np.concatenate([-np.linspace(708.0 + 1e-9, 745.2, 1001), [-1e4, -1e308, -np.inf]])
    assert np.all(exp(x) == 0.0)
    assert np.all(np.exp(x) <= np.exp(-708.0))


def test_logarithm_is_within_two_ulp_of_thirty_digits() -> None:
    rng = np.random.default_rng(1)
    near = 10.0 ** rng.uniform(-16.0, -1.0, 1000)
    x = np.concatenate([
        np.exp(rng.uniform(-700.0, 700.0, 2000)), 1.0 + near, 1.0 - near,
        np.nextafter(np.sqrt(0.5), [0.0, 1.0]),
        np.sqrt(0.5) * (1.0 + rng.uniform(-1e-6, 1e-6, 500)),
    ])  # fmt: skip
    out = np.empty_like(x)
    log_positive(x, out)
    with mpmath.workdps(30):
        exact = [mpmath.log(mpmath.mpf(float(v))) for v in x]
        error = [abs(mpmath.mpf(float(g)) - e) for g, e in zip(out, exact, strict=True)]
    assert np.max(np.array(error, dtype=float) / np.spacing(np.abs(out))) <= 2.0


def test_logarithm_of_special_values() -> None:
    out = np.empty(4)
    log_positive(np.array([0.0, 1.0, 2.0, np.nan]), out)
    np.testing.assert_array_equal(out, [-np.inf, 0.0, np.log(2.0), np.nan])


def test_exponential_of_special_values() -> None:
    assert exp(np.array([0.0, -0.0, -np.inf])).tolist() == [1.0, 1.0, 0.0]
    assert np.isnan(exp(np.array([np.nan, -1.0]))).tolist() == [True, False]


def test_logarithm_of_one_plus_a_fraction_however_small() -> None:
    rng = np.random.default_rng(2)
    x = np.concatenate([rng.uniform(0.0, 1.0, 3000), 10.0 ** rng.uniform(-300.0, 0.0, 1000)])
    out = np.empty_like(x)
    log1p_fraction(x, out)
    with mpmath.workdps(340):
        exact = [mpmath.log(1 + mpmath.mpf(float(v))) for v in x]
        error = [abs(mpmath.mpf(float(g)) - e) for g, e in zip(out, exact, strict=True)]
        relative = [
            float(d / mpmath.mpf(float(np.spacing(g)))) for d, g in zip(error, out, strict=True)
        ]
    assert max(relative) <= 2.0
    log1p_fraction(np.array([0.0, 1.0]), out)
    np.testing.assert_array_equal(out[:2], [0.0, np.log(2.0)])
