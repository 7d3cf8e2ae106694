"""Passes over the data to a certificate, on a fixed suite of fits, and how often they fail.

From one start of k-means to its certificate, and of a whole fit by default, for every gate and
family with as many experts as the truth has (exact) and one more (over-specified). A cost is in
EM passes over all rows (see :data:`benchmarks.counting.COSTS`). A run fails if its certificate does
not hold, or if it is lower, by more than 1e-6 nats, than the best that any version reached from the
same start. ``python -m benchmarks.evaluations`` prints every case.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.counting import counted
from benchmarks.measurement import Measurement
from benchmarks.suite import CASES, Case, Draw, draw, seed_of
from mixexp.estimation.blocks import single_threaded_blas
from mixexp.estimation.box import Bounds
from mixexp.estimation.data import Data
from mixexp.estimation.fit import fit
from mixexp.estimation.objective import Objective
from mixexp.estimation.solvers.multistart import Search
from mixexp.estimation.start import Start, clusters, from_responsibilities
from mixexp.estimation.topk_start import densified

Array = NDArray[np.float64]

SURPLUS = ("exact", "over")
KINDS = ("one start", "whole fit")
# A whole fit takes as long as fifty climbs.
N_SEEDS = {"one start": 20, "whole fit": 2}
N_QUICK = {"one start": 2, "whole fit": 0}
BEST = Path(__file__).with_name("evaluations_best.json")
# Nats by which a run must not fall short of the best known.
_SHORT = 1e-6


@dataclass(frozen=True)
class Run:
    """Passes and cost of one run, the log-likelihood reached (nats), whether it is certified."""

    kind: str
    case: str
    surplus: str
    seed: int
    number: float
    cost: float
    loglik: float
    certified: bool

    @property
    def key(self) -> str:
        """The name of what was run."""
        return f"{self.kind}, {self.case}, {self.surplus}, {self.seed}"

    def fails(self, best: dict[str, float]) -> bool:
        """Whether it is not certified, or lower than the best known."""
        return not self.certified or self.loglik < best.get(self.key, -np.inf) - _SHORT


@single_threaded_blas()
def run(kind: str, case: Case, surplus: int, seed: int) -> Run:
    """One run of the suite."""
    problem = draw(case, surplus, seed)
    if kind == "one start":
        search, start = _one_start(problem, case.name, surplus, seed)
        with counted(len(problem.x)) as passes:
            search.run(start)
            optimum = search.certified(search.objective.layout.names(_names(problem)), None)[0]
        objective = search.objective
    else:
        with counted(len(problem.x)) as passes:
            found = fit(problem.model, problem.x, problem.y)
        optimum, objective = found.optima[0], found.objective
    return Run(
        kind, case.name, SURPLUS[surplus], seed, passes.number, passes.cost,
        optimum.value - objective.data.log_scale, optimum.certified,
    )  # fmt: skip


def _names(problem: Draw) -> list[str]:
    return [f"x{j}" for j in range(problem.x.shape[1])]


def _one_start(problem: Draw, *names: object) -> tuple[Search, Start]:
    """The search of a default fit on its data, and a start from clusters of k-means."""
    expert = problem.model.expert
    data = Data.from_rows(
        problem.x, expert.encode(problem.y), standardize_y=expert.standardizes,
        common_scale=expert.common_scale,
    )  # fmt: skip
    objective = Objective(problem.model, data)
    box = Bounds().box(objective.layout)
    rng = np.random.default_rng(seed_of(*names, "start"))
    theta = from_responsibilities(densified(objective), clusters(objective, rng), box, rng)
    return Search(objective, box), Start(theta, "k-means")


def runs(kind: str, n_seeds: int) -> Iterator[Run]:
    """All runs of a kind."""
    for case in CASES:
        for surplus in range(len(SURPLUS)):
            for seed in range(n_seeds):
                yield run(kind, case, surplus, seed)


def best_known(path: Path = BEST) -> dict[str, float]:
    """Highest log-likelihoods that any version reached, nats."""
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else {}


def measure(quick: bool = False, n_seeds: dict[str, int] | None = None) -> Iterator[Measurement]:
    """Median and 95th percentile of the passes and costs, and the part of runs that fail."""
    best = best_known()
    for kind, number in (n_seeds or (N_QUICK if quick else N_SEEDS)).items():
        found = list(runs(kind, number))
        for surplus in SURPLUS if found else ():
            some = [r for r in found if r.surplus == surplus]
            yield from _measured(f"{kind}, {surplus}", some, best)
            for case in CASES:
                cost = [r.cost for r in some if r.case == case.name]
                name = f"{kind}, {surplus}, {case.name}, median cost"
                yield Measurement(name, float(np.median(cost)), "EM passes")


def _measured(name: str, found: list[Run], best: dict[str, float]) -> Iterator[Measurement]:
    for what, unit in (("number", "passes"), ("cost", "EM passes")):
        values = [getattr(r, what) for r in found]
        yield Measurement(f"{name}, median {what}", float(np.median(values)), unit)
        yield Measurement(f"{name}, 95 % {what}", float(np.quantile(values, 0.95)), unit)
    failures = float(np.mean([r.fails(best) for r in found]))
    yield Measurement(f"{name}, failures", 100.0 * failures, "%")


def line(name: str, found: Sequence[Run], best: dict[str, float]) -> str:
    """Median and 95th percentile of number and cost, runs not certified, runs that fell short."""
    number, cost = (np.array([getattr(r, what) for r in found]) for what in ("number", "cost"))
    uncertified = sum(not r.certified for r in found)
    short = sum(r.fails(best) for r in found if r.certified)
    figures = [f(values) for values in (number, cost) for f in (np.median, _most)]
    shown = "".join(f"{figure:8.1f}" for figure in figures)
    return f"{name:32}{shown}{uncertified:8}{short:7}{len(found):6}"


def _most(values: Array) -> float:
    return float(np.quantile(values, 0.95))


def table(kind: str, found: Sequence[Run], best: dict[str, float]) -> str:
    """The runs of a kind, one line for each case, and for all of them."""
    lines = [f"{kind:32}   passes     95%     cost     95%  uncert  short  runs"]
    for surplus in SURPLUS:
        some = [r for r in found if r.surplus == surplus]
        for case in CASES:
            of_case = [r for r in some if r.case == case.name]
            lines.append(line(f"  {case.name}, {surplus}", of_case, best))
        lines.append(line(f"all, {surplus}", some, best))
    return "\n".join([*lines, line("all", found, best)])


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the suite, and print every case."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.evaluations", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few seeds")
    parser.add_argument("--seeds", type=int, nargs=2, help="seeds of one start and of a whole fit")
    parser.add_argument("--json", type=Path, help="where to write every run")
    options = parser.parse_args(arguments)
    numbers = dict(zip(KINDS, options.seeds, strict=True)) if options.seeds else None
    best, every = best_known(), []
    for kind, number in (numbers or (N_QUICK if options.quick else N_SEEDS)).items():
        found = list(runs(kind, number))
        every += found
        if found:
            print(table(kind, found, best), flush=True)
    if options.json:
        options.json.write_text(json.dumps([vars(r) for r in every], indent=0), encoding="utf-8")


if __name__ == "__main__":
    main()
