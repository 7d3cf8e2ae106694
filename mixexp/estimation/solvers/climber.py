"""The climb from one start to the local maximum that it ends in."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mixexp.estimation.box import Box
from mixexp.estimation.objective import Objective
from mixexp.estimation.solvers._base import Solution
from mixexp.estimation.solvers.annealing import TemperatureSchedule
from mixexp.estimation.solvers.chain import NEWTON_LIMIT, solve
from mixexp.estimation.solvers.optimum import Optimum
from mixexp.estimation.start import Start

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Climber:
    """How to climb on one objective; called with a start, it returns the optimum.

    Can be pickled with the rows, and computes the same in any process. The parameters are those of
    :class:`~mixexp.estimation.solvers.multistart.Search`.
    """

    objective: Objective
    box: Box
    solver: str = "auto"
    tol: float = 1e-8
    max_iter: int = 500
    n_em: int = 5
    min_share: float = 0.05
    schedule: TemperatureSchedule | None = None
    search: bool = True
    polish: bool = True

    def __call__(self, start: Start) -> Optimum:
        theta = start.theta
        if self.schedule is not None:
            theta = self.schedule.warm_up(self.objective, self.box.project(theta), self.box)
        solution = solve(
            self.solver, self.objective, theta, self.box,
            n_em=0 if start.climbed else self.n_em, tol=self.tol, max_iter=self.max_iter,
            search=self.search, polish=self.polish, near=start.kind == "given",
        )  # fmt: skip
        if self.objective.layout.n_free > NEWTON_LIMIT:
            # Ten large Hessians that wait for the certificates need more room than a pass saves.
            solution = replace(solution, evaluation=None)
        return self._optimum(solution, start.kind)

    def _optimum(self, solution: Solution, kind: str) -> Optimum:
        shares = self.objective.shares(solution.theta)
        thin = tuple(int(k) for k in np.flatnonzero(~(shares >= self.min_share)))
        layout = self.objective.layout
        on_floor = (solution.theta <= self.box.lower + 1e-9) & layout.entries("scale")
        experts = sorted({int(k) for k in layout.expert_of[on_floor]})
        return Optimum(solution, kind, shares, thin, tuple(experts))
