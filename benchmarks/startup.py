"""Time to import, and to the first fit in a new process with cold and with warm kernels."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator

from benchmarks import fresh
from benchmarks.measurement import Measurement

# Processor time of the process, so that others on the machine do not count. Both imports in one
# process, because its speed differs more from one process to the next than what is measured.
_IMPORT = """
import time
start = time.process_time()
import sklearn.base, numba
both = time.process_time()
import mixexp
print([both - start, time.process_time() - both])
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
    repeats = 1 if quick else 5
    imports = [fresh.run(_IMPORT) for _ in range(repeats)]
    others, own = (min(seconds) for seconds in zip(*imports, strict=True))
    yield Measurement("import of scikit-learn and numba", others, "s")
    yield Measurement("import of mixexp after them", own, "s")
    yield Measurement("import of mixexp / of the two", 1.0 + own / others, "x", target=1.2)
    with tempfile.TemporaryDirectory() as cache:
        cold = fresh.run(_FIRST_FIT, NUMBA_CACHE_DIR=cache)
        yield Measurement("first fit adds, kernels to compile", cold, "s")
        warm = min(fresh.run(_FIRST_FIT, NUMBA_CACHE_DIR=cache) for _ in range(repeats))
    yield Measurement("first fit adds, kernels cached", warm, "s", target=1.0)
