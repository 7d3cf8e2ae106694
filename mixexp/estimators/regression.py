"""Mixtures of experts for a real response."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import RegressorMixin
from sklearn.utils._param_validation import StrOptions

from mixexp.estimation.box import Bounds
from mixexp.estimation.solvers import TemperatureSchedule
from mixexp.estimators import _laws
from mixexp.estimators._base import MoEBase
from mixexp.estimators._docs import documented
from mixexp.models import Gaussian
from mixexp.models.distribution import MixtureDistribution
from mixexp.models.gates import Gate

Array = NDArray[np.float64]


@documented(
    variance=('{"expert", "shared"}', "One variance for each expert, or one for all."),
)
class GaussianMoE(RegressorMixin, MoEBase):
    """Gaussian mixture of experts, p(y | x) = Σ_k π_k(x) N(y; b_k + a_kᵀ φ(x), σ_k²).

    Maximum likelihood from many starts, by EM and trust-region Newton with the exact observed
    information. ``certificate_`` says what is known about the optimum; ``optima_`` lists the others
    that were found. The default answer is the highest certified optimum with no scale on its floor
    and every expert's share at least ``min_share``: the highest likelihood alone selects spikes.

    Parameters
    ----------
    {parameters}

    Attributes
    ----------
    {attributes}

    Raises
    ------
    ValueError
        From ``fit``, for NaN or infinite input, more experts than rows, weights that are negative
        or all zero, unknown columns, or a response with several columns.

    Warns
    -----
    ConvergenceWarning
        If the fit is not certified.

    References
    ----------
    Jacobs, Jordan, Nowlan & Hinton (1991), Neural Computation 3.
    Nguyen, Nguyen & Ho (2023), arXiv 2305.03288.

    Examples
    --------
    >>> from mixexp import GaussianMoE
    >>> from mixexp.datasets import load_faithful
    >>> faithful = load_faithful()
    >>> moe = GaussianMoE(n_experts=2, random_state=0).fit(
    ...     faithful[["eruptions"]], faithful["waiting"]
    ... )
    >>> round(moe.loglik_, 4), moe.converged_
    (-851.3149, True)
    >>> moe.predict_interval(faithful[["eruptions"]].head(1), level=0.9).round(1)
    array([[65.2, 86.1]])
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **MoEBase._parameter_constraints,
        "variance": [StrOptions({"expert", "shared"})],
    }

    def __init__(
        self,
        n_experts: int = 2,
        gate: Gate | None = None,
        *,
        degree: int = 1,
        variance: str = "expert",
        expert_features: Sequence[Any] | None = None,
        gate_features: Sequence[Any] | None = None,
        solver: str = "auto",
        temperature_schedule: TemperatureSchedule | None = None,
        n_init: int = 10,
        min_share: float = 0.05,
        bounds: Mapping[str, Any] | Bounds | None = None,
        gate_penalty: float | None = None,
        expert_penalty: float | None = None,
        standardize: bool = True,
        init: Any = None,
        tol: float = 1e-8,
        max_iter: int = 500,
        warm_start: bool = False,
        n_jobs: int | None = None,
        random_state: Any = None,
        verbose: int = 0,
    ):
        super().__init__(
            n_experts, gate, degree=degree, expert_features=expert_features,
            gate_features=gate_features, solver=solver, temperature_schedule=temperature_schedule,
            n_init=n_init, min_share=min_share, bounds=bounds,
            gate_penalty=gate_penalty, expert_penalty=expert_penalty, standardize=standardize,
            init=init, tol=tol, max_iter=max_iter, warm_start=warm_start, n_jobs=n_jobs,
            random_state=random_state, verbose=verbose,
        )  # fmt: skip
        self.variance = variance

    def _expert(self) -> Gaussian:
        return Gaussian(degree=self.degree, variance=self.variance)

    def predict_dist(self, X: ArrayLike) -> MixtureDistribution:
        """The laws p(y | x_i) as one row-wise mixture with ``pdf``, ``cdf``, ``icdf``, ..."""
        return self._law(X)

    def predict(self, X: ArrayLike, return_std: bool = False) -> Any:
        """Conditional mean, shape (n,); with ``return_std`` also the standard deviation."""
        law = self._law(X)
        return (law.mean(), law.standard_deviation()) if return_std else law.mean()

    def predict_quantile(self, X: ArrayLike, q: ArrayLike = 0.5) -> Array:
        """Quantiles of p(y | x_i): shape (n,) for a number ``q``, (n, len(q)) for several."""
        return _laws.quantiles(self._law(X), q)

    def predict_interval(self, X: ArrayLike, level: float = 0.9) -> Array:
        """Equal-tailed prediction interval of probability ``level``, shape (n, 2).

        It covers a new response if the fit is the truth; the fit's own error is not in it.
        """
        return _laws.interval(self._law(X), level)

    def sample(self, X: ArrayLike, n_samples: int | None = None, random_state: Any = None) -> Array:
        """Responses drawn from p(y | x_i): shape (n,), or (n_samples, n)."""
        return _laws.draw(self._law(X), n_samples, random_state)
