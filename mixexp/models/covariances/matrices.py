"""Values of structured covariance matrices: solves, whitening and determinants without D × D work.

``DiagonalMatrices`` serve isotropic and diagonal structures, ``BlockMatrices`` block-diagonal and
full ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property, lru_cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Blocks = tuple[tuple[tuple[int, ...], ...], ...]


class Matrices(Protocol):
    """K positive definite matrices (p, p); vectors are columns of arrays (p, B)."""

    @property
    def n_experts(self) -> int:
        """Number K of matrices."""
        ...

    @property
    def dim(self) -> int:
        """Number p of rows."""
        ...

    def log_det(self) -> Array:
        """Log-determinants, (K,)."""
        ...

    def whiten(self, k: int, vectors: Array) -> Array:
        """L⁻¹ v with Σ_k = L Lᵀ, (p, B)."""
        ...

    def color(self, k: int, vectors: Array) -> Array:
        """L v, (p, B): noise of covariance Σ_k from standard noise."""
        ...

    def solve(self, k: int, vectors: Array) -> Array:
        """Σ_k⁻¹ v, (p, B)."""
        ...

    def quadratic(self, vectors: Array) -> Array:
        """vᵀ Σ_k⁻¹ v of vectors (K, p, B), as (K, B)."""
        ...

    def multiply(self, k: int, vectors: Array) -> Array:
        """Σ_k v, (p, B)."""
        ...

    def dense(self) -> Array:
        """The matrices, (K, p, p)."""
        ...

    def diagonal(self) -> Array:
        """Their diagonals, (K, p)."""
        ...

    def eigenvalues(self) -> Array:
        """Eigenvalues in no particular order, (K, p)."""
        ...

    def scaled(self, scale: Array) -> Matrices:
        """S Σ_k S for S = diag(scale), scale (p,)."""
        ...

    def take(self, experts: Sequence[int] | Array) -> Matrices:
        """Some of them, in the given order; repetitions are copies."""
        ...


@lru_cache(maxsize=1024)
def by_size(
    blocks: tuple[tuple[int, ...], ...],
) -> tuple[tuple[tuple[int, ...], NDArray[np.intp]], ...]:
    """Positions of the blocks of each size, and their coordinates as an array (G, s)."""
    sizes = sorted({len(block) for block in blocks})
    groups = []
    for size in sizes:
        members = tuple(g for g, block in enumerate(blocks) if len(block) == size)
        groups.append((members, np.array([blocks[g] for g in members], dtype=np.intp)))
    return tuple(groups)


class DiagonalMatrices:
    """Diagonal matrices of variances (K, p).

    Examples
    --------
    >>> DiagonalMatrices(np.array([[1.0, 4.0]])).whiten(0, np.array([[1.0], [1.0]])).ravel()
    array([1. , 0.5])
    """

    def __init__(self, variance: Array):
        self.variance = np.asarray(variance, dtype=float)

    @property
    def n_experts(self) -> int:
        """Number K of matrices."""
        return len(self.variance)

    @property
    def dim(self) -> int:
        """Number p of rows."""
        return self.variance.shape[1]

    @cached_property
    def _scale(self) -> Array:
        return np.sqrt(self.variance)

    def log_det(self) -> Array:
        """Log-determinants, (K,)."""
        return np.log(self.variance).sum(axis=1)

    def whiten(self, k: int, vectors: Array) -> Array:
        """v over standard deviations."""
        return vectors / self._scale[k][:, None]

    def color(self, k: int, vectors: Array) -> Array:
        """v times standard deviations."""
        return vectors * self._scale[k][:, None]

    def solve(self, k: int, vectors: Array) -> Array:
        """v over variances."""
        return vectors / self.variance[k][:, None]

    def quadratic(self, vectors: Array) -> Array:
        """Sums of squares over variances, (K, B)."""
        squares = np.square(vectors)
        return np.matmul((1.0 / self.variance)[:, None, :], squares)[:, 0]

    def multiply(self, k: int, vectors: Array) -> Array:
        """v times variances."""
        return vectors * self.variance[k][:, None]

    def dense(self) -> Array:
        """The matrices, (K, p, p)."""
        return self.variance[:, :, None] * np.eye(self.dim)

    def diagonal(self) -> Array:
        """The variances, (K, p)."""
        return self.variance.copy()

    def eigenvalues(self) -> Array:
        """The variances, (K, p)."""
        return self.variance.copy()

    def scaled(self, scale: Array) -> DiagonalMatrices:
        """S Σ_k S."""
        return DiagonalMatrices(self.variance * np.asarray(scale) ** 2)

    def take(self, experts: Sequence[int] | Array) -> DiagonalMatrices:
        """Some of them."""
        return DiagonalMatrices(self.variance[np.asarray(experts)])


class BlockMatrices:
    """Block-diagonal matrices: for each expert, dense blocks on a partition of the p coordinates.

    Parameters
    ----------
    blocks : for each expert its partition, a tuple of tuples of coordinates
    values : for each expert its blocks, positive definite arrays (size of g, size of g)

    Examples
    --------
    >>> full = BlockMatrices((((0, 1),),), [[np.array([[2.0, 1.0], [1.0, 2.0]])]])
    >>> np.exp(full.log_det()).round(12)
    array([3.])
    """

    def __init__(self, blocks: Blocks, values: Sequence[Sequence[Array]]):
        self.blocks = blocks
        self.values = [list(each) for each in values]

    @classmethod
    def full(cls, dense: Array) -> BlockMatrices:
        """Matrices (K, p, p) of one block each."""
        whole = (tuple(range(dense.shape[1])),)
        return cls((whole,) * len(dense), [[matrix] for matrix in dense])

    @property
    def n_experts(self) -> int:
        """Number K of matrices."""
        return len(self.values)

    @cached_property
    def dim(self) -> int:
        """Number p of rows."""
        return sum(map(len, self.blocks[0]))

    @cached_property
    def _roots(self) -> list[list[Array]]:
        """Cholesky factors L of the blocks of one size together, (G, s, s)."""
        return [
            [np.linalg.cholesky(np.array([each[g] for g in members])) for members, _ in by_size(b)]
            for each, b in zip(self.values, self.blocks, strict=True)
        ]

    @cached_property
    def _inverse_roots(self) -> list[list[Array]]:
        """L⁻¹, which turns solving for many vectors into one product."""
        inverse: list[list[Array]] = [
            [np.asarray(np.linalg.inv(low), dtype=float) for low in each] for each in self._roots
        ]
        return inverse

    def _apply(self, k: int, vectors: Array, stacks: Sequence[Array]) -> Array:
        """Block-diagonal products, blocks of one size together."""
        groups = by_size(self.blocks[k])
        if len(groups) == 1 and groups[0][1].shape == (1, self.dim):
            return stacks[0][0] @ vectors
        out = np.empty_like(vectors, dtype=float)
        for (_, where), matrices in zip(groups, stacks, strict=True):
            out[where] = np.matmul(matrices, vectors[where])
        return out

    @cached_property
    def _whole(self) -> Array | None:
        """L⁻¹ of all experts, (K, p, p), where each has a single block."""
        if any(len(each) > 1 for each in self.blocks):
            return None
        return np.concatenate([inverse for (inverse,) in self._inverse_roots])

    @cached_property
    def _log_det(self) -> Array:
        diagonals = [[np.einsum("gss->gs", low) for low in each] for each in self._roots]
        return np.array([2.0 * sum(np.log(d).sum() for d in each) for each in diagonals])

    def log_det(self) -> Array:
        """Log-determinants, (K,)."""
        return self._log_det.copy()

    def whiten(self, k: int, vectors: Array) -> Array:
        """L⁻¹ v, block by block."""
        return self._apply(k, vectors, self._inverse_roots[k])

    def color(self, k: int, vectors: Array) -> Array:
        """L v, block by block."""
        return self._apply(k, vectors, self._roots[k])

    def solve(self, k: int, vectors: Array) -> Array:
        """Σ_k⁻¹ v = L⁻ᵀ L⁻¹ v."""
        back = [np.swapaxes(low, 1, 2) for low in self._inverse_roots[k]]
        return self._apply(k, self.whiten(k, vectors), back)

    def quadratic(self, vectors: Array) -> Array:
        """Squared lengths of whitened vectors, (K, B)."""
        if self._whole is not None:
            white = np.matmul(self._whole, vectors)
            return np.asarray(np.einsum("kdb,kdb->kb", white, white), dtype=float)
        out = np.empty((len(vectors), vectors.shape[2]))
        for k, each in enumerate(vectors):
            white = self.whiten(k, each)
            np.einsum("db,db->b", white, white, out=out[k])
        return out

    def multiply(self, k: int, vectors: Array) -> Array:
        """Σ_k v."""
        groups = by_size(self.blocks[k])
        stacks = [np.array([self.values[k][g] for g in members]) for members, _ in groups]
        return self._apply(k, vectors, stacks)

    def dense(self) -> Array:
        """The matrices, (K, p, p)."""
        out = np.zeros((self.n_experts, self.dim, self.dim))
        for matrix, blocks, values in zip(out, self.blocks, self.values, strict=True):
            for where, value in zip(blocks, values, strict=True):
                matrix[np.ix_(where, where)] = value
        return out

    def diagonal(self) -> Array:
        """Their diagonals, (K, p)."""
        out = np.empty((self.n_experts, self.dim))
        for row, blocks, values in zip(out, self.blocks, self.values, strict=True):
            for where, value in zip(blocks, values, strict=True):
                row[list(where)] = np.diag(value)
        return out

    def eigenvalues(self) -> Array:
        """Eigenvalues block by block, (K, p)."""
        return np.array(
            [np.concatenate([np.linalg.eigvalsh(v) for v in each]) for each in self.values]
        )

    def scaled(self, scale: Array) -> BlockMatrices:
        """S Σ_k S."""
        s = np.asarray(scale, dtype=float)
        values = [
            [v * np.outer(s[list(w)], s[list(w)]) for w, v in zip(blocks, each, strict=True)]
            for blocks, each in zip(self.blocks, self.values, strict=True)
        ]
        return BlockMatrices(self.blocks, values)

    def take(self, experts: Sequence[int] | Array) -> BlockMatrices:
        """Some of them."""
        chosen = [int(k) for k in np.asarray(experts)]
        return BlockMatrices(
            tuple(self.blocks[k] for k in chosen), [self.values[k] for k in chosen]
        )
