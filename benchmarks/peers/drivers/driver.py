"""What the drivers of Python packages share. Runs in a package's own environment: numpy only.

A driver reads a folder that :mod:`benchmarks.peers.job` wrote, fits several times, and writes
``answer.json`` after each time, so that nothing is lost if it is cut off.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class Job:
    """Data, model and start as a driver sees them.

    Attributes
    ----------
    x, y : arrays (n, d) and (n, D)
    start : dict of arrays, or None
        In the package's form.
    """

    def __init__(self, folder: Path):
        told = json.loads((folder / "job.json").read_text("utf-8"))
        self.n_experts: int = told["n_experts"]
        self.gate_columns: list[int] = told["gate_columns"]
        self.expert_columns: list[int] = told["expert_columns"]
        self.diagonal: bool = told["diagonal"]
        self.repeats: int = told["repeats"]
        self.limit: float = told["limit"]
        n = told["n"]
        self.x = np.fromfile(folder / "x.bin").reshape(n, -1, order="F")
        self.y = np.fromfile(folder / "y.bin").reshape(n, -1, order="F")
        found = told["start"]
        self.start = found and {name: np.array(value) for name, value in found.items()}

    @property
    def points(self) -> Array:
        """Rows (x, y), C-ordered."""
        return np.ascontiguousarray(np.column_stack([self.x, self.y]))

    def columns(self, which: list[int]) -> Array:
        """Some columns of x, C-ordered."""
        return np.ascontiguousarray(self.x[:, which])


def main(
    package: str,
    setup: Callable[[Job], Any],
    fit: Callable[[Any], Any],
    answer: Callable[[Job, Any], dict[str, Any]],
) -> None:
    """Set up untimed, fit timed, answer: as often as repeats and the limit allow.

    Seconds are processor time of the process, the least of all repeats.
    """
    folder = Path(sys.argv[1])
    job = Job(folder)
    state = setup(job)
    (folder / "started").touch()
    best, spent, done = float("inf"), 0.0, 0
    while done < job.repeats and spent + min(best, spent) <= job.limit:
        if done:
            state = setup(job)
        began = time.process_time()
        fitted = fit(state)
        seconds = time.process_time() - began
        best, spent, done = min(best, seconds), spent + seconds, done + 1
        told = {"version": version(package), "seconds": best, "repeats": done}
        told |= answer(job, fitted)
        # Whole or not at all: the reader may end this process at any time.
        unfinished = folder / "answer.tmp"
        unfinished.write_text(json.dumps(told, default=np.ndarray.tolist), "utf-8")
        unfinished.replace(folder / "answer.json")
