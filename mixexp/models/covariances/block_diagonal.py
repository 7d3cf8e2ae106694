"""Block-diagonal covariances on given partitions."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from mixexp.models.covariances._base import Array, Covariance, scales
from mixexp.models.covariances.matrices import BlockMatrices, Blocks, by_size


class BlockDiagonal(Covariance):
    """Block-diagonal covariances: coordinates of different blocks are uncorrelated given x.

    Parameters
    ----------
    partition : sequence of labels, or of groups; or one of these for each expert
        Labels ``[0, 0, 1]`` and groups ``[[0, 1], [2]]`` mean the same partition of three
        coordinates. A single partition serves every expert; K of them are each expert's own.
    sharing : {"expert", "shared", "volume"}, default="expert"

    Raises
    ------
    ValueError
        If groups do not hold every coordinate once, or partitions are neither one nor K.

    References
    ----------
    Devijver & Gallopin (2018), Block-diagonal covariance selection for high-dimensional Gaussian
    graphical models, JASA 113.

    Examples
    --------
    >>> BlockDiagonal([0, 0, 1]).n_parameters(dim=3, n_experts=2)
    8
    >>> BlockDiagonal([[0, 1], [2]]).blocks(3, 1) == BlockDiagonal([0, 0, 1]).blocks(3, 1)
    True
    """

    def __init__(self, partition: Any, sharing: str = "expert"):
        super().__init__(sharing)
        self.partition = partition

    def check(self, dim: int, n_experts: int) -> None:
        super().check(dim, n_experts)
        blocks = self.blocks(dim, n_experts)
        if self.sharing == "shared" and len(set(blocks)) > 1:
            raise ValueError(
                "partition differs between experts, but sharing='shared' is one matrix for all; "
                "give one partition or sharing='expert'"
            )

    def blocks(self, dim: int, n_experts: int) -> Blocks:
        try:
            return _blocks(self.partition, dim, n_experts)
        except TypeError:
            # Lists and arrays cannot be looked up as they are.
            return _blocks(_frozen(self.partition), dim, n_experts)

    def products(self, left: Array, right: Array) -> list[Array]:
        parts = self.blocks(left.shape[1], len(left))
        return [_products(a, b, blocks) for a, b, blocks in zip(left, right, parts, strict=True)]

    def m_step(self, scatters: list[Array], mass: Array, dim: int, floor: float) -> BlockMatrices:
        n = len(mass)
        parts = self.blocks(dim, n)
        matrices = [_unflatten(s, blocks) for s, blocks in zip(scatters, parts, strict=True)]
        if self.sharing == "shared":
            pooled = [sum(each) / mass.sum() for each in zip(*matrices, strict=True)]
            pooled = [floored(m, floor) for m in pooled]
            return BlockMatrices(parts, [pooled] * n)
        values = [
            [floored(m / mass[k], floor) for m in each] if mass[k] > 0.0 else
            self._pooled(matrices, parts, mass, k, dim, floor)
            for k, each in enumerate(matrices)
        ]  # fmt: skip
        found = BlockMatrices(parts, values)
        if self.sharing != "volume":
            return found
        factor = scales(found.log_det(), mass, dim)
        values = [
            [floored(v * f, floor) for v in each] for f, each in zip(factor, values, strict=True)
        ]
        return BlockMatrices(parts, values)

    @staticmethod
    def _pooled(
        matrices: list[list[Array]], parts: Blocks, mass: Array, k: int, dim: int, floor: float
    ) -> list[Array]:
        """The blocks of expert k in the pooled matrix, for an expert without weight."""
        total = np.zeros((dim, dim))
        for blocks, each in zip(parts, matrices, strict=True):
            for where, value in zip(blocks, each, strict=True):
                total[np.ix_(where, where)] += value
        total /= mass.sum()
        return [floored(total[np.ix_(w, w)], floor) for w in parts[k]]

    def of(self, dense: Array) -> BlockMatrices:
        dim = dense.shape[1]
        parts = self.blocks(dim, len(dense))
        scatters = [
            np.concatenate([matrix[np.ix_(w, w)].ravel() for w in blocks])
            for matrix, blocks in zip(dense, parts, strict=True)
        ]
        return self.m_step(scatters, np.ones(len(dense)), dim, 0.0)

    def spherical(self, variance: Array, dim: int) -> BlockMatrices:
        parts = self.blocks(dim, len(variance))
        values = [
            [v * np.eye(len(w)) for w in blocks] for v, blocks in zip(variance, parts, strict=True)
        ]
        return BlockMatrices(parts, values)


def _products(left: Array, right: Array, blocks: tuple[tuple[int, ...], ...]) -> Array:
    """Products of one expert, those of blocks of one size together, flat in the blocks' order."""
    found: list[Array] = [np.empty(0)] * len(blocks)
    for members, where in by_size(blocks):
        sums = np.matmul(left[where], np.swapaxes(right[where], 1, 2))
        for g, block in zip(members, sums, strict=True):
            found[g] = block.ravel()
    return np.concatenate(found)


def floored(matrix: Array, floor: float) -> Array:
    """The likeliest matrix with eigenvalues of at least ``floor`` for this one as scatter.

    Examples
    --------
    >>> floored(np.array([[1.0, 1.0], [1.0, 1.0]]), 0.5).round(12)
    array([[1.25, 0.75],
           [0.75, 1.25]])
    """
    matrix = 0.5 * (matrix + matrix.T)
    try:
        # Cheap and enough where the floor is out of reach.
        np.linalg.cholesky(matrix - floor * np.eye(len(matrix)))
        return matrix
    except np.linalg.LinAlgError:
        values, vectors = np.linalg.eigh(matrix)
        return (vectors * np.maximum(values, floor)) @ vectors.T


def _unflatten(flat: Array, blocks: Sequence[Sequence[int]]) -> list[Array]:
    sizes = [len(w) for w in blocks]
    cuts = np.cumsum([s * s for s in sizes])[:-1]
    return [p.reshape(s, s) for p, s in zip(np.split(flat, cuts), sizes, strict=True)]


def _frozen(partition: Any) -> Any:
    """The same labels or groups as tuples."""
    return tuple(_frozen(e) for e in partition) if _is_sequence(partition) else partition


def _is_sequence(entry: Any) -> bool:
    return isinstance(entry, list | tuple | set | range) or (
        isinstance(entry, np.ndarray) and entry.ndim > 0
    )


@lru_cache(maxsize=256)
def _blocks(partition: Any, dim: int, n_experts: int) -> Blocks:
    """Partitions of all experts, read from what the user gave."""
    if _is_partition(partition, dim):
        return (_groups(partition, dim),) * n_experts
    if len(partition) != n_experts:
        raise ValueError(
            f"partition={partition!r} is neither a partition of {dim} coordinates nor "
            f"one for each of {n_experts} experts"
        )
    return tuple(_groups(each, dim) for each in partition)


def _is_partition(partition: Any, dim: int) -> bool:
    """Whether this is one partition and not a sequence of them."""
    entries = list(partition)
    if not any(map(_is_sequence, entries)):
        return True
    if not all(map(_is_sequence, entries)) or any(_is_sequence(i) for e in entries for i in e):
        return False
    # Sequences of numbers: groups that hold every coordinate once, else labels for each expert.
    return sorted(i for e in entries for i in e) == list(range(dim))


def _groups(partition: Any, dim: int) -> tuple[tuple[int, ...], ...]:
    """One partition as sorted groups in the order of their first members."""
    entries = list(partition)
    if not any(map(_is_sequence, entries)):
        labels = np.asarray(entries)
        if len(labels) != dim:
            raise ValueError(
                f"partition has {len(labels)} labels, but there are {dim} coordinates; "
                "give each coordinate the label of its block"
            )
        groups = [np.flatnonzero(labels == label) for label in dict.fromkeys(entries)]
    else:
        groups = [np.array(list(e), dtype=int) for e in entries]
        if sorted(int(i) for g in groups for i in g) != list(range(dim)):
            raise ValueError(
                f"partition={partition!r} does not hold each of the coordinates 0..{dim - 1} once"
            )
    ordered = sorted(tuple(sorted(int(i) for i in g)) for g in groups if len(g))
    return tuple(ordered)
