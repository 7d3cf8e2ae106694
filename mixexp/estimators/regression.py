"""Mixtures of experts for one or several real responses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import RegressorMixin
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.validation import validate_data

from mixexp.estimation.box import Bounds
from mixexp.estimation.solvers import TemperatureSchedule
from mixexp.estimators import _laws
from mixexp.estimators._base import MoEBase
from mixexp.estimators._docs import documented
from mixexp.models import Gaussian, MultivariateGaussian
from mixexp.models.covariances import Covariance, Full
from mixexp.models.distribution import MixtureDistribution
from mixexp.models.experts import Expert
from mixexp.models.gates import Gate
from mixexp.models.multivariate import MultivariateMixtureDistribution

Array = NDArray[np.float64]


@documented(
    variance=('{"expert", "shared"}', "One variance for each expert, or one for all."),
    covariance=(
        "Covariance",
        """
        Structure of Σ_k for several responses: :class:`~mixexp.models.covariances.Full` (the
        default, shared with ``variance="shared"``), ``Diagonal``, ``Isotropic`` or
        ``BlockDiagonal``. A single response has its ``variance``.
        """,
    ),
)
class GaussianMoE(RegressorMixin, MoEBase):
    """Gaussian mixture of experts, p(y | x) = Σ_k π_k(x) N(y; b_k + a_kᵀ φ(x), σ_k²).

    Responses y (n, D), D > 1, have the experts N_D(y; b_k + A_k φ(x), Σ_k).

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
        or all zero, unknown columns, or a covariance that does not fit the number of responses;
        from the other methods, for another number of responses than in ``fit``.

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

    Two responses:

    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> x = rng.uniform(-1.0, 1.0, size=(200, 1))
    >>> y = x * np.where(x > 0.0, 2.0, -1.0) + 0.1 * rng.normal(size=(200, 2))
    >>> both = GaussianMoE(n_experts=2, n_init=2, random_state=0).fit(x, y)
    >>> both.predict(x[:3]).shape, both.params_.expert.covariance.shape
    ((3, 2), (2, 2, 2))
    """

    # Number of columns of y; known from fit on.
    _n_responses: int = 1

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **MoEBase._parameter_constraints,
        "variance": [StrOptions({"expert", "shared"})],
        "covariance": [Covariance, None],
    }

    def __init__(
        self,
        n_experts: int = 2,
        gate: Gate | None = None,
        *,
        degree: int = 1,
        variance: str = "expert",
        covariance: Covariance | None = None,
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
        self.covariance = covariance

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def _expert(self) -> Expert:
        if self._n_responses == 1:
            return Gaussian(degree=self.degree, variance=self.variance)
        structure = Full(self.variance) if self.covariance is None else self.covariance
        return MultivariateGaussian(self._n_responses, structure, self.degree)

    def _validated(self, X: Any, y: Any, reset: bool) -> tuple[Array, Any]:
        shape = y.shape if hasattr(y, "shape") else np.asarray(y).shape
        n_responses = shape[1] if len(shape) == 2 else 1
        if not reset and n_responses != self._n_responses:
            fitted = self._n_responses
            form = f"of shape (n, {fitted})" if fitted > 1 else "that is a 1d array"
            raise ValueError(
                f"y has {n_responses} response(s), but the fit had {fitted}; pass y {form}"
            )
        if n_responses == 1:
            found = super()._validated(X, y, reset)
        else:
            x, response = validate_data(
                self, X, y, reset=reset, multi_output=True, y_numeric=True, **self._checks
            )
            found = x, response.astype(np.float64, copy=False)
        if reset:
            self._n_responses = n_responses
        return found

    def _of_chunk(self, y: NDArray[Any]) -> None:
        self._n_responses = y.shape[1] if y.ndim == 2 else 1

    def predict_dist(self, X: ArrayLike) -> MixtureDistribution | MultivariateMixtureDistribution:
        """The laws p(y | x_i) as one row-wise mixture with ``pdf``, ``cdf``, ``icdf``, ...

        Of several responses, one with ``covariance``, ``marginal``, ``logpdf``, ``sample``, ...
        """
        return self._law(X)

    def predict(self, X: ArrayLike, return_std: bool = False, return_cov: bool = False) -> Any:
        """Conditional mean, shape (n,) or (n, D); with standard deviations or covariances.

        Parameters
        ----------
        X : array of shape (n, n_features)
        return_std : bool
            Also return the standard deviations, of the shape of the mean.
        return_cov : bool
            Also return the covariances of the law, experts' means spread included: (n, D, D).

        Raises
        ------
        ValueError
            If both are asked for.
        """
        if return_std and return_cov:
            raise ValueError(
                "return_std=True and return_cov=True exclude each other; the standard deviations "
                "are the roots of the diagonals of the covariances"
            )
        law = self._law(X)
        if return_std:
            return law.mean(), law.standard_deviation()
        if return_cov:
            several = self._n_responses > 1
            return law.mean(), law.covariance() if several else law.variance()[:, None, None]
        return law.mean()

    def predict_quantile(self, X: ArrayLike, q: ArrayLike = 0.5) -> Array:
        """Quantiles of p(y | x_i): shape (n,) for a number ``q``, (n, len(q)) for several.

        Of several responses, those of the law of each one: (n, D) or (n, D, len(q)).
        """
        law = self._law(X)
        if self._n_responses > 1:
            return _laws.of_each(law, lambda marginal: _laws.quantiles(marginal, q))
        return _laws.quantiles(law, q)

    def predict_interval(self, X: ArrayLike, level: float = 0.9) -> Array:
        """Equal-tailed prediction interval of probability ``level``, shape (n, 2).

        It covers a new response if the fit is the truth; the fit's own error is not in it. Of
        several responses, one for each, (n, D, 2): all of them together are covered less often.
        """
        law = self._law(X)
        if self._n_responses > 1:
            return _laws.of_each(law, lambda marginal: _laws.interval(marginal, level))
        return _laws.interval(law, level)

    def sample(self, X: ArrayLike, n_samples: int | None = None, random_state: Any = None) -> Array:
        """Responses drawn from p(y | x_i): shape (n,) or (n_samples, n); (..., D) of several."""
        return _laws.draw(self._law(X), n_samples, random_state)

    def score(self, X: Any, y: Any = None, sample_weight: ArrayLike | None = None) -> float:
        """Coefficient of determination R² of the mean; 1 is perfect, 0 a constant.

        Of several responses, the average. ``y`` may be left out where a formula finds it in X.
        """
        _, y, sample_weight, _ = self._rows(X, y, sample_weight)
        return float(super().score(X, y, sample_weight))

    def _entropy(self, law: Any) -> Array:
        return law.entropy() if self._n_responses > 1 else super()._entropy(law)
