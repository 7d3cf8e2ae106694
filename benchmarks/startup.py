"""Time to import, and to the first fit in a new process with cold and with warm kernels."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks import fresh
from benchmarks.measurement import Measurement

# What users write. The names of ``mixexp`` are imported when they are first used, so the first
# line alone says little.
SPELLINGS = ("import mixexp", "from mixexp import GaussianMoE", "from mixexp import *")

# Processor time of the process, so that others on the machine do not count. Both imports in one
# process, because its speed differs more from one process to the next than what is measured.
_IMPORT = """
import sys, time
start = time.process_time()
import sklearn.base, numba
both, loaded = time.process_time(), len(sys.modules)
{spelling}
print([both - start, time.process_time() - both, len(sys.modules) - loaded])
"""


class Case(NamedTuple):
    """An estimator, its responses y, and what else it is given, as Python.

    There are x (300, 1) in [-1, 1], and ``line`` (300,), which follows one of two lines.
    """

    estimator: str
    response: str
    known: str = ""


ESTIMATORS = {
    "GaussianMoE": Case("GaussianMoE(2, n_init=2, random_state=0)", "line"),
    "GaussianMoE, two responses": Case(
        "GaussianMoE(2, n_init=2, random_state=0)",
        "np.column_stack([line, rng.normal(size=300)])",
    ),
    "GaussianMoE, top-1 gate": Case(
        "GaussianMoE(3, gate=mixexp.TopK(1), n_init=2, random_state=0)", "line"
    ),
    "MultinomialMoE": Case(
        "MultinomialMoE(2, n_init=2, random_state=0)", "(line > rng.normal(size=300)).astype(int)"
    ),
    "PoissonMoE": Case(
        "PoissonMoE(2, n_init=2, random_state=0)", "rng.poisson(np.exp(line / 2.0))"
    ),
    "BinomialMoE": Case(
        "BinomialMoE(2, n_init=2, random_state=0)",
        "rng.binomial(10, 1.0 / (1.0 + np.exp(-line)))",
        "trials=np.full(300, 10)",
    ),
    "GLoME": Case("GLoME(2, n_init=2, random_state=0)", "line"),
}

_FITS = """
import time
import warnings
import numpy as np
import mixexp

warnings.simplefilter("ignore")
rng = np.random.default_rng(0)
x = rng.uniform(-1.0, 1.0, size=(300, 1))
line = np.where(rng.random(300) < 0.5, 2.0 + x[:, 0], -2.0 - x[:, 0]) + 0.3 * rng.normal(size=300)
y = {response}
moe = mixexp.{estimator}
seconds = []
for _ in range(3):
    start = time.process_time()
    moe.fit(x, y, {known})
    seconds.append(time.process_time() - start)
print([seconds[0], min(seconds[1:])])
"""

# All families share the kernels of many fits.
_MANY = """
import time
import numpy as np
from benchmarks.small import data_sets, truth
from mixexp import GaussianMoE, fit_many

x, y = data_sets(2, 100, 1)
seconds = []
for _ in range(2):
    start = time.process_time()
    fit_many(GaussianMoE(2), x, y, init=truth(1))
    seconds.append(time.process_time() - start)
print(seconds)
"""

_KERNEL = """
from numba import njit

@njit(cache=True)
def add_one(x):
    return x + 1.0
"""

_FIRST_KERNEL = """
import sys, time
import sklearn.base, numba
sys.path.insert(0, {folder!r})
from kernel import add_one
start = time.process_time()
add_one(1.0)
print(time.process_time() - start)
"""


def measure(quick: bool = False) -> Iterator[Measurement]:
    """Imports against that of scikit-learn and numba, first fits, and kernels to compile."""
    repeats = 2 if quick else 5
    yield from _imports(repeats)
    with tempfile.TemporaryDirectory() as cache:
        yield from _cached(Path(cache), repeats)
    for name in list(ESTIMATORS)[: 1 if quick else None]:
        with tempfile.TemporaryDirectory() as cache:
            first, second = _fits(name, cache)
        yield Measurement(f"{name}, kernels to compile", first - second, "s", target=15.0)
    if not quick:
        with tempfile.TemporaryDirectory() as cache:
            first, second = _new_process(_MANY, cache)
        yield Measurement("fit_many, kernels to compile", first - second, "s")


def _imports(repeats: int) -> Iterator[Measurement]:
    for spelling in SPELLINGS:
        # Bytecode is there after a first import, as it is for users.
        _new_process(_IMPORT.format(spelling=spelling))
    turns = [
        [_new_process(_IMPORT.format(spelling=spelling)) for spelling in SPELLINGS]
        for _ in range(repeats)
    ]
    both = min(seconds for turn in turns for seconds, _, _ in turn)
    yield Measurement("import of scikit-learn and numba", both, "s")
    for i, spelling in enumerate(SPELLINGS):
        own = min(turn[i][1] for turn in turns)
        target = None if spelling.endswith("*") else 1.1
        yield Measurement(f"{spelling} / of the two", 1.0 + own / both, "x", target)
        yield Measurement(f"{spelling}, modules added", turns[0][i][2], "modules")


def _cached(cache: Path, repeats: int) -> Iterator[Measurement]:
    """The first fit with kernels on disk, beside what numba takes for a kernel of one line."""
    (cache / "kernel.py").write_text(_KERNEL, "utf-8")
    kernel = _FIRST_KERNEL.format(folder=str(cache))
    for warm_up in (lambda: _fits("GaussianMoE", cache), lambda: _new_process(kernel, cache)):
        warm_up()
    fits, kernels = [], []
    for _ in range(repeats):
        fits.append(_fits("GaussianMoE", cache))
        kernels.append(_new_process(kernel, cache))
    first, second = (min(seconds) for seconds in zip(*fits, strict=True))
    yield Measurement("first fit, kernels cached", first, "s", target=0.5)
    yield Measurement("second fit", second, "s")
    yield Measurement("first call of a kernel of one line, cached", min(kernels), "s")


def _fits(name: str, cache: Path | str) -> list[float]:
    """Seconds of the first fit of an estimator in a new process, and of one after it."""
    return _new_process(_FITS.format(**ESTIMATORS[name]._asdict()), cache)


def _new_process(code: str, cache: Path | str | None = None) -> Any:
    kernels = {} if cache is None else {"NUMBA_CACHE_DIR": str(cache)}
    return fresh.run(code, PYTHONDONTWRITEBYTECODE="", **kernels)
