"""Marginal effects as a table and as text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from mixexp.inference import intervals
from mixexp.inference.page import Block, Page, render

if TYPE_CHECKING:
    from pandas import DataFrame

Array = NDArray[np.float64]

_NUMBERS = ["estimate", "se", "z", "pvalue", "lower", "upper"]
_AT = {"average": "average over the rows", "mean": "at the means", "rows": "at each row"}
# Lines of a summary; the table has them all.
_MOST_LINES = 200


@dataclass(frozen=True, eq=False)
class MarginalEffects:
    """Effects of the variables with standard errors.

    Attributes
    ----------
    table : DataFrame
        One line for each effect: ``variable`` (for changes ``"name: new - old"``), ``row`` for
        effects at each row, ``class``, ``response`` or ``expert`` where there are several, then
        ``estimate``, ``se``, ``z``, ``pvalue``, ``lower``, ``upper``, and ``withheld``: why there
        is no standard error, or an empty text.
    of : str
        What is affected.
    at : str
        Where: "average", "mean" or "rows".
    level : float
        Level of the intervals.
    caveats : tuple of str
        What to know about all of the effects.
    """

    table: DataFrame
    of: str
    at: str
    level: float
    caveats: tuple[str, ...]

    def summary(self) -> Any:
        """The effects as a summary of statsmodels: text by ``str``, ``as_html``, ``as_latex``.

        At most 200 lines; ``table`` has them all.
        """
        tail = f"{0.5 * (1.0 - self.level):.4g}", f"{0.5 * (1.0 + self.level):.4g}"
        names = [c for c in self.table.columns if c not in (*_NUMBERS, "withheld")]
        head = [*names, "dy/dx", "std err", "z", "P>|z|", f"[{tail[0]}", f"{tail[1]}]"]
        shown = self.table.head(_MOST_LINES)
        lines = [
            [*(str(line[name]) for name in names), *_formatted(line)]
            for line in shown.to_dict("records")
        ]
        title = f"Marginal effects on {self.of}, {_AT[self.at]}"
        return render(Page(title, [Block("", head, lines)], self._notes(len(shown))))

    def _notes(self, n_shown: int) -> list[str]:
        notes = list(self.caveats)
        if any(": " in str(name) for name in self.table["variable"]):
            notes.append("Lines 'name: new - old' are changes between two values, no derivatives.")
        for reason in dict.fromkeys(self.table["withheld"]):
            if reason:
                notes.append(f"withheld: {reason}.")
        if n_shown < len(self.table):
            notes.append(f"The first {n_shown} of {len(self.table)} lines; see the table.")
        return notes

    def __str__(self) -> str:
        return str(self.summary())

    def _repr_html_(self) -> str:
        return str(self.summary().as_html())


def effects_table(
    labels: dict[str, Sequence[Any]],
    found: list[tuple[Array, Array]],
    level: float,
    why: Callable[[Array], Sequence[str]],
) -> DataFrame:
    """Estimates and standard errors with tests of zero and intervals from the normal law.

    Parameters
    ----------
    labels : dict
        Columns that identify a line, and their values; the last varies fastest.
    found : list of (array, array)
        Estimates and standard errors for each value of the first label.
    level : float
    why : callable
        From standard errors to the reasons why some are NaN.

    Examples
    --------
    >>> found = [(np.array([2.0]), np.array([1.0]))]
    >>> table = effects_table({"variable": ["dose"]}, found, 0.95, lambda error: [""])
    >>> table.drop(columns="withheld").round(3)
      variable  estimate   se    z  pvalue  lower  upper
    0     dose       2.0  1.0  2.0   0.046   0.04   3.96
    """
    from pandas import DataFrame

    estimate, error = (np.concatenate(each) for each in zip(*found, strict=True))
    lower, upper = intervals.plain(estimate, error, intervals.quantile(level))
    with np.errstate(divide="ignore", invalid="ignore"):
        z = estimate / error
    lines = DataFrame(list(product(*labels.values())), columns=list(labels))
    numbers = [estimate, error, z, 2.0 * norm.sf(np.abs(z)), lower, upper]
    return lines.assign(
        **dict(zip(_NUMBERS, numbers, strict=True)),
        withheld=why(error),
    )


def _formatted(numbers: Any) -> list[str]:
    if np.isnan(numbers["se"]):
        return [f"{numbers['estimate']:.4g}", "withheld", "", "", "", ""]
    estimate, error, z, p, *limits = (float(numbers[name]) for name in _NUMBERS)
    # An effect that is zero whatever the parameters are has no test.
    test = ["", ""] if np.isnan(z) else [f"{z:.3f}", f"{p:.3f}"]
    return [f"{estimate:.4g}", f"{error:.3g}", *test, *(f"{limit:.4g}" for limit in limits)]
