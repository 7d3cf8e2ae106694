"""Passes over the data on two threads, and how much faster they are than on one.

Wall time: what else runs on the machine is in it. Models that have a compiled pass spend nearly no
time under the interpreter's lock; the others wait for it between the kernels of a block.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from benchmarks import machine
from benchmarks.measurement import Measurement
from benchmarks.passes import passes_of
from benchmarks.problems import random_problem
from benchmarks.timing import interleaved, wall
from mixexp.estimation.blocks import single_threaded_blas
from mixexp.models import Expert, Gaussian, Multinomial

# Columns of x, number of experts, their family, and the speed-up wanted.
CASES: tuple[tuple[int, int, Expert, float | None], ...] = (
    (1, 4, Gaussian(), 1.8),
    (5, 4, Gaussian(), 1.8),
    (1, 4, Multinomial(3), None),
)


def measure(
    quick: bool = False, n_rows: int | None = None, rounds: int | None = None
) -> Iterator[Measurement]:
    """EM and score-and-information passes; nothing on a machine with one processor."""
    if machine.n_cores() < 2:
        return
    sizes = [n_rows] if n_rows else [100_000] if quick else [100_000, 1_000_000]
    for size in sizes:
        for n_columns, n_experts, expert, target in CASES:
            calls: dict[tuple[str, int], Callable[[], Any]] = {}
            for n_threads in (1, 2):
                problem = random_problem(size, n_columns, n_experts, n_threads, expert=expert)
                of_problem = passes_of(problem)
                calls |= {(name, n_threads): of_problem[name] for name in ("EM", "information")}
            with single_threaded_blas():
                seconds = interleaved(calls, rounds or (10 if quick else 25), wall)
            for name in ("EM", "information"):
                label = f"{name} pass, {expert!r}, d={n_columns} K={n_experts}, n={size:,}"
                gain = seconds[name, 1] / seconds[name, 2]
                yield Measurement(label, gain, "x faster", target)
