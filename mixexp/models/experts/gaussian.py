"""Gaussian experts with a polynomial mean."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple

import numpy as np

from mixexp._kernels import gaussian as kernels
from mixexp.models.basis import CONSTANT, Affine, Monomials
from mixexp.models.components import NormalComponents
from mixexp.models.coordinates import Coordinate, Sharing
from mixexp.models.experts._base import Array, Expert, MStep
from mixexp.models.quadratic import maximize_in_box, weighted_gram


class GaussianParams(NamedTuple):
    """Intercepts b (K,), slopes a (K, n_terms - 1) and variances σ² (K,)."""

    intercept: Array
    coef: Array
    variance: Array


class Gaussian(Expert):
    """Gaussian experts, f_k(y | x) = N(y; b_k + a_kᵀ φ(x), σ_k²), with y univariate.

    Parameters
    ----------
    degree : int, default=1
        Total degree of the monomials φ(x) of the mean; 0 gives a constant mean.
    variance : {"expert", "shared"}, default="expert"
        One variance for each expert, or one for all.

    References
    ----------
    Nguyen, Nguyen & Ho (2023), arXiv 2305.03288, equation (1).

    Examples
    --------
    >>> [c.name for c in Gaussian(degree=2).coordinates(columns=(0,))]
    ['mean', 'log-variance']
    """

    standardizes: ClassVar[bool] = True
    closed_form: ClassVar[bool] = True

    def __init__(self, degree: int = 1, variance: str = "expert"):
        self.degree = degree
        self.variance = variance

    def encode(self, y: Any) -> Array:
        return np.array(y, dtype=float, ndmin=2)

    def coordinates(
        self, columns: tuple[int, ...], affine: Affine | None = None
    ) -> tuple[Coordinate, ...]:
        sharing = Sharing.SHARED if self.variance == "shared" else Sharing.EXPERT
        return (
            Coordinate("mean", Monomials(columns, self.degree), Sharing.EXPERT, box="expert"),
            Coordinate("log-variance", CONSTANT, sharing, box="scale", by_row=False),
        )

    @staticmethod
    def _log_variance(predictors: list[Array]) -> Array:
        mean, log_variance = predictors
        return np.ascontiguousarray(np.broadcast_to(log_variance[:, 0], mean.shape[0]))

    @staticmethod
    def _by_row(predictors: list[Array]) -> bool:
        """Whether the log-variances are those of other experts in every row."""
        return predictors[1].shape[1] > 1

    def log_density(self, predictors: list[Array], y: Array, out: Array) -> Array:
        if self._by_row(predictors):
            mean, log_variance = predictors
            kernels.log_density_by_row(y[0], mean, log_variance, np.exp(-log_variance), out)
            return out
        kernels.log_density(y[0], predictors[0], self._log_variance(predictors), out)
        return out

    def derivatives(
        self, predictors: list[Array], y: Array, order: int, first: Array, second: Array
    ) -> None:
        if self._by_row(predictors):
            precision = np.exp(-predictors[1])
            kernels.derivatives_by_row(y[0], predictors[0], precision, order, first, second)
            return
        log_variance = self._log_variance(predictors)
        kernels.derivatives(y[0], predictors[0], log_variance, order, first, second)

    def statistics(
        self, weights: Array, predictors: list[Array], features: list[Array], y: Array
    ) -> list[Array]:
        # Residuals from the current mean keep the residual sum of squares accurate however small
        # the scale: y's own second moment would cancel.
        residual = y[0] - predictors[0]
        weighted = weights * residual
        phi = features[0]
        gram = weighted_gram(weights, phi)
        squares = np.einsum("kb,kb->k", weighted, residual)
        return [gram, weighted @ phi.T, squares, weights.sum(axis=1)]

    def m_step(
        self, statistics: list[Array], coefficients: list[Array], constraints: MStep
    ) -> list[Array]:
        gram, cross, squares, mass = statistics
        mean, log_variance = coefficients
        n_experts, n_terms = mean.shape
        variance = np.broadcast_to(np.exp(log_variance[:, 0]), n_experts)
        ridge = constraints.penalty * variance[:, None] * (np.arange(n_terms) > 0)
        step = maximize_in_box(
            gram + ridge[:, :, None] * np.eye(n_terms), cross - ridge * mean, mean,
            constraints.lower[0], constraints.upper[0],
        )  # fmt: skip
        # RSS at mean + step, from the residuals at mean.
        rss = squares - 2.0 * np.sum(step * cross, axis=1)
        rss += np.einsum("kp,kpq,kq->k", step, gram, step)
        rss = np.maximum(rss, 0.0)
        if len(log_variance) == 1:
            rss, mass = rss.sum(keepdims=True), mass.sum(keepdims=True)
        # An expert without responsibility keeps its scale: the data say nothing about it.
        with np.errstate(divide="ignore", invalid="ignore"):
            fitted = np.where(mass > 0.0, np.log(rss / mass), log_variance[:, 0])
        fitted = np.clip(fitted, constraints.lower[1][:, 0], constraints.upper[1][:, 0])
        return [mean + step, fitted[:, None]]

    def to_params(self, coefficients: list[Array]) -> GaussianParams:
        mean, log_variance = coefficients
        variance = np.broadcast_to(np.exp(log_variance[:, 0]), len(mean))
        return GaussianParams(mean[:, 0].copy(), mean[:, 1:].copy(), variance.copy())

    def from_params(self, params: GaussianParams) -> list[Array]:
        log_variance = np.log(params.variance)[:, None]
        if self.variance == "shared":
            # A start with unequal variances is projected on the model: their geometric mean.
            log_variance = log_variance.mean(axis=0, keepdims=True)
        return [np.column_stack([params.intercept, params.coef]), log_variance]

    def rescale(
        self, coefficients: list[Array], columns: tuple[int, ...], affine: Affine
    ) -> list[Array]:
        mean, log_variance = coefficients
        table = affine.y_scale * mean @ Monomials(columns, self.degree).change_of_scale(affine)
        table[:, 0] += affine.y_center
        return [table, log_variance + 2.0 * np.log(affine.y_scale)]

    def atoms(self, params: GaussianParams) -> dict[str, Array]:
        return params._asdict()

    def from_atoms(self, atoms: Mapping[str, Array]) -> GaussianParams:
        return GaussianParams(*(np.asarray(atoms[name]) for name in GaussianParams._fields))

    def components(self, predictors: list[Array], known: Array | None = None) -> NormalComponents:
        mean, log_variance = predictors
        scale = np.broadcast_to(np.exp(0.5 * log_variance), mean.shape)
        return NormalComponents(mean.T, scale.T)

    def mean_derivatives(self, predictors: list[Array], known: Array | None = None) -> Array:
        first = np.zeros((1, 2, *predictors[0].shape))
        first[0, 0] = 1.0
        return first
