"""Mixtures of experts for successes out of trials."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import _fit_context

from mixexp.estimators import _inputs, _laws
from mixexp.estimators._docs import documented
from mixexp.estimators._sources import Path
from mixexp.estimators.counts import CountMoE
from mixexp.models import Binomial, MixingMeasure
from mixexp.models.distribution import MixtureDistribution
from mixexp.models.experts._responses import check, check_trials

if TYPE_CHECKING:
    from typing import Self

    from mixexp.inference.results import MoEResults

Array = NDArray[np.float64]

# Proportions are means of one trial, whatever column of trials a formula names.
_ONE_TRIAL = 1.0


@documented()
class BinomialMoE(CountMoE):
    """Binomial mixture of experts, p(y | x) = Σ_k π_k(x) Bin(y; m, s(b_k + a_kᵀ φ(x))).

    s(u) = 1 / (1 + exp(-u)), y are successes and m the trials of the row, 1 by default: then y is 0
    or 1. Fits are certified as those of :class:`mixexp.GaussianMoE` are. It predicts proportions
    and whole laws of counts, and is neither a regressor nor a classifier to scikit-learn; for
    labels that have no trials see :class:`mixexp.MultinomialMoE`.

    Parameters
    ----------
    {parameters}

    Attributes
    ----------
    {attributes}

    Raises
    ------
    ValueError
        From ``fit``, for successes that are negative, not whole or more than the trials, trials
        that are not whole numbers, NaN or infinite input, more experts than rows, weights that are
        negative or all zero, or unknown columns.

    Warns
    -----
    ConvergenceWarning
        If the fit is not certified.

    References
    ----------
    Grün & Leisch (2008), Finite mixtures of generalized linear regression models, in: Recent
    Advances in Linear Models and Related Areas, Springer.

    Examples
    --------
    >>> from mixexp import BinomialMoE
    >>> from mixexp.datasets import load_tribolium
    >>> beetles = load_tribolium()
    >>> X = beetles[["confusum", "madens"]]
    >>> moe = BinomialMoE(n_experts=2, gate_features=[], random_state=0)
    >>> moe = moe.fit(X, beetles["remaining"], trials=beetles["total"])
    >>> moe.predict(X.head(1)).round(3), moe.converged_
    (array([0.47]), True)
    >>> moe.predict_interval(X.head(1), level=0.9, trials=[50])
    array([[13., 31.]])
    """

    def _expert(self) -> Binomial:
        return Binomial(degree=self.degree)

    def _row_known(self, known: Any, n: int) -> Array | None:
        trials = _inputs.of_rows(known, n, "trials")
        if trials is not None:
            check_trials(trials, "trials")
        return trials

    def _coded(self, y: Any, known: Any, used: NDArray[np.bool_]) -> Array:
        trials = self._row_known(known, len(y))
        if trials is None:
            remedy = "pass the number of trials of each row as trials="
            check((y == 0.0) | (y == 1.0), y, "is neither 0 nor 1", remedy)
        else:
            remedy = "y are the successes, trials are successes and failures together"
            check(y <= trials, trials, "is less than the successes in y", remedy, "trials")
        return super()._coded(y, known, used)

    @classmethod
    def from_formula(
        cls,
        formula: str,
        data: Any,
        *,
        trials: Any = None,
        weights: Any = None,
        na_action: str = "raise",
        **settings: Any,
    ) -> Self:
        """An estimator of ``"successes ~ experts | gate"``; see :meth:`GaussianMoE.from_formula`.

        ``trials`` is a column, or an array (n,). A column is also looked for in the data of later
        calls that need it; of an array they know nothing, and trials are 1 where none are passed.
        """
        return cls._from_formula(formula, data, weights, na_action, "trials", trials, settings)

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(
        self,
        X: Any = None,
        y: Any = None,
        sample_weight: ArrayLike | None = None,
        trials: ArrayLike | None = None,
        *,
        checkpoint: Path | None = None,
    ) -> Self:
        """Fit to rows X (n, n_features) and successes y (n,), with weights and trials (n,).

        Arguments may be left out after :meth:`from_formula`, as :meth:`GaussianMoE.fit` says, and
        X may be a source as there: trials are then the second of two columns of its y.
        """
        return self._fit(X, y, sample_weight, trials, checkpoint)

    def results(
        self,
        X: Any = None,
        y: Any = None,
        sample_weight: ArrayLike | None = None,
        *,
        trials: ArrayLike | None = None,
        cov_type: str = "observed",
        groups: ArrayLike | None = None,
        weights: str = "frequency",
        withhold: str = "auto",
    ) -> MoEResults:
        """Standard errors, tests, intervals and a summary; see :meth:`GaussianMoE.results`.

        ``trials`` are the numbers of trials of the fit.
        """
        return self._results(X, y, sample_weight, trials, cov_type, groups, weights, withhold)

    def predict_dist(self, X: ArrayLike, trials: ArrayLike | None = None) -> MixtureDistribution:
        """The laws p(y | x_i) as one row-wise mixture with ``pdf``, ``cdf``, ``icdf``, ..."""
        return self._law(X, trials)

    def predict(self, X: ArrayLike) -> Array:
        """Mean proportion of successes, shape (n,)."""
        return self._law(X, _ONE_TRIAL).mean()

    def predict_quantile(
        self, X: ArrayLike, q: ArrayLike = 0.5, trials: ArrayLike | None = None
    ) -> Array:
        """Quantiles of p(y | x_i): shape (n,) for a number ``q``, (n, len(q)) for several."""
        return _laws.quantiles(self._law(X, trials), q)

    def predict_interval(
        self, X: ArrayLike, level: float = 0.9, trials: ArrayLike | None = None
    ) -> Array:
        """Equal-tailed prediction interval, shape (n, 2), of probability at least ``level``."""
        return _laws.interval(self._law(X, trials), level)

    def predict_expert(self, X: ArrayLike) -> Any:
        """Proportion of successes of each expert, shape (n, K)."""
        return self._predict_expert(X, _ONE_TRIAL)

    def sample(
        self,
        X: ArrayLike,
        n_samples: int | None = None,
        random_state: Any = None,
        trials: ArrayLike | None = None,
    ) -> Array:
        """Numbers of successes drawn from p(y | x_i): shape (n,), or (n_samples, n)."""
        return _laws.draw(self._law(X, trials), n_samples, random_state)

    def responsibilities(
        self, X: ArrayLike, y: ArrayLike | None = None, trials: ArrayLike | None = None
    ) -> Any:
        """Posterior probability of each expert given x_i and y_i, shape (n, K)."""
        return self._responsibilities(X, y, trials)

    def score_samples(
        self, X: ArrayLike, y: ArrayLike | None = None, trials: ArrayLike | None = None
    ) -> Array:
        """Log probability log p(y_i | x_i), shape (n,), nats; minus the entropy without ``y``."""
        return self._score_samples(X, y, trials)

    def score(
        self,
        X: Any,
        y: Any = None,
        sample_weight: ArrayLike | None = None,
        trials: ArrayLike | None = None,
    ) -> float:
        """Mean log-likelihood of a row, nats; larger is better."""
        loglik, n = self._loglik(X, y, sample_weight, trials)
        return loglik / n

    def aic(
        self,
        X: Any = None,
        y: Any = None,
        sample_weight: ArrayLike | None = None,
        trials: ArrayLike | None = None,
    ) -> float:
        """Akaike's criterion -2ℓ + 2 ``n_free_`` on the given data; smaller is better."""
        return self._aic(X, y, sample_weight, trials)

    def bic(
        self,
        X: Any = None,
        y: Any = None,
        sample_weight: ArrayLike | None = None,
        trials: ArrayLike | None = None,
    ) -> float:
        """Schwarz's criterion -2ℓ + ``n_free_`` log n; n is the sum of the weights."""
        return self._bic(X, y, sample_weight, trials)

    def measure_loglik(
        self,
        measure: MixingMeasure,
        X: ArrayLike,
        y: ArrayLike | None = None,
        trials: ArrayLike | None = None,
    ) -> float:
        """Log-likelihood Σ_i log p(y_i | x_i) of any mixing measure under this model, nats."""
        return self._measure_loglik(measure, X, y, trials)
