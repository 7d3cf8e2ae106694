"""Diagonal covariances."""

from __future__ import annotations

import numpy as np

from mixexp.models.covariances._base import Array, Covariance, scales
from mixexp.models.covariances.matrices import Blocks, DiagonalMatrices


class Diagonal(Covariance):
    """Diagonal covariances, Σ_k = diag(σ²_k1, ..., σ²_kp).

    Parameters
    ----------
    sharing : {"expert", "shared", "volume"}, default="expert"

    Examples
    --------
    >>> Diagonal().n_parameters(dim=3, n_experts=2), Diagonal("shared").n_parameters(3, 2)
    (6, 3)
    """

    def blocks(self, dim: int, n_experts: int) -> Blocks:
        return (tuple((j,) for j in range(dim)),) * n_experts

    def products(self, left: Array, right: Array) -> list[Array]:
        return list(np.einsum("kdb,kdb->kd", left, right))

    def scatters(self, vectors: Array, weight: Array) -> list[Array]:
        return list(np.matmul(np.square(vectors), weight[:, :, None])[:, :, 0])

    def m_step(
        self, scatters: list[Array], mass: Array, dim: int, floor: float
    ) -> DiagonalMatrices:
        table = self._table(np.array(scatters), dim)
        pooled = table.sum(axis=0) / mass.sum()
        if self.sharing == "shared":
            return DiagonalMatrices(np.tile(np.maximum(pooled, floor), (len(mass), 1)))
        has = mass > 0.0
        variance = np.where(has[:, None], table / np.where(has, mass, 1.0)[:, None], pooled)
        variance = np.maximum(variance, floor)
        if self.sharing == "volume":
            factor = scales(np.log(variance).sum(axis=1), mass, dim)
            variance = np.maximum(variance * factor[:, None], floor)
        return DiagonalMatrices(variance)

    def _table(self, scatters: Array, dim: int) -> Array:
        """Scatters as sums of squares of each coordinate, (K, dim)."""
        return scatters

    def of(self, dense: Array) -> DiagonalMatrices:
        k, dim = len(dense), dense.shape[1]
        return self.m_step(list(np.einsum("kpp->kp", dense)), np.ones(k), dim, 0.0)

    def spherical(self, variance: Array, dim: int) -> DiagonalMatrices:
        return DiagonalMatrices(np.tile(variance[:, None], (1, dim)))
