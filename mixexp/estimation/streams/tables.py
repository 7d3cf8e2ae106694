"""Columns of Arrow tables and pandas frames as the arrays of a chunk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mixexp.estimation.streams._base import Chunk
from mixexp.estimation.streams.names import Names

if TYPE_CHECKING:
    import pyarrow as pa
    from pandas import DataFrame

Array = NDArray[np.float64]

_NOT_NUMBERS = (
    "make numbers of it first: days or seconds since an origin of dates, one column of zeros and "
    "ones for each category"
)


def of_table(table: Any, names: Names, place: str) -> Chunk:
    """The chunk in an Arrow table or batch, a pandas frame, or what can be made an Arrow table.

    Raises
    ------
    TypeError
        If it is no table.
    ValueError
        If a column is missing or null somewhere, or one of X or the weights holds no numbers.
    """
    if hasattr(table, "iloc") and hasattr(table, "columns"):
        return _of_frame(table, names, place)
    import pyarrow as pa

    if not isinstance(table, pa.Table):
        if isinstance(table, pa.RecordBatch):
            table = pa.Table.from_batches([table])
        elif hasattr(table, "__arrow_c_stream__"):
            table = pa.table(table)
        else:
            raise TypeError(
                f"{place} is a {type(table).__name__}; chunks are pandas frames, Arrow tables or "
                "batches, or tuples (X, y) or (X, y, sample_weight) of arrays"
            )
    return of_arrow(table, names, place)


def of_arrow(table: pa.Table, names: Names, place: str) -> Chunk:
    """The chunk in an Arrow table."""
    names.check(table.column_names, place)
    x = np.empty((table.num_rows, len(names.x)))
    for j, name in enumerate(names.x):
        x[:, j] = _numbers(table.column(name), name, place)
    responses = [_response(table.column(name), name, place) for name in names.y]
    y = np.column_stack(responses) if names.several else responses[0]
    weight = None if names.weight is None else table.column(names.weight)
    return Chunk(x, y, None if weight is None else _numbers(weight, names.weight or "", place))


def check_numbers(kind: pa.DataType, name: str, place: str) -> None:
    """Refuse a column whose type is none of numbers.

    Raises
    ------
    ValueError
    """
    import pyarrow.types as types

    if types.is_dictionary(kind):
        kind = kind.value_type
    tests = (types.is_integer, types.is_floating, types.is_boolean, types.is_decimal)
    if not any(test(kind) for test in tests) and not types.is_null(kind):
        raise ValueError(f"column {name!r} of {place} holds {kind}, not numbers; {_NOT_NUMBERS}")


def _numbers(column: pa.ChunkedArray, name: str, place: str) -> Array:
    import pyarrow as pa
    import pyarrow.compute as pc

    check_numbers(column.type, name, place)
    column = _whole(column, name, place)
    if pa.types.is_floating(column.type) or pa.types.is_integer(column.type):
        return column.to_numpy().astype(np.float64, copy=False)
    return np.asarray(pc.cast(column, pa.float64(), safe=False).to_numpy())


def _response(column: pa.ChunkedArray, name: str, place: str) -> NDArray[Any]:
    """Numbers as they are, decimals as floats, and labels."""
    import pyarrow.types as types

    column = _whole(column, name, place)
    if types.is_decimal(column.type):
        return _numbers(column, name, place)
    values = column.to_numpy()
    # Words have the type that compares fastest and sorts.
    words = types.is_string(column.type) or types.is_large_string(column.type)
    return values.astype(str) if words else values


def _whole(column: pa.ChunkedArray, name: str, place: str) -> pa.ChunkedArray:
    """The column with its dictionary resolved, if no value is null."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_dictionary(column.type):
        # Also a value of the dictionary may be null.
        column = pc.cast(column, column.type.value_type)
    if column.null_count:
        row = pc.index(pc.is_null(column), True).as_py()
        raise ValueError(
            f"column {name!r} is null in row {row} of {place}; drop such rows or fill them in "
            "before the fit"
        )
    return column


def _of_frame(frame: DataFrame, names: Names, place: str) -> Chunk:
    names.check(list(frame.columns), place)
    twice = {name for name in names.every if list(frame.columns).count(name) > 1}
    if twice:
        raise ValueError(f"{place} has several columns {sorted(twice)}; give each its own name")
    x = np.empty((len(frame), len(names.x)))
    for j, name in enumerate(names.x):
        x[:, j] = _of_series(frame[name], name, place)
    responses = [_of_responses(frame[name], name, place) for name in names.y]
    y = np.column_stack(responses) if names.several else responses[0]
    weight = names.weight
    return Chunk(x, y, None if weight is None else _of_series(frame[weight], weight, place))


def _of_responses(series: Any, name: str, place: str) -> NDArray[Any]:
    missing = series.isna().to_numpy()
    if missing.any():
        raise ValueError(
            f"column {name!r} is missing in row {int(np.argmax(missing))} of {place}; drop such "
            "rows or fill them in before the fit"
        )
    values = series.to_numpy()
    words = values.dtype.kind == "O" and all(isinstance(value, str) for value in values)
    return values.astype(str) if words else values


def _of_series(series: Any, name: str, place: str) -> Array:
    kind = getattr(series.dtype, "kind", "O")
    try:
        if kind in "mM":
            raise TypeError("dates are not numbers")
        # Missing values become NaN, which the reader of chunks refuses by row.
        return series.to_numpy(dtype=np.float64, na_value=np.nan)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"column {name!r} of {place} holds {series.dtype}, not numbers; {_NOT_NUMBERS}"
        ) from error
