"""What a top-K gate saves when only active experts are evaluated, on one thread.

64 experts of which 2 are active, 5 columns. The target is a fifth of the time of the pass over all
experts. Information passes over all experts take a minute for 1e5 rows, so that both of these are
measured on fewer.
"""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.measurement import Measurement
from benchmarks.problems import random_problem
from benchmarks.timing import interleaved
from mixexp.estimation.blocks import single_threaded_blas
from mixexp.models import TopK

N_EXPERTS, N_ACTIVE, N_COLUMNS = 64, 2, 5
TARGET = 1.0 / 5.0


def measure(
    quick: bool = False, n_rows: int | None = None, rounds: int | None = None
) -> Iterator[Measurement]:
    """Speed-ups of value, EM, score and information passes, and what they leave of the time."""
    n_rows = n_rows or (20_000 if quick else 100_000)
    rounds = rounds or (5 if quick else 10)
    # The information pass needs rows enough for a few blocks only.
    sizes = {"value": n_rows, "EM": n_rows, "score": n_rows, "information": min(n_rows, 20_000)}
    for name, size in sizes.items():
        seconds = _pass_seconds(name, size, 2 if name == "information" else rounds)
        case = f"k={N_EXPERTS} K={N_ACTIVE} d={N_COLUMNS} n={size}"
        share = seconds["sparse"] / seconds["dense"]
        yield Measurement(f"{name} pass, {case}, speed-up", 1.0 / share, "x faster")
        yield Measurement(f"{name} pass, {case}, sparse/dense", share, "x", TARGET)
        yield Measurement(f"{name} pass, {case}, time", 1e9 * seconds["sparse"] / size, "ns/n")


def _pass_seconds(name: str, n_rows: int, rounds: int) -> dict[str, float]:
    calls = {}
    for kind in ("dense", "sparse"):
        objective, theta = random_problem(
            n_rows, N_COLUMNS, N_EXPERTS, gate=TopK(N_ACTIVE), _sparse=kind == "sparse"
        )
        calls[kind] = {
            "value": lambda o=objective, t=theta: o.evaluate(t, 0),
            "EM": lambda o=objective, t=theta: o.em_statistics(t),
            "score": lambda o=objective, t=theta: o.evaluate(t, 1),
            "information": lambda o=objective, t=theta: o.evaluate(t, 2),
        }[name]
    with single_threaded_blas():
        return interleaved(calls, rounds)
