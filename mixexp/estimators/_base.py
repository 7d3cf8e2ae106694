"""What all estimators of mixtures of experts share: fitting, optima, criteria."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import _fit_context
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted, validate_data

from mixexp.estimation.box import Bounds
from mixexp.estimation.certificate import Certificate
from mixexp.estimation.fit import Fit, Options
from mixexp.estimation.solvers import runs
from mixexp.estimators import _inputs
from mixexp.estimators._callbacks import CallbackSupportMixin, Monitor, Problem, Rows
from mixexp.estimators._formula import FormulaMixin
from mixexp.estimators._measures import conditional_model
from mixexp.estimators._optima import FittedOptimum, pick, table
from mixexp.estimators._output import Container, as_container
from mixexp.estimators._parameters import MoEParameters
from mixexp.estimators._progress import Progress
from mixexp.estimators._results import WithResults
from mixexp.estimators._sources import Path, SourceMixin, refuse_source, source_of
from mixexp.estimators._versioned import Versioned
from mixexp.models import MixingMeasure, MixtureOfExperts, MixtureParams
from mixexp.models.entropy import entropy
from mixexp.models.experts import Expert
from mixexp.models.gates import Gate, Softmax

if TYPE_CHECKING:
    from typing import Self

    from pandas import DataFrame

Array = NDArray[np.float64]


class MoEBase(
    Versioned, CallbackSupportMixin, FormulaMixin, SourceMixin, WithResults, MoEParameters, ABC
):
    """Fits by maximum likelihood and keeps the distinct optima; subclasses name the expert.

    Some families know a number about each row beside x, an exposure or a number of trials. The
    methods with an underscore take it as ``known``; subclasses offer it under its own name.
    """

    # Whether responses are numbers.
    _numeric: ClassVar[bool] = True

    @abstractmethod
    def _expert(self) -> Expert:
        """The family of experts this estimator fits."""

    def _learn(self, y: Any) -> None:
        """Take from the responses that carry weight what the family of experts depends on."""

    def _coded(self, y: Any, known: Any, used: NDArray[np.bool_]) -> Array:
        """Responses as the experts read them, row by row; rows not ``used`` may be anything."""
        return y

    def _build(self, n_columns: int) -> MixtureOfExperts:
        """The model for X with this many columns."""
        gate: Gate = Softmax() if self.gate is None else self.gate
        of_gate, of_experts = self._features(n_columns)
        return MixtureOfExperts(
            gate, self._expert(), self.n_experts, n_columns, of_gate, of_experts
        )

    def _features(self, n_columns: int) -> tuple[tuple[int, ...] | None, tuple[int, ...] | None]:
        """Columns that the gate and the experts see; None is all of them."""
        if self.formula_ is not None:
            return self.formula_.positions
        names, select = getattr(self, "feature_names_in_", None), _inputs.select_columns
        return (
            select(self.gate_features, names, n_columns, "gate_features"),
            select(self.expert_features, names, n_columns, "expert_features"),
        )

    def _options(self) -> Options:
        """How to fit, but for the seed: reading this does not move a random state."""
        return Options(
            solver=self.solver,
            n_init=self.n_init,
            bounds=Bounds.parse(self.bounds),
            min_share=self.min_share,
            tol=self.tol,
            max_iter=self.max_iter,
            gate_penalty=self.gate_penalty,
            expert_penalty=self.expert_penalty,
            standardize=self.standardize,
            n_threads=_inputs.n_threads(self.n_jobs),
            schedule=self.temperature_schedule,
        )

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(
        self,
        X: Any = None,
        y: Any = None,
        sample_weight: ArrayLike | None = None,
        *,
        checkpoint: Path | None = None,
    ) -> Self:
        """Fit to rows X (n, n_features) and responses y (n,), with optional weights (n,).

        For data larger than memory, X is a source, such as :func:`mixexp.scan_parquet` makes, which
        has responses and weights of its own. With ``checkpoint``, a path, every pass over a source
        is noted in that file when it ends; a fit that was interrupted goes on from it if it is
        called again with the same settings.

        An estimator made by :meth:`from_formula` fits its own data without arguments, or learns
        its formula again from a data frame X; responses are taken from it where y is left out.

        Callbacks of scikit-learn (1.9 and later; ``set_callbacks``) hear of every start when it has
        ended, and those that score get the best fit so far; a callback that returns True there ends
        the search, and this fit is certified.
        """
        return self._fit(X, y, sample_weight, checkpoint=checkpoint)

    def _fit_rows(self, X: Any, y: Any, sample_weight: Any, known: Any) -> None:
        given = self._bind(X, y, sample_weight, known)
        X, y, sample_weight, known = given
        x, y = self._read(X, y, reset=True)
        weight = _inputs.check_weights(sample_weight, x)
        used = np.ones(len(x), dtype=bool) if weight is None else weight > 0.0
        self._learn(y[used])
        y = self._coded(y, known, used)
        n = int(np.count_nonzero(used))
        if self.n_experts > n:
            raise ValueError(
                f"n_experts={self.n_experts} is larger than n_samples={n} (rows of positive "
                "weight); fit fewer experts"
            )
        model = self._build(x.shape[1])
        starts = _inputs.as_starts(self.init, model, x)
        if self.warm_start and _inputs.fits(getattr(self, "params_", None), model):
            starts = [self.params_, *starts]
        if weight is not None and n < len(x):
            starts = [s if isinstance(s, MixtureParams) else s[used] for s in starts]
            x, y, weight = x[used], y[used], weight[used]
        columns = getattr(self, "feature_names_in_", None)
        options = replace(self._options(), seed=_inputs.draw_seed(self.random_state))
        problem = Problem(model, Rows(x, y, weight), options)
        monitor = Monitor(self, given, problem, len(starts))
        with Progress(self.verbose) as progress:
            fitted = monitor.search(starts, None if columns is None else list(columns), progress)
        if hasattr(self, "_passes"):
            # Those of an earlier fit to a source.
            del self._passes
        self._keep(model, fitted)
        monitor.end()

    def _keep(self, model: MixtureOfExperts, fitted: Fit) -> None:
        """Take over what a fit has found; the first of its optima is the fitted model."""
        self.model_ = model
        self._affine = fitted.objective.data.affine
        # Predictions are made on the standardised columns, in which powers do not cancel.
        self._scaled = fitted.objective.model
        self.n_free_ = fitted.objective.layout.n_free
        self._optima = [FittedOptimum.build(fitted, o) for o in fitted.optima]
        self._runs = fitted.runs
        self.use_optimum(0)

    def _warn(self) -> None:
        certificate = self.certificate_
        gain = "unknown" if certificate is None else f"{certificate.remaining_gain:.2g} nats"
        warnings.warn(
            f"the fit is not a certified optimum (remaining gain: {gain}). Raise max_iter or "
            "n_init, use solver='auto', or regularise with gate_penalty= or tighter bounds=; "
            "certificate_.summary() says more.",
            ConvergenceWarning,
            stacklevel=5,
        )

    def use_optimum(self, index: int) -> Self:
        """Make another row of ``optima_`` the fitted model.

        Parameters
        ----------
        index : int
            Position in ``optima_``; 0 is the default answer.

        Returns
        -------
        self

        Raises
        ------
        IndexError
            If there is no such optimum.
        """
        check_is_fitted(self, "model_")
        chosen = pick(self._optima, index)
        self.params_: MixtureParams = chosen.params
        self._centred = chosen.centred
        self._theta = chosen.theta
        self.loglik_: float = chosen.loglik
        self.certificate_: Certificate | None = chosen.certificate
        self.converged_: bool = chosen.certificate is not None and chosen.certificate.holds
        self.n_iter_: int = max(1, chosen.n_iter)
        return self

    @property
    def optima_(self) -> DataFrame:
        """The distinct optima that were found, the default answer first, as a data frame."""
        check_is_fitted(self, "model_")
        return table(self._optima)

    @property
    def starts_(self) -> DataFrame:
        """Every start of the fit: its kind, steps, the value reached, and the row of ``optima_``.

        A start on the ``"sketch"`` of the rows that was not continued has the optimum -1. The
        ``trace`` is what was climbed, penalties included, before the first step and after each one.
        """
        check_is_fitted(self, "model_")
        return runs.table(self._runs)

    @property
    def measure_(self) -> MixingMeasure:
        """The fitted mixing measure, weights normalised to one."""
        check_is_fitted(self, "model_")
        return self.model_.measure(self.params_)

    def set_output(self, *, transform: Container | None = None) -> Self:
        """Choose what (n, K) results come in: ``"default"`` (arrays), ``"pandas"``, ``"polars"``.

        Applies to :meth:`gate_proba`, :meth:`responsibilities` and :meth:`predict_expert`, whose
        columns are named ``expert0``, ``expert1``, ...
        """
        if transform is not None:
            if transform not in ("default", "pandas", "polars"):
                raise ValueError(f"transform={transform!r} is not 'default', 'pandas' or 'polars'")
            # The name under which scikit-learn's clone keeps it.
            self._sklearn_output_config = {"transform": transform}
        return self

    def _check(self, X: ArrayLike) -> Array:
        """Columns as the fit standardised them, in which ``_centred`` is the fitted law."""
        check_is_fitted(self, "model_")
        refuse_source(X)
        x = validate_data(self, self._design(X), reset=False, **self._checks)
        return self._standardized(x)

    def _check_both(self, X: ArrayLike, y: Any, known: Any) -> tuple[Array, Array]:
        check_is_fitted(self, "model_")
        x, y = self._read(X, y, reset=False)
        return self._standardized(x), self._coded(y, known, np.ones(len(x), dtype=bool))

    def _read(self, X: Any, y: Any, reset: bool) -> tuple[Array, Any]:
        """X and y as arrays, through the formula if there is one."""
        refuse_source(X)
        return self._validated(self._design(X), self._response(X, y), reset)

    def _validated(self, X: Any, y: Any, reset: bool) -> tuple[Array, Any]:
        """X and y as arrays, checked as scikit-learn does."""
        x, y = validate_data(self, X, y, reset=reset, y_numeric=self._numeric, **self._checks)
        return x, y.astype(np.float64, copy=False) if self._numeric else y

    @property
    def _checks(self) -> dict[str, Any]:
        # A formula may leave no column: a mixture without covariates.
        return {"dtype": np.float64, "ensure_min_features": int(self.formula_ is None)}

    def _standardized(self, x: Array) -> Array:
        return (x - self._affine.x_center) / self._affine.x_scale

    def _experts_frame(self, values: Array, X: Any) -> Any:
        container = getattr(self, "_sklearn_output_config", {}).get("transform", "default")
        return as_container(values, container, X.index if hasattr(X, "iloc") else None)

    def gate_proba(self, X: ArrayLike) -> Any:
        """Mixing weights π_k(x_i), shape (n, K)."""
        x = self._check(X)
        return self._experts_frame(self._scaled.weights(self._centred, x), X)

    def responsibilities(self, X: ArrayLike, y: ArrayLike | None = None) -> Any:
        """Posterior probability of each expert given x_i and y_i, shape (n, K).

        ``y`` may be left out where a formula finds it in X.
        """
        return self._responsibilities(X, y)

    def predict_expert(self, X: ArrayLike) -> Any:
        """Mean of each expert, E_k(y | x_i), shape (n, K)."""
        return self._predict_expert(X)

    def score_samples(self, X: ArrayLike, y: ArrayLike | None = None) -> Array:
        """Log conditional density log p(y_i | x_i), shape (n,), nats.

        Without ``y``, what to expect of a new response: E log p(Y | x_i) under the fitted law,
        minus its conditional entropy.
        """
        return self._score_samples(X, y)

    def aic(self, X: Any = None, y: Any = None, sample_weight: ArrayLike | None = None) -> float:
        """Akaike's criterion -2ℓ + 2 ``n_free_`` on the given data; smaller is better.

        Without arguments, on the data of a formula.
        """
        return self._aic(X, y, sample_weight)

    def bic(self, X: Any = None, y: Any = None, sample_weight: ArrayLike | None = None) -> float:
        """Schwarz's criterion -2ℓ + ``n_free_`` log n; n is the sum of the weights.

        Without arguments, on the data of a formula.
        """
        return self._bic(X, y, sample_weight)

    def _law(self, X: ArrayLike, known: Any = None) -> Any:
        x = self._check(X)
        known = self._row_known(self._known(X, known), len(x))
        return self._scaled.distribution(self._centred, x, known)

    def _row_known(self, known: Any, n: int) -> Array | None:
        """``known`` of n rows as an array, checked; None stands for ones."""
        return None

    def _responsibilities(self, X: ArrayLike, y: Any, known: Any = None) -> Any:
        x, response = self._check_both(X, y, self._known(X, known))
        return self._experts_frame(self._scaled.posterior(self._centred, x, response), X)

    def _predict_expert(self, X: ArrayLike, known: Any = None) -> Any:
        x = self._check(X)
        known = self._row_known(self._known(X, known), len(x))
        return self._experts_frame(self._scaled.expert_means(self._centred, x, known), X)

    def _score_samples(self, X: ArrayLike, y: Any, known: Any = None) -> Array:
        if y is None:
            return -self._entropy(self._law(X, known))
        x, response = self._check_both(X, y, self._known(X, known))
        return self._scaled.log_prob(self._centred, x, response)

    def _entropy(self, law: Any) -> Array:
        return entropy(law)

    def measure_loglik(
        self, measure: MixingMeasure, X: ArrayLike, y: ArrayLike | None = None
    ) -> float:
        """Log-likelihood Σ_i log p(y_i | x_i) of any mixing measure of this family, nats.

        Parameters
        ----------
        measure : MixingMeasure
            Of the blocks of ``measure_``, on the user's scale, with any number of atoms: what is
            left of a fit when atoms are merged, or a truth. Its variances and covariances are taken
            as they are, whatever structure the fit had. A block ``gate_log_weight`` (K,) stands in
            for weights that are too small to be numbers.
        X : array of shape (n, n_features)
        y : array of shape (n,) or as ``fit`` takes it

        Raises
        ------
        ValueError
            If the measure lacks a block of the model, or the gate cannot serve its atoms.
        """
        return self._measure_loglik(measure, X, y)

    def _measure_loglik(
        self, measure: MixingMeasure, X: ArrayLike, y: Any, known: Any = None
    ) -> float:
        check_is_fitted(self, "model_")
        x, y = self._read(X, y, reset=False)
        known = self._known(X, known)
        response = self._coded(y, known, np.ones(len(x), dtype=bool))
        model, params = conditional_model(self.model_, measure)
        return float(model.log_prob(params, x, response).sum())

    def _loglik(
        self, X: Any, y: Any, sample_weight: ArrayLike | None, known: Any = None
    ) -> tuple[float, float]:
        """Log-likelihood of the given data and their total weight."""
        check_is_fitted(self, "model_")
        source = source_of(X, y, sample_weight, known, self._bound)
        if source is not None:
            return self._source_loglik(source)
        X, y, sample_weight, known = self._rows(X, y, sample_weight, known)
        x, response = self._check_both(X, y, known)
        each = self._scaled.log_prob(self._centred, x, response)
        weight = _inputs.check_weights(sample_weight, x)
        if weight is None:
            return float(each.sum()), float(len(each))
        return float(weight @ each), float(weight.sum())

    def _aic(self, X: ArrayLike, y: Any, sample_weight: Any, known: Any = None) -> float:
        loglik, _ = self._loglik(X, y, sample_weight, known)
        return -2.0 * loglik + 2.0 * self.n_free_

    def _bic(self, X: ArrayLike, y: Any, sample_weight: Any, known: Any = None) -> float:
        loglik, n = self._loglik(X, y, sample_weight, known)
        return -2.0 * loglik + self.n_free_ * float(np.log(n))
