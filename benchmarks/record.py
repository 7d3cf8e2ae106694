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


def document(results: Results, *, quick: bool) -> dict[str, Any]:
    """A run as it is written: schema, version, date (UTC), machine, and values by benchmark."""
    from mixexp import __version__

    return {
        "schema": SCHEMA,
        "mixexp": __version__,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "quick": quick,
        "machine": machine.facts(),
        "results": {name: [asdict(m) for m in found] for name, found in results.items()},
    }


def file_name(run: Mapping[str, Any], only: str | None = None) -> str:
    """``<date>-<machine>.json``; quick runs and single benchmarks do not replace a whole run."""
    parts = [run["date"][:10], machine.short_name(run["machine"])]
    parts += [only] if only else []
    parts += ["quick"] if run["quick"] else []
    return "-".join(parts) + ".json"


def write(run: Mapping[str, Any], folder: Path, only: str | None = None) -> Path:
    """Write a run; one of the same day on the same machine is replaced."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / file_name(run, only)
    path.write_text(json.dumps(run, indent=1, ensure_ascii=False) + "\n", "utf-8")
    return path


def last_values(folder: Path, *, quick: bool) -> dict[tuple[str, str], float]:
    """The newest recorded value by benchmark and name, on this kind of machine at these sizes."""
    here = machine.short_name(machine.facts())
    runs = [json.loads(path.read_text("utf-8")) for path in sorted(folder.glob("*.json"))]
    comparable = [
        run
        for run in runs
        if run["schema"] == SCHEMA
        and run["quick"] == quick
        and machine.short_name(run["machine"]) == here
    ]
    return {
        (benchmark, m["name"]): m["value"]
        for run in sorted(comparable, key=lambda run: run["date"])
        for benchmark, found in run["results"].items()
        for m in found
    }
