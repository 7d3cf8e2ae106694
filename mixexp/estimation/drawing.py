"""Starts of a fit: the user's, and those that are drawn on a sketch and climbed on a sample."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mixexp.estimation.box import Box
from mixexp.estimation.candidates import ROUGH, Pool, draw, splits_on_data
from mixexp.estimation.objective import Objective
from mixexp.estimation.options import Options
from mixexp.estimation.solvers.multistart import Optimum, Search
from mixexp.estimation.solvers.runs import Run, continued
from mixexp.estimation.start import Start, from_responsibilities
from mixexp.estimation.topk_start import has_change_points
from mixexp.models.mixture import MixtureOfExperts, MixtureParams

Array = NDArray[np.float64]

# Phase, number of the start, their total (0 if unknown) and what the start ended in.
Report = Callable[[str, int, int, Optimum], None]

# Optima on a sample that are climbed on all rows, each of which costs about ten readings of them.
_ON_ALL_ROWS = 3
# Standard deviations that a difference of log-likelihoods on another sample does not exceed, and
# the nats that do not matter.
_CERTAIN = 6.0
_ROUGH = 0.01

_CHANGE_POINTS = (
    "one of the starts is the best cut of the column into intervals, searched exhaustively on "
    "grids of the sketch"
)


class Drawn(NamedTuple):
    """Starts with how many each stands for, and what led to them.

    ``runs`` are the climbs before, of which ``order`` tells the optima that the starts continue;
    ``n_ended`` counts the starts that ended in others, and ``told`` says so in words.
    """

    starts: list[tuple[Start, int]]
    runs: list[Run]
    order: list[int]
    n_ended: int = 0
    told: tuple[str, ...] = ()


NONE = Drawn([], [], [])


@dataclass(frozen=True)
class Drawing:
    """How starts are made.

    Parameters
    ----------
    pool : Pool
        The objective on the sketch.
    options : Options
    report : callable, optional
    """

    pool: Pool
    options: Options
    report: Report | None = None

    def search(self, objective: Objective) -> Search:
        """The search over starts on an objective, as the options want it."""
        options = self.options
        return Search(
            objective, options.bounds.box(objective.layout), solver=options.solver,
            tol=options.tol, max_iter=options.max_iter, min_share=options.min_share,
            schedule=options.schedule,
        )  # fmt: skip

    def climb(
        self,
        search: Search,
        starts: list[tuple[Start, int]],
        phase: str,
        *,
        total: int,
        before: int = 0,
    ) -> None:
        """Run starts and report each, of ``total`` of which some have been ``before``."""
        for i, optimum in enumerate(search.run_all(starts)):
            if self.report is not None:
                self.report(phase, before + i + 1, total, optimum)

    def on_sketch(self, objective: Objective, number: int) -> Drawn:
        """``number`` starts of an objective in memory, the highest optima on the sketch.

        Where the sketch is not all of the rows, half of them are splits of a fit with one expert
        less.
        """
        if number <= 0:
            return NONE
        rng = np.random.default_rng([self.options.seed, 1])
        pool = self.pool
        whole = pool.objective.data is objective.data
        n_split = 0 if whole or objective.model.n_experts == 1 else number // 2
        search = Search(
            pool.objective, pool.box, tol=ROUGH, max_iter=100, min_share=self.options.min_share,
            schedule=self.options.schedule, search=False, polish=False,
        )  # fmt: skip
        drawn = ((start, 1) for start in draw(pool, number - n_split, rng))
        for i, optimum in enumerate(search.run_all(drawn)):
            if self.report is not None:
                self.report("sketch", i + 1, 0, optimum)
        order = search.ranking()[: number - n_split]
        ranked = [search.optima[i] for i in order]
        # Elsewhere EM's first steps settle an optimum of the sketch among those of the data.
        starts = [(Start(o.theta, o.kind, whole), o.n_hits if whole else 1) for o in ranked]
        if n_split:
            starts += [(start, 1) for start in splits_on_data(pool, objective, n_split, rng)]
        told = (_CHANGE_POINTS,) if has_change_points(pool.objective) else ()
        runs = [replace(run, phase="sketch") for run in search.runs]
        return Drawn(starts, runs, order, told=told)

    def on_sample(self, objective: Objective, number: int) -> Drawn:
        """The highest optima on a sample in memory of ``number`` starts, for all rows."""
        drawn = self.on_sketch(objective, number)
        if not drawn.starts:
            return drawn
        search = self.search(objective)
        self.climb(search, drawn.starts, "sample", total=len(drawn.starts))
        order = promising(search)[:_ON_ALL_ROWS]
        chosen = [search.optima[i] for i in order]
        starts = [(Start(o.theta, o.kind), o.n_hits) for o in chosen]
        first = search.runs[: len(drawn.order)]
        runs = continued(drawn.runs, drawn.order, first)
        runs += [replace(run, phase="sample") for run in search.runs]
        told = (
            f"starts were climbed on a sample of {objective.data.n_rows} distinct rows; of "
            f"the {len(search.optima)} distinct optima there, {len(chosen)} went on to all rows",
        )
        n_ended = search.n_starts - sum(n_hits for _, n_hits in starts)
        return Drawn(starts, runs, order, n_ended, drawn.told + told)


def promising(search: Search) -> list[int]:
    """Positions of the optima on a sample that can be the answer on all rows, best first.

    Where one is admissible, the others are not needed. One whose log-likelihood is lower by more
    than the sum over another sample could change it by, Σᵢ wᵢdᵢ ± 6 √(Σᵢ wᵢ²(dᵢ - d̄)²) with dᵢ the
    difference at a row, cannot be the highest.

    References
    ----------
    Vuong (1989), Likelihood ratio tests for model selection and non-nested hypotheses,
    Econometrica 57.
    """
    order = search.ranking()
    best, data = search.optima[order[0]], search.objective.in_memory
    weight = np.ones(data.n_rows) if data.weight is None else data.weight
    here = search.objective.log_prob(best.theta)

    def excluded(i: int) -> bool:
        other = search.optima[i]
        if (best.admissible and not other.admissible) or not np.isfinite(other.value):
            return True
        lower = here - search.objective.log_prob(other.theta)
        mean = float(weight @ lower) / float(weight.sum())
        spread = float(np.sqrt(np.sum((weight * (lower - mean)) ** 2)))
        return float(weight @ lower) > _CERTAIN * spread + _ROUGH

    return [order[0], *(i for i in order[1:] if not excluded(i))]


def given_starts(
    objective: Objective, given: list[MixtureParams | Array], box: Box
) -> Iterator[tuple[Start, int]]:
    """Starts of the user's: parameters on the user's scale, or responsibilities (n, K)."""
    model, data = objective.model, objective.data
    for start in given:
        if isinstance(start, MixtureParams):
            coefficients = model.rescale(model.coefficients(start), data.affine.inverse())
            theta = into_the_box(model, model.layout.vector(coefficients), box)
        else:
            theta = from_responsibilities(objective, start, box)
        yield Start(theta, "given"), 1


def into_the_box(model: MixtureOfExperts, theta: Array, box: Box) -> Array:
    """θ in the box; a gate that is too steep keeps its boundaries, and becomes less steep."""
    gate = model.layout.entries("gate")
    exponents = model.gate.homogeneity()
    if gate.any() and exponents is not None and set(exponents) == {1.0}:
        excess = float(np.max(np.abs(theta[gate]) / box.upper[gate]))
        theta = np.where(gate, theta / max(1.0, excess), theta)
    return box.project(theta)
