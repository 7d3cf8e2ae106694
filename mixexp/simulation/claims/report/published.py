"""Published curves: read, and their slopes beside ours."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mixexp.simulation.claims.judging.results import ClaimResult
from mixexp.simulation.claims.report.elements import Cell, Table
from mixexp.simulation.claims.report.words import DASH, interval, signed

PUBLISHED = "published (their loss, their fits)"

_NAMES = ("n", "mean", "median", "q05", "q95")
Array = NDArray[np.float64]


def read_published(path: Path) -> Mapping[str, Array]:
    """Columns ``n``, ``mean``, ``median``, ``q05`` and ``q95`` of a published curve.

    Raises
    ------
    ValueError
        If one of them is missing.
    """
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    missing = [name for name in _NAMES if not rows or name not in rows[0]]
    if missing:
        raise ValueError(
            f"{path.name} has no column {missing[0]!r}: a published curve has {_NAMES}"
        )
    return {name: np.array([float(row[name]) for row in rows]) for name in _NAMES}


def log_log_slope(n: Array, error: Array) -> float | None:
    """Least-squares slope of log(error) on log(n), None from less than two sizes.

    Examples
    --------
    >>> print(round(log_log_slope(np.array([10.0, 100.0, 1000.0]), np.array([4.0, 2.0, 1.0])), 3))
    -0.301
    """
    if len(n) < 2:
        return None
    x = np.log(n) - np.log(n).mean()
    return float(x @ np.log(error) / (x @ x))


def published_table(result: ClaimResult) -> Table:
    """Our slopes beside those of the published means, over their sizes and over ours."""
    header = (
        "quantity", "ours, slope of geometric means", "ours, of means",
        f"{PUBLISHED}: of means, all sizes", "of means, our range of sizes",
    )  # fmt: skip
    rows: list[list[Cell]] = []
    rates = {rate.quantity.column: rate for rate in result.rates}
    ours = [cell.n for cell in result.cells if cell.stored]
    for column, path in result.claim.published.items():
        curve, rate = read_published(Path(path)), rates.get(column)
        n, mean = curve["n"], curve["mean"]
        inside = (n >= min(ours, default=np.inf)) & (n <= max(ours, default=-np.inf))
        of_means = None if rate is None else rate.slopes["mean"]
        rows.append(
            [
                column if rate is None else rate.quantity.label,
                DASH if rate is None else interval(rate.all_sizes),
                DASH if of_means is None else interval(of_means),
                _slope(n, mean),
                _slope(n[inside], mean[inside]),
            ]
        )
    return Table("Beside the published curves", header, rows)


def _slope(n: Array, mean: Array) -> list[str]:
    if not len(n):
        return [DASH]
    return [signed(log_log_slope(n, mean)), f"{len(n)} sizes, {n.min():.0f} to {n.max():.0f}"]
