"""Selection of the K largest scores of every row."""

from __future__ import annotations

import numpy as np
from numba import njit

# Rows whose running maxima stay in the first-level cache.
_TILE = 128


@njit(cache=True, nogil=True)
def select(scores, chosen):
    """Fill ``chosen`` (K, B) with the experts of the K largest ``scores`` (n_experts, B).

    Each column of ``chosen`` is sorted by decreasing score; of equal scores the lower expert comes
    first, so exactly K are chosen whatever the ties.
    """
    if chosen.shape[0] <= 2:
        _select_two(scores, chosen)
    else:
        _select_many(scores, chosen)


@njit(inline="always")
def _rank(score, k, first, k_first, second, k_second):
    """The two largest of two and one more, and whose they are; anything is larger than nan."""
    above, between = not score <= first, not score <= second
    middle, k_middle = (score, k) if between else (second, k_second)
    second, k_second = (first, k_first) if above else (middle, k_middle)
    first, k_first = (score, k) if above else (first, k_first)
    return first, k_first, second, k_second


@njit(cache=True, nogil=True)
def _select_two(scores, chosen):
    """For K <= 2, where the compiler vectorises over rows: several times faster than inserting."""
    n_experts, n_rows = scores.shape
    # Experts as floating-point numbers: the same width as scores, so one mask moves both.
    top, who = np.empty((2, _TILE)), np.empty((2, _TILE))
    for start in range(0, n_rows, _TILE):
        size = min(_TILE, n_rows - start)
        top[:] = np.nan
        whole = n_experts - n_experts % 4
        for k in range(0, whole, 4):
            for i in range(size):
                a, k_a, b, k_b = top[0, i], who[0, i], top[1, i], who[1, i]
                # Four experts for each trip through memory.
                for j in range(4):
                    a, k_a, b, k_b = _rank(scores[k + j, start + i], float(k + j), a, k_a, b, k_b)
                top[0, i], who[0, i], top[1, i], who[1, i] = a, k_a, b, k_b
        for k in range(whole, n_experts):
            for i in range(size):
                top[0, i], who[0, i], top[1, i], who[1, i] = _rank(
                    scores[k, start + i], float(k), top[0, i], who[0, i], top[1, i], who[1, i]
                )
        for place in range(chosen.shape[0]):
            for i in range(size):
                chosen[place, start + i] = int(who[place, i])


@njit(cache=True, nogil=True)
def _select_many(scores, chosen):
    """By insertion."""
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
