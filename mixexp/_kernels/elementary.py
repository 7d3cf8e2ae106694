"""exp and log that the compiler vectorises; PyPI's numba has no library of such functions."""

from __future__ import annotations

import numpy as np
from numba import njit

# Everything except `nnan`, `ninf` (they break -inf logits) and `reassoc` (it costs accuracy in the
# exponential, and changes bits between a fresh and a cached compilation).
_MATH = {"contract", "nsz", "arcp"}

_LOG2_E = 1.4426950408889634
_LN2_HIGH = 6.93147180369123816490e-01
_LN2_LOW = 1.90821492927058770002e-10

# Bit patterns of 1 and (nearly) sqrt(1/2), and of all mantissas.
_ONE = np.uint64(0x3FF0000000000000)
_ROOT_HALF = np.uint64(0x3FE6A09E00000000)
_MANTISSA = np.uint64(0x000FFFFFFFFFFFFF)


@njit(inline="always")
def exp(x):
    """exp(x) for x <= 0 by range reduction and a degree-13 polynomial that the compiler vectorises.

    Within 2 ulp for x >= -708; zero below, where the smallest normal number is passed.
    """
    t = min(max(x, -708.0), 0.0)
    n = np.rint(t * _LOG2_E)
    r = (t - n * _LN2_HIGH) - n * _LN2_LOW
    power = np.int64((np.int64(np.int32(n)) + np.int64(1023)) << np.int64(52)).view(np.float64)
    r2 = r * r
    r4 = r2 * r2
    # The one is added last: rounding of the small terms is then a fraction of the result's ulp.
    low = (0.5 + r * (1.0 / 6.0)) + r2 * (1.0 / 24.0 + r * (1.0 / 120.0))
    mid = (1.0 / 720.0 + r * (1.0 / 5040.0)) + r2 * (1.0 / 40320.0 + r * (1.0 / 362880.0))
    top = 1.0 / 479001600.0 + r * (1.0 / 6227020800.0)
    high = (1.0 / 3628800.0 + r * (1.0 / 39916800.0)) + r2 * top
    value = (1.0 + (r + r2 * (low + r4 * (mid + r4 * high)))) * power
    if x < -708.0:
        return 0.0
    if x != x:
        return x
    return value


@njit(inline="always")
def log(x):
    """log(x) of normal numbers, and of zero, by the series of atanh, which vectorises as well.

    Within 2 ulp: x = 2^k m, m from sqrt(1/2) to sqrt(2), and log m = 2 atanh((m - 1) / (m + 1)).
    """
    bits = np.uint64(np.float64(x).view(np.uint64)) + (_ONE - _ROOT_HALF)
    k = np.float64(np.int32(np.int64(bits >> np.uint64(52)) - np.int64(1023)))
    f = np.uint64((bits & _MANTISSA) + _ROOT_HALF).view(np.float64) - 1.0
    s = f / (2.0 + f)
    z = s * s
    z2 = z * z
    z4 = z2 * z2
    low = (1.0 / 3.0 + z * (1.0 / 5.0)) + z2 * (1.0 / 7.0 + z * (1.0 / 9.0))
    mid = (1.0 / 11.0 + z * (1.0 / 13.0)) + z2 * (1.0 / 15.0 + z * (1.0 / 17.0))
    series = z * (low + z4 * (mid + z4 * (1.0 / 19.0 + z * (1.0 / 21.0))))
    # f - s f is 2 s, exactly rounded parts of which are added last.
    value = k * _LN2_HIGH + ((s * (2.0 * series - f) + k * _LN2_LOW) + f)
    if x == 0.0:
        return -np.inf
    if x != x:
        return x
    return value


@njit(inline="always")
def log1p(x):
    """log(1 + x) for 0 <= x <= 1, within 2 ulp, however small x is: 2 atanh(x / (2 + x))."""
    s = x / (2.0 + x)
    z = s * s
    z2 = z * z
    z4 = z2 * z2
    low = (1.0 / 3.0 + z * (1.0 / 5.0)) + z2 * (1.0 / 7.0 + z * (1.0 / 9.0))
    mid = (1.0 / 11.0 + z * (1.0 / 13.0)) + z2 * (1.0 / 15.0 + z * (1.0 / 17.0))
    high = (1.0 / 19.0 + z * (1.0 / 21.0)) + z2 * (1.0 / 23.0 + z * (1.0 / 25.0))
    top = (1.0 / 27.0 + z * (1.0 / 29.0)) + z2 * (1.0 / 31.0 + z * (1.0 / 33.0))
    series = z * (low + z4 * (mid + z4 * (high + z4 * top)))
    # x - s x is 2 s: what is small is added first.
    return x + s * (2.0 * series - x)


@njit(cache=True, nogil=True, fastmath=_MATH, error_model="numpy")
def log_positive(x, out):
    """out = log(x) for x >= 0 that are zero or normal, elementwise, (m,) each."""
    for i in range(x.shape[0]):
        out[i] = log(x[i])


@njit(cache=True, nogil=True, fastmath=_MATH, error_model="numpy")
def exp_nonpositive(x, out):
    """out = exp(x) for x <= 0, elementwise, (m,) each: the exponential of this file."""
    for i in range(x.shape[0]):
        out[i] = exp(x[i])


@njit(cache=True, nogil=True, fastmath=_MATH, error_model="numpy")
def log1p_fraction(x, out):
    """out = log(1 + x) for 0 <= x <= 1, elementwise, (m,) each."""
    for i in range(x.shape[0]):
        out[i] = log1p(x[i])
