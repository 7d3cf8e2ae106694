"""What all estimators of mixtures of experts share: fitting, optima, criteria."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted, validate_data

from mixexp.estimation.box import Bounds
from mixexp.estimation.certificate import Certificate
from mixexp.estimation.fit import Options, fit
from mixexp.estimators import _inputs
from mixexp.estimators._optima import FittedOptimum, table
from mixexp.estimators._output import Container, as_container
from mixexp.estimators._progress import Progress
from mixexp.models import MixingMeasure, MixtureOfExperts, MixtureParams
from mixexp.models.entropy import entropy
from mixexp.models.experts import Expert
from mixexp.models.gates import Gate, Softmax

if TYPE_CHECKING:
    from typing import Self

    from pandas import DataFrame

Array = NDArray[np.float64]


class MoEBase(BaseEstimator, ABC):
    """Fits by maximum likelihood and keeps the distinct optima; subclasses name the expert."""

    @abstractmethod
    def _expert(self) -> Expert:
        """The family of experts this estimator fits."""

    def _build(self, n_columns: int) -> MixtureOfExperts:
        """The model for X with this many columns."""
        names = getattr(self, "feature_names_in_", None)
        gate: Gate = Softmax() if self.gate is None else self.gate
        select = _inputs.select_columns
        return MixtureOfExperts(
            gate,
            self._expert(),
            self.n_experts,
            n_columns,
            select(self.gate_features, names, n_columns, "gate_features"),
            select(self.expert_features, names, n_columns, "expert_features"),
        )

    def _options(self) -> Options:
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
            seed=_inputs.draw_seed(self.random_state),
        )

    def _fit(self, x: Array, y: Array, sample_weight: ArrayLike | None) -> Self:
        weight = _inputs.check_weights(sample_weight, x)
        n = len(x) if weight is None else int(np.count_nonzero(weight))
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
            keep = weight > 0.0
            starts = [s if isinstance(s, MixtureParams) else s[keep] for s in starts]
            x, y, weight = x[keep], y[keep], weight[keep]
        columns = getattr(self, "feature_names_in_", None)
        with Progress(self.verbose) as progress:
            fitted = fit(
                model, x, y, weight, options=self._options(), given=starts,
                columns=None if columns is None else list(columns), report=progress,
            )  # fmt: skip
        self.model_ = model
        self._affine = fitted.objective.data.affine
        self.n_free_ = model.layout.n_free
        self._optima = [FittedOptimum.build(fitted, o) for o in fitted.optima]
        self.use_optimum(0)
        if not self.converged_:
            self._warn()
        return self

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
        if not 0 <= index < len(self._optima):
            raise IndexError(
                f"index={index}: the fit found {len(self._optima)} distinct optima, 0 to "
                f"{len(self._optima) - 1}"
            )
        chosen = self._optima[index]
        self.params_: MixtureParams = chosen.params
        self._centred = chosen.centred
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
        return self._standardized(validate_data(self, X, reset=False, dtype=np.float64))

    def _check_both(self, X: ArrayLike, y: ArrayLike) -> tuple[Array, Array]:
        check_is_fitted(self, "model_")
        x, response = validate_data(self, X, y, reset=False, dtype=np.float64, y_numeric=True)
        return self._standardized(x), response

    def _standardized(self, x: Array) -> Array:
        return (x - self._affine.x_center) / self._affine.x_scale

    def _experts_frame(self, values: Array, X: Any) -> Any:
        container = getattr(self, "_sklearn_output_config", {}).get("transform", "default")
        return as_container(values, container, X.index if hasattr(X, "iloc") else None)

    def gate_proba(self, X: ArrayLike) -> Any:
        """Mixing weights π_k(x_i), shape (n, K)."""
        x = self._check(X)
        return self._experts_frame(self.model_.weights(self._centred, x), X)

    def responsibilities(self, X: ArrayLike, y: ArrayLike) -> Any:
        """Posterior probability of each expert given x_i and y_i, shape (n, K)."""
        x, response = self._check_both(X, y)
        return self._experts_frame(self.model_.posterior(self._centred, x, response), X)

    def predict_expert(self, X: ArrayLike) -> Any:
        """Mean of each expert, E_k(y | x_i), shape (n, K)."""
        x = self._check(X)
        return self._experts_frame(self.model_.expert_means(self._centred, x), X)

    def score_samples(self, X: ArrayLike, y: ArrayLike | None = None) -> Array:
        """Log conditional density log p(y_i | x_i), shape (n,), nats.

        Without ``y``, what to expect of a new response: E log p(Y | x_i) under the fitted law,
        minus its conditional entropy.
        """
        if y is None:
            x = self._check(X)
            return -entropy(self.model_.distribution(self._centred, x))
        x, response = self._check_both(X, y)
        return self.model_.log_prob(self._centred, x, response)

    def _loglik(
        self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None
    ) -> tuple[float, float]:
        """Log-likelihood of the given data and their total weight."""
        x, response = self._check_both(X, y)
        each = self.model_.log_prob(self._centred, x, response)
        weight = _inputs.check_weights(sample_weight, x)
        if weight is None:
            return float(each.sum()), float(len(each))
        return float(weight @ each), float(weight.sum())

    def aic(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """Akaike's criterion -2ℓ + 2 ``n_free_`` on the given data; smaller is better."""
        loglik, _ = self._loglik(X, y, sample_weight)
        return -2.0 * loglik + 2.0 * self.n_free_

    def bic(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """Schwarz's criterion -2ℓ + ``n_free_`` log n; n is the sum of the weights."""
        loglik, n = self._loglik(X, y, sample_weight)
        return -2.0 * loglik + self.n_free_ * float(np.log(n))
