"""Time to import, and to the first fit in a new process with cold and with warm kernels."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator

from benchmarks import fresh
from benchmarks.measurement import Measurement

# Processor time of the process, so that others on the machine do not count.
_IMPORT = """
import time
start = time.process_time()
import {names}
print(time.process_time() - start)
"""

_FIRST_FIT = """
import time
import numpy as np
from mixexp import GaussianMoE

rng = np.random.default_rng(0)
x = rng.uniform(-1.0, 1.0, size=(300, 1))
y = np.where(rng.random(300) < 0.5, 2.0 + x[:, 0], -2.0 - x[:, 0]) + 0.3 * rng.normal(size=300)
seconds = []
for _ in range(3):
    start = time.process_time()
    GaussianMoE(n_experts=2, n_init=2, random_state=0).fit(x, y)
    seconds.append(time.process_time() - start)
print(seconds[0] - min(seconds[1:]))
"""


def measure(quick: bool = False) -> Iterator[Measurement]:
    """Import against that of scikit-learn and numba, and what a first fit adds to a second."""
    repeats = 2 if quick else 7
    modules = {"scikit-learn and numba": "sklearn.base, numba", "mixexp": "mixexp"}
    best = dict.fromkeys(modules, float("inf"))
    for _ in range(repeats):
        for name, names in modules.items():
            best[name] = min(best[name], fresh.run(_IMPORT.format(names=names)))
    for name, seconds in best.items():
        yield Measurement(f"import of {name}", seconds, "s")
    ratio = best["mixexp"] / best["scikit-learn and numba"]
    yield Measurement("import of mixexp / of the two", ratio, "x", target=1.2)
    with tempfile.TemporaryDirectory() as cache:
        cold = fresh.run(_FIRST_FIT, NUMBA_CACHE_DIR=cache)
        yield Measurement("first fit adds, kernels to compile", cold, "s")
        warm = min(fresh.run(_FIRST_FIT, NUMBA_CACHE_DIR=cache) for _ in range(repeats))
    yield Measurement("first fit adds, kernels cached", warm, "s", target=1.0)
