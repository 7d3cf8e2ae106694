"""Mixtures of experts for classes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, column_or_1d

from mixexp.estimation.box import Bounds
from mixexp.estimation.solvers import TemperatureSchedule
from mixexp.estimators import _laws
from mixexp.estimators._base import MoEBase
from mixexp.estimators._docs import documented
from mixexp.models import Multinomial
from mixexp.models.gates import Gate

Array = NDArray[np.float64]

_OFF = "``None`` is the exact maximum of the likelihood, which classes that separate do not have."


@documented(
    gate_penalty=(
        "float or None",
        f"Ridge on the gate's standardised slopes, in nats: ½ λ Σ_k ‖β_k - mean(β)‖².\n{_OFF}",
    ),
    expert_penalty=(
        "float or None",
        "Ridge on the experts' standardised slopes, in nats, centred over the classes:\n"
        f"½ λ Σ_kj ‖b_kj - mean_j(b_kj)‖². {_OFF}",
    ),
)
class MultinomialMoE(ClassifierMixin, MoEBase):
    """Mixture of multinomial logistic experts, P(y = j | x) = Σ_k π_k(x) P_k(y = j | x).

    Each expert has the class probabilities P_k(y = j | x) = exp(a_kj + b_kjᵀ φ(x)) / Σ_l exp(a_kl +
    b_klᵀ φ(x)). The last class in sorted order is the reference: its coefficients are zero. Fits
    are certified as those of :class:`mixexp.GaussianMoE` are.

    Where some x tells the class for certain, in one expert or in all, the likelihood rises towards
    infinite coefficients, and predictions far from the data become overconfident. A weak ridge
    keeps slopes finite; it costs little elsewhere. Intercepts are free: those of a class that never
    occurs in an expert still grow. ``certificate_.findings`` say where classes
    separate in a fit without one.

    Parameters
    ----------
    {parameters}

    Attributes
    ----------
    classes_ : array (n_classes,)
        The labels, sorted: those of the rows with positive weight.
    {attributes}

    Raises
    ------
    ValueError
        From ``fit``, for fewer than two classes, NaN or infinite input, more experts than rows,
        weights that are negative or all zero, unknown columns, or labels that are real numbers.

    Warns
    -----
    ConvergenceWarning
        If the fit is not certified.

    References
    ----------
    Jordan & Jacobs (1994), Hierarchical mixtures of experts and the EM algorithm, Neural
    Computation 6.
    Nguyen, Akbarian, Nguyen & Ho (2023), A general theory for softmax gating multinomial logistic
    mixture of experts, arXiv 2310.14188.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from mixexp import MultinomialMoE
    >>> X, y = load_iris(return_X_y=True)
    >>> moe = MultinomialMoE(n_experts=2, n_init=2, random_state=0).fit(X, y)
    >>> moe.converged_, moe.score(X, y) > 0.97
    (True, True)
    >>> moe.predict_proba(X[:1]).round(2)
    array([[1., 0., 0.]])
    """

    _numeric: ClassVar[bool] = False

    def __init__(
        self,
        n_experts: int = 2,
        gate: Gate | None = None,
        *,
        degree: int = 1,
        expert_features: Sequence[Any] | None = None,
        gate_features: Sequence[Any] | None = None,
        solver: str = "auto",
        temperature_schedule: TemperatureSchedule | None = None,
        n_init: int = 10,
        min_share: float = 0.05,
        bounds: Mapping[str, Any] | Bounds | None = None,
        gate_penalty: float | None = 0.1,
        expert_penalty: float | None = 0.1,
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

    def _expert(self) -> Multinomial:
        return Multinomial(n_classes=len(self.classes_), degree=self.degree)

    def _learn(self, y: Any) -> None:
        self.classes_, _ = _distinct(y)
        check_classification_targets(y)
        if len(self.classes_) < 2:
            raise ValueError(
                f"y has one class only, {self.classes_.tolist()[0]!r}; give rows (of positive "
                "weight) of at least one other class: there is nothing to tell apart"
            )

    def _coded(self, y: Any, known: Any, used: NDArray[np.bool_]) -> Array:
        return codes(y, self.classes_, used)

    def _code(self) -> Callable[[Any], Array]:
        return partial(codes, classes=self.classes_)

    def predict(self, X: ArrayLike) -> Any:
        """The most probable class, shape (n,); of equally probable ones, the first."""
        best = self._log_proba(X).argmax(axis=1)
        return self.classes_[best]

    def predict_proba(self, X: ArrayLike) -> Array:
        """Probabilities of the classes, shape (n, n_classes), in the order of ``classes_``."""
        proba = np.exp(self.predict_log_proba(X))
        return proba / proba.sum(axis=1, keepdims=True)

    def predict_log_proba(self, X: ArrayLike) -> Array:
        """Logarithms of the probabilities, shape (n, n_classes).

        Probabilities below 2.2e-308, the smallest normal number, count as that: no class is
        impossible under the model. :meth:`score_samples` and :meth:`decision_function` have no
        such limit.
        """
        return np.maximum(self._log_proba(X), np.log(np.finfo(float).tiny))

    def _log_proba(self, X: ArrayLike) -> Array:
        law = self._law(X)
        return np.column_stack([law.logpdf(float(code)) for code in range(len(self.classes_))])

    def decision_function(self, X: ArrayLike) -> Array:
        """Two classes: log odds of ``classes_[1]``, shape (n,). More: centred log probabilities.

        Centred log probabilities, (n, n_classes), are those of a row minus their mean: the logits
        of the predicted law, of which the largest is the predicted class. For two classes that is
        the second one where the log odds are positive.
        """
        log_proba = self._log_proba(X)
        if len(self.classes_) == 2:
            return log_proba[:, 1] - log_proba[:, 0]
        return log_proba - log_proba.mean(axis=1, keepdims=True)

    def score(self, X: Any, y: Any = None, sample_weight: ArrayLike | None = None) -> float:
        """Accuracy, the share of rows (or of their weight) whose class is predicted.

        Raises
        ------
        ValueError
            If ``y`` has a class that the fit has not seen: no prediction can be right there, and
            an accuracy would hide it.
        """
        check_is_fitted(self, "model_")
        _, y, sample_weight, _ = self._rows(X, y, sample_weight)
        self._coded(column_or_1d(y), None, np.ones(len(y), dtype=bool))
        return float(super().score(X, y, sample_weight))

    def predict_expert(self, X: ArrayLike) -> Array:
        """Class probabilities of each expert, P_k(y = j | x_i), shape (n, K, n_classes)."""
        return self._predict_expert(X)

    def sample(self, X: ArrayLike, n_samples: int | None = None, random_state: Any = None) -> Any:
        """Labels drawn from P(y | x_i): shape (n,), or (n_samples, n)."""
        codes = _laws.draw(self._law(X), n_samples, random_state)
        return self.classes_[codes.astype(np.intp)]


def codes(y: Any, classes: Any, used: NDArray[np.bool_] | None = None) -> Array:
    """The position of each label among the classes, (n,); of rows not ``used`` it may be -1.

    Raises
    ------
    ValueError
        If a row in use has another label, which it names.
    """
    labels, positions = _distinct(y)
    # Python's equality: 1, 1.0 and True are one label, 1 and "1" are two.
    known = {label: code for code, label in enumerate(classes.tolist())}
    found = np.array([known.get(label, -1) for label in labels.tolist()], dtype=float)[positions]
    unseen = found < 0.0 if used is None else (found < 0.0) & used
    if unseen.any():
        row = int(np.flatnonzero(unseen)[0])
        raise ValueError(
            f"y has the class {np.asarray(y)[[row]].tolist()[0]!r} in row {row}, which is not "
            f"one of the fitted classes {classes.tolist()}; leave such rows out, or fit "
            "on data that have the class"
        )
    return found


def _distinct(y: Any) -> tuple[Any, NDArray[np.intp]]:
    """The sorted distinct labels, and the position of each row's label among them."""
    try:
        return np.unique(y, return_inverse=True)
    except TypeError as error:
        raise ValueError(
            f"y has class labels that cannot be sorted ({error}); make them all words or all "
            "numbers, and drop rows without a label"
        ) from error
