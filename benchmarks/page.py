"""The figures of ``docs/performance.md``, from the newest recorded runs.

``python -m benchmarks.page`` writes them between the two marks of the page.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.measurement import Measurement
from benchmarks.record import RESULTS
from benchmarks.table import number

PAGE = Path(__file__).parents[1] / "docs" / "performance.md"
_MARKED = re.compile(r"(<!-- figures -->\n).*?(<!-- end of figures -->)", re.DOTALL)
_TITLES = {
    "passes": "Passes on one thread",
    "threads": "Two threads",
    "parts": "Every gate and family",
    "breakdown": "Where the time of a pass goes",
    "small": "Small fits",
    "evaluations": "Passes to a certificate",
    "out_of_core": "From Parquet files",
    "startup": "Start-up",
}


Runs = Mapping[str, Mapping[str, Any]]


def newest(folder: Path = RESULTS) -> Runs:
    """For each benchmark of the page, the newest full run of it that was not rejected."""
    runs = [json.loads(path.read_text("utf-8")) for path in folder.glob("*.json")]
    runs = [run for run in runs if not (run["quick"] or run.get("rejected"))]
    found: dict[str, Mapping[str, Any]] = {}
    for run in sorted(runs, key=lambda run: run["date"]):
        found |= dict.fromkeys(run["results"], run)
    return {name: found[name] for name in _TITLES if name in found}


def figures(runs: Runs) -> str:
    """One table for each benchmark; times beside their ratios are left out."""
    m = next(iter(runs.values()))["machine"]
    parts = [
        f"{m['cpu']}, {m['cores']} cores, {m['simd']}; Python {m['python']}, NumPy {m['numpy']}, "
        f"numba {m['numba']}."
    ]
    for name, run in runs.items():
        found = [Measurement(**value) for value in run["results"][name]]
        lines = ["| | value | unit | wanted | |", "|---|---:|---|---:|---|"]
        lines += [_line(measured) for measured in found if not measured.name.endswith(", time")]
        when = f"Recorded on {run['date'][:10]}, load {run['machine']['load']} at the end."
        parts += [f"### {_TITLES[name]}", when, "\n".join(lines)]
    return "\n\n".join(parts)


def _line(m: Measurement) -> str:
    target = "" if m.target is None else number(m.target)
    least = ">" if m.at_least else ""
    return f"| {m.name} | {least}{number(m.value)} | {m.unit} | {target} | {m.verdict} |"


def render(text: str, runs: Runs) -> str:
    """The page with the figures of these runs."""
    return _MARKED.sub(lambda found: f"{found[1]}{figures(runs)}\n{found[2]}", text)


if __name__ == "__main__":
    PAGE.write_text(render(PAGE.read_text("utf-8"), newest()), "utf-8")
