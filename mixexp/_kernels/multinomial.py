"""Log-probabilities of classes of a block; derivatives in the logits.

The last class is the reference: its logit is zero and not stored, so ``logits`` is (J - 1, K, B).
Sums of exponentials leave out the largest term, which is one, and differences 1 - p are sums of the
other probabilities: nothing cancels, and every value is finite for finite logits.
"""

from __future__ import annotations

import numpy as np
from numba import njit

_MATH = {"contract", "nsz", "arcp"}


@njit(cache=True, nogil=True, fastmath=_MATH)
def log_density(y, logits, out):
    """out[k, i] = log p[y_i, k, i], p the softmax over classes; codes y (B,), logits (J-1, K, B).

    The scalar exponential is no slower here than filling arrays of exponentials between kernels.
    """
    n_free, n_experts, n_rows = logits.shape
    for k in range(n_experts):
        for i in range(n_rows):
            top, largest = 0.0, n_free
            for j in range(n_free):
                if logits[j, k, i] > top:
                    top, largest = logits[j, k, i], j
            rest = np.exp(-top) if largest < n_free else 0.0
            for j in range(n_free):
                if j != largest:
                    rest += np.exp(logits[j, k, i] - top)
            code = int(y[i])
            chosen = logits[code, k, i] if code < n_free else 0.0
            out[k, i] = (chosen - top) - np.log1p(rest)


@njit(cache=True, nogil=True, fastmath=_MATH)
def derivatives(y, logits, order, first, second):
    """First derivatives 1[y = j] - p_j, (J-1, K, B); second ones -(p_j 1[j = l] - p_j p_l).

    ``second`` ((J-1) J / 2, K, B) is in the order of a triangle, and left alone for order 1.
    """
    n_free, n_experts, n_rows = logits.shape
    for k in range(n_experts):
        for i in range(n_rows):
            top = 0.0
            for j in range(n_free):
                top = max(top, logits[j, k, i])
            reference = np.exp(-top)
            total = reference
            for j in range(n_free):
                # First holds the probabilities until the end.
                first[j, k, i] = np.exp(logits[j, k, i] - top)
                total += first[j, k, i]
            reference /= total
            for j in range(n_free):
                first[j, k, i] /= total
            if order > 1:
                row = 0
                for a in range(n_free):
                    diagonal, others = row, reference
                    for b in range(n_free):
                        if b != a:
                            others += first[b, k, i]
                        if b > a:
                            row += 1
                            second[row, k, i] = first[a, k, i] * first[b, k, i]
                    second[diagonal, k, i] = -first[a, k, i] * others
                    row += 1
            code = int(y[i])
            others = reference
            for j in range(n_free):
                if j != code:
                    others += first[j, k, i]
                    first[j, k, i] = -first[j, k, i]
            if code < n_free:
                first[code, k, i] = others
