"""Data as pandas frames: what a formula names must be there, and complete."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from pandas import DataFrame, Series

ACTIONS = ("raise", "drop")
_SHOWN = 20


def as_frame(data: Any, argument: str = "data") -> DataFrame:
    """A pandas or polars frame, or a dict of arrays, as a pandas frame.

    Raises
    ------
    ValueError
        If it has no columns with names, or a name twice.

    Examples
    --------
    >>> as_frame({"x": [1.0, 2.0]})
         x
    0  1.0
    1  2.0
    """
    import pandas as pd

    try:
        if isinstance(data, pd.DataFrame):
            found = data
        elif isinstance(data, Mapping):
            found = pd.DataFrame(dict(data))
        else:
            found = data.to_pandas()
    except (AttributeError, ValueError) as error:
        raise ValueError(
            f"{argument} is a {type(data).__name__} ({error}), but a formula reads columns by "
            "name; pass a pandas or polars data frame, or a dict of arrays"
        ) from error
    if not isinstance(found, pd.DataFrame):
        raise ValueError(f"{argument} has one column without a table; pass a data frame")
    if found.columns.has_duplicates:
        twice = found.columns[found.columns.duplicated()][0]
        raise ValueError(f"{argument} has two columns called {twice!r}; rename one of them")
    return found


def check_columns(frame: DataFrame, names: Iterable[str], argument: str, user: str) -> None:
    """Refuse a frame that lacks a column.

    Raises
    ------
    ValueError
        If a column is missing; ``user`` says who needs it.
    """
    for name in names:
        if name not in frame.columns:
            shown = [str(c) for c in frame.columns[:_SHOWN]]
            more = "" if len(shown) == len(frame.columns) else f" and {len(frame.columns)} in all"
            if any(str(c) == name for c in frame.columns):
                raise ValueError(
                    f"{argument} has a column {name}, but its name is not a text, as {user} needs; "
                    f"rename the columns, for instance by {argument}.rename(columns=str)"
                )
            raise ValueError(
                f"{argument} has no column {name!r}, which {user} names; it has {shown}{more}"
            )


def complete_rows(
    columns: Mapping[str, Series], na_action: str, argument: str = "data"
) -> NDArray[np.bool_]:
    """Rows without a missing value in any of the columns, (n,).

    Parameters
    ----------
    columns : mapping of str to Series (n,)
    na_action : {"raise", "drop"}
        Whether missing values are an error.

    Raises
    ------
    ValueError
        If values are missing and ``na_action="raise"``, or every row misses one.

    Examples
    --------
    >>> complete_rows({"x": as_frame({"x": [1.0, None]})["x"]}, "drop")
    array([ True, False])
    """
    if na_action not in ACTIONS:
        raise ValueError(f"na_action={na_action!r} is not one of {list(ACTIONS)}")
    missing = {name: np.asarray(values.isna(), dtype=bool) for name, values in columns.items()}
    counts = {name: int(rows.sum()) for name, rows in missing.items() if rows.any()}
    if counts and na_action == "raise":
        told = ", ".join(f"{count} in column {name!r}" for name, count in counts.items())
        raise ValueError(
            f"{argument} has missing values: {told}. Fill them in or drop the rows; a fit does "
            'the latter with from_formula(..., na_action="drop")'
        )
    if not len(next(iter(missing.values()))):
        raise ValueError(f"{argument} has no rows; give at least one")
    kept = ~np.logical_or.reduce(list(missing.values()))
    if not kept.any():
        raise ValueError(f"every row of {argument} has a missing value: {counts}")
    return kept
