"""Selection of the K largest scores of every row."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def select(scores, chosen):
    """Fill ``chosen`` (K, B) with the experts of the K largest ``scores`` (n_experts, B).

    Each column of ``chosen`` is sorted by decreasing score; of equal scores the lower expert comes
    first, so exactly K are chosen whatever the ties.
    """
    n_active, n_rows = chosen.shape
    top = np.empty(n_active)
    for i in range(n_rows):
        n = 0
        for k in range(scores.shape[0]):
            s = scores[k, i]
            if n < n_active:
                n += 1
            elif not s > top[n_active - 1]:
                continue
            place = n - 1
            while place > 0 and s > top[place - 1]:
                top[place] = top[place - 1]
                chosen[place, i] = chosen[place - 1, i]
                place -= 1
            top[place] = s
            chosen[place, i] = k


@njit(cache=True, nogil=True)
def keep(chosen, logits, out):
    """out = logits for the chosen experts of every row, -inf for all others."""
    for k in range(out.shape[0]):
        for i in range(out.shape[1]):
            out[k, i] = -np.inf
    for place in range(chosen.shape[0]):
        for i in range(chosen.shape[1]):
            k = chosen[place, i]
            out[k, i] = logits[k, i]
