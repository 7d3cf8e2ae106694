"""How a pass grows with the number of rows and of experts, and what a second thread saves."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from benchmarks.measurement import Measurement
from benchmarks.problems import Problem, random_problem
from benchmarks.timing import interleaved, wall
from mixexp.estimation.blocks import single_threaded_blas

# From here on the time per row should be constant, within this factor.
_LINEAR_FROM = 10_000
_LINEAR_WITHIN = 1.2
# Passes over small data are timed in batches of at most this many rows: the minimum over short
# times would find quieter moments than that over long ones.
_BATCH_ROWS = 1_000_000


def measure(quick: bool = False) -> Iterator[Measurement]:
    """ns per row against n (K = 2) and K, the spread over n, and the speed-up by two threads."""
    yield from _rows(5 if quick else 7, rounds=2 if quick else 5)
    yield from _experts(10_000 if quick else 100_000, rounds=3 if quick else 7)
    yield from _threads(100_000 if quick else 1_000_000, rounds=3 if quick else 7)


def _rows(largest_power: int, rounds: int) -> Iterator[Measurement]:
    problems = {n: random_problem(n, 1, 2) for n in (10**i for i in range(3, largest_power + 1))}
    batch = min(_BATCH_ROWS, max(problems))
    for name, order in (("EM", None), ("information", 2)):
        calls = {str(n): _repeat(_pass(p, order), max(1, batch // n)) for n, p in problems.items()}
        # As in a fit, which limits BLAS to one thread once and not for every pass.
        with single_threaded_blas():
            seconds = interleaved(calls, rounds)
        ns = {n: 1e9 * seconds[str(n)] / max(n, batch) for n in problems}
        for n, value in ns.items():
            yield Measurement(f"{name} pass, n={n:.0e}".replace("e+0", "e"), value, "ns/row")
        linear = [value for n, value in ns.items() if n >= _LINEAR_FROM]
        yield Measurement(
            f"{name} pass, max/min of ns/row from n=1e4", max(linear) / min(linear), "x",
            target=_LINEAR_WITHIN,
        )  # fmt: skip


def _repeat(call: Callable[[], object], times: int) -> Callable[[], None]:
    def run() -> None:
        for _ in range(times):
            call()

    return run


def _pass(problem: Problem, order: int | None) -> Callable[[], object]:
    """One evaluation of an order, or EM statistics for None."""
    objective, theta = problem
    if order is None:
        return lambda: objective.em_statistics(theta)
    return lambda: objective.evaluate(theta, order)


def _experts(n_rows: int, rounds: int) -> Iterator[Measurement]:
    for n_experts in (2, 4, 8, 16, 32):
        problem = random_problem(n_rows, 1, n_experts)
        calls = {"EM": _pass(problem, None), "information": _pass(problem, 2)}
        for name, seconds in interleaved(calls, max(2, 2 * rounds // n_experts)).items():
            yield Measurement(f"{name} pass, K={n_experts}", 1e9 * seconds / n_rows, "ns/row")


def _threads(n_rows: int, rounds: int) -> Iterator[Measurement]:
    """Wall time of two threads, and whether every bit of the results is the same."""
    one, two = (random_problem(n_rows, 1, 4, n_threads=threads) for threads in (1, 2))
    calls = {"1": _pass(one, 2), "2": _pass(two, 2)}
    seconds = interleaved(calls, rounds, clock=wall)
    speed_up = seconds["1"] / seconds["2"]
    yield Measurement("information pass, speed-up by 2 threads", speed_up, "x faster", target=1.8)
    pairs = zip(
        one.objective.evaluate(one.theta, 2), two.objective.evaluate(two.theta, 2), strict=True
    )
    different = sum(int(np.sum(np.asarray(a) != np.asarray(b))) for a, b in pairs)
    yield Measurement("entries that differ with 2 threads", different, "entries", target=0.0)
