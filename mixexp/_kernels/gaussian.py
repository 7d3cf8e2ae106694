"""Univariate Gaussian log-densities of a block; derivatives in mean and log-variance."""

from __future__ import annotations

import numpy as np
from numba import njit

_MATH = {"contract", "nsz", "arcp"}
_LOG_2PI = float(np.log(2.0 * np.pi))


@njit(cache=True, nogil=True, fastmath=_MATH)
def log_density(y, mean, log_variance, out):
    """out[k, i] = log N(y_i; mean[k, i], exp(log_variance[k])); y (B,), mean (K, B)."""
    for k in range(mean.shape[0]):
        constant = -0.5 * (_LOG_2PI + log_variance[k])
        half_precision = 0.5 * np.exp(-log_variance[k])
        for i in range(mean.shape[1]):
            e = y[i] - mean[k, i]
            out[k, i] = constant - half_precision * e * e


@njit(cache=True, nogil=True, fastmath=_MATH)
def derivatives(y, mean, log_variance, order, first, second):
    """First derivatives (2, K, B) and second ones (3, K, B) in u = (mean, s = log-variance).

    first = (du, ds); second = (du du, du ds, ds ds). ``second`` is left alone for order 1.
    """
    for k in range(mean.shape[0]):
        precision = np.exp(-log_variance[k])
        for i in range(mean.shape[1]):
            e = y[i] - mean[k, i]
            scaled = e * precision
            half_square = 0.5 * scaled * e
            first[0, k, i] = scaled
            first[1, k, i] = half_square - 0.5
            if order > 1:
                second[0, k, i] = -precision
                second[1, k, i] = -scaled
                second[2, k, i] = -half_square


@njit(cache=True, nogil=True, fastmath=_MATH)
def log_density_by_row(y, mean, log_variance, precision, out):
    """As :func:`log_density` with log-variances (K, B); ``precision`` is exp(-log_variance)."""
    for k in range(mean.shape[0]):
        for i in range(mean.shape[1]):
            e = y[i] - mean[k, i]
            square = precision[k, i] * e * e
            out[k, i] = -0.5 * (_LOG_2PI + log_variance[k, i] + square)


@njit(cache=True, nogil=True, fastmath=_MATH)
def derivatives_by_row(y, mean, precision, order, first, second):
    """As :func:`derivatives` with precisions (K, B)."""
    for k in range(mean.shape[0]):
        for i in range(mean.shape[1]):
            e = y[i] - mean[k, i]
            scaled = e * precision[k, i]
            half_square = 0.5 * scaled * e
            first[0, k, i] = scaled
            first[1, k, i] = half_square - 0.5
            if order > 1:
                second[0, k, i] = -precision[k, i]
                second[1, k, i] = -scaled
                second[2, k, i] = -half_square
