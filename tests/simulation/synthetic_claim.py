"""Claims with made-up rows, for the tests of judging and of the report."""

from __future__ import annotations

import numpy as np

from mixexp.models import MixingMeasure
from mixexp.simulation import Expectation, Quantity
from mixexp.simulation._execute import TaskResult
from mixexp.simulation.claims.arms import USUAL
from mixexp.simulation.claims.budget import Cost
from mixexp.simulation.claims.claim import Claim
from mixexp.simulation.claims.problem import Problem
from mixexp.simulation.store import ResultStore
from mixexp.theory.exponents.estimate import LocalExponents

SIZES = (100, 1000, 10_000)
REPLICATES = 10
# Slopes of the first arm; every kind of verdict occurs.
SLOPES = {"fast": -0.5, "late": -0.5, "steep": -0.8, "shallow": -0.3, "wild": -0.5, "free": -0.4}
QUANTITIES = (
    Quantity("fast", "h & <d>", Expectation(-1 / 2)),
    Quantity("late", "a|b", Expectation(-1 / 2, kind="derived here")),
    Quantity("steep", "steep", Expectation(-1 / 4, derivation="Gate slopes (derived)")),
    Quantity("shallow", "shallow", Expectation(-1 / 2)),
    Quantity("wild", "wild", Expectation(-1 / 2)),
    Quantity("free", "free", Expectation(None)),
)


class NoProblem(Problem):
    """A problem that is never sampled."""

    def __repr__(self):
        return "NoProblem(a < b)"

    truth_measure = MixingMeasure([1.0], {"intercept": [0.0]})
    n_experts = 2

    def sample(self, n, rng):
        raise NotImplementedError

    loglik_of_truth = fit = hellinger = sample

    def local_exponent(self, block, cell, copies):
        eps = 0.5 ** np.arange(6)
        names = ("law", f"{block} of cell {cell}, {copies} copies")
        return LocalExponents.from_distances(names, eps, eps**2 * (1 + 0.3 * eps), 0 * eps, 6)


def synthetic(name="demo", **changes):
    given = {
        "title": f"Title of {name} & <more>",
        "statement": "Theorem 1 says < n^(-1/2) | derived here.",
        "source": "made up",
        "problem": NoProblem(),
        "sizes": SIZES,
        "seconds": float(REPLICATES * len(SIZES)),
        "cost": Cost(1.0, 0.0),
        "measures": (),
        "quantities": QUANTITIES,
        "arms": USUAL[:2],
    }
    return Claim(name, **(given | changes))


def rows_of(claim, task):
    """Power laws with noise; the second arm is 1 nat worse and shows half the slope."""
    if task.replicate == 3 and task.n == 100:
        raise ArithmeticError("no luck with <b> & |")
    rng = task.rng()
    rows = []
    for i, arm in enumerate(claim.arms):
        row = {"arm": arm.name, "gain": 3.0 - i, "shortfall": float(i), "seconds": 1.0 + i}
        row |= {"certified": task.replicate != 1, "at_bound": task.replicate < 2, "n_iter": 7 + i}
        row |= {"n_optima": 1 + task.replicate % 2, "n_hits": 4, "pattern": "2+1"}
        for column, slope in SLOPES.items():
            noise = 4.0 if column == "wild" else 0.1
            exponent = slope / (1 + i)
            row[column] = float(task.n**exponent * np.exp(noise * rng.normal()))
        # Only some fits split a cell.
        row["late"] = row["late"] if task.replicate % 5 else None
        rows.append(row)
    return rows


def filled(claim, path=":memory:", *, keep=lambda task: True, level="full", rows=rows_of):
    """A store with the rows of the tasks that `keep` accepts."""
    store = ResultStore(path)
    study = claim.study(level)
    for task in filter(keep, study.tasks()):
        try:
            result = TaskResult(task.n, task.replicate, tuple(rows(claim, task)), 2.0, None)
        except ArithmeticError as error:
            text = f"Traceback\n  File /home/someone/code.py\nArithmeticError: {error}\n"
            result = TaskResult(task.n, task.replicate, ({},), 1.0, text)
        store.put(study, result)
    return store
