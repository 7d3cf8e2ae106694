"""The coverage table: shares of intervals that hold what they should, with their own intervals."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from experiments.coverage.laws import LAWS
from experiments.coverage.study import COVARIANCES
from mixexp.simulation import markdown_table

if TYPE_CHECKING:
    import pandas as pd

HEADER = ("block", "n", "replicates", "withheld", *COVARIANCES)


class Cell(NamedTuple):
    """Coverage of the parameters of a block, and its standard error over replicates."""

    covered: float
    standard_error: float

    def __str__(self) -> str:
        if not np.isfinite(self.covered):
            return "none given"
        return f"{100.0 * self.covered:.1f} ± {196.0 * self.standard_error:.1f}"


def coverage(rows: pd.DataFrame, kind: str) -> Cell:
    """Mean over replicates of the share of a block's intervals that hold the truth.

    Intervals of one replicate depend on each other, so its standard error is that of the mean of
    the replicates' shares.
    """
    given = rows[rows[f"covered_{kind}"].notna()]
    shares = given[f"covered_{kind}"].astype(float).groupby(given["replicate"]).mean()
    if len(shares) < 2:
        return Cell(np.nan, np.nan)
    return Cell(float(shares.mean()), float(shares.std(ddof=1) / np.sqrt(len(shares))))


def blocks(frame: pd.DataFrame) -> Iterator[tuple[str, int, pd.DataFrame]]:
    """The rows of each block at each size, blocks in the order of the parameters."""
    for block in dict.fromkeys(frame["block"]):
        for n in sorted(frame["n"].unique()):
            yield block, int(n), frame[(frame["block"] == block) & (frame["n"] == n)]


def table(frame: pd.DataFrame) -> list[list[str]]:
    """Rows of the table of one law."""
    lines = []
    for block, n, rows in blocks(frame):
        withheld = f"{100.0 * rows['covered_observed'].isna().mean():.1f} %"
        cells = [str(coverage(rows, kind)) for kind in COVARIANCES]
        lines.append([block, str(n), str(rows["replicate"].nunique()), withheld, *cells])
    return lines


def counts(frame: pd.DataFrame) -> str:
    """How many fits were not certified or carry a flag, in words."""
    fits = frame.drop_duplicates(["n", "replicate"])
    flagged = fits["flags"].fillna("").ne("")
    kinds = fits.loc[flagged, "flags"].value_counts()
    words = "; ".join(f"{number} × {flag}" for flag, number in kinds.items()) or "none"
    missed = int((~fits["converged"].astype(bool)).sum())
    return f"{len(fits)} fits, {missed} not certified; flags: {words}."


def _seconds(frame: pd.DataFrame) -> float:
    return float(frame.drop_duplicates(["n", "replicate"])["wall_seconds"].sum())


def render(frames: dict[str, pd.DataFrame]) -> str:
    """The report as Markdown."""
    seconds = sum(_seconds(frame) for frame in frames.values())
    parts = [
        "# Coverage of nominal 95 % intervals",
        "Made by `make coverage`. Per cent of the intervals that hold the truth, or for the law "
        "outside the model its best approximation within; ± 1.96 standard errors of the "
        "simulation. Blocks are those of the summary; π_k(x), E(y | x) and P(y = j | x) are "
        "functions of the parameters by the delta method, at three points. Withheld: standard "
        f"errors that were not given. No replicate is dropped. {seconds / 60.0:.0f} core minutes.",
    ]
    for name, frame in frames.items():
        failed = int(frame["error"].notna().sum())
        good = frame[frame["error"].isna()]
        parts += [f"## {LAWS[name].title}", counts(good)]
        parts += [f"{failed} replicate(s) failed."] if failed else []
        parts.append(markdown_table(HEADER, table(good)))
    return "\n\n".join(parts) + "\n"
