"""Where the time of a compiled pass goes: exponentials, matrix products, and what is left.

``python -m benchmarks.breakdown`` prints the table, and how many of the floating-point instructions
of each kernel work on several numbers at once.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from benchmarks.measurement import Measurement
from benchmarks.passes import passes_of
from benchmarks.problems import random_problem
from benchmarks.timing import interleaved
from mixexp._kernels import elementary, posterior
from mixexp.estimation.blocks import single_threaded_blas
from mixexp.estimation.compiledpass import CompiledPass
from mixexp.estimation.tables import Shape

CASES = ((1, 4), (5, 4))
_BLOCK = 256

# Compiled anew, as instructions are not kept beside cached code.
_INSTRUCTIONS = """
import os, re, sys
os.environ["NUMBA_CACHE_DIR"] = sys.argv[1]
import numpy as np
from benchmarks.problems import random_problem
from mixexp._kernels import elementary, linear_gaussian, posterior
objective, theta = random_problem(300, 5, 4)
objective.evaluate(theta, 2)
elementary.exp_nonpositive(np.zeros(8), np.empty(8))
elementary.log_positive(np.ones(8), np.empty(8))
for module, name in (
    (elementary, "exp_nonpositive"), (elementary, "log_positive"), (posterior, "posterior"),
    (linear_gaussian, "sums"), (linear_gaussian, "_products"),
):
    for text in getattr(module, name).inspect_asm().values():
        packed = len(re.findall(r"\\bv(?:f?n?m?add|sub|mul|div|fm|fnm)\\w*pd\\b", text))
        scalar = len(re.findall(r"\\bv(?:f?n?m?add|sub|mul|div|fm|fnm)\\w*sd\\b", text))
        print(f"{module.__name__.split('.')[-1]}.{name} {packed} {scalar}")
"""


def measure(
    quick: bool = False, n_rows: int | None = None, rounds: int | None = None
) -> Iterator[Measurement]:
    """Nanoseconds for each row and expert."""
    n_rows = n_rows or (20_000 if quick else 100_000)
    for d, k in CASES:
        problem = random_problem(n_rows, d, k)
        compiled = problem[0]._passes._compiled
        assert compiled is not None
        calls: dict[str, Callable[[], Any]] = {
            "exponentials alone": _exponentials(n_rows, k),
            "posterior alone": _posterior(n_rows, k),
            "matrix products alone, EM": _products(compiled, "em_statistics", n_rows),
            "matrix products alone, information": _products(compiled, "hessian", n_rows),
            **{f"{name} pass": call for name, call in passes_of(problem).items()},
        }
        with single_threaded_blas():
            seconds = interleaved(calls, rounds or (5 if quick else 25))
        for name, s in seconds.items():
            yield Measurement(f"{name}, d={d} K={k}", 1e9 * s / (n_rows * k), "ns/(n K)")


def _exponentials(n_rows: int, k: int) -> Callable[[], Any]:
    x = -np.random.default_rng(0).exponential(5.0, size=2 * k * _BLOCK)
    out = np.empty_like(x)
    return lambda: [elementary.exp_nonpositive(x, out) for _ in range(0, n_rows, _BLOCK)]


def _posterior(n_rows: int, k: int) -> Callable[[], Any]:
    logits, density = np.random.default_rng(0).normal(size=(2, k, _BLOCK))
    work, r, g, loglik = (np.empty((rows, _BLOCK)) for rows in (4, k, k, 1))
    return lambda: [
        posterior.posterior(logits, density, work, r, g, loglik[0])
        for _ in range(0, n_rows, _BLOCK)
    ]


def _products(compiled: CompiledPass, part: str, n_rows: int) -> Callable[[], Any]:
    """The matrix products of a pass, tables of the same features as one."""
    shape: Shape = compiled.shape
    heights, widths = shape.heights[part], shape.widths
    assert shape.same
    sizes = ((heights[:3].sum(), widths[0]), (heights[3:].sum(), widths[3]))
    pairs = [(np.ones((rows, _BLOCK)), np.ones((width, _BLOCK))) for rows, width in sizes]
    return lambda: [a @ b.T for _ in range(0, n_rows, _BLOCK) for a, b in pairs]


def instructions() -> list[tuple[str, int, int]]:
    """Kernels with their packed and scalar floating-point instructions."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-c", _INSTRUCTIONS, folder]
        text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = re.findall(r"^(\S+) (\d+) (\d+)$", text, re.MULTILINE)
    return [(name, int(packed), int(scalar)) for name, packed, scalar in found]


def main() -> None:
    """Print both tables."""
    for found in measure():
        print(f"{found.name:50s} {found.value:7.2f} {found.unit}")
    print(f"\n{'floating-point instructions':40s} {'packed':>7s} {'scalar':>7s}")
    for name, packed, scalar in instructions():
        print(f"{name:40s} {packed:7d} {scalar:7d}")


if __name__ == "__main__":
    main()
