"""A formula that has been learned from a data frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mixexp.formula.frames import as_frame, check_columns
from mixexp.formula.parsing import expression, is_name, parse, variables
from mixexp.formula.terms import Terms

if TYPE_CHECKING:
    from pandas import DataFrame, Series


@dataclass(frozen=True, eq=False)
class Formula:
    """A formula ``"y ~ experts | gate"`` with what it learned: levels, knots, scales.

    Attributes
    ----------
    text : str
    responses : tuple of str
        The expressions left of ``~``.
    experts, gate : Terms
        The two parts right of it.
    left : dict of str to Terms
        Those responses that are not columns as they stand, if the data had them.

    Raises
    ------
    ValueError
        From :meth:`learn`, if the formula cannot be read or the data lack a column.

    Examples
    --------
    >>> from mixexp.datasets import load_ethanol
    >>> formula = Formula.learn("NOx ~ poly(E, 2) | C", load_ethanol())
    >>> formula.columns, formula.gate_columns
    (('poly(E, 2)[1]', 'poly(E, 2)[2]', 'C'), ('C',))
    >>> formula.design(load_ethanol().head(2)).round(3)
       poly(E, 2)[1]  poly(E, 2)[2]     C
    0         -0.010         -0.121  12.0
    1         -0.087         -0.054  12.0
    """

    text: str
    responses: tuple[str, ...]
    experts: Terms
    gate: Terms
    left: dict[str, Terms]

    @classmethod
    def learn(cls, text: str, data: Any) -> Formula:
        """Read a formula and learn its levels, knots and scales from data without missing values.

        The data may lack the responses.
        """
        frame = as_frame(data)
        parts = parse(text, [str(name) for name in frame.columns])
        left = {}
        for term in parts.responses:
            spec = None if is_name(term) else _side(term)
            if spec is not None and variables(spec, frame.columns) <= set(frame.columns):
                left[expression(term)] = Terms.learn(text, spec, frame)
        return cls(
            text,
            tuple(expression(term) for term in parts.responses),
            Terms.learn(text, parts.experts, frame),
            Terms.learn(text, parts.gate, frame),
            left,
        )

    @property
    def expert_columns(self) -> tuple[str, ...]:
        """Columns of the design that the experts see."""
        return self.experts.columns

    @property
    def gate_columns(self) -> tuple[str, ...]:
        """Columns of the design that the gate sees."""
        return self.gate.columns

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of the design: the experts', then those of the gate that are not among them."""
        return tuple(dict.fromkeys((*self.expert_columns, *self.gate_columns)))

    @property
    def variables(self) -> tuple[str, ...]:
        """Columns of the data that the design is made of."""
        return tuple(dict.fromkeys((*self.experts.variables, *self.gate.variables)))

    @property
    def positions(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Where the gate's and the experts' columns are in the design."""
        at = {name: i for i, name in enumerate(self.columns)}
        return tuple(at[c] for c in self.gate_columns), tuple(at[c] for c in self.expert_columns)

    def design(self, data: Any) -> DataFrame:
        """The design (n, n_columns) of data with the original columns, index kept.

        Parameters
        ----------
        data : pandas or polars frame, or dict of arrays

        Raises
        ------
        ValueError
            If a column is missing or incomplete, a level is new, or a term has no finite value.
        """
        import pandas as pd

        frame = as_frame(data, "X")
        experts, gate = self.experts.of(frame), self.gate.of(frame)
        added = [name for name in self.gate_columns if name not in set(self.expert_columns)]
        return pd.concat([experts, gate[added]], axis=1)

    def response(self, data: Any) -> Series | DataFrame:
        """The left side: a column as it stands (labels of any kind), or expressions of numbers.

        Several responses make a frame.

        Raises
        ------
        ValueError
            If a column is missing, or an expression is not one column of finite numbers.
        """
        import pandas as pd

        frame = as_frame(data, "X")
        found = [self._response(name, frame) for name in self.responses]
        return found[0] if len(found) == 1 else pd.concat(found, axis=1)

    def _response(self, name: str, frame: DataFrame) -> Series:
        if name in frame.columns:
            return frame[name]
        if name not in self.left:
            # A plain column, or an expression of columns that the fit has not seen.
            check_columns(frame, [name], "X", f"formula={self.text!r}")
        values = self.left[name].of(frame)
        if values.shape[1] != 1:
            raise ValueError(
                f"the response {name!r} of formula={self.text!r} makes {values.shape[1]} columns; "
                'write a number, or several of them as "y1 + y2 ~ x"'
            )
        return values.iloc[:, 0]

    def check_response(self, data: Any, y: Any) -> None:
        """Refuse responses that are given beside data which make others of an expression.

        Raises
        ------
        ValueError
            If the left side is an expression such as ``log(y)`` and ``y`` is not its value.
        """
        frame = as_frame(data, "X")
        sides = [self.left[name] for name in self.responses if name in self.left]
        if not sides or any(set(side.variables) - set(frame.columns) for side in sides):
            return
        if not np.allclose(np.asarray(self.response(frame)), np.asarray(y), rtol=1e-9):
            raise ValueError(
                f"y differs from {' + '.join(self.responses)} of formula={self.text!r} in the "
                "data; leave y out, or leave its columns out of the data"
            )

    def __repr__(self) -> str:
        return f"Formula({self.text!r})"


def _side(term: Any) -> Any:
    """A single term as a formula of its own."""
    from formulaic.formula import SimpleFormula

    return SimpleFormula([term])
