"""How a pass grows with the number of rows and of experts, and what a second thread saves."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from benchmarks.measurement import Measurement
from benchmarks.problems import Problem, random_problem
from benchmarks.timing import interleaved, wall

# From here on the time per row should be constant, within this factor.
_LINEAR_FROM = 10_000
_LINEAR_WITHIN = 1.2


def measure(quick: bool = False) -> Iterator[Measurement]:
    """ns per row against n (K = 2) and K, the spread over n, and the speed-up by two threads."""
    yield from _rows(6 if quick else 7, rounds=3 if quick else 4)
    yield from _experts(10_000 if quick else 100_000, rounds=3 if quick else 7)
    yield from _threads(100_000 if quick else 1_000_000, rounds=3 if quick else 7)


def _rows(largest_power: int, rounds: int) -> Iterator[Measurement]:
    sizes = [10**power for power in range(3, largest_power + 1)]
    for name, order in (("EM", None), ("information", 2)):
        ns = {}
        for n in sizes:
            problem = random_problem(n, n_columns=1, n_experts=2)
            # A disturbance can spoil a whole short pass, but not all of many.
            repeats = rounds * int(np.clip(1_000_000 // n, 1, 30))
            ns[n] = 1e9 / n * _seconds(problem, order, repeats)
            yield Measurement(f"{name} pass, n={n:.0e}".replace("e+0", "e"), ns[n], "ns/row")
        linear = [value for n, value in ns.items() if n >= _LINEAR_FROM]
        yield Measurement(
            f"{name} pass, max/min of ns/row from n=1e4", max(linear) / min(linear), "x",
            target=_LINEAR_WITHIN,
        )  # fmt: skip


def _seconds(problem: Problem, order: int | None, rounds: int) -> float:
    objective, theta = problem
    if order is None:
        return interleaved({"": lambda: objective.em_statistics(theta)}, rounds)[""]
    return interleaved({"": lambda: objective.evaluate(theta, order)}, rounds)[""]


def _experts(n_rows: int, rounds: int) -> Iterator[Measurement]:
    for n_experts in (2, 4, 8, 16, 32):
        problem = random_problem(n_rows, 1, n_experts)
        for name, order in (("EM", None), ("information", 2)):
            ns = 1e9 / n_rows * _seconds(problem, order, max(2, 2 * rounds // n_experts))
            yield Measurement(f"{name} pass, K={n_experts}", ns, "ns/row")


def _threads(n_rows: int, rounds: int) -> Iterator[Measurement]:
    """Wall time of two threads, and whether every bit of the results is the same."""
    one, two = (random_problem(n_rows, 1, 4, n_threads=threads) for threads in (1, 2))
    seconds = interleaved(
        {"1": lambda: one.objective.evaluate(one.theta, 2),
         "2": lambda: two.objective.evaluate(two.theta, 2)},
        rounds, clock=wall,
    )  # fmt: skip
    yield Measurement("information pass, speed-up by 2 threads", seconds["1"] / seconds["2"], "x")
    pairs = zip(
        one.objective.evaluate(one.theta, 2), two.objective.evaluate(two.theta, 2), strict=True
    )
    different = sum(int(np.sum(np.asarray(a) != np.asarray(b))) for a, b in pairs)
    yield Measurement("entries that differ with 2 threads", different, "entries", target=0.0)
