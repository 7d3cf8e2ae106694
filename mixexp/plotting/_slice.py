"""Rows along one column, the other columns held: what is drawn over x."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Slice:
    """Rows that differ in one column only.

    Attributes
    ----------
    name : str
        Name of that column.
    data : array (n,)
        Its values in the data.
    grid : array (m,)
        Its values in ``rows``, increasing over the range of the data.
    rows : array or DataFrame of m rows
        As the estimator takes them.
    held : str
        Where the other columns are held, in words.
    """

    name: str
    data: Array
    grid: Array
    rows: Any
    held: str


def slice_of(
    estimator: Any, X: Any, x: Any = None, at: Mapping[Any, Any] | None = None, n_grid: int = 301
) -> Slice:
    """Rows over the range of one column of X.

    Parameters
    ----------
    estimator : object
        Fitted; one that is bound to a formula takes frames of the original columns.
    X : array or data frame
        May be None for an estimator that is bound to a formula.
    x : str or int, optional
        The column; may be left out if there is one only.
    at : mapping, optional
        Columns to values at which they are held; the others at their median, or their most frequent
        value if they are no numbers.
    n_grid : int

    Raises
    ------
    ValueError
        If a column is unknown, is to be held although it is drawn along, or has no numbers; or if
        `x` is missing where there are several columns.
    """
    X = frame_of(estimator, X)
    columns = columns_of(estimator, X)
    drawn = _pick(columns, x)
    # Whatever holds no numbers cannot be an axis.
    data = _numbers(drawn, columns[drawn])
    held = {key: typical(values) for key, values in columns.items() if key != drawn}
    for key, value in (at or {}).items():
        if key not in held:
            raise ValueError(
                f"at holds {key!r}, which is not one of the columns held: {list(held)}"
            )
        held[key] = value
    grid = np.linspace(data.min(), data.max(), n_grid)
    rows = _assembled({key: grid if key == drawn else held[key] for key in columns}, n_grid, X)
    words = ", ".join(f"{_shown(key)} = {_short(held[key])}" for key in held)
    return Slice(_shown(drawn), data, grid, rows, words)


def columns_of(estimator: Any, X: Any) -> dict[Any, NDArray[Any]]:
    """The columns that the fit depends on, by name, or by position if they have no names."""
    formula = getattr(estimator, "formula_", None)
    if formula is not None:
        frame = frame_of(estimator, X)
        return {name: np.asarray(frame[name]) for name in formula.variables}
    if hasattr(X, "columns"):
        return {name: np.asarray(X[name]) for name in X.columns}
    values = np.asarray(X)
    if values.ndim != 2:
        raise ValueError(f"X has shape {values.shape}; give rows and columns, such as X[:, None]")
    names = getattr(estimator, "feature_names_in_", None)
    keys = range(values.shape[1]) if names is None else map(str, names)
    return dict(zip(keys, values.T, strict=True))


def frame_of(estimator: Any, X: Any) -> Any:
    """X as it is; with a formula a frame, by default that of the fit.

    Raises
    ------
    ValueError
        If X is missing and there is no formula, or it is no frame and there is one.
    """
    formula = getattr(estimator, "formula_", None)
    if formula is None:
        if X is None:
            raise ValueError("X is None; give rows, or make the estimator by from_formula")
        return X
    if X is None:
        return estimator._rows(None, None).X
    from mixexp.formula.frames import as_frame, check_columns

    frame = as_frame(X, "X")
    check_columns(frame, formula.variables, "X", f"formula={formula.text!r}")
    return frame


def _pick(columns: Mapping[Any, Any], x: Any) -> Any:
    if not columns:
        raise ValueError("the fit depends on no column of X; there is nothing to draw along")
    if x is None:
        if len(columns) == 1:
            return next(iter(columns))
        raise ValueError(f"x is None, but there are several columns; give one of {list(columns)}")
    if x in columns:
        return x
    names = list(columns)
    # Named columns may be meant by their position too.
    if isinstance(x, int | np.integer) and -len(names) <= x < len(names):
        return names[x]
    raise ValueError(f"x={x!r} is not one of the columns {names}")


def _numbers(name: Any, values: NDArray[Any]) -> Array:
    try:
        numbers = values.astype(float)
    except (TypeError, ValueError):
        raise ValueError(
            f"x names the column {name!r}, whose values are not numbers; draw along a column of "
            "numbers and hold this one with at="
        ) from None
    if not numbers.size or not np.isfinite(numbers).all() or numbers.min() == numbers.max():
        raise ValueError(
            f"the column {name!r} of X is empty, constant or not finite; there is nothing to draw "
            "along"
        )
    return numbers


def typical(values: NDArray[Any]) -> Any:
    """The median, of whole numbers the lower one; the most frequent value of anything else."""
    if values.dtype.kind in "iub":
        return np.quantile(values, 0.5, method="lower")
    try:
        return float(np.median(values.astype(float)))
    except (TypeError, ValueError):
        distinct, count = np.unique(values.astype(str), return_counts=True)
        return next(v for v in values if str(v) == distinct[count.argmax()])


def _assembled(columns: Mapping[Any, Any], n: int, like: Any) -> Any:
    if hasattr(like, "columns"):
        from pandas import DataFrame

        return DataFrame(columns, index=range(n))
    return np.column_stack([np.broadcast_to(np.asarray(v, float), n) for v in columns.values()])


def _shown(key: Any) -> str:
    return f"x{key}" if isinstance(key, int | np.integer) else str(key)


def _short(value: Any) -> str:
    if isinstance(value, bool | np.bool) or not np.isreal(value) or isinstance(value, str):
        return str(value)
    return f"{value:.4g}"
