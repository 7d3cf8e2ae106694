"""Passes of every gate and every family of experts, as multiples of the exponentials of their law.

The yardstick is np.exp over the numbers whose exponential, or tanh, the law cannot do without, in
units of nK: 2 for gate and responsibilities (of K active experts only, where a gate selects them),
J - 1 for multinomial probabilities and 1 for Poisson and binomial ones, 1 for an activation of the
scores; a map of x needs d for each row. The name of a measurement has their number.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from benchmarks.measurement import Measurement
from benchmarks.passes import exponentials, passes_of
from benchmarks.problems import random_problem
from benchmarks.timing import interleaved
from mixexp.estimation.blocks import single_threaded_blas
from mixexp.models import (
    Activation,
    Binomial,
    Expert,
    Gate,
    Gaussian,
    Multinomial,
    Poisson,
    Softmax,
    Temperature,
    TopK,
    Transformed,
)

N_COLUMNS, N_EXPERTS = 1, 4


class Part(NamedTuple):
    """A gate with a family of experts, and the exponentials that a pass needs in units of nK."""

    gate: Gate
    expert: Expert
    needed: float


PARTS = (
    Part(Softmax(), Gaussian(), 2),
    Part(Transformed(), Gaussian(), 2 + N_COLUMNS / N_EXPERTS),
    Part(Temperature(), Gaussian(), 2),
    Part(Activation(), Gaussian(), 3),
    Part(TopK(2), Gaussian(), 2 * 2 / N_EXPERTS),
    Part(Softmax(), Multinomial(3), 4),
    Part(Softmax(), Poisson(), 3),
    Part(Softmax(), Binomial(), 3),
)


def measure(
    quick: bool = False, n_rows: int | None = None, rounds: int | None = None
) -> Iterator[Measurement]:
    """Value, EM and score-and-information passes; multiples of exp, and ns for each row·expert."""
    n_rows = n_rows or (20_000 if quick else 100_000)
    rounds = rounds or (5 if quick else 25)
    size = n_rows * N_EXPERTS
    calls: dict[Any, Callable[[], Any]] = {None: exponentials(2 * size)}
    for part in PARTS:
        gate, expert, _ = part
        problem = random_problem(n_rows, N_COLUMNS, N_EXPERTS, gate=gate, expert=expert)
        calls |= {(part, name): call for name, call in passes_of(problem).items()}
    # All parts take turns with one yardstick, so that their multiples compare with each other.
    with single_threaded_blas():
        seconds = interleaved(calls, rounds)
    exp = seconds.pop(None) / (2 * size)
    for (part, name), s in seconds.items():
        gate, expert, needed = part
        label = f"{name} pass, {gate!r} with {expert!r}"
        yield Measurement(f"{label}, {needed:g} n K exp", s / (needed * size * exp), "x exp")
        yield Measurement(f"{label}, time", 1e9 * s / size, "ns/(n K)")
