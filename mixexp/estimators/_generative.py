"""What fitted joint laws of covariates and responses can say: predictions, densities, optima."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from mixexp.estimation.certificate import Certificate
from mixexp.estimation.solvers import runs
from mixexp.estimators import _inputs, _laws
from mixexp.estimators._generative_optima import GenerativeOptimum, table
from mixexp.estimators._measures import joint_model
from mixexp.estimators._optima import pick
from mixexp.estimators._versioned import Versioned
from mixexp.models import MixingMeasure
from mixexp.models.gllim import GLLiM, GLLiMParams, Scaling
from mixexp.models.gllim.density import log_joint
from mixexp.models.gllim.forward import Forward
from mixexp.models.gllim.numeric import GridDistribution

if TYPE_CHECKING:
    from typing import Self

    from pandas import DataFrame

Array = NDArray[np.float64]


class GenerativeBase(Versioned, RegressorMixin, BaseEstimator):
    """Predictions of a fitted joint law; subclasses fit it."""

    direction: str
    likelihood: str
    n_free_: int
    model_: GLLiM
    params_: GLLiMParams
    _scaling: Scaling
    _optima: list[GenerativeOptimum]
    _runs: list[runs.Run]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    @property
    def _inverse(self) -> bool:
        return self.direction == "inverse"

    def results(self, *_: Any, **__: Any) -> Any:
        """Not available: standard errors are those of a conditional likelihood.

        Raises
        ------
        NotImplementedError
        """
        raise NotImplementedError(
            f"{type(self).__name__} has no results(): its likelihood is that of x and y together. "
            "GaussianMoE(gate=GaussianGate()) models y given x with such gates, and its results() "
            "have standard errors, tests and the bootstrap"
        )

    def use_optimum(self, index: int) -> Self:
        """Make another row of ``optima_`` the fitted model; 0 is the default answer.

        Raises
        ------
        IndexError
            If there is no such optimum.
        """
        check_is_fitted(self, "model_")
        chosen = pick(self._optima, index)
        self._standard = chosen.standard
        self.params_ = self.model_.rescale(chosen.standard, self._scaling)
        self.joint_loglik_: float = chosen.joint_loglik
        self.loglik_: float = chosen.loglik
        self.certificate_: Certificate = chosen.certificate
        self.converged_: bool = chosen.certificate.holds
        self.n_iter_: int = max(1, chosen.n_iter)
        return self

    @property
    def optima_(self) -> DataFrame:
        """The distinct optima that were found, the default answer first, as a data frame."""
        check_is_fitted(self, "model_")
        return table(self._optima)

    @property
    def starts_(self) -> DataFrame:
        """Every start on all rows: its kind, steps, the value reached, and the row of ``optima_``.

        Values, those of the ``trace`` too, are joint log-likelihoods.
        """
        check_is_fitted(self, "model_")
        return runs.table(self._runs).rename(columns={"loglik": "joint_loglik"})

    @property
    def measure_(self) -> MixingMeasure:
        """The fitted mixing measure Σ_k π_k δ_(c_k, Γ_k, A_k, b_k, Σ_k), as parametrised."""
        check_is_fitted(self, "model_")
        return self.model_.measure(self.params_)

    @property
    def forward_params_(self) -> GLLiMParams:
        """Parameters of p(y | x): the gate's c*, Γ* in x and affine or polynomial experts.

        Raises
        ------
        ValueError
            If the law of y given x has no closed form (``direction="inverse"`` with experts that
            are not affine).
        """
        return self._forward().user_params

    def _forward(self) -> Forward:
        check_is_fitted(self, "model_")
        if self._inverse and not self.model_.affine:
            raise ValueError(
                f"degree={self.model_.degree} or basis= with direction='inverse' leaves p(y | x) "
                "without experts in closed form; use direction='direct', or ask predict_dist"
            )
        return Forward.of(
            self.model_.on_scale(self._scaling), self._standard, self._scaling,
            inverse=self._inverse,
        )  # fmt: skip

    @property
    def _numeric(self) -> bool:
        """Whether p(y | x) has to be normalised numerically."""
        return self._inverse and not self.model_.affine

    def _rows(self, X: ArrayLike) -> Array:
        check_is_fitted(self, "model_")
        return validate_data(self, X, reset=False, dtype=np.float64)

    def _both(self, X: ArrayLike, y: Any, *, reset: bool = False) -> tuple[Array, Array]:
        """X (n, d) and y (n, L) as arrays, checked."""
        x, y = validate_data(
            self, X, y, reset=reset, dtype=np.float64, y_numeric=True, multi_output=True
        )
        y = np.asarray(y, dtype=np.float64)
        if reset:
            self._flat = y.ndim == 1
        y = y.reshape(len(y), -1)
        if not reset and y.shape[1] != self.n_responses_:
            raise ValueError(
                f"y has {y.shape[1]} responses, but the model was fitted to {self.n_responses_}"
            )
        return x, y

    @property
    def n_responses_(self) -> int:
        """Number of responses."""
        check_is_fitted(self, "model_")
        return self.model_.n_inputs if self._inverse else self.model_.n_outputs

    def predict_dist(self, X: ArrayLike) -> Any:
        """The laws p(y | x_i), row by row.

        A mixture of normal laws (of several responses if y has them), or a law tabulated on a grid
        where the model is inverse and not affine.
        """
        return self._law(self._rows(X))

    def _law(self, x: Array) -> Any:
        if not self._numeric:
            return self._forward().distribution(x)
        s = self._scaling
        model = self.model_.on_scale(s)
        return GridDistribution(model, self._standard, ((x - s.v_center) / s.v_scale).T, s)

    def predict(self, X: ArrayLike, return_std: bool = False, return_cov: bool = False) -> Any:
        """E(y | x_i), (n,) or (n, L); also standard deviations, or covariances (n, L, L)."""
        law = self.predict_dist(X)
        mean = self._shaped(law.mean())
        if return_cov:
            single = not hasattr(law, "covariance")
            return mean, law.variance()[:, None, None] if single else law.covariance()
        return (mean, self._shaped(law.standard_deviation())) if return_std else mean

    def _shaped(self, values: Array) -> Array:
        """One response comes back as the user gave it, (n,) or (n, 1)."""
        return values if self.n_responses_ > 1 or self._flat else values[:, None]

    def predict_quantile(self, X: ArrayLike, q: ArrayLike = 0.5) -> Array:
        """Quantiles of p(y | x_i): (n,) for a number ``q``, (n, len(q)) for several.

        Of several responses, those of each one's marginal law: (n, L) or (n, L, len(q)).
        """
        return self._of_laws(X, lambda law: _laws.quantiles(law, q))

    def predict_interval(self, X: ArrayLike, level: float = 0.9) -> Array:
        """Equal-tailed prediction intervals, (n, 2), or (n, L, 2) of each response's marginal.

        They cover a new response if the fit is the truth; the fit's own error is not in them.
        """
        return self._of_laws(X, lambda law: _laws.interval(law, level))

    def _of_laws(self, X: ArrayLike, take: Callable[[Any], Array]) -> Array:
        law = self.predict_dist(X)
        return take(law) if self.n_responses_ == 1 else _laws.of_each(law, take)

    def sample(self, X: ArrayLike, n_samples: int | None = None, random_state: Any = None) -> Array:
        """Responses drawn from p(y | x_i): one at every row, or ``n_samples``."""
        return _laws.draw(self.predict_dist(X), n_samples, random_state)

    def gate_proba(self, X: ArrayLike) -> Array:
        """Mixing weights α_k(x_i) of p(y | x_i), (n, K)."""
        x = self._rows(X)
        if not self._numeric:
            return self._forward().weights(x)
        raise ValueError(
            "the gate of p(y | x) has no closed form for direction='inverse' with experts that are "
            "not affine; use direction='direct'"
        )

    def predict_expert(self, X: ArrayLike) -> Array:
        """Mean of each expert of p(y | x_i), (n, K) or (n, K, L)."""
        found = self._forward().expert_means(self._rows(X))
        return found[:, :, 0] if self.n_responses_ == 1 else found

    def responsibilities(self, X: ArrayLike, y: ArrayLike) -> Array:
        """Posterior probability of each expert given x_i and y_i, (n, K)."""
        x, y = self._both(X, y)
        if not self._numeric:
            return self._forward().posterior(x, y)
        return self._own().posterior(y, x)

    def _own(self) -> Forward:
        """The law in the direction it was parametrised in."""
        return Forward(self.model_.on_scale(self._scaling), self._standard, self._scaling)

    def score_samples(self, X: ArrayLike, y: ArrayLike | None = None) -> Array:
        """Log conditional density log p(y_i | x_i), (n,), nats.

        Without ``y``, what to expect of a new response: minus the entropy of p(y | x_i), which
        for several responses is a Monte Carlo value.
        """
        if y is None:
            from mixexp.models.entropy import entropy

            law = self.predict_dist(X)
            return -(entropy(law) if self.n_responses_ == 1 and not self._numeric
                     else law.entropy())  # fmt: skip
        return self._log_conditional(*self._both(X, y))

    def _log_conditional(self, x: Array, y: Array) -> Array:
        if self._numeric:
            return self._law(x).logpdf(y[:, 0])
        return self._forward().log_prob(x, y)

    def joint_score_samples(self, X: ArrayLike, y: ArrayLike) -> Array:
        """Log joint density log p(x_i, y_i), (n,), nats."""
        x, y = self._both(X, y)
        return self._log_joint(self._standard, x, y)

    def _log_joint(
        self, standard: GLLiMParams, x: Array, y: Array, model: GLLiM | None = None
    ) -> Array:
        s = self._scaling
        model = (model or self.model_).on_scale(s)
        u, v = (y, x) if self._inverse else (x, y)
        rows = max(1, 2_000_000 // (model.n_experts * (model.n_outputs + model.n_inputs)))
        parts = [
            log_joint(
                model, standard, ((u[a : a + rows] - s.u_center) / s.u_scale).T,
                ((v[a : a + rows] - s.v_center) / s.v_scale).T,
            )
            for a in range(0, len(x), rows)
        ]  # fmt: skip
        return np.concatenate(parts) - s.log_volume

    def predict_inverse(self, y: ArrayLike) -> Array:
        """E(x | y_j), (m, d), for responses y (m,) or (m, L): the other regression of the law."""
        check_is_fitted(self, "model_")
        y = np.asarray(y, dtype=float).reshape(len(np.asarray(y)), -1)
        if y.shape[1] != self.n_responses_ or not np.isfinite(y).all():
            raise ValueError(
                f"y of shape {y.shape} must hold {self.n_responses_} finite responses in each row"
            )
        back = self._own() if self._inverse else Forward.of(
            self.model_.on_scale(self._scaling), self._standard, self._scaling, inverse=True
        )  # fmt: skip
        return np.einsum("ik,ikd->id", back.weights(y), back.expert_means(y))

    def measure_loglik(self, measure: MixingMeasure, X: ArrayLike, y: ArrayLike) -> float:
        """Joint log-likelihood Σ_i log p(x_i, y_i) of a mixing measure on data, nats.

        The measure has the blocks of ``measure_`` and any number of atoms. Its covariances are
        taken as they are, whatever structure or factors the fit had.
        """
        x, y = self._both(X, y)
        model = joint_model(self.model_, measure.n_atoms)
        standard = model.rescale(model.from_measure(measure), self._scaling.inverse())
        return float(self._log_joint(standard, x, y, model).sum())

    def aic(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """Akaike's criterion -2ℓ + 2 dim; smaller is better.

        ℓ is the joint log-likelihood and dim ``n_parameters_``, or the conditional one and
        ``n_free_`` after a fit by the conditional likelihood.
        """
        loglik, _ = self._loglik(X, y, sample_weight)
        return -2.0 * loglik + 2.0 * self._dimension

    def bic(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """Schwarz's criterion -2ℓ + dim log n, with ℓ and dim as in :meth:`aic`."""
        loglik, n = self._loglik(X, y, sample_weight)
        return -2.0 * loglik + self._dimension * float(np.log(n))

    @property
    def _dimension(self) -> int:
        return self.n_free_ if self.likelihood == "conditional" else self.n_parameters_

    def _loglik(self, X: ArrayLike, y: ArrayLike, sample_weight: Any) -> tuple[float, float]:
        conditional = self.likelihood == "conditional"
        each = self.score_samples(X, y) if conditional else self.joint_score_samples(X, y)
        weight = _inputs.check_weights(sample_weight, np.empty((len(each), 1)))
        if weight is None:
            return float(each.sum()), float(len(each))
        return float(weight @ each), float(weight.sum())

    @property
    def n_parameters_(self) -> int:
        """Dimension of the joint model."""
        check_is_fitted(self, "model_")
        return self.model_.n_parameters
