"""Checks of the responses of discrete families: each message has the row, the value, the remedy."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def numbers(y: Any, columns: str | None = None) -> Array:
    """Responses as floats of shape (1, n), or (2, n) where two ``columns`` are allowed and given.

    Raises
    ------
    ValueError
        If ``y`` is not numeric, not finite or of another shape.

    Examples
    --------
    >>> numbers([[3, 10], [4, 20]], columns="[successes, trials]")
    array([[ 3.,  4.],
           [10., 20.]])
    """
    try:
        values = np.asarray(y, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"y must be an array of numbers: {error}.") from error
    if columns is not None and values.ndim == 2 and values.shape[1] == 2:
        table = np.ascontiguousarray(values.T)
    elif values.ndim == 1:
        table = values[None].copy()
    else:
        two = f", or (n, 2) with columns {columns}" if columns else ""
        raise ValueError(
            f"y must have shape (n,){two}, got {values.shape}; a single column is y.ravel()."
        )
    for row in table:
        check(np.isfinite(row), row, "is not a finite number", "remove or impute such rows")
    return table


def table(y: Any, n_responses: int) -> Array:
    """Responses (n, D) as floats of shape (D, n), in memory of their own; (n,) serves D = 1.

    Raises
    ------
    ValueError
        If ``y`` is not numeric, not finite or has another number of columns.

    Examples
    --------
    >>> table([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], n_responses=2)
    array([[1., 3., 5.],
           [2., 4., 6.]])
    """
    try:
        values = np.asarray(y, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"y must be an array of numbers: {error}.") from error
    if values.ndim == 1 and n_responses == 1:
        values = values[:, None]
    if values.ndim != 2 or values.shape[1] != n_responses:
        raise ValueError(
            f"y has shape {values.shape}, but the law has {n_responses} responses; pass an array "
            f"of shape (n, {n_responses}), one column for each response."
        )
    rows = np.array(values.T, order="C")
    for j, row in enumerate(rows):
        name = f"y[:, {j}]"
        check(np.isfinite(row), row, "is not a finite number", "remove or impute such rows", name)
    return rows


def check(good: NDArray[np.bool_], values: Array, fault: str, remedy: str, name: str = "y") -> None:
    """Raise a ValueError that names the first value that is not good.

    Examples
    --------
    >>> check(np.array([True, False]), np.array([1.0, -2.0]), "is negative", "drop it")
    Traceback (most recent call last):
    ...
    ValueError: y: -2 in row 1 is negative; drop it.
    """
    bad = np.flatnonzero(~good)
    if bad.size:
        raise ValueError(f"{name}: {values[bad[0]]:.12g} in row {bad[0]} {fault}; {remedy}.")


def check_exposure(exposure: Array, name: str = "y") -> None:
    """Raise a ValueError unless every exposure is positive and finite."""
    good = (exposure > 0.0) & np.isfinite(exposure)
    remedy = "give every row the time, area or population its count refers to, or drop the row"
    check(good, exposure, "is not a positive exposure", remedy, name)


def check_trials(trials: Array, name: str = "y") -> None:
    """Raise a ValueError unless every number of trials is a non-negative integer."""
    good = (trials >= 0.0) & (trials == np.floor(trials)) & np.isfinite(trials)
    check(good, trials, "is not a number of trials", "pass whole numbers, 0 or more", name)
