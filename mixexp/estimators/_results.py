"""The results object of a fitted estimator."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted

from mixexp.estimators import _inputs
from mixexp.estimators._sources import check_columns, source_of

if TYPE_CHECKING:
    from mixexp.inference.results import MoEResults

Array = NDArray[np.float64]


class WithResults:
    """The method ``results`` of the estimators of conditional laws."""

    @abstractmethod
    def _read(self, X: ArrayLike, y: Any, reset: bool) -> tuple[Array, Any]: ...

    @abstractmethod
    def _rows(self, X: Any, y: Any, sample_weight: Any = None, known: Any = None) -> Any: ...

    @abstractmethod
    def _coded(self, y: Any, known: Any, used: NDArray[np.bool_]) -> Array: ...

    def results(
        self,
        X: Any = None,
        y: Any = None,
        sample_weight: ArrayLike | None = None,
        *,
        cov_type: str = "observed",
        groups: ArrayLike | None = None,
        weights: str = "frequency",
        withhold: str = "auto",
    ) -> MoEResults:
        """Standard errors, tests, intervals and a summary of the fitted model.

        Parameters
        ----------
        X, y, sample_weight
            The data of the fit: its rows, responses and weights; or its source for X alone, which
            is then read once for every value of the likelihood.
        cov_type : {"observed", "opg", "sandwich", "cluster"}, default="observed"
            Covariance of the estimates: inverse observed information, inverse of the outer products
            of the scores, or the product of both that is right under misspecification, with rows
            or ``groups`` independent.
        groups : array (n,), optional
            The group of each row, for ``cov_type="cluster"``.
        weights : {"frequency", "sampling"}, default="frequency"
            Whether a row of weight two is two rows, or one row that stands for two.
        withhold : {"auto", "singular"}, default="auto"
            Which standard errors are withheld: "auto" also those of experts that a fit with one
            expert less can do without (BIC), for which normal theory does not hold.

        Raises
        ------
        ValueError
            If these are not the data of the fit, or an option does not exist or suit the others.
        """
        return self._results(X, y, sample_weight, None, cov_type, groups, weights, withhold)

    def _results(
        self,
        X: Any,
        y: Any,
        sample_weight: Any,
        known: Any,
        cov_type: str,
        groups: Any,
        weights: str,
        withhold: str,
    ) -> MoEResults:
        from mixexp.inference.fitted import Fitted
        from mixexp.inference.fitted_source import FittedSource
        from mixexp.inference.results import MoEResults

        check_is_fitted(self, "model_")
        options = {"cov_type": cov_type, "weights": weights, "withhold": withhold}
        source = source_of(X, y, sample_weight, known, getattr(self, "_bound", None))
        if source is not None:
            if groups is not None:
                raise ValueError(
                    "groups= needs the rows in memory, and X is a source; use cov_type='sandwich', "
                    "or rows in memory"
                )
            check_columns(self, source)
            return MoEResults(FittedSource.of_source(self, source), self, **options)
        X, y, sample_weight, known = self._rows(X, y, sample_weight, known)
        if X is None or y is None:
            raise ValueError(
                "results() needs the data of the fit, which an estimator does not keep: pass X and "
                "y (and sample_weight), or make the estimator by from_formula"
            )
        x, response = self._read(X, y, reset=False)
        weight = _inputs.check_weights(sample_weight, x)
        used = np.ones(len(x), dtype=bool) if weight is None else weight > 0.0
        coded = self._coded(response, known, used)
        groups = _inputs.of_groups(groups, used)
        return MoEResults(Fitted.of(self, x, coded, weight), self, groups=groups, **options)
