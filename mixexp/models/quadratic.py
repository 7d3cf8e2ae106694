"""Small quadratic problems that M-steps share."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mixexp._kernels import louis

Array = NDArray[np.float64]


def solve_normal_equations(gram: Array, cross: Array, cutoff: float = 1e-13) -> Array:
    """Minimum-norm solutions of ``gram[k] @ x[k] = cross[k]``.

    Parameters
    ----------
    gram : (K, p, p) positive semi-definite matrices; collinear columns make them singular.
    cross : (K, p)
    cutoff : eigenvalues below ``cutoff`` times the largest count as zero.

    Examples
    --------
    >>> solve_normal_equations(np.array([[[2.0, 2.0], [2.0, 2.0]]]), np.array([[4.0, 4.0]]))
    array([[1., 1.]])
    """
    scale, inverse, vectors = _pseudo_inverse(gram, cutoff)
    rotated = np.einsum("kpj,kp->kj", vectors, cross * scale) * inverse
    return np.einsum("kpj,kj->kp", vectors, rotated) * scale


def solve_least_squares(gram: Array, cross: Array, cutoff: float = 1e-13) -> Array:
    """Minimum-norm B_k with B_k G_k = C_k, for gram (K, q, q) and cross (K, p, q).

    Examples
    --------
    >>> solve_least_squares(np.array([[[2.0, 2.0], [2.0, 2.0]]]), np.array([[[4.0, 4.0]]]))
    array([[[1., 1.]]])
    """
    scale, inverse, vectors = _pseudo_inverse(gram, cutoff)
    rotated = np.matmul(cross * scale[:, None, :], vectors) * inverse[:, None, :]
    return np.matmul(rotated, np.swapaxes(vectors, 1, 2)) * scale[:, None, :]


def _pseudo_inverse(gram: Array, cutoff: float) -> tuple[Array, Array, Array]:
    """Scales to a unit diagonal, inverse eigenvalues there (zero if below), and eigenvectors."""
    # Scaling to a unit diagonal first makes the cut-off independent of the columns' scales.
    root = np.sqrt(np.maximum(np.einsum("kpp->kp", gram), 0.0))
    # A curvature of 1e-200 (the square of the root), by itself or beside one, is an underflow.
    real = root > 1e-100 * root.max(axis=1, keepdims=True, initial=1.0)
    scale = np.divide(1.0, root, out=np.zeros_like(root), where=real)
    values, vectors = np.linalg.eigh(gram * scale[:, :, None] * scale[:, None, :])
    keep = values > cutoff * np.maximum(values[:, -1:], 0.0)
    inverse = np.divide(1.0, values, out=np.zeros_like(values), where=keep)
    return scale, inverse, vectors


def weighted_gram(weights: Array, features: Array) -> Array:
    """Σ_i weights[k, i] φ_i φ_iᵀ for each k, shape (K, p, p); features φ are (p, n).

    Examples
    --------
    >>> weighted_gram(np.array([[1.0, 2.0]]), np.array([[1.0, 1.0], [0.0, 3.0]]))
    array([[[ 3.,  6.],
            [ 6., 18.]]])
    """
    n = len(features)
    upper = np.triu_indices(n)
    # A multiple of four rows makes the product several times faster.
    products = np.zeros((-(-len(upper[0]) // 4) * 4, features.shape[1]))
    louis.products(features, features, True, products)
    sums = weights @ products.T
    gram = np.empty((len(weights), n, n))
    gram[:, upper[0], upper[1]] = sums[:, : len(upper[0])]
    gram[:, upper[1], upper[0]] = sums[:, : len(upper[0])]
    return gram


def maximize_in_box(gram: Array, cross: Array, start: Array, lower: Array, upper: Array) -> Array:
    """Steps s that raise each crossᵀs - ½ sᵀ gram s while ``start + s`` stays in [lower, upper].

    The maximum where it lies in the box. Otherwise the path goes on along the bounds: a coordinate
    that reaches one is held there and the rest is solved again. Every piece of the path ascends,
    and there is none only where ``start`` is the maximum in the box already.

    Parameters
    ----------
    gram : (K, p, p) positive semi-definite matrices
    cross, start, lower, upper : (K, p)

    Examples
    --------
    The maximum, 2 in both coordinates, is out of the box; the second one is at its bound already.

    >>> zero, one = np.zeros((1, 2)), np.ones((1, 2))
    >>> maximize_in_box(np.eye(2)[None], 2 * one, start=zero, lower=-one, upper=one * [1, 0])
    array([[1., 0.]])
    """
    step = solve_normal_equations(gram, cross)
    out = np.any((start + step < lower) | (start + step > upper), axis=1)
    for k in np.flatnonzero(out):
        step[k] = _along_bounds(gram[k], cross[k], lower[k] - start[k], upper[k] - start[k])
    return step


def _along_bounds(gram: Array, cross: Array, low: Array, high: Array) -> Array:
    """One step of :func:`maximize_in_box`; ``low <= 0 <= high`` bound the step itself."""
    step = np.zeros_like(cross)
    held = ((low >= 0.0) & (cross <= 0.0)) | ((high <= 0.0) & (cross >= 0.0))
    for _ in range(len(cross)):
        free = np.flatnonzero(~held)
        slope = cross[free] - gram[free] @ step
        move = np.zeros_like(step)
        move[free] = solve_normal_equations(gram[np.ix_(free, free)][None], slope[None])[0]
        with np.errstate(divide="ignore", invalid="ignore"):
            room = np.where(move > 0.0, (high - step) / move, (low - step) / move)
        room = np.where(move == 0.0, np.inf, room)
        part = float(np.clip(room.min(), 0.0, 1.0))
        step = np.clip(step + part * move, low, high)
        if room.min() >= 1.0:
            break
        held |= room <= part
    return step
