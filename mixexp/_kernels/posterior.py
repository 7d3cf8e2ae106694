"""Gate probabilities, responsibilities and log-likelihood of a block of rows, in one pass."""

from __future__ import annotations

import numpy as np
from numba import njit

# Everything except `nnan`, `ninf` (they break -inf logits) and `reassoc` (it costs accuracy in the
# exponential, and changes bits between a fresh and a cached compilation).
_MATH = {"contract", "nsz", "arcp"}

_LOG2_E = 1.4426950408889634
_LN2_HIGH = 6.93147180369123816490e-01
_LN2_LOW = 1.90821492927058770002e-10


@njit(inline="always")
def _exp(x):
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


@njit(cache=True, nogil=True, fastmath=_MATH)
def exp_nonpositive(x, out):
    """out = exp(x) for x <= 0, elementwise, (m,) each: the exponential of this file."""
    for i in range(x.shape[0]):
        out[i] = _exp(x[i])


@njit(cache=True, nogil=True, fastmath=_MATH)
def posterior(logits, log_density, work, responsibilities, gate, loglik):
    """Fill gate = softmax(a), responsibilities = softmax(a + f) and loglik = lse(a + f) - lse(a).

    ``logits`` a and ``log_density`` f are (K, B); a may hold -inf (an expert that is switched off),
    whose probabilities are exactly zero. A row of impossible responses (all f = -inf) has
    log-likelihood -inf and responsibilities equal to the gate. ``work`` is (4, B).
    """
    n_experts, n_rows = logits.shape
    top_a, top_t, sum_a, sum_t = work[0], work[1], work[2], work[3]
    for i in range(n_rows):
        top_a[i] = logits[0, i]
        top_t[i] = logits[0, i] + log_density[0, i]
        sum_a[i] = 0.0
        sum_t[i] = 0.0
    for k in range(1, n_experts):
        for i in range(n_rows):
            a = logits[k, i]
            t = a + log_density[k, i]
            top_a[i] = a if a > top_a[i] else top_a[i]
            top_t[i] = t if t > top_t[i] else top_t[i]
    for i in range(n_rows):
        # -inf - (-inf) is nan: a row that every expert excludes is shifted by zero instead.
        top_t[i] = top_t[i] if top_t[i] != -np.inf else 0.0
    for k in range(n_experts):
        for i in range(n_rows):
            p = _exp(logits[k, i] - top_a[i])
            q = _exp(logits[k, i] + log_density[k, i] - top_t[i])
            gate[k, i] = p
            responsibilities[k, i] = q
            sum_a[i] += p
            sum_t[i] += q
    for i in range(n_rows):
        loglik[i] = top_t[i] - top_a[i] + np.log(sum_t[i] / sum_a[i])
        sum_a[i] = 1.0 / sum_a[i]
        sum_t[i] = 1.0 / sum_t[i] if sum_t[i] > 0.0 else 0.0
    for k in range(n_experts):
        for i in range(n_rows):
            gate[k, i] *= sum_a[i]
            q = responsibilities[k, i] * sum_t[i]
            responsibilities[k, i] = q if sum_t[i] > 0.0 else gate[k, i]
