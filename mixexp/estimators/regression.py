"""Mixtures of experts for a numeric response."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import RegressorMixin, _fit_context
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import validate_data

from mixexp.estimation.box import Bounds
from mixexp.estimation.solvers import SOLVERS
from mixexp.estimators._base import MoEBase
from mixexp.estimators._inputs import draw_seed
from mixexp.models import Gaussian, MixingMeasure, MixtureParams
from mixexp.models.distribution import MixtureDistribution
from mixexp.models.gates import Gate

if TYPE_CHECKING:
    from typing import Self

Array = NDArray[np.float64]


class GaussianMoE(RegressorMixin, MoEBase):
    """Gaussian mixture of experts, p(y | x) = Σ_k π_k(x) N(y; b_k + a_kᵀ φ(x), σ_k²).

    Maximum likelihood from many starts, by EM and trust-region Newton with the exact observed
    information. ``certificate_`` says what is known about the optimum; ``optima_`` lists the others
    that were found. The default answer is the highest certified optimum with no scale on its floor
    and every expert's share at least ``min_share``: the highest likelihood alone selects spikes.

    Parameters
    ----------
    n_experts : int, default=2
        Number of experts K.
    gate : Gate, optional
        The gate; :class:`mixexp.models.Softmax` by default.
    degree : int, default=1
        Total degree of the polynomial mean of each expert.
    variance : {"expert", "shared"}, default="expert"
        One variance for each expert, or one for all.
    expert_features, gate_features : list of str or int, optional
        Columns that the experts and the gate see; all by default. ``[]`` is an intercept only: a
        gate with ``[]`` has constant weights.
    solver : {"auto", "em", "newton", "lbfgs"}, default="auto"
        "auto" makes a few EM steps and goes on with Newton, or with L-BFGS for many parameters.
    n_init : int, default=10
        Starts on the data. They are the highest distinct optima of ``n_init`` starts of each of
        five kinds on a sketch of at most 1024 distinct rows; of larger data, half of them are
        splits of a fit with one expert less.
    min_share : float, default=0.05
        Share of the total weight below which an expert counts as thin.
    bounds : mapping or Bounds, optional
        The compact parameter space, in standard deviations of the data: ``"gate"`` (default 1000),
        ``"expert"`` (1000) and ``"scale"`` (1e-6, 1000).
    gate_penalty, expert_penalty : float, optional
        Ridge on standardised slopes, in nats: ½ λ Σ_k ‖β_k - mean(β)‖² and ½ λ Σ_k ‖a_k‖².
    standardize : bool, default=True
        Whether to fit on standardised columns; results come on the user's scale either way. Without
        it, ``bounds`` and penalties are on the user's scale.
    init : MixingMeasure, MixtureParams, array (n, K) of responsibilities, or a list, optional
        Starts of your own; they come first and count towards ``n_init``.
    tol : float, default=1e-8
        Remaining gain in log-likelihood, in nats, at which a fit stops.
    max_iter : int, default=500
        Steps of the main method for each start.
    warm_start : bool, default=False
        Start from the previous fit as well.
    n_jobs : int, optional
        Threads over blocks of rows; the result does not depend on their number.
    random_state : int, RandomState or None
        Seed of the starts.
    verbose : int, default=0
        1 shows progress over starts, 2 a line for each.

    Attributes
    ----------
    params_ : MixtureParams
        Fitted parameters; the first axis of every array is the expert.
    measure_ : MixingMeasure
        The fitted mixing measure.
    certificate_ : Certificate
        What is known about the optimum.
    converged_ : bool
        Whether the certificate holds.
    optima_ : DataFrame
        Distinct optima with their log-likelihood, certificate, shares, scales and flags;
        :meth:`use_optimum` switches to another.
    loglik_ : float
        Log-likelihood, nats.
    n_free_ : int
        Number of free parameters.
    n_features_in_, feature_names_in_ : as in scikit-learn.

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
        "n_experts": [Interval(Integral, 1, None, closed="left")],
        "gate": [Gate, None],
        "degree": [Interval(Integral, 0, None, closed="left")],
        "variance": [StrOptions({"expert", "shared"})],
        "expert_features": ["array-like", None],
        "gate_features": ["array-like", None],
        "solver": [StrOptions(set(SOLVERS))],
        "n_init": [Interval(Integral, 1, None, closed="left")],
        "min_share": [Interval(Real, 0, 1, closed="both")],
        "bounds": [Mapping, Bounds, None],
        "gate_penalty": [Interval(Real, 0, None, closed="left"), None],
        "expert_penalty": [Interval(Real, 0, None, closed="left"), None],
        "standardize": ["boolean"],
        "init": [MixingMeasure, MixtureParams, "array-like", None],
        "tol": [Interval(Real, 0, None, closed="neither")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "warm_start": ["boolean"],
        "n_jobs": [Integral, None],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
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
        self.n_experts = n_experts
        self.gate = gate
        self.degree = degree
        self.variance = variance
        self.expert_features = expert_features
        self.gate_features = gate_features
        self.solver = solver
        self.n_init = n_init
        self.min_share = min_share
        self.bounds = bounds
        self.gate_penalty = gate_penalty
        self.expert_penalty = expert_penalty
        self.standardize = standardize
        self.init = init
        self.tol = tol
        self.max_iter = max_iter
        self.warm_start = warm_start
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    def _expert(self) -> Gaussian:
        return Gaussian(degree=self.degree, variance=self.variance)

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Fit to rows X (n, n_features) and responses y (n,), with optional weights (n,)."""
        x, response = validate_data(self, X, y, dtype=np.float64, y_numeric=True)
        return self._fit(x, response.astype(np.float64, copy=False), sample_weight)

    def predict_dist(self, X: ArrayLike) -> MixtureDistribution:
        """The laws p(y | x_i) as one row-wise mixture with ``pdf``, ``cdf``, ``icdf``, ..."""
        x = self._check(X)
        return self.model_.distribution(self._centred, x)

    def predict(self, X: ArrayLike, return_std: bool = False) -> Any:
        """Conditional mean, shape (n,); with ``return_std`` also the standard deviation."""
        law = self.predict_dist(X)
        return (law.mean(), law.standard_deviation()) if return_std else law.mean()

    def predict_quantile(self, X: ArrayLike, q: ArrayLike = 0.5) -> Array:
        """Quantiles of p(y | x_i): shape (n,) for a number ``q``, (n, len(q)) for several."""
        law, levels = self.predict_dist(X), np.asarray(q, dtype=float)
        if levels.ndim > 1 or not np.all((levels >= 0.0) & (levels <= 1.0)):
            raise ValueError(f"q={q!r} must be a number in [0, 1] or a list of such numbers")
        if levels.ndim == 0:
            return law.icdf(float(levels))
        return np.column_stack([law.icdf(float(level)) for level in levels])

    def predict_interval(self, X: ArrayLike, level: float = 0.9) -> Array:
        """Equal-tailed prediction interval of probability ``level``, shape (n, 2).

        It covers a new response if the fit is the truth; the fit's own error is not in it.
        """
        return np.column_stack(self.predict_dist(X).interval(level))

    def sample(self, X: ArrayLike, n_samples: int | None = None, random_state: Any = None) -> Array:
        """Responses drawn from p(y | x_i): shape (n,), or (n_samples, n)."""
        if not isinstance(random_state, np.random.Generator | None):
            random_state = draw_seed(random_state)
        return self.predict_dist(X).sample(n_samples, rng=random_state)
