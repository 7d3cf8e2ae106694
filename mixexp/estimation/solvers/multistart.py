"""Many starts, the distinct optima they end in, and which of them is the answer."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from mixexp.estimation.box import Box
from mixexp.estimation.certificate import certify
from mixexp.estimation.data import Data
from mixexp.estimation.executors import in_order
from mixexp.estimation.objective import Objective
from mixexp.estimation.solvers.annealing import TemperatureSchedule
from mixexp.estimation.solvers.chain import HESSIAN_LIMIT
from mixexp.estimation.solvers.climber import Climber
from mixexp.estimation.solvers.optimum import Optimum
from mixexp.estimation.solvers.runs import Run
from mixexp.estimation.start import Start

# Optima closer than this, in nats and in shares, are one.
_SAME_VALUE = 0.01
_SAME_SHARE = 0.02
# The data cannot tell optima this close in nats from each other, whatever else they differ in.
_EQUAL_VALUE = 1e-6
_ROUNDING = 1e-11
_MAX_RESTARTS = 3


class Search:
    """Runs starts on one objective and keeps the distinct optima.

    Parameters
    ----------
    objective : Objective
    box : Box
    solver : str
    tol : float
        Remaining gain at which a fit stops, nats.
    max_iter, n_em : int
        Steps of the main method and EM steps before it.
    min_share : float
        Share of the total weight below which an expert is thin.
    schedule : TemperatureSchedule, optional
        EM steps under a falling temperature of the gate, before the solver.
    search : bool
        Whether to search over the boundaries of a likelihood that is smooth in pieces only.
    polish : bool
        Whether to refine what has come within ``tol``.
    """

    def __init__(
        self,
        objective: Objective,
        box: Box,
        *,
        solver: str = "auto",
        tol: float = 1e-8,
        max_iter: int = 500,
        n_em: int = 5,
        min_share: float = 0.05,
        schedule: TemperatureSchedule | None = None,
        search: bool = True,
        polish: bool = True,
    ):
        self.objective, self.box, self.tol = objective, box, tol
        self.climber = Climber(
            objective, box, solver, tol, max_iter, n_em, min_share, schedule, search, polish
        )
        self.optima: list[Optimum] = []
        self.runs: list[Run] = []
        self.n_starts = 0

    def run(self, start: Start, n_hits: int = 1) -> Optimum:
        """Climb from a start that stands for ``n_hits`` starts; merge what is the same optimum."""
        return self._take(self.climber(start), n_hits)

    def run_all(self, starts: Iterable[tuple[Start, int]]) -> Iterator[Optimum]:
        """:meth:`run` each start with its number of hits, in this order.

        With rows in memory, the climbs are made on the workers that joblib's context names, if any;
        they and the order in which they are taken are the same. Rows in parts stay where they are.
        """
        kept: deque[int] = deque()

        def each() -> Iterator[Start]:
            for start, n_hits in starts:
                kept.append(n_hits)
                yield start

        for optimum in self._spread(self.climber, each()):
            yield self._take(optimum, kept.popleft())

    def _spread(
        self, function: Callable[[Any], Optimum], tasks: Iterable[Any]
    ) -> Iterator[Optimum]:
        if not isinstance(self.objective.data, Data):
            yield from map(function, tasks)
            return
        with closing(in_order(function, tasks)) as optima:
            yield from optima

    def _take(self, optimum: Optimum, n_hits: int) -> Optimum:
        optimum = replace(optimum, n_hits=n_hits)
        self.n_starts += n_hits
        run = Run.of(optimum.solution, optimum.kind, n_hits, self.objective)
        self.runs.append(run.ending_in(self._add(optimum)))
        return optimum

    def _add(self, new: Optimum) -> int:
        """The position among the distinct optima of the one that this is."""
        for i, old in enumerate(self.optima):
            near = abs(new.value - old.value) <= _SAME_VALUE
            if near and np.all(np.abs(np.sort(new.shares) - np.sort(old.shares)) <= _SAME_SHARE):
                # Rounding alone must not decide which labels the experts get.
                keep = new if new.value > old.value + _ROUNDING * abs(old.value) else old
                self.optima[i] = replace(keep, kind=old.kind, n_hits=old.n_hits + new.n_hits)
                return i
        self.optima.append(new)
        return len(self.optima) - 1

    def ranking(self) -> list[int]:
        """Positions of the distinct optima, best first."""
        # Of equals the first found comes first.
        return sorted(range(len(self.optima)), key=lambda i: self.optima[i].rank(), reverse=True)

    def certified(
        self, names: list[str], lifted: Box | None, *, until_one_holds: bool = False
    ) -> list[Optimum]:
        """The distinct optima, best first, each polished and with its certificate.

        With ``until_one_holds`` those that come after the first certificate that holds have none.
        """
        certify_one = partial(self._certify, names=names, lifted=lifted)
        if until_one_holds:
            for i in self.ranking():
                self.optima[i] = certify_one(self.optima[i])
                if self.optima[i].certified:
                    break
        else:
            self.optima = list(self._spread(certify_one, self.optima))
        order = self.ranking()
        ranked = [self.optima[i] for i in order]
        self.runs = [run.ending_in(order.index(run.optimum)) for run in self.runs]
        n = len(ranked)
        ranked[:1] = [o.adding(_rivals(o, ranked[1:])) for o in ranked[:1]]
        return [
            replace(o, certificate=o.certificate.with_search(self.n_starts, n, o.n_hits))
            if o.certificate is not None
            else o
            for o in ranked
        ]

    def _certify(self, optimum: Optimum, names: list[str], lifted: Box | None) -> Optimum:
        """Certificate; a probe that found a higher point starts the solver there again."""
        if self.objective.layout.n_free > HESSIAN_LIMIT or not np.isfinite(optimum.value):
            return optimum
        for n_left in reversed(range(_MAX_RESTARTS + 1)):
            certificate, best = certify(
                self.objective, optimum.theta, self.box, names, tol=self.tol, bounds_lifted=lifted,
                evaluation=optimum.solution.evaluation,
            )  # fmt: skip
            certificate = certificate.with_boundaries(optimum.solution)
            solution = replace(optimum.solution, evaluation=None)
            optimum = replace(optimum, solution=solution, certificate=certificate)
            if certificate.holds or best is optimum.theta or not n_left:
                break
            again = replace(self.climber, n_em=0, schedule=None)(Start(best, optimum.kind))
            optimum = replace(again, n_hits=optimum.n_hits)
        return optimum


def _rivals(best: Optimum, others: list[Optimum]) -> tuple[str, ...]:
    """A finding if other optima are as good as the best: parameters that the data do not choose."""
    equal = [o for o in others if o.admissible and abs(o.value - best.value) <= _EQUAL_VALUE]
    if not equal:
        return ()
    return (
        f"{len(equal)} other optima have the same likelihood with other parameters: the data do "
        "not choose between them (see optima_)",
    )
