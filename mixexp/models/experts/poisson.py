"""Poisson experts: counts, with exposures."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

import numpy as np
from scipy.special import gammaln

from mixexp._kernels import glm as kernels
from mixexp.models.discrete_components import PoissonComponents
from mixexp.models.experts._base import Array
from mixexp.models.experts._glm import GLMExpert
from mixexp.models.experts._responses import check, check_exposure, numbers

# Where the kernels cap the rate, to stay finite.
_CAP = 300.0


class PoissonParams(NamedTuple):
    """Intercepts b (K,) and slopes a (K, n_terms - 1) of the log-rate."""

    intercept: Array
    coef: Array


class Poisson(GLMExpert):
    """Poisson experts, f_k(y | x) = Poisson(y; e exp(b_k + a_kᵀ φ(x))), e the exposure of the row.

    Responses are counts (n,), or (n, 2) with columns [count, exposure]; exposures are positive, in
    any unit (person-years, square metres), and rates are per unit. Means stop at e^300.

    Parameters
    ----------
    degree : int, default=1
        Total degree of the monomials φ(x) of the log-rate; 0 gives a constant rate.
    integer : bool, default=True
        Refuse responses that are not whole numbers. With False, any y ≥ 0 is allowed and the
        density is a quasi-likelihood with Γ(y + 1) for y!; laws and samples are still of counts.

    References
    ----------
    Wang, Puterman, Cockburn & Le (1996), Mixed Poisson regression models with covariate dependent
    rates, Biometrics 52.

    Examples
    --------
    >>> expert = Poisson()
    >>> y = expert.encode([[2, 1.0], [2, 10.0]])
    >>> np.exp(expert.log_density([np.log([[3.0, 0.3]])], y, np.empty((1, 2)))).round(4)
    array([[0.224, 0.224]])
    """

    coordinate: ClassVar[str] = "log-rate"
    parameters: ClassVar[type[PoissonParams]] = PoissonParams

    def __init__(self, degree: int = 1, integer: bool = True):
        self.degree = degree
        self.integer = integer

    def encode(self, y: Any) -> Array:
        count, *rest = numbers(y, columns="[count, exposure]")
        check(count >= 0.0, count, "is not a count", "counts are 0 or more")
        if self.integer:
            remedy = "round it, or use Poisson(integer=False) for a quasi-likelihood"
            check(count == np.floor(count), count, "is not a whole number", remedy)
        exposure = rest[0] if rest else np.ones_like(count)
        check_exposure(exposure)
        return np.stack([count, np.log(exposure), gammaln(count + 1.0)])

    def known(self, y: Array) -> Array:
        return np.asarray(np.exp(y[1]))

    def intercepts(self, y: Array, weight: Array | None) -> tuple[float, ...]:
        w = np.ones_like(y[0]) if weight is None else weight
        # Half an event more keeps the logarithm finite where nothing was counted.
        return (float(np.log((0.5 + w @ y[0]) / (w @ np.exp(y[1])))),)

    def positions(self, y: Array) -> Array:
        rate = np.log(y[0] + 0.5) - y[1]
        return ((rate - rate.mean()) / (rate.std() or 1.0))[None]

    def log_density(self, predictors: list[Array], y: Array, out: Array) -> Array:
        kernels.poisson_log_density(y, predictors[0], out)
        return out

    def derivatives(
        self, predictors: list[Array], y: Array, order: int, first: Array, second: Array
    ) -> None:
        kernels.poisson_derivatives(y, predictors[0], order, first, second)

    def components(self, predictors: list[Array], known: Array | None = None) -> PoissonComponents:
        return PoissonComponents(_mean(predictors[0], known).T)

    def mean_derivatives(self, predictors: list[Array], known: Array | None = None) -> Array:
        mean = _mean(predictors[0], known)
        return np.where(mean < np.exp(_CAP), mean, 0.0)[None, None]

    def mean_range(self, known: Array | None = None) -> tuple[float, float | Array]:
        return 0.0, np.inf


def _mean(log_rate: Array, known: Array | None) -> Array:
    """Rate times exposure, (K, B)."""
    if known is not None:
        exposure = np.asarray(known, dtype=float)
        check_exposure(exposure, "exposure")
        log_rate = log_rate + np.log(exposure)
    return np.asarray(np.exp(np.minimum(log_rate, _CAP)))
