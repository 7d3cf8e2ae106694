"""One package on one problem: the folder its driver reads, the process, and what comes back."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping as Names
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.peers import forms
from benchmarks.peers.environments import Found
from benchmarks.peers.forms import Mapping, Mixture, Regressions
from benchmarks.peers.mappings import MappingProblem
from benchmarks.peers.packages import Package
from benchmarks.peers.problem import Problem
from benchmarks.peers.regressions import RegressionProblem

# Seconds in which an interpreter has to have loaded its packages and the data.
START_UP = 120.0
# The limit is processor time; on a busy machine that takes longer, but not longer than this.
_PATIENCE = 10.0
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
_POLL = 0.02


@dataclass(frozen=True)
class Answer:
    """What a driver wrote, or why it wrote nothing.

    ``status`` is "fitted", "cut off", "failed" or "absent", ``detail`` says more. ``start`` is the
    package's own start where it tells.
    """

    status: str
    detail: str = ""
    version: str = ""
    seconds: float | None = None
    iterations: int | None = None
    reported: float | None = None
    stop: str = ""
    parameters: Regressions | Mapping | None = None
    start: Regressions | Mapping | None = None


def run(
    package: Package, problem: Problem[Any], limit: float, repeats: int, found: Found | None = None
) -> Answer:
    """Fit in a process of its own, on one thread; ended after ``limit`` processor seconds."""
    found = package.found() if found is None else found
    if not found.command:
        return Answer("absent", found.reason)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder, package, problem, limit, repeats)
        detail = _watched((*found.command, str(package.path), str(folder)), folder, limit)
        answer = folder / "answer.json"
        if not answer.exists():
            status = "failed" if detail else "cut off"
            return Answer(status, detail or f"after {limit:g} s", found.version)
        try:
            return _read(json.loads(answer.read_text("utf-8")), package, problem)
        except KeyError as error:
            return Answer("failed", f"its answer lacks {error}", found.version)
        except ValueError as error:
            return Answer("failed", str(error), found.version)


def write(
    folder: Path, package: Package, problem: Problem[Any], limit: float, repeats: int
) -> None:
    """The data as doubles in columns, everything else as JSON."""
    gate: tuple[int, ...] = ()
    experts, diagonal = gate, False
    if isinstance(problem, RegressionProblem):
        gate, experts = problem.gate_columns, problem.expert_columns
    elif isinstance(problem, MappingProblem):
        diagonal = problem.diagonal
    told = {
        "n": len(problem.x),
        "d": problem.x.shape[1],
        "outputs": 1 if problem.y.ndim == 1 else problem.y.shape[1],
        "n_experts": problem.n_experts,
        "gate_columns": gate,
        "expert_columns": experts,
        "diagonal": diagonal,
        "limit": limit,
        "repeats": repeats,
        "start": None,
    }
    if package.takes_start:
        start = problem.start
        mixture = forms.mixture(start) if package.form is Mixture else start
        told["start"] = forms.to_json(mixture)
        _doubles(folder / "posterior.bin", problem.posterior(start))
    _doubles(folder / "x.bin", problem.x)
    _doubles(folder / "y.bin", problem.y)
    (folder / "job.json").write_text(json.dumps(told), "utf-8")


def _doubles(path: Path, table: Any) -> None:
    np.asarray(table, dtype="<f8").ravel(order="F").tofile(path)


def _watched(command: tuple[str, ...], folder: Path, limit: float) -> str:
    """Run to the end or to the limit; why it failed, empty if it did not or was cut off."""
    environment = {**os.environ, **dict.fromkeys(_THREADS, "1")}
    errors = folder / "errors.txt"
    with errors.open("w") as stream:
        process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=stream, stdin=subprocess.DEVNULL,
            env=environment, start_new_session=True,
        )  # fmt: skip
        try:
            ended = _wait(process, folder / "started", limit)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
    if not ended:
        return "" if (folder / "started").exists() else f"not ready after {START_UP:g} s"
    return _failure(process.returncode, errors.read_text("utf-8", "replace"))


def _wait(process: subprocess.Popen[bytes], started: Path, limit: float) -> bool:
    """Whether a process ended before it had used its time."""
    ready, began, spent_before = False, time.monotonic(), 0.0
    while process.poll() is None:
        time.sleep(_POLL)
        if not ready and started.exists():
            ready, began, spent_before = True, time.monotonic(), _spent(process.pid) or 0.0
        waited = time.monotonic() - began
        if not ready:
            if waited > START_UP:
                return False
            continue
        spent = _spent(process.pid)
        used = waited if spent is None else spent - spent_before
        if used > limit or waited > _PATIENCE * limit:
            return False
    return True


def _spent(pid: int) -> float | None:
    """Processor seconds of a process; None where the system does not tell."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    except (OSError, IndexError, ValueError):
        return None


def _failure(code: int, said: str) -> str:
    """Why a process failed, in a line; empty if it did not."""
    if code == 0:
        return ""
    if code < 0:
        return f"ended by signal {-code}"
    lines = [line.strip() for line in said.splitlines()]
    lines = [line for line in lines if line and line != "Execution halted"]
    return lines[-1][:200] if lines else f"exit code {code}"


def _read(told: Names[str, Any], package: Package, problem: Problem[Any]) -> Answer:
    regressions = isinstance(problem, RegressionProblem)
    form = Regressions if regressions else package.form

    def read(found: Any) -> Any:
        if found is None:
            return None
        parameters = forms.from_json(form, found)
        if isinstance(parameters, Mixture):
            return forms.mapping(parameters, problem.x.shape[1])
        return parameters

    return Answer(
        "fitted",
        version=told["version"],
        seconds=told["seconds"],
        iterations=told["iterations"],
        reported=told["reported"],
        stop=told["stop"],
        parameters=read(told["parameters"]),
        start=read(told.get("start")),
    )
