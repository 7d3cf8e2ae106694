"""One pass over the data on one thread, as a multiple of np.exp over 2nK doubles in the same run.

A pass needs 2nK exponentials (gate and responsibilities), so their time is the yardstick. numpy's
exponential is several times faster where it finds AVX-512: compare multiples between machines with
the same instruction sets only, and nanoseconds otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from benchmarks.measurement import Measurement
from benchmarks.problems import Problem, random_problem
from benchmarks.timing import interleaved
from mixexp.estimation.blocks import single_threaded_blas

# Columns of x and number of experts.
CASES = ((1, 2), (1, 4), (1, 8), (5, 4))
TARGETS = {("EM", 1, 4): 7.0, ("information", 1, 4): 12.0}


def measure(
    quick: bool = False, n_rows: int | None = None, rounds: int | None = None
) -> Iterator[Measurement]:
    """Value, EM and score-and-information passes; multiples of exp, and ns for each row·expert."""
    n_rows = n_rows or (20_000 if quick else 100_000)
    rounds = rounds or (5 if quick else 25)
    for n_columns, n_experts in CASES:
        problem = random_problem(n_rows, n_columns, n_experts)
        seconds = pass_seconds(problem, 2 * n_rows * n_experts, rounds)
        case = f"d={n_columns} K={n_experts}"
        exp = seconds.pop("exp")
        yield Measurement(f"exp, {case}", 1e9 * exp / (2 * n_rows * n_experts), "ns/double")
        for name, s in seconds.items():
            target = TARGETS.get((name, n_columns, n_experts))
            yield Measurement(f"{name} pass, {case}", s / exp, "x exp", target)
            per_row = 1e9 * s / (n_rows * n_experts)
            yield Measurement(f"{name} pass, {case}, time", per_row, "ns/(n K)")


def pass_seconds(problem: Problem, n_exponentials: int, rounds: int) -> dict[str, float]:
    """Seconds of each pass, and of np.exp over so many doubles, taking turns on one thread."""
    objective, theta = problem
    argument = -np.random.default_rng(0).exponential(5.0, size=n_exponentials)
    out = np.empty_like(argument)
    calls = {
        "exp": lambda: np.exp(argument, out=out),
        "value": lambda: objective.evaluate(theta, 0),
        "EM": lambda: objective.em_statistics(theta),
        "information": lambda: objective.evaluate(theta, 2),
    }
    # As in a fit, which sets the number of BLAS threads once and not in every pass.
    with single_threaded_blas():
        return interleaved(calls, rounds)
