"""Slots: what the active experts of every row need, and where their sums go.

``chosen`` (S, B) holds the expert in each of the S slots of a row; the experts of a row differ.
Coordinate c of an expert has terms ``starts[c]:starts[c + 1]``, T in all; their features are the
rows of ``features`` (F, B) from ``offsets[c]`` on.
"""

from __future__ import annotations

import numpy as np
from numba import njit

_MATH = {"contract", "nsz", "arcp"}


@njit(cache=True, nogil=True, fastmath=_MATH)
def spread(values, chosen, fill, out):
    """out[chosen[s, i], i] = values[s, i]; out (K, B) is ``fill`` for experts in no slot."""
    for k in range(out.shape[0]):
        for i in range(out.shape[1]):
            out[k, i] = fill
    for s in range(chosen.shape[0]):
        for i in range(chosen.shape[1]):
            out[chosen[s, i], i] = values[s, i]


@njit(cache=True, nogil=True, fastmath=_MATH)
def predict(coefficients, features, chosen, out):
    """out[s, i] = Σ_j coefficients[chosen[s, i], j] features[j, i]; coefficients (K, p)."""
    n_terms = coefficients.shape[1]
    for s in range(chosen.shape[0]):
        for i in range(chosen.shape[1]):
            k = chosen[s, i]
            total = 0.0
            for j in range(n_terms):
                total += coefficients[k, j] * features[j, i]
            out[s, i] = total


@njit(cache=True, nogil=True, fastmath=_MATH)
def gradient(chosen, weights, features, starts, offsets, out):
    """Add Σ_i weights[c, s, i] φ_cj(x_i) to the row of ``out`` (K, T) that is the slot's expert."""
    for c in range(weights.shape[0]):
        for s in range(chosen.shape[0]):
            for t in range(starts[c], starts[c + 1]):
                row = offsets[c] + t - starts[c]
                for i in range(chosen.shape[1]):
                    out[chosen[s, i], t] += weights[c, s, i] * features[row, i]


@njit(cache=True, nogil=True, fastmath=_MATH)
def rows(chosen, weights, features, starts, offsets, where, out):
    """Add weights[c, s, i] φ_cj(x_i) to out[where[expert, t], i]; ``out`` (P, B), P is nowhere."""
    for c in range(weights.shape[0]):
        for s in range(chosen.shape[0]):
            for t in range(starts[c], starts[c + 1]):
                row = offsets[c] + t - starts[c]
                for i in range(chosen.shape[1]):
                    place = where[chosen[s, i], t]
                    if place < out.shape[0]:
                        out[place, i] += weights[c, s, i] * features[row, i]


@njit(cache=True, nogil=True, fastmath=_MATH)
def _terms(weights, s, i, phi, starts, out):
    """out[t] = weights[c, s, i] phi[t]; terms of the coordinates without weights are left alone."""
    for c in range(weights.shape[0]):
        w = weights[c, s, i]
        for t in range(starts[c], starts[c + 1]):
            out[t] = w * phi[t]


@njit(cache=True, nogil=True, fastmath=_MATH)
def second(chosen, pairs, posterior, prior, features, starts, offsets, n_experts, out):
    """Add every row's second-order terms to ``out`` (K(K+1)/2, T, T), one block for two experts.

    With every weight multiplied by its features, the block of experts k <= l gets
    prior priorᵀ - posterior posteriorᵀ and, for k = l, ``pairs`` besides; a block with k = l is to
    be read above its diagonal. ``pairs`` (C(C+1)/2, S, B) are in the order of a triangle;
    ``posterior`` and ``prior`` hold the first coordinates only, or none.
    """
    n_slots, n_rows = chosen.shape
    n_coordinates, n_terms = len(offsets), out.shape[1]
    phi = np.empty(n_terms)
    p, g = np.zeros((n_slots, n_terms)), np.zeros((n_slots, n_terms))
    for i in range(n_rows):
        for c in range(n_coordinates):
            for t in range(starts[c], starts[c + 1]):
                phi[t] = features[offsets[c] + t - starts[c], i]
        for s in range(n_slots):
            _terms(posterior, s, i, phi, starts, p[s])
            _terms(prior, s, i, phi, starts, g[s])
            k = chosen[s, i]
            block = out[k * (2 * n_experts - k + 1) // 2]
            row = 0
            for a in range(n_coordinates):
                for b in range(a, n_coordinates):
                    w = pairs[row, s, i]
                    row += 1
                    for t in range(starts[a], starts[a + 1]):
                        for u in range(starts[b], starts[b + 1]):
                            block[t, u] += w * phi[t] * phi[u]
            for t in range(n_terms):
                for u in range(t, n_terms):
                    block[t, u] += g[s, t] * g[s, u] - p[s, t] * p[s, u]
            for other in range(s):
                first, last = (s, other) if k < chosen[other, i] else (other, s)
                k_first = chosen[first, i]
                start = k_first * (2 * n_experts - k_first + 1) // 2
                block = out[start + chosen[last, i] - k_first]
                for t in range(n_terms):
                    for u in range(n_terms):
                        block[t, u] += g[first, t] * g[last, u] - p[first, t] * p[last, u]
