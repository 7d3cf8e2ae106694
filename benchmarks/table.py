"""The results of a run as an aligned table."""

from __future__ import annotations

from benchmarks.measurement import Measurement
from benchmarks.record import Last, Results

HEADER = ("benchmark", "measurement", "value", "unit", "target", "", "last", "ratio")
_RIGHT = {2, 4, 6, 7}


def render(results: Results, last: Last) -> str:
    """One line for each measurement, beside its value in an earlier run; ratio is now / last.

    Examples
    --------
    >>> print(render({"passes": [Measurement("EM", 6.0, "x", 7.0)]}, {("passes", "EM"): 5.0}))
    benchmark  measurement  value  unit  target       last  ratio
    -------------------------------------------------------------
    passes     EM            6.00  x       7.00  met  5.00   1.20
    """
    rows = [HEADER]
    for benchmark, found in results.items():
        rows += [_row(benchmark, m, last.get((benchmark, m.name))) for m in found]
    widths = [max(len(row[i]) for row in rows) for i in range(len(HEADER))]
    lines = ["  ".join(_pad(row, widths)).rstrip() for row in rows]
    return "\n".join([lines[0], "-" * max(map(len, lines)), *lines[1:]])


def _row(benchmark: str, m: Measurement, last: float | None) -> tuple[str, ...]:
    value = (">" if m.at_least else "") + number(m.value)
    target = "" if m.target is None else number(m.target)
    before = "" if last is None else number(last)
    ratio = "" if not last else number(m.value / last)
    return (benchmark, m.name, value, m.unit, target, m.verdict, before, ratio)


def _pad(row: tuple[str, ...], widths: list[int]) -> list[str]:
    return [
        cell.rjust(width) if i in _RIGHT else cell.ljust(width)
        for i, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]


def number(value: float) -> str:
    """Three digits that matter, or two decimals.

    Examples
    --------
    >>> [number(v) for v in (123456.0, 12.345, 0.012, 2e-7, 0.0)]
    ['123456', '12.3', '0.012', '2e-07', '0']
    """
    size = abs(value)
    if size >= 100.0 or value == 0.0:
        return f"{value:.0f}"
    if size >= 10.0:
        return f"{value:.1f}"
    return f"{value:.2f}" if size >= 0.1 else f"{value:.2g}"
