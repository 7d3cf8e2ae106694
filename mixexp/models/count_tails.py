r"""Logarithms of tails of counts that are too small to be represented themselves.

A tail of a Poisson or a binomial law is its first term times an integral,

.. math::
    P(Y \le k) &= p(k) \int_0^\infty e^{-s} (1 + s/\mu)^k \,ds, \\
    P(Y > k) &= p(k+1) \int_0^\infty e^{-s + \mu (1 - e^{-s/(k+1)})} \,ds

for the Poisson law of mean :math:`\mu`, and with odds :math:`o = p/(1-p)`

.. math:: P(Y > k) = p(k+1) \int_0^\infty e^{-s} (1 + o (1 - e^{-s/(k+1)}))^{m-k-1} \,ds

for m trials (substitute in the incomplete gamma and beta integrals). The integrand is log-concave,
and so close to an exponential where the tail is beyond 1e-200 that a few nodes give all digits.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

_NODES, _WEIGHTS = np.polynomial.laguerre.laggauss(40)


def poisson_log_cdf(log_mass: FloatArray, k: FloatArray, rate: FloatArray) -> FloatArray:
    """log P(Y <= k) far below the mean; ``log_mass`` is that of k.

    Examples
    --------
    >>> poisson_log_cdf(np.array([-2000.0]), np.array([0.0]), np.array([2000.0]))
    array([-2000.])
    """
    return log_mass + _log_integral(
        lambda s: k[:, None] * np.log1p(s / rate[:, None]), 1.0 - k / rate
    )


def poisson_log_ccdf(log_mass: FloatArray, k: FloatArray, rate: FloatArray) -> FloatArray:
    """log P(Y > k) far above the mean; ``log_mass`` is that of k + 1."""
    n = k + 1.0
    return log_mass + _log_integral(
        lambda s: -rate[:, None] * np.expm1(-s / n[:, None]), 1.0 - rate / n
    )


def binomial_log_ccdf(
    log_mass: FloatArray, k: FloatArray, trials: FloatArray, logit: FloatArray
) -> FloatArray:
    """log P(Y > k) far above the mean, k < trials; ``log_mass`` is that of k + 1."""
    n, left, odds = k + 1.0, trials - k - 1.0, np.exp(logit)
    return log_mass + _log_integral(
        lambda s: left[:, None] * np.log1p(-odds[:, None] * np.expm1(-s / n[:, None])),
        1.0 - left * odds / n,
    )


def _log_integral(growth: Callable[[FloatArray], FloatArray], decay: FloatArray) -> FloatArray:
    """log ∫ exp(-s + growth(s)) ds over s > 0, whose integrand starts as exp(-decay s)."""
    s = _NODES / decay[:, None]
    return np.log(np.exp(_NODES - s + growth(s)) @ _WEIGHTS / decay)
