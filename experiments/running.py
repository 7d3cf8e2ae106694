"""Run claims one after the other, each into a store of its own."""

from __future__ import annotations

import math
import sqlite3
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from experiments.folders import open_store, remember, store_path
from mixexp.simulation.backends import number_of_workers
from mixexp.simulation.claims.claim import Claim, Level
from mixexp.simulation.claims.judging.exponent_study import exponent_study
from mixexp.simulation.claims.judging.tables import export
from mixexp.simulation.runner import run
from mixexp.simulation.study import Study


@dataclass(frozen=True)
class Workers:
    """Who computes: processes of this machine, all cores if -1, or a Dask cluster.

    Raises
    ------
    ValueError
        If there is no worker, or a scheduler without the backend "dask".
    """

    number: int = 2
    backend: str = "loky"
    scheduler: str | None = None

    def __post_init__(self) -> None:
        number_of_workers(self.number)
        if self.scheduler is not None and self.backend != "dask":
            raise ValueError(
                f"scheduler {self.scheduler!r} is of a Dask cluster: add --backend dask"
            )

    def options(self) -> dict[str, Any]:
        """Keywords of :func:`mixexp.simulation.run`."""
        return {"n_jobs": self.number, "backend": self.backend, "scheduler": self.scheduler}


def studies(claim: Claim, level: Level) -> list[Study]:
    """What a claim runs: its exponents unless it is to be quick, then its cells.

    Exponents are few, and all or nothing, so that a time limit must not cut them off.
    """
    exponents = None if level == "quick" else exponent_study(claim)
    return [*([exponents] if exponents is not None else []), claim.study(level)]


def seconds_left(claim: Claim, level: Level, folder: Path, retry_failed: bool = False) -> float:
    """Declared time on one core of the tasks that are not in the store of a claim."""
    path = store_path(folder, claim)
    left = 0.0
    for study in studies(claim, level):
        finished: set[tuple[int, int]] = set()
        if path.exists():
            with open_store(folder, claim) as store:
                finished = store.finished(study, with_failed=not retry_failed)
        # An exponent counts as one second, the order of what it takes.
        left += math.fsum(
            study.task_cost(task.n)
            for task in study.tasks()
            if (task.n, task.replicate) not in finished
        )
    return left


def refresh(claim: Claim, folder: Path) -> None:
    """Bring the exported table up to date if there is a store; one that is no use is left alone."""
    if not store_path(folder, claim).exists():
        return
    try:
        with open_store(folder, claim) as store:
            export(claim, store, folder)
    except (OSError, ValueError, sqlite3.DatabaseError) as error:
        print(f"{claim.name} is reported from its exported table: {error}", file=sys.stderr)


def run_claims(
    claims: Sequence[Claim],
    level: Level,
    folder: Path,
    workers: Workers,
    time_limit: float | None = None,
    retry_failed: bool = False,
) -> int:
    """Run or resume, export the table of every claim, and return the number of tasks left.

    A time limit in seconds is shared out in proportion to the declared costs of the tasks that are
    not stored yet, and what one claim leaves goes to those behind it.

    Raises
    ------
    ValueError
        If the time limit is negative or not finite, or a store is the file of another program.
    sqlite3.DatabaseError
        If a store cannot be read or written.
    """
    if time_limit is not None and not 0 <= time_limit < math.inf:
        raise ValueError(
            f"time limit must be at least 0 seconds and finite, got {time_limit:g}: leave it out "
            "to run everything"
        )
    costs = [seconds_left(claim, level, folder, retry_failed) for claim in claims]
    remember(folder, list(claims))
    deadline = None if time_limit is None else time.monotonic() + time_limit
    number = number_of_workers(workers.number)
    left = 0
    for i, claim in enumerate(claims):
        ahead = math.fsum(costs[i:])
        print(
            f"[{i + 1}/{len(claims)}] {claim.name}: {claim.title} "
            f"(from here on, by the declared costs: {ahead / number / 60:.0f} min)",
            file=sys.stderr, flush=True,
        )  # fmt: skip
        limit = None
        if deadline is not None:
            share = costs[i] / ahead if ahead else 1.0
            limit = max(0.0, deadline - time.monotonic()) * share
        left += _run_claim(claim, level, folder, workers, limit, retry_failed)
    return left


def _run_claim(
    claim: Claim,
    level: Level,
    folder: Path,
    workers: Workers,
    limit: float | None,
    retry_failed: bool,
) -> int:
    left = 0
    with open_store(folder, claim) as store:
        try:
            for study in studies(claim, level):
                start = time.monotonic()
                run(study, store, time_limit=limit, retry_failed=retry_failed, **workers.options())
                left += len(study.tasks()) - len(store.finished(study))
                if limit is not None:
                    limit = max(0.0, limit - (time.monotonic() - start))
        finally:
            export(claim, store, folder)
    return left
