"""The page ``docs/peers.md``, from a recorded run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.peers import table
from benchmarks.peers.compare import OWN, Row
from benchmarks.peers.packages import PACKAGES
from benchmarks.peers.results import rows_of

PAGE = Path(__file__).resolve().parents[2] / "docs" / "peers.md"
_INTRO, _RECIPE = (Path(__file__).with_name(f"{name}.md") for name in ("intro", "recipe"))


def render(run: Mapping[str, Any]) -> str:
    """The page for a run."""
    rows = rows_of(run)
    intro = _INTRO.read_text("utf-8").format(
        date=run["date"][:10], machine=_machine(run), limit=run["limit"]
    )
    tables = [
        f"## {name[0].upper()}{name[1:]}\n\n{table.markdown(some)}"
        for name, some in table.groups(rows)
    ]
    parts = [intro, _summary(rows), *tables, _versions(rows), _RECIPE.read_text("utf-8").strip()]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _machine(run: Mapping[str, Any]) -> str:
    m = run["machine"]
    r = "R was not installed" if run["r"] is None else f"R {run['r']}"
    return (
        f"Machine: {m['cpu']}, {m['cores']} cores, {m['system']}, load {m['load']} at the end of "
        f"the run; mixexp {run['mixexp']}, "
        f"Python {m['python']}, NumPy {m['numpy']}, numba {m['numba']}; {r}."
    )


def _summary(rows: Sequence[Row]) -> str:
    """How many rows were won, and every one that was not."""
    fitted = [row for row in rows if row.status == "fitted"]
    timed = [row for row in fitted if row.same is not None and row.seconds]
    slower = [row for row in timed if (row.same or 0.0) > (row.seconds or 0.0)]
    elsewhere = [row for row in fitted if row.same is None]
    others = {"cut off": "were cut off", "failed": "failed", "absent": "lack their package"}
    counts = [
        f"{number} {words}"
        for status, words in others.items()
        if (number := sum(row.status == status for row in rows))
    ]
    text = (
        f"Of {len(rows)} fits, {', '.join([f'{len(fitted)} ended within the limit', *counts])}. "
        "mixexp reached the same log-likelihood "
        f"in less time in {len(timed) - len(slower)} of those that ended"
    )
    if own := sum(row.start == OWN for row in timed if row not in slower):
        text += (
            f" ({own} of them are fits from the package's own start: there the starts differ, and "
            "where the package ends in a lower maximum the time to it says little)"
        )
    if slower:
        text += f", and in more time in {len(slower)}: {_names(slower)}"
    if elsewhere:
        text += f". It ended in a lower maximum in {len(elsewhere)}: {_names(elsewhere)}"
    return text + "."


def _names(rows: Sequence[Row]) -> str:
    return "; ".join(f"{row.package} on {row.group}, {row.size}" for row in rows)


def _versions(rows: Sequence[Row]) -> str:
    """Version, language and stop rule of each package, or why it was not run."""
    lines = [
        "## Versions and stop rules",
        "",
        "| package | version | language | stop |",
        "|---|---|---|---|",
    ]
    for package in PACKAGES:
        own = [row for row in rows if row.package == package.name]
        version = next((row.version for row in own if row.version), "")
        absent = next(
            (row.detail for row in own if row.status == "absent"), "no problem of its kind"
        )
        stop = next((row.stop for row in own if row.stop), "–")
        lines.append(f"| {package.name} | {version or absent} | {package.language} | {stop} |")
    return "\n".join(lines)
