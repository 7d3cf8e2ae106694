"""A Gaussian law as one regression after another: smooth free coordinates for covariances."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from mixexp.models.covariances import BlockMatrices, Covariance, DiagonalMatrices, Matrices

Array = NDArray[np.float64]

# One entry of a local vector: its local position, the position in θ, and the factor.
Link = tuple[int, int, float]


@dataclass(frozen=True)
class Recursion:
    r"""N(x; Bψ, Σ_k) as regressions of each coordinate on ψ and on earlier ones of its block.

    .. math:: x_j = β_j^\top ψ + \sum_{i<j} t_{ji} x_i + e_j, \quad e_j \sim N(0, e^{s_j}),

    so that log-densities are quadratic in (β, t), derivatives are those of univariate regressions,
    and every positive definite Σ has exactly one (t, s). The local vector of an expert holds
    (β_j, t_j) for j = 1..p, then s.

    Parameters
    ----------
    structure : Covariance
    dim : int
        p.
    n_base : int
        Length of ψ.
    n_experts : int
    """

    structure: Covariance
    dim: int
    n_base: int
    n_experts: int

    @cached_property
    def earlier(self) -> tuple[tuple[tuple[int, ...], ...], ...]:
        """For each expert and coordinate j, the coordinates before it in its block."""
        parts = self.structure.blocks(self.dim, self.n_experts)
        if self.structure.isotropic or all(len(b) == 1 for p in parts for b in p):
            return ((((),) * self.dim),) * self.n_experts
        before = []
        for blocks in parts:
            block_of = {j: block for block in blocks for j in block}
            before.append(tuple(tuple(i for i in block_of[j] if i < j) for j in range(self.dim)))
        return tuple(before)

    def slices(self, k: int) -> list[slice]:
        """Where (β_j, t_j) of each coordinate lies in the local vector of expert k."""
        ends = np.cumsum([0, *(self.n_base + len(i) for i in self.earlier[k])])
        return [slice(int(a), int(b)) for a, b in pairwise(ends)]

    def n_local(self, k: int) -> int:
        """Length of the local vector of expert k."""
        return self.slices(k)[-1].stop + self.dim

    def to_local(self, k: int, table: Array, matrix: Array) -> Array:
        """Local vector from means B (p, n_base) and the dense covariance (p, p)."""
        root = np.linalg.cholesky(matrix)
        scale = np.diag(root)
        lower = np.eye(self.dim) - np.linalg.inv(root / scale)
        base = table - lower @ table
        rows = [np.concatenate([base[j], lower[j, list(i)]]) for j, i in enumerate(self.earlier[k])]
        return np.concatenate([*rows, 2.0 * np.log(scale)])

    def from_local(self, k: int, local: Array) -> tuple[Array, Array]:
        """The inverse of :meth:`to_local`: means (p, n_base) and the dense covariance."""
        lower, base = np.zeros((self.dim, self.dim)), np.empty((self.dim, self.n_base))
        for j, (where, i) in enumerate(zip(self.slices(k), self.earlier[k], strict=True)):
            base[j] = local[where][: self.n_base]
            lower[j, list(i)] = local[where][self.n_base :]
        unit = np.linalg.inv(np.eye(self.dim) - lower)
        return unit @ base, (unit * np.exp(local[-self.dim :])) @ unit.T

    def matrices(self, dense: Array) -> Matrices:
        """Dense covariances (K, p, p) in the form that the structure's M-step returns."""
        if self.structure.isotropic or not any(any(e) for e in self.earlier):
            return DiagonalMatrices(np.einsum("kpp->kp", dense).copy())
        parts = self.structure.blocks(self.dim, self.n_experts)
        values = [
            [matrix[np.ix_(w, w)] for w in blocks]
            for matrix, blocks in zip(dense, parts, strict=True)
        ]
        return BlockMatrices(parts, values)

    def links(self, starts: list[int], first: int) -> tuple[list[Link], list[tuple[str, int]]]:
        """How local vectors, which begin at ``starts``, depend on θ from position ``first`` on.

        Also, for every new entry of θ, whether it is a ``"coef"`` or a ``"scale"``, and its expert
        (-1 if shared).
        """
        links: list[Link] = []
        kinds: list[tuple[str, int]] = []
        shared: dict[object, int] = {}

        def free(kind: str, k: int, key: object = None) -> int:
            if key is not None and key in shared:
                return shared[key]
            kinds.append((kind, k if key is None else -1))
            position = first + len(kinds) - 1
            if key is not None:
                shared[key] = position
            return position

        common = self.structure.sharing == "shared"
        for k, start in enumerate(starts):
            for j, where in enumerate(self.slices(k)):
                for m in range(where.start, where.stop):
                    is_dependence = m - where.start >= self.n_base
                    key = ("t", j, m) if common and is_dependence else None
                    links.append((start + m, free("coef", k, key), 1.0))
            links += self._scale_links(k, start + self.slices(k)[-1].stop, free)
        return links, kinds

    def _scale_links(self, k: int, start: int, free) -> list[Link]:  # type: ignore[no-untyped-def]
        """Links of the p log-variances of expert k, which begin at ``start``."""
        sharing, dim = self.structure.sharing, self.dim
        if self.structure.isotropic:
            one = free("scale", k, None if sharing == "expert" else "scale")
            return [(start + j, one, 1.0) for j in range(dim)]
        if sharing == "shared":
            return [(start + j, free("scale", k, ("s", j)), 1.0) for j in range(dim)]
        if sharing == "expert":
            return [(start + j, free("scale", k), 1.0) for j in range(dim)]
        own = [free("scale", k) for _ in range(dim - 1)]
        links = [(start + j, position, 1.0) for j, position in enumerate(own)]
        # The last log-variance is the common log-volume less the others.
        last = start + dim - 1
        return [
            *links,
            (last, free("volume", k, "volume"), 1.0),
            *((last, position, -1.0) for position in own),
        ]
