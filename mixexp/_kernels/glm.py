"""Log-densities of counts and of successes of a block; derivatives in the linear predictor.

Responses are (3, B): what was counted, what it is counted out of (log exposure, trials), and the
constant of the log-density. Derivatives are (1, K, B); those of second order are left alone for
order 1. The Poisson rate is capped at e^300: values, and products of two derivatives, which may
have a responsibility of zero as their factor, are finite for every finite predictor.
"""

from __future__ import annotations

from numba import njit

from mixexp._kernels.elementary import exp, log1p

CALLS = {"elementary": "03bff116a2b9"}

_MATH = {"contract", "nsz", "arcp"}
_CAP = 300.0


@njit(inline="always")
def _rate(t):
    """e^t, of at most e^300."""
    small = exp(-min(t, _CAP) if t > 0.0 else t)
    return 1.0 / small if t > 0.0 else small


@njit(cache=True, nogil=True, fastmath=_MATH, error_model="numpy")
def poisson_log_density(y, log_rate, out):
    """out = y t - e^t - log y!, t = log rate + log exposure; y is (count, log exposure, log y!)."""
    for k in range(log_rate.shape[0]):
        for i in range(log_rate.shape[1]):
            t = log_rate[k, i] + y[1, i]
            out[k, i] = y[0, i] * t - _rate(t) - y[2, i]


@njit(cache=True, nogil=True, fastmath=_MATH, error_model="numpy")
def poisson_derivatives(y, log_rate, order, first, second):
    """y - e^t and -e^t."""
    for k in range(log_rate.shape[0]):
        for i in range(log_rate.shape[1]):
            mean = _rate(log_rate[k, i] + y[1, i])
            first[0, k, i] = y[0, i] - mean
            if order > 1:
                second[0, k, i] = -mean


@njit(cache=True, nogil=True, fastmath=_MATH, error_model="numpy")
def binomial_log_density(y, logit, out):
    """out = log C(n, s) + s log p + (n - s) log(1 - p); y is (s, n, log C(n, s))."""
    for k in range(logit.shape[0]):
        for i in range(logit.shape[1]):
            u, successes, trials = logit[k, i], y[0, i], y[1, i]
            # log p = min(u, 0) - c and log(1 - p) = -max(u, 0) - c: sums of one sign.
            c = log1p(exp(-abs(u)))
            linear = successes * min(u, 0.0) - (trials - successes) * max(u, 0.0)
            out[k, i] = y[2, i] + (linear - trials * c)


@njit(cache=True, nogil=True, fastmath=_MATH, error_model="numpy")
def binomial_derivatives(y, logit, order, first, second):
    """s (1 - p) - (n - s) p and -n p (1 - p)."""
    for k in range(logit.shape[0]):
        for i in range(logit.shape[1]):
            # Both p and 1 - p to full relative accuracy.
            small = exp(-abs(logit[k, i]))
            large = 1.0 / (1.0 + small)
            small *= large
            p, q = (large, small) if logit[k, i] > 0.0 else (small, large)
            first[0, k, i] = y[0, i] * q - (y[1, i] - y[0, i]) * p
            if order > 1:
                second[0, k, i] = -y[1, i] * p * q
