"""Rows as typed columns, and those as a pandas data frame or an Arrow table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from mixexp.simulation._execute import ADDED_COLUMNS, KEY_COLUMNS
from mixexp.simulation.study import Row, Scalar

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

_FIXED_KINDS = {
    "study": "string",
    "config": "string",
    "n": "integer",
    "replicate": "integer",
    "part": "integer",
    "seed_key": "string",
    "mixexp_version": "string",
    "wall_seconds": "number",
    "error": "string",
}
_PANDAS_TYPES = {
    "boolean": "boolean",
    "integer": "Int64",
    "number": "Float64",
    "string": "string",
}


class Column(NamedTuple):
    """Values of one column, None where a row has none, and their common kind."""

    kind: str
    values: list[Scalar]


def columns_of(rows: Sequence[Row]) -> dict[str, Column]:
    """Rows as columns: the key, then the study's own columns as they appear, then the rest.

    Examples
    --------
    >>> columns = columns_of([{"n": 10, "loss": 1}, {"n": 20, "loss": 0.5, "note": "thin"}])
    >>> columns["loss"], columns["note"]
    (Column(kind='number', values=[1.0, 0.5]), Column(kind='string', values=[None, 'thin']))
    """
    own = dict.fromkeys(name for row in rows for name in row)
    inner = [name for name in own if name not in _FIXED_KINDS]
    columns = {}
    for name in (*KEY_COLUMNS, *inner, *ADDED_COLUMNS):
        values = [row.get(name) for row in rows]
        kind = _FIXED_KINDS.get(name) or _common_kind(values)
        columns[name] = Column(kind, [_as_kind(value, kind) for value in values])
    return columns


def columns_to_frame(columns: dict[str, Column]) -> pd.DataFrame:
    """A data frame of nullable pandas columns."""
    import pandas as pd

    return pd.DataFrame({name: _pandas_array(column) for name, column in columns.items()})


def columns_to_table(columns: dict[str, Column]) -> pa.Table:
    """An Arrow table; None becomes null, NaN stays NaN."""
    import pyarrow as pa

    types = {
        "boolean": pa.bool_(),
        "integer": pa.int64(),
        "number": pa.float64(),
        "string": pa.string(),
    }
    return pa.table(
        {name: pa.array(values, types[kind]) for name, (kind, values) in columns.items()}
    )


def _pandas_array(column: Column) -> pd.api.extensions.ExtensionArray:
    import numpy as np
    import pandas as pd

    if column.kind != "number":
        return pd.array(column.values, dtype=_PANDAS_TYPES[column.kind])
    # The public constructor would turn NaN, a failed computation, into NA, a value never given.
    missing = np.array([value is None for value in column.values], dtype=bool)
    filled = [0.0 if value is None else value for value in column.values]
    return pd.arrays.FloatingArray(np.array(filled, dtype=float), missing)


def _common_kind(values: Sequence[Scalar]) -> str:
    present = [value for value in values if value is not None]
    if any(isinstance(value, str) for value in present):
        return "string"
    if present and all(isinstance(value, bool) for value in present):
        return "boolean"
    if present and not any(isinstance(value, (bool, float)) for value in present):
        return "integer"
    return "number"


def _as_kind(value: Scalar, kind: str) -> Scalar:
    if value is None:
        return None
    if kind == "number":
        return float(value)
    return str(value) if kind == "string" else value
