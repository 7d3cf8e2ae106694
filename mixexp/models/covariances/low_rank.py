"""Structured matrices plus a few factors, by Woodbury's identity."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from mixexp.models.covariances.matrices import Array, Matrices


class FactorMatrices:
    r"""Matrices :math:`\Sigma_k + F_kF_k^\top` with few factors, F_k (p, r).

    Everything costs what the structure of Σ_k costs and r × r algebra, by
    :math:`(\Sigma+FF^\top)^{-1}=\Sigma^{-1}-\Sigma^{-1}F(I+F^\top\Sigma^{-1}F)^{-1}F^\top\Sigma^{-1}`.

    Parameters
    ----------
    base : Matrices
        Σ_1, ..., Σ_K.
    factor : array (K, p, r)

    Examples
    --------
    >>> from mixexp.models.covariances import DiagonalMatrices
    >>> m = FactorMatrices(DiagonalMatrices(np.ones((1, 2))), np.array([[[1.0], [1.0]]]))
    >>> m.dense()[0]
    array([[2., 1.],
           [1., 2.]])
    >>> m.solve(0, np.array([[3.0], [3.0]])).ravel().round(12)
    array([1., 1.])
    """

    def __init__(self, base: Matrices, factor: Array):
        self.base, self.factor = base, np.asarray(factor, dtype=float)

    @property
    def n_experts(self) -> int:
        """Number K of matrices."""
        return self.base.n_experts

    @property
    def dim(self) -> int:
        """Number p of rows."""
        return self.base.dim

    @cached_property
    def _solved(self) -> list[Array]:
        """Σ_k⁻¹ F_k, (p, r)."""
        return [self.base.solve(k, f) for k, f in enumerate(self.factor)]

    @cached_property
    def capacity(self) -> Array:
        """S_k⁻¹ = I + F_kᵀ Σ_k⁻¹ F_k, (K, r, r): the posterior precision of the factors."""
        inner = [f.T @ s for f, s in zip(self.factor, self._solved, strict=True)]
        return np.eye(self.factor.shape[2]) + np.array(inner)

    def log_det(self) -> Array:
        """Log-determinants, (K,)."""
        return self.base.log_det() + np.linalg.slogdet(self.capacity)[1]

    def scores(self, k: int, vectors: Array) -> Array:
        """Posterior means of the factors given v = F_k w + noise, (r, B)."""
        return np.linalg.solve(self.capacity[k], self._solved[k].T @ vectors)

    def solve(self, k: int, vectors: Array) -> Array:
        """(Σ_k + F_k F_kᵀ)⁻¹ v, (p, B)."""
        return self.base.solve(k, vectors) - self._solved[k] @ self.scores(k, vectors)

    def quadratic(self, vectors: Array) -> Array:
        """Quadratic forms of vectors (K, p, B), as (K, B)."""
        out = self.base.quadratic(vectors)
        for k, each in enumerate(vectors):
            inner = self._solved[k].T @ each
            out[k] -= np.einsum("rb,rb->b", inner, np.linalg.solve(self.capacity[k], inner))
        return out

    def multiply(self, k: int, vectors: Array) -> Array:
        """(Σ_k + F_k F_kᵀ) v, (p, B)."""
        return self.base.multiply(k, vectors) + self.factor[k] @ (self.factor[k].T @ vectors)

    def dense(self) -> Array:
        """The matrices, (K, p, p)."""
        return self.base.dense() + self.factor @ np.swapaxes(self.factor, 1, 2)

    def whiten(self, k: int, vectors: Array) -> Array:
        """L⁻¹ v, through the dense matrix."""
        return np.linalg.solve(np.linalg.cholesky(self._dense(k)), vectors)

    def color(self, k: int, vectors: Array) -> Array:
        """L v, through the dense matrix."""
        return np.linalg.cholesky(self._dense(k)) @ vectors

    def _dense(self, k: int) -> Array:
        return self.base.take([k]).dense()[0] + self.factor[k] @ self.factor[k].T

    def diagonal(self) -> Array:
        """Their diagonals, (K, p)."""
        return self.base.diagonal() + np.sum(self.factor**2, axis=2)

    def eigenvalues(self) -> Array:
        """Eigenvalues, (K, p), through the dense matrices."""
        return np.asarray(np.linalg.eigvalsh(self.dense()), dtype=float)

    def scaled(self, scale: Array) -> FactorMatrices:
        """S (Σ_k + F_k F_kᵀ) S."""
        s = np.asarray(scale, dtype=float)
        return FactorMatrices(self.base.scaled(s), self.factor * s[:, None])

    def take(self, experts: Sequence[int] | Array) -> FactorMatrices:
        """Some of them."""
        chosen = np.asarray(experts)
        return FactorMatrices(self.base.take(chosen), self.factor[chosen])
