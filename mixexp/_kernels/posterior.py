"""Gate probabilities, responsibilities and log-likelihood of a block of rows, in one pass."""

from __future__ import annotations

import numpy as np
from numba import njit

from mixexp._kernels.elementary import exp, log

CALLS = {"elementary": "03bff116a2b9"}

# See `elementary`.
_MATH = {"contract", "nsz", "arcp"}


@njit(cache=True, nogil=True, fastmath=_MATH, error_model="numpy")
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
            p = exp(logits[k, i] - top_a[i])
            q = exp(logits[k, i] + log_density[k, i] - top_t[i])
            gate[k, i] = p
            responsibilities[k, i] = q
            sum_a[i] += p
            sum_t[i] += q
    for i in range(n_rows):
        loglik[i] = top_t[i] - top_a[i] + log(sum_t[i] / sum_a[i])
        sum_a[i] = 1.0 / sum_a[i]
        sum_t[i] = 1.0 / sum_t[i] if sum_t[i] > 0.0 else 0.0
    for k in range(n_experts):
        for i in range(n_rows):
            gate[k, i] *= sum_a[i]
            q = responsibilities[k, i] * sum_t[i]
            responsibilities[k, i] = q if sum_t[i] > 0.0 else gate[k, i]
