"""Estimators that read data frames through a formula."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from mixexp.estimators._bound import Bound, Given

if TYPE_CHECKING:
    from typing import Self

    from mixexp.formula import Formula


class FormulaMixin(BaseEstimator):
    """Binds an estimator to a formula, through which it then reads data frames."""

    # None without a formula; scikit-learn's clone takes it along.
    _bound: Bound | None = None

    @classmethod
    def from_formula(
        cls,
        formula: str,
        data: Any,
        *,
        weights: Any = None,
        na_action: str = "raise",
        **settings: Any,
    ) -> Self:
        r"""An estimator of ``"y ~ experts | gate"``, bound to data: ``fit()`` fits it to them.

        Left of ``|`` stand the terms :math:`\phi(x)` of the experts, right of it those of the
        gate; without ``|`` both see the same. Terms are those of the package formulaic: columns,
        ``C(g)`` and columns of words (categories), ``a:b`` and ``a*b``, ``poly(x, 2)``,
        ``bs(x, df=4)``, ``cs(x, df=4)``, ``log(x)``, ``I(x ** 2)``. Levels, knots and scales are
        learned from the data and applied again to new data, which all methods then take with
        their original columns. Experts and gates have their constants anyway: ``"y ~ x | 1"`` has
        constant weights, ``"y ~ 1 | x"`` constant experts.

        Parameters
        ----------
        formula : str
            ``"y1 + y2 ~ x"`` has two responses; class labels stay as they are.
        data : pandas or polars frame, or dict of arrays
            The columns that are used are kept with the estimator, for ``fit()`` and ``results()``.
        weights : str or array (n,), optional
            A column, or an array, of weights.
        na_action : {"raise", "drop"}
            What a fit does with missing values in columns it uses; ``rows_used_`` says which rows
            were left.
        **settings
            Arguments of the estimator. ``degree``, ``expert_features`` and ``gate_features`` are
            the formula's.

        Returns
        -------
        estimator
            Not fitted. ``formula_`` is its formula.

        Raises
        ------
        ValueError
            If the formula cannot be read, a column is missing or incomplete, or settings
            contradict the formula.

        Examples
        --------
        >>> from mixexp import GaussianMoE
        >>> from mixexp.datasets import load_ethanol
        >>> ethanol = load_ethanol()
        >>> moe = GaussianMoE.from_formula("NOx ~ C | poly(E, 2)", ethanol, random_state=0)
        >>> moe.formula_.expert_columns, moe.formula_.gate_columns
        (('C',), ('poly(E, 2)[1]', 'poly(E, 2)[2]'))
        """
        return cls._from_formula(formula, data, weights, na_action, "known", None, settings)

    @classmethod
    def _from_formula(
        cls, formula: str, data: Any, weights: Any, na_action: str, known_as: str,
        known: Any, settings: dict[str, Any],
    ) -> Self:  # fmt: skip
        made = cls(**settings)
        given = Given(None, None, weights, known)
        made._bound = Bound.learn(formula, data, given, known_as, na_action, given)
        made._check_formula()
        return made

    @property
    def formula_(self) -> Formula | None:
        """The formula, with ``design(frame)``, ``response(frame)``, ``text``; None without one."""
        return None if self._bound is None else self._bound.formula

    @property
    def rows_used_(self) -> NDArray[np.bool_]:
        """Which rows of the data of a formula were complete, (n,)."""
        if self._bound is None:
            raise AttributeError("rows_used_ belongs to estimators made by from_formula")
        return self._bound.rows_used

    def __sklearn_clone__(self) -> Self:
        other = super().__sklearn_clone__()
        if self._bound is not None:
            other._bound = self._bound
        return other

    def _check_formula(self) -> None:
        """Refuse settings that say what the formula says."""
        if self._bound is None:
            return
        settings = self.get_params(deep=True)
        for name in ("degree", "expert_features", "gate_features"):
            if settings[name] is not None and not (name == "degree" and settings[name] == 1):
                raise ValueError(
                    f"{name}={settings[name]!r} contradicts a formula, which says itself what "
                    'experts and gate see; write "y ~ poly(x, 2) | z" and leave it out'
                )
        if settings.get("gate__degree", 1) != 1:
            raise ValueError(
                f"gate={settings['gate']!r} has a degree beside a formula; write the terms right "
                'of the bar, as in "y ~ x | poly(z, 2)"'
            )

    def _rows(self, X: Any, y: Any, sample_weight: Any = None, known: Any = None) -> Given:
        """What was given, completed by the formula: its own data for no X, its columns of X."""
        bound = self._bound
        if bound is None:
            return Given(X, y, sample_weight, known)
        if X is None:
            given = (None, y, sample_weight, known)
            kept = bound.rows()
            return Given(*(k if g is None else g for g, k in zip(given, kept, strict=True)))
        if sample_weight is None:
            sample_weight = bound.column(bound.told.weight, X, "weights")
        return Given(X, self._response(X, y), sample_weight, self._known(X, known))

    def _response(self, X: Any, y: Any) -> Any:
        """``y``, or the formula's responses where it is missing."""
        if self._bound is None:
            return y
        if y is None:
            return self._bound.formula.response(X)
        self._bound.formula.check_response(X, y)
        return y

    def _known(self, X: Any, known: Any) -> Any:
        """``known``, or the column of X that the formula's estimator names for it."""
        bound = self._bound
        if bound is None or known is not None:
            return known
        return bound.column(bound.told.known, X, bound.known_as)

    def _bind(self, X: Any, y: Any, sample_weight: Any, known: Any) -> Given:
        """The data of a fit, from which the formula is learned; its own have been learned from."""
        given = Given(X, y, sample_weight, known)
        if self._bound is None:
            if X is None:
                raise ValueError(
                    "X is missing; pass rows X and responses y, or make the estimator by "
                    "from_formula, which keeps its data"
                )
            return given
        self._check_formula()
        if any(value is not None for value in given):
            self._bound = self._bound.relearn(given)
        return self._bound.rows()

    def _design(self, X: Any) -> Any:
        """X as the fit sees it."""
        if self._bound is None:
            return X
        design = self._bound.formula.design(X)
        # scikit-learn takes arrays without columns, but no such frames.
        return design if design.shape[1] else np.empty(design.shape)
