"""Gaussian experts of several responses with polynomial means."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations_with_replacement, product
from typing import Any, ClassVar, NamedTuple

import numpy as np

from mixexp.models.basis import CONSTANT, Affine, Monomials
from mixexp.models.coordinates import Coordinate, Sharing
from mixexp.models.covariances import Covariance, Full
from mixexp.models.experts._base import Array, Expert, MStep
from mixexp.models.experts._cholesky import CholeskyChart
from mixexp.models.experts._responses import table
from mixexp.models.experts._scales import likeliest_scales
from mixexp.models.multivariate import MultivariateMixtureDistribution
from mixexp.models.multivariate_components import MultivariateNormalComponents
from mixexp.models.quadratic import maximize_in_box, solve_normal_equations, weighted_gram

_LOG_2PI = float(np.log(2.0 * np.pi))


class MultivariateGaussianParams(NamedTuple):
    """Intercepts b (K, D), slopes A (K, D, n_terms - 1) and covariances Σ (K, D, D)."""

    intercept: Array
    coef: Array
    covariance: Array


class MultivariateGaussian(Expert):
    r"""Gaussian experts, f_k(y | x) = N_D(y; b_k + A_k φ(x), Σ_k), of D responses.

    The engine sees Σ through the regressions of each residual on those before it,
    :math:`\log f=-\tfrac12\sum_j(e_j^2e^{-s_j}+s_j)-\tfrac D2\log2\pi` with
    :math:`e_j=r_j+\sum_{i<j}t_{ji}r_i,\ r=y-\mu`. The bounds of the scale are those of the standard
    deviations :math:`e^{s_j/2}` of the e: with them, no Σ is singular.

    Parameters
    ----------
    n_responses : int
        Number D of responses.
    covariance : Covariance, optional
        The structure of Σ; :class:`~mixexp.models.covariances.Full` by default. All experts have
        one partition of the responses. With equal volumes the bounds of the scale are those of the
        volume to the power 1/D, and of the ratios to it.
    degree : int, default=1
        Total degree of the monomials φ(x) of the means; 0 gives constant means.

    References
    ----------
    Deleforge, Forbes & Horaud (2015), High-dimensional regression with Gaussian mixtures and
    partially-latent response variables, Statistics and Computing 25, for such experts; Pourahmadi
    (1999), Biometrika 86, for the coordinates of Σ.

    Examples
    --------
    >>> from mixexp.models.covariances import Diagonal
    >>> [c.name for c in MultivariateGaussian(2).coordinates(columns=(0,))][2:]
    ['minus regression y1 on y0', 'log-variance y0', 'log-variance y1']
    >>> expert = MultivariateGaussian(2, Diagonal())
    >>> zero = np.zeros((1, 1))
    >>> expert.log_density([zero] * 4, expert.encode([[0.0, 1.0]]), np.empty((1, 1)))
    array([[-2.337877]])
    """

    standardizes: ClassVar[bool] = True
    closed_form: ClassVar[bool] = True

    def __init__(self, n_responses: int, covariance: Covariance | None = None, degree: int = 1):
        self.n_responses = n_responses
        self.covariance = covariance
        self.degree = degree

    @property
    def structure(self) -> Covariance:
        """The structure of the covariances."""
        return Full() if self.covariance is None else self.covariance

    @property
    def _chart(self) -> CholeskyChart:
        return CholeskyChart.of(self.structure, self.n_responses)

    @property
    def common_scale(self) -> bool:
        return self.structure.isotropic

    def encode(self, y: Any) -> Array:
        return table(y, self.n_responses)

    def positions(self, y: Array) -> Array:
        return y

    def findings(self, y: Array) -> tuple[str, ...]:
        found = []
        constant = np.ptp(y, axis=1) == 0.0
        if constant.any():
            listed = ", ".join(f"y{j}" for j in np.flatnonzero(constant))
            held = "" if self.common_scale else ", whose scale is held by its floor alone"
            found.append(f"constant responses{held}: {listed}")
        for j in np.flatnonzero(~constant):
            before = [i for row, i in self._chart.pairs if row == j and not constant[i]]
            if before and _is_combination(y[before], y[j]):
                found.append(
                    f"response y{j} is a linear function of those before it: the covariances are "
                    "singular but for the floor of the scale; leave it out"
                )
        return tuple(found)

    def coordinates(
        self, columns: tuple[int, ...], affine: Affine | None = None
    ) -> tuple[Coordinate, ...]:
        chart, sharing = self._chart, self.structure.sharing
        each = Sharing.SHARED if sharing == "shared" else Sharing.EXPERT
        basis = Monomials(columns, self.degree)
        means = (
            Coordinate(f"mean y{j}", basis, Sharing.EXPERT, box="expert") for j in range(chart.dim)
        )
        lower = (
            Coordinate(f"minus regression y{j} on y{i}", CONSTANT, each, box="expert", by_row=False)
            for j, i in chart.pairs
        )
        kinds = [(f"log-variance y{j}", each) for j in range(chart.scales.shape[1])]
        if self.structure.isotropic:
            kinds = [("log-variance", Sharing.EXPERT if sharing == "expert" else Sharing.SHARED)]
        elif sharing == "volume":
            ratios = [(f"log-variance y{j} over the mean", each) for j in range(chart.dim - 1)]
            kinds = [("mean log-variance", Sharing.SHARED), *ratios]
        scales = (Coordinate(name, CONSTANT, s, box="scale", by_row=False) for name, s in kinds)
        return (*means, *lower, *scales)

    def _residuals(
        self, chart: CholeskyChart, predictors: list[Array], y: Array
    ) -> tuple[list[Array], list[Array], list[Array]]:
        """Residuals r, innovations e and log-variances s, D arrays each."""
        means, lower, scales = chart.split(predictors)
        residuals = [y[j] - mean for j, mean in enumerate(means)]
        return residuals, chart.innovations(residuals, lower), chart.log_variances(scales)

    def log_density(self, predictors: list[Array], y: Array, out: Array) -> Array:
        chart = self._chart
        _, innovations, log_variances = self._residuals(chart, predictors, y)
        out[...] = -0.5 * chart.dim * _LOG_2PI
        for e, s in zip(innovations, log_variances, strict=True):
            # Scaled before it is squared: a tiny variance must not overflow.
            out -= 0.5 * ((e * np.exp(-0.5 * s)) ** 2 + s)
        return out

    def derivatives(
        self, predictors: list[Array], y: Array, order: int, first: Array, second: Array
    ) -> None:
        chart, n = self._chart, len(predictors)
        residuals, innovations, log_variances = self._residuals(chart, predictors, y)
        lower = chart.split(predictors)[1]
        first[...] = 0.0
        if order > 1:
            second[...] = 0.0
        for j, (e, s) in enumerate(zip(innovations, log_variances, strict=True)):
            precision = np.exp(-s)
            scaled = precision * e
            half_square = 0.5 * scaled * e
            # What e_j and s_j depend on, with ∂e_j and ∂s_j.
            slopes = chart.slopes(j, residuals, lower)
            factors = chart.factors(j)
            for a, slope in slopes:
                first[a] -= scaled * slope
            for a, m in factors:
                first[a] += m * (half_square - 0.5)
            if order == 1:
                continue
            for (a, slope), (b, other) in combinations_with_replacement(slopes, 2):
                second[_pair(a, b, n)] -= precision * slope * other
            for a, b in chart.bilinear(j):
                second[_pair(a, b, n)] += scaled
            for (a, slope), (b, m) in product(slopes, factors):
                second[_pair(a, b, n)] += m * scaled * slope
            for (a, m), (b, other) in combinations_with_replacement(factors, 2):
                second[_pair(a, b, n)] -= m * other * half_square

    def statistics(
        self, weights: Array, predictors: list[Array], features: list[Array], y: Array
    ) -> list[Array]:
        # Residuals from the current means keep sums of squares accurate however small the scale.
        residuals = np.stack(
            [y[j] - mean for j, mean in enumerate(predictors[: self.n_responses])], axis=1
        )
        weighted = weights[:, None] * residuals
        scatter = weighted @ np.swapaxes(residuals, 1, 2)
        gram = weighted_gram(weights, features[0])
        return [gram, weighted @ features[0].T, scatter, weights.sum(axis=1)]

    def m_step(
        self, statistics: list[Array], coefficients: list[Array], constraints: MStep
    ) -> list[Array]:
        gram, cross, scatter, mass = statistics
        chart = self._chart
        n_mean, n_lower = chart.dim, chart.dim + len(chart.pairs)
        lower, upper = constraints.lower, constraints.upper
        means, triangle, scales = chart.split(coefficients)
        mean = np.stack(means, axis=1)
        precision = chart.precisions(triangle, scales, len(mass))
        step = _mean_step(gram, cross, mean, precision, constraints)
        # Sums of squares at mean + step, from the residuals at mean.
        change = step @ np.swapaxes(cross, 1, 2)
        scatter = scatter - change - np.swapaxes(change, 1, 2)
        scatter += step @ gram @ np.swapaxes(step, 1, 2)
        scatter = 0.5 * (scatter + np.swapaxes(scatter, 1, 2))
        if self.structure.sharing == "shared" or len(scales[-1]) < len(mass):
            scatter, mass = scatter.sum(axis=0, keepdims=True), mass.sum(keepdims=True)
        triangle, squares = chart.regress(
            scatter, triangle, lower[n_mean:n_lower], upper[n_mean:n_lower]
        )
        scales = likeliest_scales(chart, squares, mass, scales, lower[n_lower:], upper[n_lower:])
        return [*np.swapaxes(mean + step, 0, 1), *triangle, *scales]

    def to_params(self, coefficients: list[Array]) -> MultivariateGaussianParams:
        chart = self._chart
        means, lower, scales = chart.split(coefficients)
        mean = np.stack(means, axis=1)
        covariance = chart.covariances(lower, scales, len(mean))
        return MultivariateGaussianParams(mean[:, :, 0].copy(), mean[:, :, 1:].copy(), covariance)

    def from_params(self, params: MultivariateGaussianParams) -> list[Array]:
        chart = self._chart
        shape = np.shape(getattr(params, "covariance", ()))
        if shape[1:] != (chart.dim, chart.dim):
            raise ValueError(
                f"parameters {type(params).__name__} with covariances of shape {shape} are not "
                f"those of {chart.dim} responses; pass MultivariateGaussianParams with covariance "
                f"of shape (K, {chart.dim}, {chart.dim})"
            )
        mean = np.concatenate([params.intercept[:, :, None], params.coef], axis=2)
        # A start outside the class is projected on it.
        dense = self.structure.of(np.asarray(params.covariance, dtype=float)).dense()
        lower, scales = chart.from_covariances(dense)
        found = [*np.swapaxes(mean, 0, 1).copy(), *lower, *scales]
        shared = [c.sharing is Sharing.SHARED for c in self.coordinates(())]
        return [t[:1] if one else t for t, one in zip(found, shared, strict=True)]

    def rescale(
        self, coefficients: list[Array], columns: tuple[int, ...], affine: Affine
    ) -> list[Array]:
        chart = self._chart
        center = np.broadcast_to(affine.y_center, chart.dim)
        size = np.broadcast_to(affine.y_scale, chart.dim)
        change = Monomials(columns, self.degree).change_of_scale(affine)
        means = []
        for j, mean in enumerate(coefficients[: chart.dim]):
            means.append(size[j] * mean @ change)
            means[-1][:, 0] += center[j]
        return [*means, *chart.rescale(coefficients, size)]

    def atoms(self, params: MultivariateGaussianParams) -> dict[str, Array]:
        return params._asdict()

    def from_atoms(self, atoms: Mapping[str, Array]) -> MultivariateGaussianParams:
        fields = MultivariateGaussianParams._fields
        return MultivariateGaussianParams(*(np.asarray(atoms[name]) for name in fields))

    def components(
        self, predictors: list[Array], known: Array | None = None
    ) -> MultivariateNormalComponents:
        chart = self._chart
        means, lower, scales = chart.split(predictors)
        mean = np.stack(means, axis=2).transpose(1, 0, 2)
        covariance = chart.covariances(lower, scales, mean.shape[1])
        return MultivariateNormalComponents(mean, self.structure.of(covariance))

    def mean_derivatives(self, predictors: list[Array], known: Array | None = None) -> Array:
        dim = self.n_responses
        first = np.zeros((dim, len(predictors), *predictors[0].shape))
        first[np.arange(dim), np.arange(dim)] = 1.0
        return first

    def predictive(
        self, weights: Array, predictors: list[Array], known: Array | None = None
    ) -> MultivariateMixtureDistribution:
        laws = self.components(predictors, known)
        return MultivariateMixtureDistribution(weights, laws.mean(), laws.matrices)


def _is_combination(rows: Array, row: Array) -> bool:
    """Whether a row is a linear function of others, but for rounding."""
    centred = rows - rows.mean(axis=1, keepdims=True)
    centred /= np.abs(centred).max(axis=1, keepdims=True)
    target = row - row.mean()
    fitted = np.linalg.lstsq(centred.T, target, rcond=1e-12)[0]
    left = float(np.abs(target - fitted @ centred).max())
    return left <= 1e-10 * float(np.abs(target).max())


def _pair(a: int, b: int, n: int) -> int:
    """Position of (a, b) in the rows of a triangle of n coordinates."""
    low, high = min(a, b), max(a, b)
    return low * n - low * (low - 1) // 2 + high - low


def _mean_step(
    gram: Array, cross: Array, mean: Array, precision: Array, constraints: MStep
) -> Array:
    """Steps (K, D, p) of the means' coefficients to the maximum in the box at given precisions.

    Without ridge and inside the box it does not depend on the precisions: least squares for each
    response.
    """
    n_experts, dim, n_terms = mean.shape
    low, high = (np.stack(b[:dim], axis=1) for b in (constraints.lower, constraints.upper))
    ridge = constraints.penalty * (np.arange(n_terms) > 0)
    step = np.empty_like(mean)
    joint = np.ones(n_experts, dtype=bool)
    if not constraints.penalty:
        for j in range(dim):
            step[:, j] = solve_normal_equations(gram, cross[:, j])
        joint = np.any((mean + step < low) | (mean + step > high), axis=(1, 2))
    if joint.any():
        k = np.flatnonzero(joint)
        size = (len(k), dim * n_terms)
        curvature = np.einsum("kab,kpq->kapbq", precision[k], gram[k]).reshape(*size, size[1])
        curvature += np.diag(np.tile(ridge, dim))
        slope = (precision[k] @ cross[k] - ridge * mean[k]).reshape(size)
        step[k] = maximize_in_box(
            curvature, slope, mean[k].reshape(size), low[k].reshape(size), high[k].reshape(size)
        ).reshape(len(k), dim, n_terms)
    return step
