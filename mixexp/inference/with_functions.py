"""The part of the results that is about functions of the parameters."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from mixexp.inference import functions
from mixexp.inference.covariance import Covariance
from mixexp.inference.effects import marginal_effects
from mixexp.inference.effects_table import MarginalEffects
from mixexp.inference.fitted import Fitted
from mixexp.inference.functions import Rows
from mixexp.inference.overspecification import Overspecification
from mixexp.inference.switches import gate_switches

if TYPE_CHECKING:
    from pandas import DataFrame


class WithFunctions:
    """Gate probabilities and switches, means, densities and effects, with standard errors.

    The tables have the columns ``row`` (the index of X), what tells lines apart (``expert``,
    ``class`` or ``response``), ``estimate``, ``se``, ``lower``, ``upper`` and ``withheld``: why
    there is no standard error, or an empty text. Functions can be known where parameters are not:
    of two equal columns only the sum of the coefficients is. Those of experts that may not exist
    are withheld as their parameters are. Standard errors take the active experts of a sparse gate
    as known.
    """

    fitted: Fitted
    estimator: Any

    @abstractmethod
    def covariance(
        self, cov_type: str | None = None, groups: ArrayLike | None = None
    ) -> Covariance: ...

    @property
    @abstractmethod
    def overspecification(self) -> Overspecification: ...

    def gate_proba(self, X: Any, level: float = 0.95, *, cov_type: str | None = None) -> DataFrame:
        r"""Gate probabilities :math:`\pi_k(x_i)` with standard errors.

        Intervals are symmetric in the log odds. An expert that a sparse gate has switched off has
        probability and standard error zero.

        Examples
        --------
        >>> from mixexp import GaussianMoE
        >>> from mixexp.datasets import load_ethanol
        >>> data = load_ethanol()
        >>> moe = GaussianMoE(2, gate_penalty=0.1, random_state=0).fit(data[["E"]], data["NOx"])
        >>> results = moe.results(data[["E"]], data["NOx"])
        >>> list(results.gate_proba(data[["E"]].head(1)).columns)
        ['row', 'expert', 'estimate', 'se', 'lower', 'upper', 'withheld']
        """
        law, rows = self.covariance(cov_type), Rows.of_gate(self.estimator, X)
        table = functions.gate_proba(self.fitted, law, rows, level)
        return functions.without(table, self.overspecification)

    def mean(
        self, X: Any, level: float = 0.95, *, cov_type: str | None = None, **known: Any
    ) -> DataFrame:
        """The mean E(y | x_i) with standard errors; ``exposure=`` or ``trials=`` of the rows.

        Intervals are about the mean, not about a new response, and stay in its range.

        Raises
        ------
        ValueError
            If the responses are classes, which have no mean.
        """
        if hasattr(self.estimator, "classes_"):
            raise ValueError("classes have no mean; use class_proba(X) for their probabilities")
        rows = Rows.of(self.estimator, X, self._known(known))
        return functions.mean(self.fitted, self.covariance(cov_type), rows, level)

    def class_proba(self, X: Any, level: float = 0.95, *, cov_type: str | None = None) -> DataFrame:
        """Class probabilities P(y = j | x_i) with standard errors.

        Raises
        ------
        ValueError
            If the responses are numbers.
        """
        if not hasattr(self.estimator, "classes_"):
            raise ValueError("the responses are numbers; use mean(X), or density(X, y)")
        law, rows = self.covariance(cov_type), Rows.of(self.estimator, X)
        return functions.mean(self.fitted, law, rows, level, labels=self._outcomes())

    def expert_mean(
        self, X: Any, level: float = 0.95, *, cov_type: str | None = None, **known: Any
    ) -> DataFrame:
        """The mean of each expert, or its class probabilities; ``exposure=``, ``trials=``."""
        law, rows = self.covariance(cov_type), Rows.of(self.estimator, X, self._known(known))
        table = functions.expert_mean(self.fitted, law, rows, level, labels=self._outcomes())
        return functions.without(table, self.overspecification)

    def density(
        self,
        X: Any,
        y: Any = None,
        level: float = 0.95,
        *,
        cov_type: str | None = None,
        **known: Any,
    ) -> DataFrame:
        """The density, or probability, p(y_i | x_i) with standard errors.

        ``exposure=`` or ``trials=`` of the rows; ``y`` may be left out where a formula finds it in
        X.
        """
        estimator, of_rows = self.estimator, self._known(known)
        of_rows = estimator._known(X, of_rows)
        response = y if y is not None else estimator._rows(X, None).y
        z, coded = estimator._check_both(X, response, of_rows)
        rows = Rows(np.ascontiguousarray(z.T), None, functions.labels_of(X, len(z)))
        return functions.density(self.fitted, self.covariance(cov_type), rows, coded, level)

    def marginal_effects(
        self,
        X: Any = None,
        of: str | None = None,
        at: str = "average",
        variables: Sequence[str] | str | None = None,
        cov_type: str | None = None,
        level: float = 0.95,
        **known: Any,
    ) -> MarginalEffects:
        """How the mean, or probabilities, change with the variables, with standard errors.

        Parameters
        ----------
        X : optional
            Rows to average over, with equal weights; by default those of the fit with their
            weights.
        of : {"mean", "proba", "gate"}, optional
            E(y | x), class probabilities or gate probabilities. By default class probabilities of
            a classifier, the mean otherwise.
        at : {"average", "mean", "rows"}, default="average"
            The average of the effects, the effect at the average x, or the effect at each row.
        variables : str or list of str, optional
            All by default. Of a formula, the columns of the data.
        cov_type : str, optional
            Covariance of the estimates; that of the results by default.
        level : float, default=0.95
        **known
            ``exposure=`` or ``trials=``; ones by default.

        Returns
        -------
        MarginalEffects
            With ``table`` and ``summary()``. A variable with the values 0 and 1, or a category,
            has a change between values in place of a derivative.

        Examples
        --------
        >>> from mixexp import GaussianMoE
        >>> from mixexp.datasets import load_ethanol
        >>> data = load_ethanol()
        >>> X, y = data[["C", "E"]], data["NOx"]
        >>> moe = GaussianMoE(2, gate_penalty=0.1, random_state=0).fit(X, y)
        >>> effects = moe.results(X, y).marginal_effects()
        >>> effects.table[["variable", "estimate"]].round(2)
          variable  estimate
        0        C      0.07
        1        E     -0.48
        """
        law = self.covariance(cov_type)
        effects = marginal_effects(
            self.fitted, law, self.estimator, X, of=of, at=at, variables=variables,
            known=self._known(known), level=level,
        )  # fmt: skip
        if of == "gate":
            functions.without(effects.table, self.overspecification)
        return effects

    def gate_switches(
        self,
        variable: str | None = None,
        X: Any = None,
        level: float = 0.95,
        *,
        cov_type: str | None = None,
    ) -> DataFrame:
        """Values of a variable at which another expert becomes the most probable one.

        The others are held at the single row X, by default at their means, categories at the most
        frequent. A line for each switch: the experts ``from`` and ``to``, ``estimate``, ``se``,
        ``lower``, ``upper``, ``withheld``; see :func:`mixexp.inference.switches.gate_switches`.

        Examples
        --------
        >>> from mixexp import GaussianMoE
        >>> from mixexp.datasets import load_faithful
        >>> data = load_faithful()
        >>> moe = GaussianMoE.from_formula("waiting ~ eruptions", data, random_state=0).fit()
        >>> moe.results().gate_switches().drop(columns="withheld").round(2)
           from  to  estimate    se  lower  upper
        0     1   0      3.36  0.12   3.12    3.6
        """
        table = gate_switches(
            self.fitted, self.covariance(cov_type), self.estimator, variable, X, level
        )
        return functions.without(table, self.overspecification)

    def _outcomes(self) -> dict[str, Sequence[Any]]:
        return functions.outcomes(self.fitted, getattr(self.estimator, "classes_", None))

    def _known(self, known: dict[str, Any]) -> Any:
        """The exposures or trials, which only some estimators have."""
        if not known:
            return None
        import inspect

        taken = inspect.signature(self.estimator.results).parameters
        names = [name for name in ("exposure", "trials") if name in taken]
        for name in known:
            if name not in names:
                has = f"knows {names[0]}=" if names else "knows nothing of a row beside x"
                raise TypeError(
                    f"{name}= is no argument here: {type(self.estimator).__name__} {has}"
                )
        return known[names[0]]
