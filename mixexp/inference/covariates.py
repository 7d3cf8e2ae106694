"""Rows of the user's variables, and what a fit sees of them when one variable is changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mixexp.inference.fitted import Fitted

if TYPE_CHECKING:
    from pandas import DataFrame

Array = NDArray[np.float64]

# Part of a variable's standard deviation by which it is moved.
_STEP = 1e-4
# Weights of f(x + j h), j = -2..2, for h f'(x), with an error of h⁴: in the middle of the range of
# a variable, at its lower end (j = 0..4) and at its upper end (j = -4..0).
_MIDDLE = {-2: 1 / 12, -1: -8 / 12, 1: 8 / 12, 2: -1 / 12}
_LOWER = {0: -25 / 12, 1: 48 / 12, 2: -36 / 12, 3: 16 / 12, 4: -3 / 12}
_UPPER = {-j: -w for j, w in _LOWER.items()}


class Contrast(NamedTuple):
    """A linear combination of a function at changed rows: Σ_j c_j(i) f(x_i^(j)).

    Attributes
    ----------
    name : str
        What is changed: a variable, or a variable and two of its values.
    terms : list of (x, c)
        Rows (n, n_columns) as the fit sees them, and their coefficients (n,).
    own : array (n, n_columns) or None
        The rows themselves, where it stands for a derivative at them.
    """

    name: str
    terms: list[tuple[Array, Array]]
    own: Array | None = None


@dataclass(frozen=True, eq=False)
class Covariates:
    """Rows of variables, numbers or categories.

    Attributes
    ----------
    frame : DataFrame
        The rows, one column for each variable.
    design : callable
        From such a frame to what the fit sees, (n, n_columns).
    reference : DataFrame
        Rows of the fit: what values, spreads and ranges variables have.
    weight : array or None
        Weights of the rows of the fit.
    categories : set of str
        Variables that are categories though their values may be numbers.
    source : DataFrame or None
        The rows with all columns of the data, where a formula has picked some.
    """

    frame: DataFrame
    design: Callable[[Any], Array]
    reference: DataFrame
    weight: Array | None
    categories: frozenset[str] = frozenset()
    source: DataFrame | None = None

    @classmethod
    def of(cls, fitted: Fitted, estimator: Any, X: Any = None) -> Covariates:
        """Rows X, or those of the fit; of a formula, in the columns of the data.

        Raises
        ------
        ValueError
            If X does not have the columns of the fit.
        """
        import pandas as pd

        fitted.check_rows()
        bound = getattr(estimator, "_bound", None)
        if bound is not None:
            return cls._of_formula(fitted, bound, X)
        names = list(fitted.columns)
        reference = pd.DataFrame(fitted.x, columns=names)
        if X is None:
            frame = reference
        else:
            affine = fitted.objective.data.affine
            # The estimator's own check of X, whose answer is on the solver's scale.
            x = estimator._check(X) * affine.x_scale + affine.x_center
            frame = pd.DataFrame(x, columns=names, index=getattr(X, "index", None))
        return cls(frame, lambda rows: rows.to_numpy(dtype=float), reference, fitted.weight)

    @classmethod
    def _of_formula(cls, fitted: Fitted, bound: Any, X: Any) -> Covariates:
        from pandas import DataFrame

        formula, rows = bound.formula, bound.rows()
        variables = list(formula.variables)
        source = rows.X
        if rows.weight is not None:
            source = source.loc[np.asarray(rows.weight) > 0.0]
        reference = source[variables]
        if len(reference) != len(fitted.x):
            raise ValueError(
                f"the formula was learned from {len(reference)} rows, but the results have "
                f"{len(fitted.x)}; call results() without X and y"
            )
        if X is None:
            frame = reference
        else:
            formula.design(X)
            source = X.to_pandas() if hasattr(X, "to_pandas") else DataFrame(X)
            frame = source[variables]

        def design(changed: Any) -> Array:
            return np.asarray(formula.design(changed).to_numpy(dtype=float))

        factors = {**formula.experts.levels, **formula.gate.levels}
        names = {f.removeprefix("C(").removesuffix(")").split(",")[0].strip() for f in factors}
        return cls(frame, design, reference, fitted.weight, frozenset(names), source)

    @property
    def variables(self) -> list[str]:
        """Names of the variables."""
        return [str(name) for name in self.frame.columns]

    def check(self, variables: Sequence[str] | str | None) -> list[str]:
        """The variables asked for; all by default.

        Raises
        ------
        ValueError
            If there is no variable of a name.
        """
        chosen = [variables] if isinstance(variables, str) else variables
        if chosen is None:
            return self.variables
        for name in chosen:
            if name not in self.variables:
                raise ValueError(f"variables has {name!r}; the fit has {self.variables}")
        return list(chosen)

    def at_means(self) -> Covariates:
        """One row: weighted means of the numbers, the most frequent of the categories."""
        import pandas as pd

        row = {
            name: pd.Series([self._mean(name)], ["mean"])
            if self.is_number(name)
            else pd.Series([self._mode(name)], ["mean"], dtype=self.reference[name].dtype)
            for name in self.variables
        }
        return replace(self, frame=pd.DataFrame(row))

    def contrasts(self, variable: str) -> Iterator[Contrast]:
        """The derivative in a number, or the changes to each other value of a 0/1 or a category."""
        if not self.is_number(variable):
            first, *others = self._values(variable)
            for value in others:
                yield self._change(variable, first, value, f"{variable}: {value} - {first}")
        elif self._is_binary(variable):
            yield self._change(variable, 0, 1, f"{variable}: 1 - 0")
        else:
            yield self._derivative(variable)

    def _change(self, variable: str, old: Any, new: Any, name: str) -> Contrast:
        import pandas as pd

        ones, kind = np.ones(len(self.frame)), self.reference[variable].dtype
        terms = []
        for value, sign in ((new, 1.0), (old, -1.0)):
            changed = pd.Series([value] * len(ones), self.frame.index, dtype=kind)
            terms.append((self.design(self.frame.assign(**{variable: changed})), sign * ones))
        return Contrast(name, terms)

    def _derivative(self, variable: str) -> Contrast:
        """A difference quotient of fourth order, inside the range of the variable in the fit.

        Splines are not defined beyond it.
        """
        x = self.frame[variable].to_numpy(dtype=float)
        fitted = self.reference[variable].to_numpy(dtype=float)
        low, high = min(fitted.min(), x.min()), max(fitted.max(), x.max())
        step = _STEP * (float(np.std(fitted)) or max(1.0, abs(float(fitted[0]))))
        wide = high - low > 8.0 * step
        lower, upper = wide & (x - 2.0 * step < low), wide & (x + 2.0 * step > high)
        terms = []
        for j in range(-4, 5):
            part = np.where(
                lower, _LOWER.get(j, 0.0), np.where(upper, _UPPER.get(j, 0.0), _MIDDLE.get(j, 0.0))
            )
            if np.any(part != 0.0):
                moved = np.where(part != 0.0, x + j * step, x)
                changed = self.frame.assign(**{variable: moved})
                terms.append((self.design(changed), part / step))
        return Contrast(variable, terms, self.design(self.frame))

    def is_number(self, variable: str) -> bool:
        """Whether a variable is a number and no category."""
        from pandas.api.types import is_bool_dtype, is_numeric_dtype

        column = self.reference[variable]
        return (
            variable not in self.categories
            and is_numeric_dtype(column)
            and not is_bool_dtype(column)
        )

    def _is_binary(self, variable: str) -> bool:
        values = self.reference[variable].unique()
        return self.is_number(variable) and len(values) == 2 and set(values) == {0, 1}

    def _values(self, variable: str) -> list[Any]:
        """Values of a category in order, the first being what others are compared with."""
        column = self.reference[variable]
        if hasattr(column, "cat"):
            present = set(column.unique())
            return [value for value in column.cat.categories if value in present]
        return sorted(column.unique())

    def _mean(self, variable: str) -> float:
        return float(np.average(self.frame[variable].to_numpy(dtype=float), weights=self._weights))

    def _mode(self, variable: str) -> Any:
        column = self.frame[variable]
        weights = np.ones(len(column)) if self._weights is None else self._weights
        return max(self._values(variable), key=lambda v: float(weights[column == v].sum()))

    @property
    def _weights(self) -> Array | None:
        """Weights of the rows, which new rows do not have."""
        return self.weight if self.frame is self.reference else None

    @property
    def weights(self) -> Array:
        """Weights of the rows that sum to one; equal for new rows."""
        w = np.ones(len(self.frame)) if self._weights is None else self._weights
        return w / w.sum()
