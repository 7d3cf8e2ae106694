"""A formula bound to the rows it was learned from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from pandas import DataFrame, Series

    from mixexp.formula import Formula


class Given(NamedTuple):
    """Rows, responses, weights and known numbers that a method works with."""

    X: Any
    y: Any
    weight: Any = None
    known: Any = None


@dataclass(frozen=True, eq=False)
class Bound:
    """A formula and the rows it was learned from.

    Attributes
    ----------
    formula : Formula
    data : DataFrame
        The columns the formula and the arguments name, rows without missing values only; no rows
        after loading from a file.
    given : Given
        Responses that were given beside the data, and weights and known numbers: None, the name of
        a column, or values at the rows of ``data``.
    known_as : str
        What the estimator calls the known numbers: exposure, trials.
    na_action : {"raise", "drop"}
    rows_used : array of bool
        Which rows of the original data were complete.
    told : Given
        Weights and known numbers as ``from_formula`` got them: columns are looked for in all data.
    """

    formula: Formula
    data: DataFrame
    given: Given
    known_as: str
    na_action: str
    rows_used: NDArray[np.bool_]
    told: Given

    @classmethod
    def learn(
        cls, text: str, data: Any, given: Given, known_as: str, na_action: str, told: Given
    ) -> Bound:
        """Learn a formula from the complete rows of data.

        Raises
        ------
        ValueError
            If the formula cannot be read, a column is missing or, by ``na_action``, incomplete.
        """
        from mixexp.formula import Formula
        from mixexp.formula.frames import as_frame, complete_rows

        frame = as_frame(data)
        beside = {"y": given.y, "weights": given.weight, known_as: given.known}
        needed, kept = _columns(text, frame, beside)
        frame = frame[kept]
        columns = {name: frame[name] for name in needed}
        for argument, values in beside.items():
            if not isinstance(values, str) and np.ndim(values) > 0:
                columns[f"{argument}="] = _missing(argument, values, len(frame))
        used = np.ones(len(frame), dtype=bool)
        if columns:
            used = complete_rows(columns, na_action)
        frame = frame.loc[used].copy()
        taken = Given(None, *(_take(values, used) for values in given[1:]))
        return cls(Formula.learn(text, frame), frame, taken, known_as, na_action, used, told)

    def rows(self) -> Given:
        """The rows the formula was learned from.

        Raises
        ------
        ValueError
            If the estimator was loaded from a file, which does not keep them.
        """
        if not len(self.data):
            raise ValueError(
                "the estimator was loaded from a file, which does not keep data; pass X, a data "
                "frame, here"
            )
        y, weight, known = self.given[1:]
        return Given(
            self.data,
            self.formula.response(self.data) if y is None else y,
            self.data[weight] if isinstance(weight, str) else weight,
            self.data[known] if isinstance(known, str) else known,
        )

    def relearn(self, given: Given) -> Bound:
        """The formula learned from other data, or from the same with other arguments.

        Raises
        ------
        ValueError
            As from :meth:`learn`; for an array of ``from_formula`` that other data do not go with;
            and for responses that contradict those in the data.
        """
        own = given.X is None
        weight = self._other(
            "sample_weight", given.weight, own, self.given.weight, self.told.weight
        )
        known = self._other(self.known_as, given.known, own, self.given.known, self.told.known)
        data = self.rows().X if own else given.X
        again = Bound.learn(
            self.formula.text, data, Given(None, given.y, weight, known), self.known_as,
            self.na_action, self.told,
        )  # fmt: skip
        if given.y is not None:
            again.formula.check_response(again.rows().X, again.given.y)
        return again

    @staticmethod
    def _other(argument: str, given: Any, own: bool, kept: Any, told: Any) -> Any:
        """What an argument is for data, its own or others, where it may not be given again."""
        if given is not None or own:
            return kept if given is None else given
        if not isinstance(told, str | None):
            raise ValueError(
                f"from_formula took an array for {argument}=, which belongs to its own data; pass "
                f"{argument}= with these, or name a column in from_formula"
            )
        return told

    def column(self, name: Any, X: Any, argument: str) -> Any:
        """The column of X an argument of ``from_formula`` names, None where it named none.

        Raises
        ------
        ValueError
            If X lacks it.
        """
        if not isinstance(name, str):
            return None
        from mixexp.formula.frames import as_frame, check_columns

        frame = as_frame(X, "X")
        check_columns(frame, [name], "X", f"{argument}=")
        return frame[name]


def _columns(text: str, frame: DataFrame, beside: dict[str, Any]) -> tuple[list[str], list[str]]:
    """Columns that have to be complete, and those that are kept, as far as there are any."""
    from mixexp.formula.frames import check_columns
    from mixexp.formula.parsing import parse, variables

    parts = parse(text, [str(name) for name in frame.columns])
    needed = variables([*parts.experts, *parts.gate], frame.columns)
    left = variables(parts.responses, frame.columns)
    if beside["y"] is None:
        needed |= left
    check_columns(frame, sorted(needed), "data", f"formula={text!r}")
    for argument, name in beside.items():
        if isinstance(name, str):
            check_columns(frame, [name], "data", f"{argument}=")
            needed.add(name)
    kept = [name for name in frame.columns if name in needed | left]
    return [name for name in kept if name in needed], kept


def _missing(argument: str, values: Any, n: int) -> Series:
    """A column that is missing where any number of an argument is."""
    import pandas as pd

    if len(values) != n:
        raise ValueError(
            f"{argument} has {len(values)} entries, but the data have {n} rows; give one for each"
        )
    holes = pd.DataFrame(np.asarray(values)).isna().any(axis=1)
    return holes.where(~holes)


def _take(values: Any, rows: NDArray[np.bool_]) -> Any:
    """Values at some rows; names of columns and single numbers stay."""
    if isinstance(values, str) or np.ndim(values) == 0:
        return values
    return values.loc[rows] if hasattr(values, "loc") else np.asarray(values)[rows]
