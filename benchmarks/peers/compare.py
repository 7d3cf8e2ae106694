"""Every problem with every package that has its model, and mixexp beside each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from benchmarks.peers import job
from benchmarks.peers.forms import Mapping, Regressions
from benchmarks.peers.job import Answer
from benchmarks.peers.packages import Package
from benchmarks.peers.problem import Certified, Climb, Problem

SHARED, TOLD, OWN = "shared", "the package's, given to mixexp", "the package's own"

Run = Callable[[Package, Problem[Any], float, int], Answer]


@dataclass(frozen=True)
class Row:
    """One line of the comparison; seconds are processor time of one thread.

    Parameters
    ----------
    group, size, package, status, detail, version : str
        ``status`` is "fitted", "cut off", "failed" or "absent".
    start : str
        Where the package started; mixexp starts from the shared start unless the package told.
    seconds : float or None
        To the package's own stop.
    iterations : int or None
    reported, loglik : float or None
        Log-likelihood as reported, and of its parameters as mixexp evaluates it; nats.
    stop : str
        Its rule.
    same : float or None
        Seconds in which mixexp reaches ``loglik``; None where it does not from this start.
    certified, highest, holds : float, float, bool
        Seconds of mixexp's whole fit from its start, what it reaches, and whether certified.
    """

    group: str
    size: str
    package: str
    status: str
    detail: str
    version: str
    start: str
    seconds: float | None
    iterations: int | None
    reported: float | None
    loglik: float | None
    stop: str
    same: float | None
    certified: float
    highest: float
    holds: bool

    @property
    def missing(self) -> float | None:
        """Nats by which the package is below mixexp; negative where it is above."""
        return None if self.loglik is None else self.highest - self.loglik


class Side:
    """mixexp's side of one problem, fitted once for each start."""

    def __init__(self, problem: Problem[Any], rounds: int):
        self._problem, self._rounds = problem, rounds
        self._known: list[tuple[Any, Certified, Climb]] = []

    def at(self, start: Regressions | Mapping) -> tuple[Certified, Climb]:
        """The whole fit and the climb from a start."""
        for known, certified, climb in self._known:
            if known is start:
                return certified, climb
        problem, rounds = self._problem, self._rounds
        fitted = problem.certified(start, rounds), problem.climb(start, rounds)
        self._known.append((start, *fitted))
        return fitted


def rows(
    problem: Problem[Any],
    packages: tuple[Package, ...],
    *,
    limit: float,
    repeats: int,
    run: Run = job.run,
) -> Iterator[Row]:
    """One row for each package that has the model of the problem."""
    side = Side(problem, repeats)
    for package in packages:
        if package.fits(problem):
            yield row(problem, package, run(package, problem, limit, repeats), side)


def row(problem: Problem[Any], package: Package, answer: Answer, side: Side) -> Row:
    """The line of a package's answer."""
    where = SHARED if package.takes_start else OWN if answer.start is None else TOLD
    certified, climb = side.at(problem.start if answer.start is None else answer.start)
    answer, loglik = _evaluated(problem, answer)
    return Row(
        problem.group, problem.size, package.name, answer.status, answer.detail, answer.version,
        where, answer.seconds, answer.iterations, answer.reported, loglik, answer.stop,
        None if loglik is None else climb.seconds_to(loglik),
        certified.seconds, certified.loglik, certified.holds,
    )  # fmt: skip


def _evaluated(problem: Problem[Any], answer: Answer) -> tuple[Answer, float | None]:
    """The answer with its log-likelihood; parameters that have none are a failed fit."""
    if answer.parameters is None:
        return answer, None
    try:
        with np.errstate(all="ignore"):
            loglik = problem.loglik(answer.parameters)
        why = "" if np.isfinite(loglik) else f"the log-likelihood of its parameters is {loglik}"
    except ValueError as error:
        why = str(error)
    if not why:
        return answer, loglik
    return replace(answer, status="failed", detail=why, parameters=None), None
