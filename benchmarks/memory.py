"""Peak memory of one evaluation and of a whole fit, in new processes, against the size of the data.

An evaluation should need no memory that grows with n, and a fit at most one copy of the data,
8 (d + 1) bytes for each row.
"""

from __future__ import annotations

import ctypes
import gc
import re
import resource
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks import fresh
from benchmarks.measurement import Measurement
from benchmarks.problems import balanced_rows, random_problem
from mixexp import GaussianMoE
from mixexp.theory.truths.named import balanced_softmax_gaussian

# Bytes that a row of x and y takes, d = 1.
_ROW_BYTES = 16
_MB = 1e6

_IN_A_NEW_PROCESS = """
import json
from benchmarks import memory
evaluation = memory.extra_of_evaluation({n})
print(json.dumps({{"evaluation": evaluation, "fit": memory.extra_of_fit({n})}}))
"""


def measure(quick: bool = False) -> Iterator[Measurement]:
    """Extra memory in MB and as a part of the data, and its growth in bytes for each row."""
    sizes = (100_000, 1_000_000) if quick else (1_000_000, 10_000_000)
    extra = {n: fresh.run(_IN_A_NEW_PROCESS.format(n=n)) for n in sizes}
    small, large = sizes
    for action, target in (("evaluation", 0.5), ("fit", 1.02 * _ROW_BYTES)):
        for n in sizes:
            case = f"{action}, n={n:.0e}".replace("e+0", "e")
            yield Measurement(f"{case}, extra memory", extra[n][action] / _MB, "MB")
            part = extra[n][action] / (n * _ROW_BYTES)
            yield Measurement(f"{case}, extra / data", part, "x data")
        growth = (extra[large][action] - extra[small][action]) / (large - small)
        # A few megabytes of work space, more or less, hide what small data need.
        yield Measurement(
            f"{action}, growth", growth, "bytes/row", target=None if quick else target
        )


def extra_of_evaluation(n_rows: int) -> int:
    """Extra bytes of one value, score and Hessian; K = 4."""
    small = random_problem(5000, 1, 4)
    small.objective.evaluate(small.theta, 2)
    objective, theta = random_problem(n_rows, 1, 4)
    return extra_bytes(lambda: objective.evaluate(theta, 2))


def extra_of_fit(n_rows: int) -> int:
    """Extra bytes of ``GaussianMoE.fit`` with K = 2, from the truth and from one other start."""
    truth = balanced_softmax_gaussian().measure
    # The first fit, on few rows, imports and compiles whatever a fit needs.
    for n in (2000, n_rows):
        x, y = balanced_rows(n)
        moe = GaussianMoE(n_experts=2, n_init=2, init=truth, random_state=0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            extra = extra_bytes(lambda moe=moe, x=x, y=y: moe.fit(x, y))
    return extra


def extra_bytes(action: Callable[[], object]) -> int:
    """Peak resident memory while ``action`` runs, minus what is resident before.

    On Linux what was freed before goes back to the system and the high-water mark is reset first,
    so that earlier work neither counts nor lends memory.
    """
    status, reset = Path("/proc/self/status"), Path("/proc/self/clear_refs")
    if not status.exists():
        before = _peak()
        action()
        return _peak() - before
    gc.collect()
    if hasattr(libc := ctypes.CDLL(None), "malloc_trim"):
        libc.malloc_trim(0)
    reset.write_text("5", "ascii")
    before = _resident(status, "VmRSS")
    action()
    return _resident(status, "VmHWM") - before


def _resident(status: Path, name: str) -> int:
    found = re.search(rf"^{name}:\s*(\d+) kB", status.read_text("ascii"), re.MULTILINE)
    if found is None:
        raise RuntimeError(f"{status} has no {name}; memory cannot be measured here")
    return 1024 * int(found[1])


def _peak() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Bytes on macOS, kilobytes elsewhere.
    return peak if sys.platform == "darwin" else 1024 * peak
