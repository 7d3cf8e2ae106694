"""Selection of a model among fits of any grid of candidates."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, MetaEstimatorMixin, is_classifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state, get_tags
from sklearn.utils.validation import check_is_fitted

from mixexp.selection.crossvalidation import Fold, HeldOut, folds, pooled
from mixexp.selection.execution import WHOLE, Chain, Outcome, run_chains
from mixexp.selection.fits_store import FitsStore
from mixexp.selection.grid import GridPoint, chains, expand
from mixexp.selection.refit import FitRecord, Search, derived_seed
from mixexp.selection.selector_contrast import LIKELIHOODS, common_likelihood
from mixexp.selection.selector_delegation import DelegatesToBest
from mixexp.selection.selector_dendrogram import dendrogram_criterion
from mixexp.selection.selector_progress import SelectionProgress
from mixexp.selection.selector_report import findings_of, summary_of
from mixexp.selection.selector_rows import Rows
from mixexp.selection.selector_rules import CROSS_VALIDATED, check_criterion, choose, ranks
from mixexp.selection.selector_table import table_of

if TYPE_CHECKING:
    import os
    from typing import Self

    from pandas import DataFrame


class ModelSelector(DelegatesToBest, MetaEstimatorMixin, BaseEstimator):
    r"""Fits all candidates m and keeps the one that minimises :math:`-2\ell_m+\mathrm{pen}(m)`.

    Candidates that differ in the number of experts only are fitted in its order, each also from
    splits of the one before. A fit that is not certified is made again with another seed and twice
    the starts; if it stays uncertified it takes part with a flag. A fit with a scale on its floor,
    whose likelihood says more of the floor than of the data, is made again too; if it stays there,
    it is left out of the comparison as long as there are others. The dimension in all criteria is
    the number of free parameters, also of penalised fits and at singular optima, where the criteria
    are guides only.

    Parameters
    ----------
    estimator : estimator, or None
        What the candidates' parameters are set on. It has to offer ``loglik_``, ``n_free_`` and
        ``converged_`` after the fit; generative ones also ``joint_loglik_`` and ``n_parameters_``.
    candidates : dict of lists, list of dicts, or list of estimators
        A dict gives all combinations, of nested parameters (``gate__n_active``) too; in a list of
        dicts each does, and a value that is not a list stands for itself.
    criterion : str or callable, default="bic"
        ``"aic"``, ``"bic"``, ``"icl"``; ``"dsc"`` (the dendrogram of the largest number of experts,
        merged down: a number of experts, whose own fit is then taken); ``"slope"`` (both slope
        heuristics; the dimension jump decides), ``"jump"`` or ``"ddse"`` (one of them); ``"cv"``
        (cross-validated log-likelihood) or ``"cv_1se"`` (smallest model within one standard error
        of the best); or ``criterion(estimator, X, y)``, smaller being better.
    likelihood : {"auto", "conditional", "joint"}, default="auto"
        What fits are compared by: log p(y | x) with ``n_free_``, or log p(x, y) with
        ``n_parameters_``. "auto" is joint if all candidates are generative and were fitted by it.
        Cross-validation is of log p(y | x) always.
    cv : int, splitter or iterable, default=5
        Folds; a number of them shuffles the rows, and keeps the shares of classes.
    warm_starts : bool, default=True
        Whether splits of the fit with fewer experts are added to the starts.
    restarts : int, default=2
        Further attempts for a fit that is not certified, has a scale on its floor, or lies below
        one with fewer experts.
    n_jobs : int, optional
        Worker processes, over chains of candidates and folds; the result does not depend on it.
    verbose : int, default=0
        1 shows progress over fits, 2 a line for each; workers report chain by chain.
    store : path, optional
        Folder in which every finished fit is kept. A selection with the same data and arguments
        takes its fits from there, after a kill for instance; failed fits are made again.
    random_state : int, RandomState or None
        Seed of fits and folds; None leaves first attempts the estimator's own. With a store and no
        seed anywhere, seeds derive from the data.

    Attributes
    ----------
    best_estimator_ : estimator
        The selected candidate, fitted to all rows; predictions are delegated to it.
    best_index_ : int
        Its row of the table.
    best_params_ : dict
        Its parameters among the candidates'.
    table_ : DataFrame
        A row for each candidate: its parameters, ``likelihood``, ``n_parameters``, ``loglik``,
        ``aic``, ``bic``, ``icl``, ``cv_mean`` and ``cv_standard_error`` (nats per row) if they were
        asked for, ``criterion`` (the values compared), ``certified``, ``remaining_gain`` (nats),
        ``n_restarts``, ``seconds``, ``flags``, ``findings``, ``error``, ``rank``, ``selected``.
    estimators_ : list
        All fitted candidates, None where the fit failed.
    selection_ : SlopeHeuristics, DimensionJump, SlopeEstimate or None
        What a slope heuristic found.
    findings_ : tuple of str
        What makes the selection doubtful, in words.

    Raises
    ------
    ValueError
        From ``fit``: before any fit, for no candidates, unknown parameters or criteria, or too few
        candidates for a slope heuristic; after them, if all failed or none has a finite criterion
        (``table_`` is there nevertheless).

    Warns
    -----
    ConvergenceWarning
        If the selected fit is not certified.

    References
    ----------
    Baudry, J.-P., Maugis, C. and Michel, B. (2012). Slope heuristics: overview and implementation.
    Statistics and Computing 22, 455-470.

    Examples
    --------
    >>> from mixexp import GaussianMoE
    >>> from mixexp.datasets import load_faithful
    >>> faithful = load_faithful()
    >>> moe = GaussianMoE(n_init=2, random_state=0)
    >>> selector = ModelSelector(moe, {"n_experts": [1, 2, 3]}, criterion="bic")
    >>> selector = selector.fit(faithful[["eruptions"]], faithful["waiting"])
    >>> selector.best_params_
    {'n_experts': 2}
    >>> selector.table_[["n_experts", "n_parameters", "loglik", "bic", "rank"]].round(1)
       n_experts  n_parameters  loglik     bic  rank
    0          1             3  -868.4  1753.6     2
    1          2             8  -851.3  1747.5     1
    2          3            13  -847.1  1767.0     3
    """

    def __init__(
        self,
        estimator: Any,
        candidates: Any,
        criterion: Any = "bic",
        *,
        likelihood: str = "auto",
        cv: Any = 5,
        warm_starts: bool = True,
        restarts: int = 2,
        n_jobs: int | None = None,
        verbose: int = 0,
        store: str | os.PathLike[str] | None = None,
        random_state: Any = None,
    ):
        self.estimator = estimator
        self.candidates = candidates
        self.criterion = criterion
        self.likelihood = likelihood
        self.cv = cv
        self.warm_starts = warm_starts
        self.restarts = restarts
        self.n_jobs = n_jobs
        self.verbose = verbose
        self.store = store
        self.random_state = random_state

    def fit(
        self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None, **known: Any
    ) -> Self:
        """Fit all candidates to rows X (n, n_features) and responses y, and select one.

        Parameters
        ----------
        X : array or frame (n, n_features)
        y : array (n,) or (n, q)
        sample_weight : array (n,), optional
        **known
            Further arguments of the estimator's ``fit`` with a value for each row (``exposure``,
            ``trials``).

        Returns
        -------
        self
        """
        points = expand(self.estimator, self.candidates)
        self._check(len(points))
        rows = Rows.build(X, y, sample_weight, known)
        search = self._search(rows)
        order = chains(points)
        pairs = []
        if not callable(self.criterion) and self.criterion in CROSS_VALIDATED:
            pairs = folds(self.cv, rows, is_classifier(self._template()), search.seed)
        outcomes = self._run(points, order, rows, search, pairs)
        records = [outcomes[i, WHOLE].record for i in range(len(points))]
        scores = None
        if pairs:
            held_out = [rows.take(out) for _, out in pairs]
            scores = [_score(outcomes, i, held_out) for i in range(len(points))]
        return self._select(points, records, order, rows, scores)

    def summary(self) -> str:
        """The selection as text: what was selected and by what, the table, and what to doubt."""
        check_is_fitted(self, "best_estimator_")
        return summary_of(
            self._labels, self.best_index_, self._criterion_name(), self.table_, self.selection_,
            self.findings_,
        )  # fmt: skip

    def _run(
        self,
        points: Sequence[GridPoint],
        order: Sequence[Sequence[int]],
        rows: Rows,
        search: Search,
        pairs: Sequence[Fold],
    ) -> dict[tuple[int, int], Outcome]:
        """Fits by position and fold: to all rows, and to those that each fold leaves."""
        parts = {fold: (rows.take(fit), rows.take(out)) for fold, (fit, out) in enumerate(pairs)}
        tasks = [
            Chain(tuple(chain), [points[i].estimator for i in chain], part, out, fold)
            for fold, (part, out) in {WHOLE: (rows, None), **parts}.items()
            for chain in order
        ]
        store = None if self.store is None else FitsStore(self.store)
        outcomes = {}
        with SelectionProgress(len(points) * (len(parts) + 1), self.verbose) as progress:
            for outcome in run_chains(tasks, search, store, self.n_jobs):
                outcomes[outcome.position, outcome.fold] = outcome
                progress.advance(points[outcome.position].label, outcome.record)
        return outcomes

    def _select(
        self,
        points: Sequence[GridPoint],
        records: Sequence[FitRecord],
        order: Sequence[Sequence[int]],
        rows: Rows,
        cv: Any,
    ) -> Self:
        fitted = [r.estimator for r in records if r.estimator is not None]
        likelihood = common_likelihood(fitted, self.likelihood)
        function = self.criterion if callable(self.criterion) else None
        self.estimators_ = [record.estimator for record in records]
        self.table_: DataFrame = table_of(points, records, order, rows, likelihood, cv, function)
        if self.criterion == "dsc":
            self.table_["dsc"] = dendrogram_criterion(records, order, rows)
        self._labels = [point.label for point in points]
        if not fitted:
            raise ValueError(
                f"all {len(points)} fits failed; the first one ({points[0].label}) with "
                f"{records[0].error}"
            )
        choice = choose(self.criterion, _comparable(self.table_, records), self._labels)
        self._complete_table(choice.values, choice.best)
        self.best_index_ = choice.best
        self.best_params_ = dict(points[choice.best].params)
        self.best_estimator_ = records[choice.best].estimator
        self.selection_ = choice.selection
        self.findings_ = findings_of(self.table_, self._labels, choice, order)
        if not records[choice.best].certified:
            warnings.warn(
                f"the selected fit ({points[choice.best].label}) is not a certified optimum after "
                f"{records[choice.best].n_restarts} restarts; raise restarts or n_init, and see "
                "summary()",
                ConvergenceWarning,
                stacklevel=3,
            )
        return self

    def _complete_table(self, values: np.ndarray, best: int) -> None:
        import pandas as pd

        table = self.table_.drop(columns="criterion", errors="ignore")
        table.insert(table.columns.get_loc("certified"), "criterion", values)
        table["n_parameters"] = table["n_parameters"].astype("Int64")
        table["rank"] = pd.array(ranks(values, best), dtype="Int64")
        table["selected"] = np.arange(len(table)) == best
        self.table_ = table

    def _check(self, n_candidates: int) -> None:
        """Refuse settings before any fit."""
        check_criterion(self.criterion, n_candidates)
        if self.likelihood not in LIKELIHOODS:
            raise ValueError(f"likelihood={self.likelihood!r} is not one of {list(LIKELIHOODS)}")
        if isinstance(self.restarts, bool) or not isinstance(self.restarts, Integral):
            raise ValueError(f"restarts={self.restarts!r} is not a number; use 0, 1, ...")
        if self.restarts < 0:
            raise ValueError(f"restarts={self.restarts} is negative; use 0, 1, ...")

    def _search(self, rows: Rows) -> Search:
        """How to search, with a seed from here, from the estimator, or from the data."""
        own = self._template().get_params(deep=False).get("random_state")
        if self.random_state is not None:
            seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        elif isinstance(own, Integral):
            seed = derived_seed(int(own))
        elif self.store is not None:
            seed = derived_seed(rows.fingerprint())
        else:
            seed = int(check_random_state(None).randint(2**31 - 1))
        return Search(
            self.likelihood, bool(self.warm_starts), int(self.restarts), seed,
            keeps_seed=self.random_state is None,
        )  # fmt: skip

    def _criterion_name(self) -> str:
        if callable(self.criterion):
            return str(getattr(self.criterion, "__name__", self.criterion))
        return str(self.criterion)

    def _template(self) -> Any:
        """An estimator of the kind that is selected among."""
        if self.estimator is not None:
            return self.estimator
        return self.candidates[0] if isinstance(self.candidates, list | tuple) else None

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        template = self._template()
        if hasattr(template, "__sklearn_tags__"):
            inner = get_tags(template)
            tags.estimator_type = inner.estimator_type
            tags.classifier_tags = inner.classifier_tags
            tags.regressor_tags = inner.regressor_tags
            tags.target_tags = inner.target_tags
        return tags


def _comparable(table: DataFrame, records: Sequence[FitRecord]) -> DataFrame:
    """The table without the values of fits with a scale on its floor, if there are others."""
    on_floor = np.array([record.on_floor for record in records])
    known = np.array([record.estimator is not None for record in records])
    if not (known & ~on_floor).any():
        return table
    values = table.columns.intersection(
        ["loglik", "aic", "bic", "icl", "cv_mean", "cv_standard_error", "criterion"]
    )
    kept = table.copy()
    kept.loc[on_floor, values] = np.nan
    return kept


def _score(
    outcomes: dict[tuple[int, int], Outcome], position: int, held_out: Sequence[Rows]
) -> HeldOut:
    """Cross-validated log-likelihood of a candidate, if it could be fitted to all rows."""
    if outcomes[position, WHOLE].record.estimator is None:
        return HeldOut(np.nan, np.nan, "the fit to all rows failed")
    fits = {fold: outcomes[position, fold] for fold in range(len(held_out))}
    values = {fold: fit.record.error or fit.held_out for fold, fit in fits.items()}
    return pooled(values, held_out, sum(not fit.record.holds for fit in fits.values()))
