"""Runs kept as JSON files in ``benchmarks/results``, and the last value of each measurement."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import machine
from benchmarks.measurement import Measurement

RESULTS = Path(__file__).parent / "results"
SCHEMA = 1

Results = Mapping[str, Sequence[Measurement]]
# Values of an earlier run by the names of benchmark and measurement.
Last = Mapping[tuple[str, str], float]


def document(results: Results, *, quick: bool, rejected: bool = False) -> dict[str, Any]:
    """A run as it is written: schema, version, date (UTC), machine, and values by benchmark.

    One that is rejected, since it lost too much, is kept to be looked at, never to compare with.
    """
    from mixexp import __version__

    return {
        "schema": SCHEMA,
        "mixexp": __version__,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "quick": quick,
        "rejected": rejected,
        "machine": machine.facts(),
        "results": {name: [asdict(m) for m in found] for name, found in results.items()},
    }


def file_name(run: Mapping[str, Any], only: Sequence[str] = ()) -> str:
    """``<date>-<machine>.json``; quick, partial and rejected runs do not replace a whole run."""
    parts = [run["date"][:10], machine.short_name(run["machine"]), *only]
    parts += [mark for mark in ("quick", "rejected") if run[mark]]
    return "-".join(parts) + ".json"


def write(run: Mapping[str, Any], folder: Path, only: Sequence[str] = ()) -> Path:
    """Write a run; one of the same day on the same machine is replaced."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / file_name(run, only)
    path.write_text(json.dumps(run, indent=1, ensure_ascii=False) + "\n", "utf-8")
    return path


def last_values(folder: Path, *, quick: bool) -> dict[tuple[str, str], float]:
    """Values of the newest accepted run of each benchmark, at these sizes on this kind of machine.

    Two machines are of a kind if processor, number of cores and instruction sets are the same.
    """
    here = machine.kind(machine.facts())
    runs = [json.loads(path.read_text("utf-8")) for path in sorted(folder.glob("*.json"))]
    comparable = [
        run
        for run in runs
        if run["schema"] == SCHEMA
        and run["quick"] == quick
        and not run.get("rejected", False)
        and machine.kind(run["machine"]) == here
    ]
    newest: dict[str, Any] = {}
    for run in sorted(comparable, key=lambda run: run["date"]):
        newest |= run["results"]
    return {(name, m["name"]): m["value"] for name, found in newest.items() for m in found}
