"""Many starts, the distinct optima they end in, and which of them is the answer."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mixexp.estimation.box import Box
from mixexp.estimation.certificate import Certificate, certify
from mixexp.estimation.objective import Objective
from mixexp.estimation.solvers._base import Solution
from mixexp.estimation.solvers.annealing import TemperatureSchedule
from mixexp.estimation.solvers.chain import HESSIAN_LIMIT, solve
from mixexp.estimation.solvers.runs import Run
from mixexp.estimation.start import Start

Array = NDArray[np.float64]

# Optima closer than this, in nats and in shares, are one.
_SAME_VALUE = 0.01
_SAME_SHARE = 0.02
# The data cannot tell optima this close in nats from each other, whatever else they differ in.
_EQUAL_VALUE = 1e-6
_ROUNDING = 1e-11
_MAX_RESTARTS = 3


@dataclass(frozen=True)
class Optimum:
    """A local maximum that some start ended in.

    ``shares`` are the experts' shares of the total weight, ``thin`` and ``on_floor`` which experts
    fall short of the smallest share or lie on the floor of the scale; ``n_hits`` counts the starts
    that ended here, ``kind`` is the first one's kind.
    """

    solution: Solution
    kind: str
    shares: Array
    thin: tuple[int, ...]
    on_floor: tuple[int, ...]
    n_hits: int = 1
    certificate: Certificate | None = None

    @property
    def theta(self) -> Array:
        """Where it is."""
        return self.solution.theta

    @property
    def value(self) -> float:
        """Its penalised log-likelihood on the solver's scale, nats."""
        return self.solution.value

    @property
    def admissible(self) -> bool:
        """Whether no expert is thin and no scale lies on its floor."""
        return not self.thin and not self.on_floor

    @property
    def certified(self) -> bool:
        """Whether its certificate holds."""
        return self.certificate is not None and self.certificate.holds

    @property
    def flags(self) -> tuple[str, ...]:
        """Short words for what is not as in a certified regular fit; none where all is well."""
        certificate = self.certificate
        facts = {
            "not certified": not self.certified,
            "thin expert": bool(self.thin),
            "scale on floor": bool(self.on_floor),
            "on bound": certificate is not None and bool(certificate.active_bounds),
            "gate separates": certificate is not None and certificate.separation.found,
            "expert separates": certificate is not None and bool(certificate.separated_experts),
            "null directions": certificate is not None and certificate.n_null > 0,
        }
        return tuple(flag for flag, holds in facts.items() if holds)

    def adding(self, findings: tuple[str, ...]) -> Optimum:
        """The same optimum with further findings in its certificate, if it has one."""
        if self.certificate is None:
            return self
        return replace(self, certificate=self.certificate.adding(findings))

    def rank(self) -> tuple[bool, bool, float]:
        """Sort key: admissible before not, certified before not, then by value."""
        return (self.admissible, self.certified, self.value)


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
    ):
        self.objective, self.box = objective, box
        self.solver, self.tol, self.max_iter, self.n_em = solver, tol, max_iter, n_em
        self.min_share, self.schedule, self.search = min_share, schedule, search
        self.optima: list[Optimum] = []
        self.runs: list[Run] = []
        self.n_starts = 0

    def run(self, start: Start, n_hits: int = 1) -> Optimum:
        """Climb from a start that stands for ``n_hits`` starts; merge what is the same optimum."""
        theta = start.theta
        if self.schedule is not None:
            theta = self.schedule.warm_up(self.objective, self.box.project(theta), self.box)
        optimum = self._optimum(self._solve(theta), start.kind)
        optimum = replace(optimum, n_hits=n_hits)
        self.n_starts += n_hits
        run = Run.of(optimum.solution, start.kind, n_hits, self.objective)
        self.runs.append(run.ending_in(self._add(optimum)))
        return optimum

    def _solve(self, theta: Array, n_em: int | None = None) -> Solution:
        return solve(
            self.solver, self.objective, theta, self.box,
            n_em=self.n_em if n_em is None else n_em, tol=self.tol, max_iter=self.max_iter,
            search=self.search,
        )  # fmt: skip

    def _optimum(self, solution: Solution, kind: str) -> Optimum:
        shares = self.objective.shares(solution.theta)
        thin = tuple(int(k) for k in np.flatnonzero(~(shares >= self.min_share)))
        layout = self.objective.layout
        on_floor = (solution.theta <= self.box.lower + 1e-9) & layout.entries("scale")
        experts = sorted({int(k) for k in layout.expert_of[on_floor]})
        return Optimum(solution, kind, shares, thin, tuple(experts))

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

    def certified(self, names: list[str], lifted: Box | None) -> list[Optimum]:
        """The distinct optima, best first, each polished and with its certificate."""
        for i, optimum in enumerate(self.optima):
            self.optima[i] = self._certify(optimum, names, lifted)
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
                self.objective, optimum.theta, self.box, names, tol=self.tol, bounds_lifted=lifted
            )
            optimum = replace(optimum, certificate=certificate.with_boundaries(optimum.solution))
            if certificate.holds or best is optimum.theta or not n_left:
                break
            again = self._optimum(self._solve(best, n_em=0), optimum.kind)
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
