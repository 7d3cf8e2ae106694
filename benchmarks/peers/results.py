"""A comparison as it is written to ``benchmarks/results``, and read again."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from benchmarks import record
from benchmarks.measurement import Measurement
from benchmarks.peers import environments
from benchmarks.peers.compare import Row

NAME = "peers"
_R_FACTS = """cat(R.version$major, ".", R.version$minor, " with ",
basename(extSoftVersion()["BLAS"]), sep = "")"""


def document(rows: Sequence[Row], *, quick: bool, limit: float) -> dict[str, Any]:
    """A run: what every run has, every row, the limit of a fit, and R's version."""
    run = record.document({NAME: measurements(rows)}, quick=quick)
    return {**run, "limit": limit, "r": r_version(), "rows": [asdict(row) for row in rows]}


def measurements(rows: Sequence[Row]) -> list[Measurement]:
    """mixexp's time to a package's log-likelihood as a part of the package's time."""
    return [
        Measurement(
            f"{row.group}, {row.size}, to the same as {row.package}",
            row.same / row.seconds,
            "x its time",
            1.0,
        )
        for row in rows
        if row.same is not None and row.seconds
    ]


def r_version() -> str | None:
    """Version of R and the file name of its BLAS; None without R."""
    found = next(iter(environments.r_commands()), None)
    return None if found is None else environments.ask((*found, "-e", _R_FACTS))


def write(run: Mapping[str, Any], folder: Path) -> Path:
    """Write a run under the name that runs have."""
    return record.write(run, folder, [NAME])


def rows_of(run: Mapping[str, Any]) -> list[Row]:
    """The rows of a run that was read."""
    names = [field.name for field in fields(Row)]
    return [Row(**{name: row[name] for name in names}) for row in run["rows"]]


def newest(folder: Path) -> dict[str, Any] | None:
    """The last whole run in a folder."""
    runs = [json.loads(path.read_text("utf-8")) for path in folder.glob(f"*-{NAME}.json")]
    return max(runs, key=lambda run: run["date"], default=None)
