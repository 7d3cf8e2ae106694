"""The rows as cells of text, for the terminal and for the page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby

from benchmarks.peers.compare import OWN, SHARED, TOLD, Row
from benchmarks.table import number

NONE = "–"
STARTS = {SHARED: "shared", TOLD: "its own, told", OWN: "its own"}

# Reported and recomputed log-likelihoods that differ by less are the same: an EM that stops by a
# small gain reports the value one step earlier.
_SAME_VALUE = 1e-2


def seconds(value: float | None) -> str:
    """Seconds, or milliseconds with their unit.

    Examples
    --------
    >>> seconds(0.0123), seconds(2.5), seconds(None)
    ('12.3 ms', '2.50 s', '–')
    """
    if value is None:
        return NONE
    return f"{number(1e3 * value)} ms" if value < 1.0 else f"{number(value)} s"


def ended(row: Row) -> str:
    """Time to its own stop, or why there is none."""
    if row.status == "fitted":
        return seconds(row.seconds)
    return f"{row.status}: {row.detail}" if row.detail else row.status


def missing(row: Row) -> str:
    """Nats by which a package is below what mixexp reaches from the same start.

    Nothing that rounding or a tolerance could explain is called a difference.
    """
    if row.missing is None:
        return NONE
    if abs(row.missing) < 1e-6:
        return "0"
    if row.missing < 0.0:
        return f"{number(-row.missing)} above"
    return number(row.missing)


def reports(row: Row) -> str:
    """By how many nats the reported log-likelihood is above that of the parameters."""
    if row.loglik is None or row.reported is None:
        return NONE
    off = row.reported - row.loglik
    return "the same" if abs(off) < _SAME_VALUE else f"{off:+.3g}"


def same(row: Row) -> str:
    """mixexp's time to the package's log-likelihood."""
    if row.loglik is None:
        return NONE
    return "not from here" if row.same is None else seconds(row.same)


def ratio(row: Row) -> str:
    """How many times longer the package took to its log-likelihood than mixexp."""
    if row.same is None or row.seconds is None:
        return NONE
    return number(row.seconds / row.same)


def certified(row: Row) -> str:
    """mixexp's time from the user's arrays to the certificate, and the log-likelihood there."""
    reached = f"{seconds(row.certified)} at {row.highest:.4f}"
    return reached if row.holds else f"{reached}, not certified"


COLUMNS: tuple[tuple[str, Callable[[Row], str]], ...] = (
    ("data", lambda row: row.size),
    ("package", lambda row: row.package),
    ("start", lambda row: STARTS[row.start]),
    ("iterations", lambda row: NONE if row.iterations is None else str(row.iterations)),
    ("log-likelihood", lambda row: NONE if row.loglik is None else f"{row.loglik:.4f}"),
    ("reported", reports),
    ("nats missing", missing),
    ("its time", ended),
    ("mixexp to the same", same),
    ("ratio", ratio),
    ("mixexp certified", certified),
)


def cells(rows: Sequence[Row]) -> list[list[str]]:
    """A header and a list of texts for each row."""
    header = [name for name, _ in COLUMNS]
    return [header, *([cell(row) for _, cell in COLUMNS] for row in rows)]


def groups(rows: Sequence[Row]) -> list[tuple[str, list[Row]]]:
    """Rows by model, in the order of their first."""
    order = list(dict.fromkeys(row.group for row in rows))
    arranged = sorted(rows, key=lambda row: order.index(row.group))
    return [(name, list(some)) for name, some in groupby(arranged, key=lambda row: row.group)]


def render(rows: Sequence[Row]) -> str:
    """One aligned table for each model."""
    parts = []
    for name, some in groups(rows):
        table = cells(some)
        widths = [max(len(line[i]) for line in table) for i in range(len(COLUMNS))]
        lines = [
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
            for line in table
        ]
        parts.append("\n".join([name, lines[0], "-" * len(lines[0]), *lines[1:]]))
    return "\n\n".join(parts)


def markdown(rows: Sequence[Row]) -> str:
    """One table of a page; for rows of one model."""
    header, *lines = (f"| {' | '.join(line)} |" for line in cells(rows))
    return "\n".join([header, "|" + "---|" * len(COLUMNS), *lines])
