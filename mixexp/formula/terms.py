"""One side of a formula: terms that learned their levels, knots and scales from a data frame."""

from __future__ import annotations

import warnings
from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mixexp.formula.columns import as_numbers_or_words
from mixexp.formula.frames import check_columns, complete_rows
from mixexp.formula.parsing import categorical_column, variables

if TYPE_CHECKING:
    from pandas import DataFrame


@dataclass(frozen=True, eq=False)
class Terms:
    """Columns of a design, learned once and made again of new data.

    Attributes
    ----------
    text : str
        The formula they belong to, for messages.
    variables : tuple of str
        Columns of the data that the terms are made of.
    spec : formulaic.ModelSpec
        The state that was learned.
    """

    text: str
    variables: tuple[str, ...]
    spec: Any

    @classmethod
    def learn(cls, text: str, part: Any, frame: DataFrame) -> Terms:
        """Learn the terms of a parsed part from a frame without missing values.

        Raises
        ------
        ValueError
            If a column is missing or no number, word or truth value, or a term of a row depends
            on other rows.
        """
        from formulaic import ModelSpec

        names = tuple(sorted(variables(part, map(str, frame.columns))))
        check_columns(frame, names, "data", f"formula={text!r}")
        blank = cls(text, names, ModelSpec(formula=part, output="pandas", na_action="ignore"))
        design = blank._evaluated(frame, "data")
        learned = cls(text, names, design.model_spec)
        learned._check_rows(design, frame)
        return learned

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns of the design, without the constant."""
        names = (str(name) for name in self.spec.column_names)
        return tuple(name for name in names if name != "Intercept")

    def of(self, frame: DataFrame, argument: str = "X") -> DataFrame:
        """The columns of the design at the rows of a frame, without the constant.

        Raises
        ------
        ValueError
            If a column is missing or incomplete, a level is new, or a term has no finite value.
        """
        check_columns(frame, self.variables, argument, f"formula={self.text!r}")
        if self.variables:
            complete_rows({name: frame[name] for name in self.variables}, "raise", argument)
        self._check_levels(frame, argument)
        found = self._evaluated(frame, argument)[list(self.columns)].astype(np.float64)
        for name in self.columns:
            if len(bad := np.flatnonzero(~np.isfinite(found[name].to_numpy()))):
                raise ValueError(
                    f"the term {name!r} of formula={self.text!r} is {found[name].iloc[bad[0]]} in "
                    f"row {bad[0]} of {argument} and {len(bad)} rows in all; mend or drop them"
                )
        found.index = frame.index
        return found

    def _check_levels(self, frame: DataFrame, argument: str) -> None:
        for factor, levels in self.levels.items():
            name = categorical_column(factor, self.variables)
            if name is None:
                continue
            known = set(levels)
            new = [value for value in frame[name].unique().tolist() if value not in known]
            if new:
                raise ValueError(
                    f"column {name!r} of {argument} has the level {new[0]!r}, which the fit has "
                    f"not seen; it knows {levels}. Leave such rows out, or fit on data that "
                    "have the level"
                )

    @property
    def levels(self) -> dict[str, list[Any]]:
        """The levels of each categorical factor, in the order of their columns."""
        states = ((factor, state) for factor, (_, state) in self.spec.encoder_state.items())
        return {f: list(state["categories"]) for f, state in states if "categories" in state}

    def _check_rows(self, design: DataFrame, frame: DataFrame) -> None:
        """Refuse terms such as x - x.mean(), which would be others for every frame of new data."""
        for row in {0, len(frame) // 2} if self.variables and len(frame) > 1 else ():
            alone = self._evaluated(frame.iloc[[row]], "data").to_numpy(float)[0]
            given = design.iloc[row].to_numpy(float)
            same = np.isclose(alone, given, rtol=1e-6, atol=1e-9, equal_nan=True)
            if not same.all():
                raise ValueError(
                    f"the term {self.spec.column_names[int(same.argmin())]!r} of "
                    f"formula={self.text!r} depends on other rows, so that new data would get "
                    "another; use center(x), scale(x) or poly(x, 1), which keep what they learned, "
                    "or make it a column"
                )

    def _evaluated(self, frame: DataFrame, argument: str) -> Any:
        """What formulaic makes of a frame; nothing but its columns can be named."""
        from formulaic.errors import DataMismatchWarning, FormulaicError

        # A column that no term names must not hide the function of its name, such as C.
        rows = as_numbers_or_words(frame[list(self.variables)], argument, self.levels)
        rows = rows.reset_index(drop=True)
        # Formulaic writes into the state that it is given, also where it then fails.
        spec = self.spec.update(
            transform_state=deepcopy(self.spec.transform_state),
            encoder_state=deepcopy(self.spec.encoder_state),
        )
        try:
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("error", DataMismatchWarning)
                # A NaN that a term makes is reported with the term's name.
                warnings.simplefilter("ignore", RuntimeWarning)
                return spec.get_model_matrix(rows, context={})
        except (FormulaicError, DataMismatchWarning, TypeError, ValueError) as error:
            raise ValueError(
                f"formula={self.text!r} cannot be evaluated: {_reason(error)}"
            ) from error


def _reason(error: BaseException) -> str:
    text = str(error)
    if isinstance(error.__cause__, NameError):
        return f"{text}; make it a column of the data first"
    if "not callable" in text:
        return f"{text}; a column is called as a function is: rename it"
    if "extrapolation" in text:
        return f'{text} For instance bs(x, df=4, extrapolation="linear").'
    return text
