"""Covariances by the regressions of each response on those before it (modified Cholesky)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from mixexp.models.covariances import Covariance
from mixexp.models.experts._base import Array
from mixexp.models.quadratic import maximize_in_box

_TINY = float(np.finfo(float).tiny)


class CholeskyChart(NamedTuple):
    r"""Coordinates of K covariances, :math:`\Sigma_k^{-1}=T_k^\top\mathrm{diag}(e^{-s_k})T_k`.

    T is unit lower triangular with entries :math:`t_{ji}`, so that
    :math:`e_j=r_j+\sum_{i<j}t_{ji}r_i` is what residual j has that those before it do not predict,
    and :math:`s_j` its log-variance. All s are linear in the coordinates u of the scales.

    Attributes
    ----------
    dim : int
        Number D of responses.
    pairs : tuple of (int, int)
        The (j, i) of the free :math:`t_{ji}`: i < j in one block.
    scales : array (D, S)
        The matrix of s = scales @ u. One u for each response; a single one for isotropic matrices;
        for equal volumes the mean of the s, which the experts share, and differences to it.

    References
    ----------
    Pourahmadi (1999), Joint mean-covariance models with applications to longitudinal data,
    Biometrika 86.
    """

    dim: int
    pairs: tuple[tuple[int, int], ...]
    scales: Array

    @classmethod
    def of(cls, covariance: Covariance, dim: int) -> CholeskyChart:
        """The coordinates of a structure whose partition is the same for all experts.

        Raises
        ------
        ValueError
            If the structure cannot be one of (dim, dim) matrices, or partitions differ.

        Examples
        --------
        >>> from mixexp.models.covariances import BlockDiagonal
        >>> CholeskyChart.of(BlockDiagonal([0, 1, 0]), 3).pairs
        ((2, 0),)
        """
        try:
            covariance.check(dim, 1)
            blocks = covariance.blocks(dim, 1)[0]
        except ValueError as error:
            raise ValueError(
                f"covariance={covariance!r} does not fit {dim} responses of a multivariate "
                f"Gaussian expert: {error}. All experts have one partition of the responses: give "
                f"BlockDiagonal a single one, such as {list(range(dim))}"
            ) from error
        pairs = tuple((j, i) for j in range(dim) for b in blocks if j in b for i in b if i < j)
        if covariance.isotropic:
            return cls(dim, (), np.ones((dim, 1)))
        scales = np.eye(dim)
        if covariance.sharing == "volume":
            scales = np.column_stack([np.ones(dim), np.eye(dim)[:, :-1]])
            scales[-1, 1:] = -1.0
        return cls(dim, pairs, scales)

    @property
    def equal_volumes(self) -> bool:
        """Whether the first coordinate of the scales is the mean of all s."""
        return self.dim > 1 and bool(np.any(self.scales < 0.0))

    def split(self, tables: list[Array]) -> tuple[list[Array], list[Array], list[Array]]:
        """Coefficients or predictors of the means, of T and of the scales."""
        n = self.dim + len(self.pairs)
        return tables[: self.dim], tables[self.dim : n], tables[n:]

    def log_variances(self, scales: list[Array]) -> list[Array]:
        """The D arrays s, shaped like the coordinates of the scales."""
        zero = np.zeros((1, 1))
        return [
            sum((m * u for m, u in zip(row, scales, strict=True) if m), zero) for row in self.scales
        ]

    def innovations(self, residuals: list[Array], lower: list[Array]) -> list[Array]:
        """The D arrays e from the residuals r and the entries of T."""
        found = list(residuals)
        for (j, i), t in self._entries(lower):
            found[j] = found[j] + t * residuals[i]
        return found

    def slopes(
        self, j: int, residuals: list[Array], lower: list[Array]
    ) -> list[tuple[int, float | Array]]:
        """The coordinates that e_j depends on, with its derivatives: means, then entries of T."""
        mine = [(c, i, t) for c, ((row, i), t) in enumerate(self._entries(lower)) if row == j]
        means: list[tuple[int, float | Array]] = [(i, -t) for _, i, t in mine]
        return [*means, (j, -1.0), *((self.dim + c, residuals[i]) for c, i, _ in mine)]

    def bilinear(self, j: int) -> list[tuple[int, int]]:
        """The pairs (mean of i, t_ji) of coordinates, in both of which e_j has the slope -1."""
        return [(i, self.dim + c) for c, (row, i) in enumerate(self.pairs) if row == j]

    def factors(self, j: int) -> list[tuple[int, float]]:
        """The coordinates that s_j depends on, with its derivatives."""
        start = self.dim + len(self.pairs)
        return [(start + c, float(m)) for c, m in enumerate(self.scales[j]) if m]

    def _entries(self, lower: list[Array]) -> zip[tuple[tuple[int, int], Array]]:
        return zip(self.pairs, lower, strict=True)

    def triangles(self, lower: list[Array], n_experts: int) -> Array:
        """The matrices T, (K, D, D)."""
        found = np.tile(np.eye(self.dim), (n_experts, 1, 1))
        for (j, i), t in self._entries(lower):
            found[:, j, i] = t[:, 0]
        return found

    def precisions(self, lower: list[Array], scales: list[Array], n_experts: int) -> Array:
        """Inverse covariances, (K, D, D)."""
        triangle = self.triangles(lower, n_experts)
        weighted = np.exp(-self._table(scales, n_experts))[:, :, None] * triangle
        return np.swapaxes(triangle, 1, 2) @ weighted

    def covariances(self, lower: list[Array], scales: list[Array], n_experts: int) -> Array:
        """Covariances, (K, D, D)."""
        root: Array = np.asarray(np.linalg.inv(self.triangles(lower, n_experts)), dtype=float)
        found = (root * np.exp(self._table(scales, n_experts))[:, None]) @ np.swapaxes(root, 1, 2)
        return 0.5 * (found + np.swapaxes(found, 1, 2))

    def _table(self, scales: list[Array], n_experts: int) -> Array:
        columns = [np.broadcast_to(s[:, 0], n_experts) for s in self.log_variances(scales)]
        return np.stack(columns, axis=1)

    def from_covariances(self, dense: Array) -> tuple[list[Array], list[Array]]:
        """Coordinates of T and of the scales, each (K, 1), of matrices (K, D, D) in the class."""
        unit, variance = _ldl(dense)
        triangle: Array = np.asarray(np.linalg.inv(unit), dtype=float)
        lower = [triangle[:, j, i, None] for j, i in self.pairs]
        scales = np.log(variance) @ np.linalg.pinv(self.scales).T
        return lower, [column[:, None] for column in scales.T]

    def rescale(self, tables: list[Array], size: Array) -> list[Array]:
        """Coordinates of T and of the scales for responses multiplied by ``size`` (D,)."""
        _, lower, scales = self.split(tables)
        longer = np.linalg.pinv(self.scales) @ (2.0 * np.log(size))
        return [
            *(t * (size[j] / size[i]) for t, (j, i) in zip(lower, self.pairs, strict=True)),
            *(u + shift for u, shift in zip(scales, longer, strict=True)),
        ]

    def regress(
        self, scatter: Array, lower: list[Array], low: list[Array], high: list[Array]
    ) -> tuple[list[Array], Array]:
        """The likeliest entries of T in their bounds, and the sums of squares of e, (M, D).

        ``scatter`` (M, D, D) are sums of squares and products of residuals. Which T is likeliest
        does not depend on the scales: each row of it is a regression.
        """
        squares = np.einsum("kdd->kd", scatter).copy()
        found = list(lower)
        for j in range(self.dim):
            mine = [c for c, pair in enumerate(self.pairs) if pair[0] == j]
            if not mine:
                continue
            before = [self.pairs[c][1] for c in mine]
            gram, cross = scatter[:, before][:, :, before], scatter[:, before, j]
            start, lowest, highest = (
                np.concatenate([tables[c] for c in mine], axis=1) for tables in (lower, low, high)
            )
            slope = -cross - np.einsum("kij,kj->ki", gram, start)
            t = start + maximize_in_box(gram, slope, start, lowest, highest)
            squares[:, j] += np.einsum("ki,ki->k", t, 2.0 * cross)
            squares[:, j] += np.einsum("ki,kij,kj->k", t, gram, t)
            for column, c in enumerate(mine):
                found[c] = t[:, column, None]
        return found, np.maximum(squares, 0.0)


def _ldl(dense: Array) -> tuple[Array, Array]:
    """Unit lower triangles L (K, D, D) and pivots d (K, D) of Σ = L diag(d) Lᵀ.

    A pivot that rounding has made zero or negative is a tiny part of its variance.
    """
    n_experts, dim, _ = dense.shape
    unit, pivots = np.tile(np.eye(dim), (n_experts, 1, 1)), np.empty((n_experts, dim))
    for j in range(dim):
        for i in range(j):
            inner = np.sum(unit[:, j, :i] * pivots[:, :i] * unit[:, i, :i], axis=1)
            unit[:, j, i] = (dense[:, j, i] - inner) / pivots[:, i]
        variance = dense[:, j, j]
        pivot = variance - np.sum(unit[:, j, :j] ** 2 * pivots[:, :j], axis=1)
        if not np.all(pivot > -1e-8 * np.abs(variance)) or not np.all(variance > 0.0):
            bad = int(np.flatnonzero(~((pivot > -1e-8 * np.abs(variance)) & (variance > 0.0)))[0])
            raise ValueError(
                f"covariance of expert {bad} is not positive definite: {dense[bad].tolist()}; give "
                "a symmetric matrix with positive eigenvalues"
            )
        pivots[:, j] = np.maximum(pivot, np.maximum(1e-16 * variance, _TINY))
    return unit, pivots
