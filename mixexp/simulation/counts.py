"""How many runs, failures, uncertified fits and fits at a bound a table holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

NOT_RECORDED = "not recorded"


@dataclass(frozen=True)
class Counts:
    """Counts by sample size; every line has one cell per size and one for all sizes.

    Attributes
    ----------
    sizes : tuple of int
        Sample sizes in the table, increasing.
    lines : dict from str to tuple of str
        Name of the count to its cells.
    failures : dict from str to int
        Last line of the traceback to the number of runs that ended with it.
    """

    sizes: tuple[int, ...]
    lines: dict[str, tuple[str, ...]]
    failures: dict[str, int]

    @property
    def header(self) -> tuple[str, ...]:
        """Names of the columns."""
        return ("n", *map(str, self.sizes), "all")

    def rows(self) -> list[tuple[str, ...]]:
        """The lines, each beginning with its name."""
        return [(name, *cells) for name, cells in self.lines.items()]


def count_runs(
    frame: pd.DataFrame, certified: str | Sequence[str], at_bound: str | Sequence[str]
) -> Counts:
    """Replicates, failed runs, uncertified fits and share of fits at a bound, by size.

    Parameters
    ----------
    frame : pandas.DataFrame
        Table of one study.
    certified, at_bound : str or sequence of str
        Boolean columns, one for each kind of fit. A fit without a value is not counted in the
        share of fits at a bound and counts as not certified, unless the run failed or another part
        of the same task holds the value.

    Returns
    -------
    Counts

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"n": [10, 10, 20], "replicate": [0, 1, 0],
    ...                       "certified": [True, False, True], "error": [None, None, None]})
    >>> count_runs(frame, "certified", "at_bound").lines["fits not certified"]
    ('1', '0', '1')
    """
    failed = frame["error"].notna() if "error" in frame else frame["n"].isna()
    sizes = tuple(sorted(int(n) for n in frame["n"].unique()))
    groups = [frame["n"] == n for n in sizes] + [frame["n"].notna()]
    lines = {
        "replicates": tuple(str(_tasks(frame[group])) for group in groups),
        "failed runs": tuple(str(_tasks(frame[group & failed])) for group in groups),
    }
    good = frame[~failed]
    for name, column in _names("fits not certified", certified):
        lines[name] = tuple(_uncertified(good[group[~failed]], column) for group in groups)
    for name, column in _names("fits at a bound", at_bound):
        lines[name] = tuple(_share(good[group[~failed]], column) for group in groups)
    return Counts(sizes, lines, _failures(frame[failed]))


def _names(title: str, columns: str | Sequence[str]) -> list[tuple[str, str]]:
    if isinstance(columns, str):
        return [(title, columns)]
    return [(f"{title} ({column})", column) for column in columns]


def _tasks(frame: pd.DataFrame) -> int:
    return len(frame[["n", "replicate"]].drop_duplicates())


def _uncertified(frame: pd.DataFrame, column: str) -> str:
    if column not in frame:
        return NOT_RECORDED
    given = frame[frame[column].notna()]
    without = _tasks(frame) - _tasks(given)
    return str(int((~given[column].astype(bool)).sum()) + without)


def _share(frame: pd.DataFrame, column: str) -> str:
    if column not in frame:
        return NOT_RECORDED
    given = frame[column].dropna().astype(bool)
    return f"{100 * given.mean():.0f} %" if len(given) else NOT_RECORDED


def _failures(failed: pd.DataFrame) -> dict[str, int]:
    if not len(failed):
        return {}
    last = [str(text).strip().splitlines()[-1] for text in failed["error"]]
    return {text: last.count(text) for text in sorted(set(last))}
