"""Whole passes over many blocks in one call: logits linear in monomials, Gaussian experts.

Nothing between two blocks needs the interpreter, so blocks can be small enough for the first caches
and threads never wait for each other. Sums are those of weights times features, in five tables:

- gate by gate, gate by mean, mean by mean: products of two feature maps, triangles where the maps
  are the same,
- what multiplies the gate's features alone, and the mean's alone.

With responsibilities r, gate probabilities g, row weights w, residuals e and precisions c, and
a = c e, b = a e / 2 - 1/2 (the derivatives in mean and log-variance), the weights are::

    score:    gate w (r - g)        mean w r a              log-variance w r b
    Hessian:  w (gg' - pp') + [same expert] w r (second derivative + product of first ones),
              p = r, r a, r b; g for the gate only
    EM:       gate score, w (gg' - [same] g), w r for the normal equations, w r e, w r e^2

A kernel that calls one of another file names that file's fingerprint, see ``CALLS``: the on-disk
cache of this one is then renewed with it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from mixexp._kernels.gaussian import log_density
from mixexp._kernels.posterior import posterior

Array = NDArray[np.float64]

CALLS = {"gaussian": "8e43ca0e585e", "posterior": "58eb7e20d194"}

_MATH = {"contract", "nsz", "arcp"}

VALUE, GRADIENT, HESSIAN, EM, MASS = range(5)

# As functions of their own they would share a symbol with the kernels called from Python, and which
# of two compiled copies is kept, with which last bits, would depend on what a process loaded first.
_log_density = njit(inline="always")(getattr(log_density, "py_func", log_density))
_posterior = njit(inline="always")(getattr(posterior, "py_func", posterior))


class Space(NamedTuple):
    """Work space of a block of B rows, zero where nothing was written; padding rows stay zero."""

    gate_features: Array
    mean_features: Array
    gate_products: Array
    between_products: Array
    mean_products: Array
    rows: Array
    logits: Array
    means: Array
    density: Array
    responsibilities: Array
    gate: Array
    by_mean: Array
    by_scale: Array
    p: Array
    q: Array
    work: Array
    weight: Array
    y: Array
    loglik: Array


@njit(inline="always")
def _features(z, start, n, terms, out):
    """Monomials of rows start, ..., start + n - 1; ``terms`` (2, T) holds factor and column."""
    n_rows = out.shape[1]
    for i in range(n_rows):
        out[0, i] = 1.0
    for t in range(1, terms.shape[1]):
        factor, column = terms[0, t], terms[1, t]
        for i in range(n):
            out[t, i] = out[factor, i] * z[column, start + i]
        # What fills the last block up is a row of the data, with weight zero.
        for i in range(n, n_rows):
            out[t, i] = out[t, n - 1]


@njit(inline="always")
def _load(z, y, weight, start, n, terms, mean_terms, same, space):
    """Rows of the data, in a block that is filled up with a row of weight zero."""
    w, y_block = space.weight, space.y
    for i in range(n):
        w[i] = weight[start + i] if len(weight) else 1.0
        y_block[i] = y[0, start + i]
    for i in range(n, len(w)):
        w[i], y_block[i] = 0.0, y_block[n - 1]
    for j in range(1 if same else 2):
        if j == 0:
            chosen, out = terms, space.gate_features
        else:
            chosen, out = mean_terms, space.mean_features
        _features(z, start, n, chosen, out)


@njit(inline="always")
def _scores(w, y, r, mean, log_variance, n_scales, a, b, p, q):
    """Derivatives a and b (K, B); scores p of all coordinates, (L, B), and q = w p."""
    n_experts = len(r)
    n_gate, scales = n_experts - 1, 2 * n_experts - 1
    for c in range(scales, len(p)):
        for i in range(len(w)):
            p[c, i] = 0.0
    for k in range(n_experts):
        precision = np.exp(-log_variance[k])
        v = scales + (k if n_scales > 1 else 0)
        for i in range(len(w)):
            e = y[i] - mean[k, i]
            a[k, i] = e * precision
            b[k, i] = 0.5 * e * a[k, i] - 0.5
            p[n_gate + k, i] = r[k, i] * a[k, i]
            p[v, i] += r[k, i] * b[k, i]
    for k in range(n_gate):
        for i in range(len(w)):
            p[k, i] = r[k, i]
    for c in range(len(p)):
        for i in range(len(w)):
            q[c, i] = w[i] * p[c, i]


@njit(inline="always")
def _pair(pairs, q, p, rows):
    """Minus the products of the scores of each pair of coordinates, in its row."""
    for m in range(len(pairs)):
        row, first, second = pairs[m, 0], pairs[m, 1], pairs[m, 2]
        for i in range(rows.shape[1]):
            rows[row, i] = -q[first, i] * p[second, i]


@njit(inline="always")
def _gate(part, w, r, g, rows, score):
    """Weights of the gate's score from row ``score`` on, and what its Hessian has from g."""
    n_gate, row = len(r) - 1, 0
    for k in range(n_gate):
        for i in range(len(w)):
            rows[score + k, i] = w[i] * (r[k, i] - g[k, i])
        if part == GRADIENT:
            continue
        own = row
        for m in range(k, n_gate):
            for i in range(len(w)):
                # The expected Hessian of an EM step has no term in r.
                before = rows[row, i] if part == HESSIAN else 0.0
                rows[row, i] = before + w[i] * g[k, i] * g[m, i]
            row += 1
        for i in range(len(w)):
            rows[own, i] += w[i] * ((r[k, i] if part == HESSIAN else 0.0) - g[k, i])


@njit(inline="always")
def _same_expert(w, r, log_variance, a, b, own, rows):
    """Add w r (second derivative + product of first ones) to the rows ``own`` (K, 5)."""
    for k in range(len(r)):
        precision = np.exp(-log_variance[k])
        mean, between, scale = own[k, 0], own[k, 1], own[k, 2]
        for i in range(len(w)):
            mass = w[i] * r[k, i]
            rows[mean, i] += mass * (a[k, i] * a[k, i] - precision)
            rows[between, i] += mass * a[k, i] * (b[k, i] - 1.0)
            rows[scale, i] += mass * (b[k, i] * b[k, i] - b[k, i] - 0.5)
        if k < len(r) - 1:
            mean, scale = own[k, 3], own[k, 4]
            for i in range(len(w)):
                rows[mean, i] += w[i] * r[k, i] * a[k, i]
                rows[scale, i] += w[i] * r[k, i] * b[k, i]


@njit(inline="always")
def _em(w, y, r, mean, rows, mass, residual):
    """Weights of the experts' normal equations and of their sums of squares."""
    n_experts = len(r)
    for k in range(n_experts):
        for i in range(len(w)):
            e = y[i] - mean[k, i]
            m = w[i] * r[k, i]
            rows[mass + k, i] = m
            rows[residual + k, i] = m * e
            rows[residual + n_experts + k, i] = m * e * e


@njit(cache=True, nogil=True, fastmath=_MATH, error_model="numpy")
def _products(left, right, same, out):
    """Products of feature rows, a triangle of them if both maps are the same."""
    row = 0
    for j in range(left.shape[0]):
        for m in range(j if same else 0, right.shape[0]):
            for i in range(left.shape[1]):
                out[row, i] = left[j, i] * right[m, i]
            row += 1


@njit(cache=True, nogil=True, fastmath=_MATH, error_model="numpy")
def _add(rows, features, scratch, out):
    """Add rows (m, B) times the transpose of features (p, B) to ``out``; its length."""
    m, p = rows.shape[0], features.shape[0]
    product = scratch[: m * p].reshape(m, p)
    np.dot(rows, features.T, product)
    for j in range(m * p):
        out[j] += scratch[j]
    return m * p


@njit(inline="always")
def _add_tables(part, n_terms, n_mean_terms, same, heights, space, scratch, out):
    """Multiply the weights by their features, and add all tables to ``out``."""
    gate, mean, rows = space.gate_features, space.mean_features, space.rows
    own = heights[0]
    between = own + heights[1]
    second = between + heights[2]
    of_gate = second + heights[3]
    first = of_gate + heights[4]
    at = 0
    # Tables of the same features are one product.
    if part != GRADIENT:
        _products(gate[:n_terms], gate[:n_terms], True, space.gate_products)
        at += _add(rows[: second if same else own], space.gate_products, scratch, out)
    if part != GRADIENT and not same:
        if heights[1] > 0:
            _products(gate[:n_terms], mean[:n_mean_terms], False, space.between_products)
            at += _add(rows[own:between], space.between_products, scratch, out[at:])
        _products(mean[:n_mean_terms], mean[:n_mean_terms], True, space.mean_products)
        at += _add(rows[between:second], space.mean_products, scratch, out[at:])
    at += _add(rows[second : first if same else of_gate], gate, scratch, out[at:])
    if not same:
        _add(rows[of_gate:first], mean, scratch, out[at:])


@njit(cache=True, nogil=True, fastmath=_MATH, error_model="numpy")
def sums(
    part, z, y, weight, start, stop, gate_terms, mean_terms, same, n_scales, heights, pairs, own,
    gate, mean, log_variance, space, scratch, out,
):  # fmt: skip
    """Add the sums of a part over rows ``start:stop`` to ``out``; returns their log-likelihood.

    Parameters
    ----------
    part : int
        ``VALUE``, ``GRADIENT``, ``HESSIAN``, ``EM`` or ``MASS``.
    z, y, weight : arrays (d, n), (1, n), and (n,) or empty for weights of one
    start, stop : int
    gate_terms, mean_terms : int arrays (2, T)
        Monomials: the term that each is a multiple of, and the column; the first is the constant.
    same : bool
        Whether both maps are the same.
    n_scales : int
        Free log-variances, K or 1.
    heights : int array (5,)
        Rows of weights of each table.
    pairs : int array (m, 3)
        For every row of second-order weights the pair of coordinates, among those of the gate, the
        means and the log-variances.
    own : int array (K, 5)
        Rows that hold pairs of coordinates of the same expert: mean by mean, mean by log-variance,
        log-variance by itself, gate by mean, gate by log-variance.
    gate, mean, log_variance : arrays (K, T), (K, T'), (K,)
    space : Space
    scratch : array, as long as the largest table
    out : array, the five tables one after the other, then for ``HESSIAN`` and ``MASS`` Σ w r, (K,)
    """
    value, n_rows, n_experts = 0.0, len(space.y), len(mean)
    n_terms, n_mean_terms = gate_terms.shape[1], mean_terms.shape[1]
    w, y_block, rows = space.weight, space.y, space.rows
    r, g, a, b = space.responsibilities, space.gate, space.by_mean, space.by_scale
    second = heights[0] + heights[1] + heights[2]
    first = second + heights[3]
    for block in range(start, stop, n_rows):
        n = min(n_rows, stop - block)
        _load(z, y, weight, block, n, gate_terms, mean_terms, same, space)
        np.dot(gate, space.gate_features[:n_terms], space.logits)
        np.dot(mean, space.mean_features[:n_mean_terms], space.means)
        _log_density(y_block, space.means, log_variance, space.density)
        _posterior(space.logits, space.density, space.work, r, g, space.loglik)
        value += np.dot(w[:n], space.loglik[:n])
        if part in (HESSIAN, MASS):
            for k in range(n_experts):
                out[len(out) - n_experts + k] += np.dot(w, r[k])
        if part in (VALUE, MASS):
            continue
        if part == EM:
            _em(w, y_block, r, space.means, rows, heights[0], first)
        else:
            p, q = space.p, space.q
            _scores(w, y_block, r, space.means, log_variance, n_scales, a, b, p, q)
            for c in range(n_experts + n_scales):
                for i in range(n_rows):
                    rows[first + c, i] = q[n_experts - 1 + c, i]
        if part == HESSIAN:
            _pair(pairs, q, p, rows)
            _same_expert(w, r, log_variance, a, b, own, rows)
        _gate(part, w, r, g, rows, second)
        _add_tables(part, n_terms, n_mean_terms, same, heights, space, scratch, out)
    return value
