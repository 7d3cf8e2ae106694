"""Mixtures of experts for counts of events, with exposures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import RegressorMixin, _fit_context
from sklearn.utils import Tags

from mixexp.estimation.box import Bounds
from mixexp.estimation.solvers import TemperatureSchedule
from mixexp.estimators import _inputs, _laws
from mixexp.estimators._base import MoEBase
from mixexp.estimators._docs import documented
from mixexp.estimators._sources import Path
from mixexp.models import MixingMeasure, Poisson
from mixexp.models.distribution import MixtureDistribution
from mixexp.models.experts._responses import check_exposure
from mixexp.models.gates import Gate

if TYPE_CHECKING:
    from typing import Self

    from mixexp.inference.results import MoEResults

Array = NDArray[np.float64]


class CountMoE(MoEBase):
    """What estimators of counts share: responses come with a number that is known beside x."""

    def _coded(self, y: Any, known: Any, used: NDArray[np.bool_]) -> Array:
        of_rows = self._row_known(known, len(y))
        response = y if of_rows is None else np.column_stack([y, of_rows])
        # Here the rows still have the user's numbers, so that a message can name one.
        self._expert().encode(response)
        return response

    def _of_chunk(self, y: NDArray[Any]) -> None:
        if y.ndim == 2 and y.shape[1] > 2:
            raise ValueError(
                f"y of the source has {y.shape[1]} columns; it has one of counts, and a second one "
                "of exposures or trials where they are not 1"
            )

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.positive_only = True
        tags.target_tags.required = True
        return tags


@documented(
    integer=(
        "bool",
        """
        Whether a response that is not a whole number is refused. With False any y ≥ 0 is taken, and
        the fit maximises a quasi-likelihood: means are meaningful, ``loglik_`` and the predictive
        law less so.
        """,
    ),
)
class PoissonMoE(RegressorMixin, CountMoE):
    """Poisson mixture of experts, p(y | x) = Σ_k π_k(x) Poisson(y; e exp(b_k + a_kᵀ φ(x))).

    e is the exposure of the row: time, area or population that the count refers to, 1 by default.
    The mixture is overdispersed: its variance exceeds its mean. Fits are certified as those of
    :class:`mixexp.GaussianMoE` are.

    Parameters
    ----------
    {parameters}

    Attributes
    ----------
    {attributes}

    Raises
    ------
    ValueError
        From ``fit``, for counts that are negative or (if ``integer``) not whole, exposures that are
        not positive, NaN or infinite input, more experts than rows, weights that are negative or
        all zero, or unknown columns.

    Warns
    -----
    ConvergenceWarning
        If the fit is not certified.

    References
    ----------
    Wang, Puterman, Cockburn & Le (1996), Mixed Poisson regression models with covariate dependent
    rates, Biometrics 52.

    Examples
    --------
    >>> from mixexp import PoissonMoE
    >>> from mixexp.datasets import load_npreg
    >>> npreg = load_npreg()
    >>> moe = PoissonMoE(n_experts=2, random_state=0).fit(npreg[["x"]], npreg["yp"])
    >>> round(moe.loglik_, 4), moe.converged_
    (-440.5513, True)
    >>> moe.predict(npreg[["x"]].head(2), exposure=[1.0, 10.0]).round(1)
    array([ 3.9, 45.5])
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **MoEBase._parameter_constraints,
        "integer": ["boolean"],
    }

    def __init__(
        self,
        n_experts: int = 2,
        gate: Gate | None = None,
        *,
        degree: int = 1,
        integer: bool = True,
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
        self.integer = integer

    def _expert(self) -> Poisson:
        return Poisson(degree=self.degree, integer=self.integer)

    def _row_known(self, known: Any, n: int) -> Array | None:
        exposure = _inputs.of_rows(known, n, "exposure")
        if exposure is not None:
            check_exposure(exposure, "exposure")
        return exposure

    @classmethod
    def from_formula(
        cls,
        formula: str,
        data: Any,
        *,
        exposure: Any = None,
        weights: Any = None,
        na_action: str = "raise",
        **settings: Any,
    ) -> Self:
        """An estimator of ``"y ~ experts | gate"``; see :meth:`GaussianMoE.from_formula`.

        ``exposure`` is a column, or an array (n,). A column is also looked for in the data of
        predictions; of an array they know nothing, and exposures are 1 where none are passed.
        """
        return cls._from_formula(formula, data, weights, na_action, "exposure", exposure, settings)

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(
        self,
        X: Any = None,
        y: Any = None,
        sample_weight: ArrayLike | None = None,
        exposure: ArrayLike | None = None,
        *,
        checkpoint: Path | None = None,
    ) -> Self:
        """Fit to rows X (n, n_features) and counts y (n,), with weights and exposures (n,).

        Arguments may be left out after :meth:`from_formula`, as :meth:`GaussianMoE.fit` says, and
        X may be a source as there: exposures are then the second of two columns of its y.
        """
        return self._fit(X, y, sample_weight, exposure, checkpoint)

    def results(
        self,
        X: Any = None,
        y: Any = None,
        sample_weight: ArrayLike | None = None,
        *,
        exposure: ArrayLike | None = None,
        cov_type: str = "observed",
        groups: ArrayLike | None = None,
        weights: str = "frequency",
        withhold: str = "auto",
    ) -> MoEResults:
        """Standard errors, tests, intervals and a summary; see :meth:`GaussianMoE.results`.

        ``exposure`` are the exposures of the fit.
        """
        return self._results(X, y, sample_weight, exposure, cov_type, groups, weights, withhold)

    def predict_dist(self, X: ArrayLike, exposure: ArrayLike | None = None) -> MixtureDistribution:
        """The laws p(y | x_i) as one row-wise mixture with ``pdf``, ``cdf``, ``icdf``, ..."""
        return self._law(X, exposure)

    def predict(
        self, X: ArrayLike, exposure: ArrayLike | None = None, *, return_std: bool = False
    ) -> Any:
        """Mean count, shape (n,); with ``return_std`` also the standard deviation."""
        law = self._law(X, exposure)
        return (law.mean(), law.standard_deviation()) if return_std else law.mean()

    def predict_quantile(
        self, X: ArrayLike, q: ArrayLike = 0.5, exposure: ArrayLike | None = None
    ) -> Array:
        """Quantiles of p(y | x_i): shape (n,) for a number ``q``, (n, len(q)) for several."""
        return _laws.quantiles(self._law(X, exposure), q)

    def predict_interval(
        self, X: ArrayLike, level: float = 0.9, exposure: ArrayLike | None = None
    ) -> Array:
        """Equal-tailed prediction interval, shape (n, 2), of probability at least ``level``."""
        return _laws.interval(self._law(X, exposure), level)

    def predict_expert(self, X: ArrayLike, exposure: ArrayLike | None = None) -> Any:
        """Mean count of each expert, shape (n, K)."""
        return self._predict_expert(X, exposure)

    def sample(
        self,
        X: ArrayLike,
        n_samples: int | None = None,
        random_state: Any = None,
        exposure: ArrayLike | None = None,
    ) -> Array:
        """Counts drawn from p(y | x_i): shape (n,), or (n_samples, n)."""
        return _laws.draw(self._law(X, exposure), n_samples, random_state)

    def responsibilities(
        self, X: ArrayLike, y: ArrayLike | None = None, exposure: ArrayLike | None = None
    ) -> Any:
        """Posterior probability of each expert given x_i and y_i, shape (n, K)."""
        return self._responsibilities(X, y, exposure)

    def score_samples(
        self, X: ArrayLike, y: ArrayLike | None = None, exposure: ArrayLike | None = None
    ) -> Array:
        """Log probability log p(y_i | x_i), shape (n,), nats; minus the entropy without ``y``."""
        return self._score_samples(X, y, exposure)

    def score(
        self,
        X: Any,
        y: Any = None,
        sample_weight: ArrayLike | None = None,
        exposure: ArrayLike | None = None,
    ) -> float:
        """Coefficient of determination R² of the mean counts; 1 is perfect, 0 a constant."""
        from sklearn.metrics import r2_score

        _, y, sample_weight, exposure = self._rows(X, y, sample_weight, exposure)
        return r2_score(y, self.predict(X, exposure), sample_weight=sample_weight)

    def aic(
        self,
        X: Any = None,
        y: Any = None,
        sample_weight: ArrayLike | None = None,
        exposure: ArrayLike | None = None,
    ) -> float:
        """Akaike's criterion -2ℓ + 2 ``n_free_`` on the given data; smaller is better."""
        return self._aic(X, y, sample_weight, exposure)

    def bic(
        self,
        X: Any = None,
        y: Any = None,
        sample_weight: ArrayLike | None = None,
        exposure: ArrayLike | None = None,
    ) -> float:
        """Schwarz's criterion -2ℓ + ``n_free_`` log n; n is the sum of the weights."""
        return self._bic(X, y, sample_weight, exposure)

    def measure_loglik(
        self,
        measure: MixingMeasure,
        X: ArrayLike,
        y: ArrayLike | None = None,
        exposure: ArrayLike | None = None,
    ) -> float:
        """Log-likelihood Σ_i log p(y_i | x_i) of any mixing measure under this model, nats."""
        return self._measure_loglik(measure, X, y, exposure)
