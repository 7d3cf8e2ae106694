"""One pass over the data on one thread, as a multiple of np.exp over 2nK doubles in the same run.

A pass needs 2nK exponentials (gate and responsibilities), so their time is the yardstick. numpy's
exponential is several times faster where it finds AVX-512: compare multiples between machines with
the same instruction sets only, and nanoseconds otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from benchmarks.measurement import Measurement
from benchmarks.problems import Problem, random_problem
from benchmarks.timing import interleaved
from mixexp.estimation.blocks import single_threaded_blas

# Columns of x and number of experts.
CASES = ((1, 2), (1, 4), (1, 8), (5, 4))
TARGETS = {
    ("EM", 1, 4): 4.0,
    ("EM", 5, 4): 8.0,
    ("information", 1, 4): 8.0,
    ("information", 5, 4): 16.0,
}


def measure(
    quick: bool = False, n_rows: int | None = None, rounds: int | None = None
) -> Iterator[Measurement]:
    """Value, EM and score-and-information passes; multiples of exp, and ns for each row·expert."""
    n_rows = n_rows or (20_000 if quick else 100_000)
    rounds = rounds or (5 if quick else 25)
    for n_columns, n_experts in CASES:
        problem = random_problem(n_rows, n_columns, n_experts)
        calls = {"exp": exponentials(2 * n_rows * n_experts), **passes_of(problem)}
        # As in a fit, which sets the number of BLAS threads once and not in every pass.
        with single_threaded_blas():
            seconds = interleaved(calls, rounds)
        case = f"d={n_columns} K={n_experts}"
        exp = seconds.pop("exp")
        yield Measurement(f"exp, {case}", 1e9 * exp / (2 * n_rows * n_experts), "ns/double")
        for name, s in seconds.items():
            target = TARGETS.get((name, n_columns, n_experts))
            yield Measurement(f"{name} pass, {case}", s / exp, "x exp", target)
            per_row = 1e9 * s / (n_rows * n_experts)
            yield Measurement(f"{name} pass, {case}, time", per_row, "ns/(n K)")


def exponentials(number: int) -> Callable[[], Any]:
    """np.exp over so many doubles, as one call."""
    argument = -np.random.default_rng(0).exponential(5.0, size=number)
    out = np.empty_like(argument)
    return lambda: np.exp(argument, out=out)


def passes_of(problem: Problem) -> dict[str, Callable[[], Any]]:
    """Each pass over the data of a problem, as one call."""
    objective, theta = problem
    return {
        "value": lambda: objective.evaluate(theta, 0),
        "EM": lambda: objective.em_statistics(theta),
        "information": lambda: objective.evaluate(theta, 2),
    }
