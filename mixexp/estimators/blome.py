"""Gaussian-gated experts with block-diagonal covariances that the data choose (BLoME)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from numbers import Integral
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import _fit_context
from sklearn.utils._param_validation import Interval, StrOptions

from mixexp.estimation.blocks import single_threaded_blas
from mixexp.estimation.box import Bounds
from mixexp.estimation.gllim.block_path import correlations, refits, residual_covariances
from mixexp.estimation.gllim.fit import JointFit, fit_joint
from mixexp.estimators._block_choice import CRITERIA, BlockChoice, choose
from mixexp.estimators._docs import documented
from mixexp.estimators.glome import TEXTS, GLoME
from mixexp.models.covariances import BlockDiagonal, Covariance, Diagonal, Full
from mixexp.models.gllim import GLLiM
from mixexp.selection.collection import penalised_collection, thinned
from mixexp.selection.partitions import Partition, nested_partitions, partition_gains

if TYPE_CHECKING:
    from pandas import DataFrame

Array = NDArray[np.float64]

_TEXTS = {
    **TEXTS,
    "criterion": (
        '{"slope", "jump", "ddse", "bic", "aic", "icl"}',
        """
        How the block structure is chosen: slope heuristics (the dimension jump, checked against
        the slope of the tail), either of their rules alone, or a criterion on the joint likelihood.
        """,
    ),
    "max_candidates": ("int", "Block structures that are refitted, at most."),
}


@documented(**_TEXTS)
class BLoME(GLoME):
    """Gaussian-gated mixture of experts with block-diagonal covariances chosen from the data.

    The law of :class:`GLoME` with covariances Σ_k that are block-diagonal on a partition of the
    coordinates of v, one for each expert.

    A fit with diagonal covariances gives responsibilities; single linkage of the absolute
    correlations of each expert's weighted residuals gives nested partitions; for every level κ of a
    penalty on the dimension, each expert's best partition is known, and these structures are
    refitted by EM, each from the one before. A criterion on the joint likelihood chooses, and the
    chosen structure is fitted to a certificate.

    Parameters
    ----------
    {parameters}

    Attributes
    ----------
    partitions_ : list
        For each expert its blocks, tuples of coordinates of the experts' variable (x if
        ``direction="inverse"``).
    table_ : DataFrame
        The refitted structures: penalty level, dimension, joint log-likelihood, criteria, whether
        chosen.
    selection_ : SlopeHeuristics, DimensionJump, SlopeEstimate or None
        The rule's result, for :func:`mixexp.plotting.plot_selection_path`.
    excluded_ : tuple of str
        Which structures were left out, and why.
    params_, measure_, joint_loglik_, loglik_, n_parameters_, n_free_, certificate_, converged_,
    optima_ : as in :class:`GLoME`.

    Raises
    ------
    ValueError
        As :class:`GLoME`.

    Warns
    -----
    ConvergenceWarning
        If the chosen fit is not certified.
    UnreliableSelectionWarning
        If the slope heuristics cannot be trusted, or there are too few structures for them.

    References
    ----------
    Nguyen, Chamroukhi, Nguyen & Forbes (2021), Non-asymptotic model selection in block-diagonal
    mixture of polynomial experts models, arXiv 2104.08959.
    Devijver & Gallopin (2018), JASA 113.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> y = rng.random(400)
    >>> noise = rng.normal(size=(400, 4)) @ np.array(
    ...     [[1, 0.8, 0, 0], [0, 0.6, 0, 0], [0, 0, 1, 0.8], [0, 0, 0, 0.6]]
    ... )
    >>> model = BLoME(n_experts=1, criterion="bic").fit(y[:, None] + noise, y)
    >>> model.partitions_
    [((0, 1), (2, 3))]
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **{
            name: allowed
            for name, allowed in GLoME._parameter_constraints.items()
            if name not in ("covariance", "n_latent", "likelihood")
        },
        "criterion": [StrOptions(set(CRITERIA))],
        "max_candidates": [Interval(Integral, 2, None, closed="left")],
    }

    def __init__(
        self,
        n_experts: int = 2,
        *,
        direction: str = "inverse",
        degree: int = 1,
        basis: Sequence[Callable[[Array], Array]] | None = None,
        gate_covariance: Covariance | None = None,
        criterion: str = "slope",
        max_candidates: int = 60,
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
        super().__init__(
            n_experts, direction=direction, degree=degree, basis=basis,
            gate_covariance=gate_covariance, n_init=n_init, min_share=min_share, bounds=bounds,
            standardize=standardize, init=init, tol=tol, max_iter=max_iter, warm_start=warm_start,
            n_jobs=n_jobs, random_state=random_state, verbose=verbose,
        )  # fmt: skip
        self.criterion = criterion
        self.max_candidates = max_candidates

    def _build(self, n_inputs: int, n_outputs: int) -> GLLiM:
        return GLLiM(
            self.n_experts, n_inputs, n_outputs,
            Full() if self.gate_covariance is None else self.gate_covariance, Diagonal(),
            self.degree, None if self.basis is None else tuple(self.basis),
        )  # fmt: skip

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> BLoME:
        """Fit to rows X (n, d) and responses y (n,) or (n, L), with optional weights (n,)."""
        self._fit(X, y, sample_weight)
        return self

    @single_threaded_blas()
    def _fit_model(
        self, model: GLLiM, u: Array, v: Array, weight: Array | None, starts: list[Any],
        previous: Any, report: Any,
    ) -> JointFit:  # fmt: skip
        options = self._options()
        diagonal = fit_joint(
            model, u, v, weight, options=options, given=starts, previous=previous, report=report
        )
        standard = diagonal.optima[0].standard
        structures, levels = self._structures(diagonal)
        found = list(
            refits(
                diagonal.model, diagonal.data, standard, structures, options.bounds,
                tol=1e-4, n_threads=options.n_threads, report=report,
            )
        )  # fmt: skip
        self._choice: BlockChoice = choose(
            found, levels, self.criterion, diagonal.data.total_weight
        )
        best = found[self._choice.index]
        self.partitions_: list[Partition] = list(best.partitions)
        chosen = replace(model, covariance=BlockDiagonal(best.partitions))
        start = diagonal.model.rescale(best.params, diagonal.data.scaling)
        once = replace(options, n_init=1)
        return fit_joint(chosen, u, v, weight, options=once, given=[start], report=report)

    def _structures(self, diagonal: JointFit) -> tuple[list[tuple[Partition, ...]], list[float]]:
        """Tuples of partitions to refit, the finest first, and their penalty levels."""
        data, standard = diagonal.data, diagonal.optima[0].standard
        covariances, mass = residual_covariances(data, standard)
        # A constant coordinate has the variance of the floor, as in every fit.
        floor = self._options().bounds.scale[0] ** 2
        for s in covariances:
            np.fill_diagonal(s, np.maximum(np.diag(s), floor))
        # Observations that are left once the means are fitted; weights count rows.
        effective = mass - diagonal.model.basis.n_terms
        paths = [nested_partitions(correlations(s)) for s in covariances]
        gains = [
            partition_gains(path, s, float(m), max(1, int(n) - 1), floor=floor)
            for path, s, m, n in zip(paths, covariances, mass, effective, strict=True)
        ]
        self.excluded_: tuple[str, ...] = tuple(
            f"expert {k}: {len(path) - g.n_fitting} of {len(path)} partitions have blocks that its "
            f"{n:.0f} effective observations cannot carry"
            for k, (path, g, n) in enumerate(zip(paths, gains, effective, strict=True))
            if g.n_fitting < len(path)
        )
        levels = thinned(penalised_collection(gains), self.max_candidates)[::-1]
        structures = [
            tuple(path.partitions[i] for path, i in zip(paths, level.positions, strict=True))
            for level in levels
        ]
        return structures, [level.kappa for level in levels]

    def _keep(self, model: GLLiM, fitted: JointFit, *rows: Any) -> None:
        chosen = replace(model, covariance=BlockDiagonal(tuple(self.partitions_)))
        super()._keep(chosen, fitted, *rows)
        told = self._choice.findings + self.excluded_
        self._optima = [o.adding(told) for o in self._optima]
        self.use_optimum(0)

    @property
    def table_(self) -> DataFrame:
        """The refitted structures as a data frame."""
        return self._choice.table()

    @property
    def selection_(self) -> Any:
        """The rule's result where slope heuristics chose, else None."""
        return self._choice.selection
