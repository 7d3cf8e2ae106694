"""Gaussian-gated locally linear or polynomial mixtures of experts (GLoME, GLLiM)."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import _fit_context
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils._param_validation import Interval, StrOptions

from mixexp.estimation.blocks import single_threaded_blas
from mixexp.estimation.box import Bounds
from mixexp.estimation.gllim.fit import JointFit, JointOptimum, JointOptions, fit_joint
from mixexp.estimation.gllim.starts import splits_of
from mixexp.estimators import _inputs
from mixexp.estimators._docs import documented
from mixexp.estimators._generative import GenerativeBase
from mixexp.estimators._generative_findings import findings
from mixexp.estimators._generative_optima import GenerativeOptimum
from mixexp.estimators._generative_starts import as_starts
from mixexp.estimators._progress import CountProgress
from mixexp.estimators._refinement import forward_structures, refine
from mixexp.models import MixingMeasure
from mixexp.models.covariances import Covariance, Full
from mixexp.models.gllim import GLLiM, GLLiMParams
from mixexp.models.gllim.dimension import conditional_dimension

if TYPE_CHECKING:
    from typing import Self

Array = NDArray[np.float64]

DEFAULT_SCALE = (1e-3, 1e3)
# Joint optima from which the conditional likelihood is climbed.
_REFINED = 3

TEXTS = {
    "direction": (
        '{"inverse", "direct"}',
        """
        What is parametrised: "inverse" models x given y with the gate in y (GLLiM: for few
        responses and many covariates), "direct" y given x with the gate in x.
        """,
    ),
    "degree": (
        "int",
        "Total degree of the experts' polynomial in the gate's variable; 1 is affine.",
    ),
    "basis": (
        "list of callables",
        """
        Functions of the gate's variable, each from (n, dim) to (n,), in place of the monomials.
        """,
    ),
    "gate_covariance": (
        "Covariance",
        "Structure of the gate's covariances Γ; :class:`~mixexp.models.covariances.Full` by "
        "default.",
    ),
    "covariance": (
        "Covariance",
        "Structure of the experts' covariances Σ; full by default.",
    ),
    "n_latent": (
        "int",
        "Number of latent inputs (hybrid GLLiM): Σ plus that many factors.",
    ),
    "likelihood": (
        '{"joint", "conditional"}',
        """
        What is maximised. "conditional" goes on from the best joint optima by Newton on
        Σ log p(y_i | x_i), where the law of y given x is a Gaussian-gated one without constraints.
        """,
    ),
    "n_init": (
        "int",
        """
        Starts: partitions of the joint data (four of them for each), splits of a smaller fit, and a
        growth from one expert, climbed by a few EM steps on at most 2000 rows; half as many, the
        best different ones, go on to optima of all rows.
        """,
    ),
    "min_share": (
        "float",
        """
        Share of the total weight below which an expert counts as thin. One with fewer rows than
        coefficients always does.
        """,
    ),
    "bounds": (
        "mapping or Bounds",
        """
        The compact parameter space, in standard deviations of the data: ``"scale"`` (1e-3, 1000)
        holds the smallest standard deviation of a covariance in any direction, ``"gate"`` (1000)
        log-weights and ``"expert"`` (1000) all other coefficients.
        """,
    ),
    "init": (
        "MixingMeasure, GLLiMParams, array (n, K) of responsibilities, or a list",
        "Starts of your own; they come first and count towards ``n_init``.",
    ),
    "warm_start": (
        "bool",
        "Start from the previous fit as well, or from its splits if it had one expert less.",
    ),
}


@documented(**TEXTS)
class GLoME(GenerativeBase):
    r"""Gaussian-gated mixture of locally linear or polynomial experts, by maximum likelihood.

    .. math:: p(u, v) = \sum_k \pi_k N(u; c_k, \Gamma_k) N(v; b_k + A_k φ(u), \Sigma_k),

    with u = y and v = x if ``direction="inverse"`` and u = x, v = y if ``"direct"``. EM on the
    joint likelihood from many starts, then Newton with the exact observed information down to a
    certificate; p(y | x) follows in closed form. The default answer is the highest certified
    optimum with no variance on its floor and no thin expert: the likelihood alone selects spikes.

    Parameters
    ----------
    {parameters}

    Attributes
    ----------
    model_ : GLLiM
    params_ : GLLiMParams
        Fitted parameters as parametrised; ``forward_params_`` are those of p(y | x).
    measure_ : MixingMeasure
    joint_loglik_, loglik_ : float
        Joint and conditional log-likelihood, nats.
    n_parameters_, n_free_ : int
        Dimension of the joint model, and of what its conditional law identifies.
    certificate_ : Certificate
        What is known about the optimum; ``certificate_.findings`` what else a user should know.
    converged_ : bool
        Whether the certificate holds.
    optima_ : DataFrame
        Distinct optima; :meth:`use_optimum` switches to another.
    n_features_in_, feature_names_in_ : as in scikit-learn.

    Raises
    ------
    ValueError
        From ``fit``, for NaN or infinite input, more experts than rows, partitions of the wrong
        size, or settings that have no meaning together.

    Warns
    -----
    ConvergenceWarning
        If the fit is not certified.

    References
    ----------
    Deleforge, Forbes & Horaud (2015), Statistics and Computing 25.
    Nguyen, Nguyen, Chamroukhi & Forbes (2022), A non-asymptotic approach for model selection via
    penalization in high-dimensional mixture of experts models, EJS 16.

    Examples
    --------
    >>> from mixexp import GLoME
    >>> from mixexp.datasets import load_faithful
    >>> faithful = load_faithful()
    >>> model = GLoME(n_experts=2, random_state=0).fit(
    ...     faithful[["eruptions"]], faithful["waiting"]
    ... )
    >>> model.converged_, model.n_parameters_, model.n_free_
    (True, 11, 9)
    >>> model.predict(faithful[["eruptions"]].head(2)).round(1)
    array([76.2, 53. ])
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "n_experts": [Interval(Integral, 1, None, closed="left")],
        "direction": [StrOptions({"inverse", "direct"})],
        "degree": [Interval(Integral, 0, None, closed="left")],
        "basis": [list, tuple, None],
        "gate_covariance": [Covariance, None],
        "covariance": [Covariance, None],
        "n_latent": [Interval(Integral, 0, None, closed="left")],
        "likelihood": [StrOptions({"joint", "conditional"})],
        "n_init": [Interval(Integral, 1, None, closed="left")],
        "min_share": [Interval(Real, 0, 1, closed="both")],
        "bounds": [Mapping, Bounds, None],
        "standardize": ["boolean"],
        "init": [MixingMeasure, GLLiMParams, "array-like", None],
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
        *,
        direction: str = "inverse",
        degree: int = 1,
        basis: Sequence[Callable[[Array], Array]] | None = None,
        gate_covariance: Covariance | None = None,
        covariance: Covariance | None = None,
        n_latent: int = 0,
        likelihood: str = "joint",
        n_init: int = 10,
        min_share: float = 0.0,
        bounds: Mapping[str, Any] | Bounds | None = None,
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
        self.direction = direction
        self.degree = degree
        self.basis = basis
        self.gate_covariance = gate_covariance
        self.covariance = covariance
        self.n_latent = n_latent
        self.likelihood = likelihood
        self.n_init = n_init
        self.min_share = min_share
        self.bounds = bounds
        self.standardize = standardize
        self.init = init
        self.tol = tol
        self.max_iter = max_iter
        self.warm_start = warm_start
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    def _options(self) -> JointOptions:
        bounds = self.bounds
        if not isinstance(bounds, Bounds):
            bounds = Bounds.parse({"scale": DEFAULT_SCALE, **(bounds or {})})
        return JointOptions(
            n_init=self.n_init, bounds=bounds, min_share=self.min_share, tol=self.tol,
            max_iter=self.max_iter, standardize=self.standardize,
            n_threads=_inputs.n_threads(self.n_jobs), seed=_inputs.draw_seed(self.random_state),
        )  # fmt: skip

    def _build(self, n_inputs: int, n_outputs: int) -> GLLiM:
        return GLLiM(
            self.n_experts, n_inputs, n_outputs,
            Full() if self.gate_covariance is None else self.gate_covariance,
            Full() if self.covariance is None else self.covariance,
            self.degree, None if self.basis is None else tuple(self.basis), self.n_latent,
        )  # fmt: skip

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Fit to rows X (n, d) and responses y (n,) or (n, L), with optional weights (n,)."""
        return self._fit(X, y, sample_weight)

    def _fit(self, X: ArrayLike, y: Any, sample_weight: Any) -> Self:
        x, y, weight = self._data(X, y, sample_weight)
        u, v = (y, x) if self._inverse else (x, y)
        model = self._build(u.shape[1], v.shape[1])
        if self._inverse and not model.affine and model.n_inputs > 1:
            raise ValueError(
                f"degree={self.degree} or basis= with direction='inverse' and {u.shape[1]} "
                "responses: p(y | x) would need an integral over all of them; use "
                "direction='direct', or fit one response at a time"
            )
        if self.likelihood == "conditional":
            forward_structures(model, inverse=self._inverse)
        starts, previous = self._starts(model, len(x))
        with CountProgress(self.verbose) as progress:
            fitted = self._fit_model(model, u, v, weight, starts, previous, progress)
        self._keep(model, fitted, x, y, weight)
        if self.likelihood == "conditional":
            self._refine(x, y, weight)
        if not self.converged_:
            self._warn()
        return self

    @single_threaded_blas()
    def _fit_model(
        self, model: GLLiM, u: Array, v: Array, weight: Array | None, starts: list[Any],
        previous: GLLiMParams | None, report: Any,
    ) -> JointFit:  # fmt: skip
        return fit_joint(
            model, u, v, weight, options=self._options(), given=starts, previous=previous,
            report=report,
        )  # fmt: skip

    def _data(self, X: ArrayLike, y: Any, sample_weight: Any) -> tuple[Array, Array, Array | None]:
        """Rows that carry weight."""
        x, y = self._both(X, y, reset=True)
        weight = _inputs.check_weights(sample_weight, x)
        self._used = None if weight is None else weight > 0.0
        if weight is not None:
            x, y, weight = x[self._used], y[self._used], weight[self._used]
        if self.n_experts > len(x):
            raise ValueError(
                f"n_experts={self.n_experts} is larger than n_samples={len(x)} (rows of positive "
                "weight); fit fewer experts"
            )
        return x, y, weight

    def _starts(self, model: GLLiM, n_rows: int) -> tuple[list[Any], GLLiMParams | None]:
        """The user's starts, and a previous fit to split."""
        starts = as_starts(self.init, model, n_rows, self._used)
        before = getattr(self, "params_", None) if self.warm_start else None
        if before is None or before.table.shape[1:] != (model.n_outputs, model.basis.n_terms):
            return starts, None
        if before.n_experts == model.n_experts:
            return [before, *starts], None
        return starts, before if before.n_experts == model.n_experts - 1 else None

    def _keep(
        self, model: GLLiM, fitted: JointFit, x: Array, y: Array, weight: Array | None
    ) -> None:
        """The optima, each with its conditional log-likelihood and what should be known."""
        self.model_, self._scaling = model, fitted.data.scaling
        self.n_free_: int = conditional_dimension(model, inverse=self._inverse)
        self._runs = fitted.runs
        self._optima = []
        for optimum in fitted.optima:
            self._standard = optimum.standard
            self._optima.append(self._record(optimum, fitted, x, y, weight))
        self.use_optimum(0)

    def _record(
        self, optimum: JointOptimum, fitted: JointFit, x: Array, y: Array, weight: Array | None
    ) -> GenerativeOptimum:
        each = self._log_conditional(x, y)
        record = GenerativeOptimum.build(
            optimum, float(each.sum() if weight is None else weight @ each)
        )
        return record.adding(findings(fitted, optimum))

    def _refine(self, x: Array, y: Array, weight: Array | None) -> None:
        """Put the optima of the conditional likelihood in front of the joint ones.

        The best joint optimum need not lead to the best conditional one: a few are tried.
        """
        found = []
        for index in range(min(_REFINED, len(self._optima))):
            self.use_optimum(index)
            optimum = refine(
                self.model_, self._forward(), x, y, weight, inverse=self._inverse,
                options=self._options(),
            )  # fmt: skip
            each = self._log_joint(optimum.standard, x, y)
            joint = float(each.sum() if weight is None else weight @ each)
            found.append(replace(optimum, joint_loglik=joint, start=f"joint optimum {index}"))
        found.sort(key=GenerativeOptimum.rank, reverse=True)
        self._optima = [*found, *self._optima]
        self._runs = [run.ending_in(run.optimum + len(found)) for run in self._runs]
        self.use_optimum(0)

    def split_starts(self, X: ArrayLike, y: ArrayLike) -> list[Array]:
        """Responsibilities (n, K + 1) of starts with one expert more, the likeliest first.

        Each expert split in two along the leading axis of its rows, for ``init=``.
        """
        x, y = self._both(X, y)
        u, v = (y, x) if self._inverse else (x, y)
        return splits_of(self.model_, self.params_, u, v)

    def _warn(self) -> None:
        warnings.warn(
            "the fit is not a certified optimum (remaining gain: "
            f"{self.certificate_.remaining_gain:.2g} nats). Raise max_iter or n_init, or choose a "
            "covariance with fewer parameters or tighter bounds=; certificate_.summary() says "
            "more.",
            ConvergenceWarning,
            stacklevel=5,
        )
