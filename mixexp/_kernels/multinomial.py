"""Log-probabilities of classes of a block; derivatives in the logits.

The last class is the reference: its logit is zero and not stored, so ``logits`` is (J - 1, K, B).
Arrays with an entry for every class are (J, K, B). Sums of exponentials leave out the largest term,
which is one, and differences 1 - p are sums of the other probabilities: nothing cancels, and every
value is finite for finite logits. The exponentials themselves are taken between these kernels by
the vectorised function of :mod:`mixexp._kernels.elementary`, half the time of scalar ones.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from mixexp._kernels.elementary import log, log1p

CALLS = {"elementary": "03bff116a2b9"}

_MATH = {"contract", "nsz", "arcp"}


@njit(cache=True, nogil=True, fastmath=_MATH, error_model="numpy")
def exponents(logits, out):
    """Logits of all classes, the reference included, minus the largest of them, (J, K, B)."""
    n_free, n_experts, n_rows = logits.shape
    for k in range(n_experts):
        top = out[n_free, k]
        for i in range(n_rows):
            top[i] = 0.0
        for j in range(n_free):
            for i in range(n_rows):
                u = logits[j, k, i]
                top[i] = u if u > top[i] else top[i]
        for j in range(n_free):
            for i in range(n_rows):
                out[j, k, i] = logits[j, k, i] - top[i]
        for i in range(n_rows):
            top[i] = -top[i]


@njit(cache=True, nogil=True, fastmath=_MATH, error_model="numpy")
def log_density(y, exponents, powers, out):
    """out[k, i] = log p[y_i, k, i]; codes y (B,), ``powers`` the exponentials of ``exponents``."""
    n_classes, n_experts, n_rows = powers.shape
    largest, rest = np.empty(n_rows), np.empty(n_rows)
    for k in range(n_experts):
        for i in range(n_rows):
            largest[i] = powers[0, k, i]
            rest[i] = 0.0
        for j in range(1, n_classes):
            for i in range(n_rows):
                e, most = powers[j, k, i], largest[i]
                rest[i] += e if e < most else most
                largest[i] = most if e < most else e
        for i in range(n_rows):
            total = rest[i]
            total = log1p(total) if total < 1.0 else log(1.0 + total)
            out[k, i] = exponents[int(y[i]), k, i] - total


@njit(cache=True, nogil=True, fastmath=_MATH, error_model="numpy")
def derivatives(y, powers, order, first, second):
    """First derivatives 1[y = j] - p_j, (J-1, K, B); second ones -(p_j 1[j = l] - p_j p_l).

    ``powers`` are divided by their sums; ``second`` ((J-1) J / 2, K, B) is in the order of a
    triangle, and left alone for order 1.
    """
    n_free, n_experts, n_rows = first.shape
    total, others = np.empty(n_rows), np.empty(n_rows)
    for k in range(n_experts):
        for i in range(n_rows):
            total[i] = powers[n_free, k, i]
        for j in range(n_free):
            for i in range(n_rows):
                total[i] += powers[j, k, i]
        for j in range(n_free + 1):
            for i in range(n_rows):
                powers[j, k, i] /= total[i]
        row = 0
        for a in range(n_free):
            for i in range(n_rows):
                others[i] = powers[n_free, k, i]
            for b in range(n_free):
                if b != a:
                    for i in range(n_rows):
                        others[i] += powers[b, k, i]
            for i in range(n_rows):
                first[a, k, i] = others[i] if y[i] == a else -powers[a, k, i]
            if order > 1:
                for i in range(n_rows):
                    second[row, k, i] = -powers[a, k, i] * others[i]
                for b in range(a + 1, n_free):
                    for i in range(n_rows):
                        second[row + b - a, k, i] = powers[a, k, i] * powers[b, k, i]
                row += n_free - a
