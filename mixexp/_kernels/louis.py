"""Weights of Fisher's and Louis' identities for a block of rows.

With responsibilities r, gate probabilities g, row weights w and local derivatives d (first) and h
(second) of the logits (coordinates c < G) and of the log-densities (coordinates c >= G)::

    gradient:  w (r - [c < G] g) d_c
    posterior: sqrt(w) r d_c          -> minus its cross-product is  -Σ w E_r[d] E_r[d]ᵀ
    prior:     sqrt(w) g d_c, c < G   -> plus its cross-product is   +Σ w E_g[d] E_g[d]ᵀ
    pairs:     w {r (h_cc' + d_c d_c') - [both < G] g (h_cc' + d_c d_c')}
"""

from __future__ import annotations

from numba import njit

_MATH = {"contract", "nsz", "arcp"}


@njit(cache=True, nogil=True, fastmath=_MATH)
def gradient_weights(w, r, g, d_gate, d_expert, gradient):
    """Fill ``gradient`` (G + E, K, B); r, g are (K, B), d_gate (G, K, B), d_expert (E, K, B)."""
    n_gate = d_gate.shape[0]
    for k in range(r.shape[0]):
        for c in range(n_gate):
            for i in range(r.shape[1]):
                gradient[c, k, i] = w[i] * (r[k, i] - g[k, i]) * d_gate[c, k, i]
        for c in range(d_expert.shape[0]):
            for i in range(r.shape[1]):
                gradient[n_gate + c, k, i] = w[i] * r[k, i] * d_expert[c, k, i]


@njit(cache=True, nogil=True, fastmath=_MATH)
def mean_scores(root_w, p, d, out):
    """out[c, k, i] = sqrt(w_i) p[k, i] d[c, k, i]: the rows whose cross-products Louis needs."""
    for c in range(d.shape[0]):
        for k in range(p.shape[0]):
            for i in range(p.shape[1]):
                out[c, k, i] = root_w[i] * p[k, i] * d[c, k, i]


@njit(cache=True, nogil=True, fastmath=_MATH)
def pair_weights(w, r, g, d_gate, h_gate, d_expert, h_expert, pairs):
    """Fill ``pairs`` (Q(Q+1)/2, K, B), Q = G + E, coordinates paired in the order of a triangle."""
    n_gate, n_expert = d_gate.shape[0], d_expert.shape[0]
    for k in range(r.shape[0]):
        row, local = 0, 0
        for a in range(n_gate):
            for b in range(a, n_gate):
                for i in range(r.shape[1]):
                    h = h_gate[local, k, i] + d_gate[a, k, i] * d_gate[b, k, i]
                    pairs[row, k, i] = w[i] * (r[k, i] - g[k, i]) * h
                row += 1
                local += 1
            for b in range(n_expert):
                for i in range(r.shape[1]):
                    pairs[row, k, i] = w[i] * r[k, i] * d_gate[a, k, i] * d_expert[b, k, i]
                row += 1
        local = 0
        for a in range(n_expert):
            for b in range(a, n_expert):
                for i in range(r.shape[1]):
                    h = h_expert[local, k, i] + d_expert[a, k, i] * d_expert[b, k, i]
                    pairs[row, k, i] = w[i] * r[k, i] * h
                row += 1
                local += 1


@njit(cache=True, nogil=True, fastmath=_MATH)
def expand(rows, features, out):
    """out[a * p + j, i] = rows[a, i] features[j, i]: rows (R, B) times features (p, B)."""
    n_features = features.shape[0]
    for a in range(rows.shape[0]):
        for j in range(n_features):
            for i in range(rows.shape[1]):
                out[a * n_features + j, i] = rows[a, i] * features[j, i]


@njit(cache=True, nogil=True, fastmath=_MATH)
def products(left, right, symmetric, out):
    """Products of feature rows, left_j right_l (j <= l only when ``symmetric``), stacked in out."""
    row = 0
    for j in range(left.shape[0]):
        for m in range(j if symmetric else 0, right.shape[0]):
            for i in range(left.shape[1]):
                out[row, i] = left[j, i] * right[m, i]
            row += 1
