"""Certified optima of many small problems, from given starts, on any number of threads."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mixexp.estimation.blocks import single_threaded_blas
from mixexp.estimation.small.batch import Batch, Indices
from mixexp.estimation.small.climb import Climbs, em, newton
from mixexp.estimation.small.verdicts import Verdicts, verdicts
from mixexp.estimation.solvers.chain import solve

Array = NDArray[np.float64]

# Jobs of one call of the kernels: enough to pay for the call, few enough for the caches.
_CHUNK = 64
# As in a search over starts of one problem.
_MAX_RESTARTS = 3
# EM steps before Newton's method.
N_EM: int = (solve.__kwdefaults__ or {})["n_em"]


@dataclass
class Ends:
    """Where M jobs ended, the verdicts on them, and how many evaluations all of it took."""

    climbs: Climbs
    verdicts: Verdicts
    n_evaluations: Indices


def climb(
    batch: Batch, problem: Indices, theta: Array, *, n_em: int, tol: float, max_iter: int
) -> Climbs:
    """EM steps, then Newton's method, from θ (M, P)."""
    if not n_em:
        return newton(batch, problem, theta, tol=tol, max_iter=max_iter)
    first = em(batch, problem, theta, tol=tol, max_iter=n_em)
    last = newton(batch, problem, first.points.theta, tol=tol, max_iter=max_iter)
    last.n_steps += first.n_steps
    last.n_evaluations += first.n_evaluations
    return last


def solve_jobs(
    batch: Batch, problem: Indices, theta: Array, *, tol: float, max_iter: int, n_threads: int = 1
) -> Ends:
    """Certified optima from the starts θ (M, P) of jobs with the rows ``problem`` (M,)."""
    parts = [slice(i, i + _CHUNK) for i in range(0, len(problem), _CHUNK)]

    def run(part: slice) -> Ends:
        return _certified(batch, problem[part], theta[part], tol, max_iter)

    with single_threaded_blas():
        if n_threads == 1 or len(parts) == 1:
            return _joined([run(part) for part in parts])
        with ThreadPoolExecutor(n_threads) as pool:
            return _joined(list(pool.map(run, parts)))


def _certified(batch: Batch, problem: Indices, theta: Array, tol: float, max_iter: int) -> Ends:
    """Climb and judge; where a probe found a higher point, again from there."""
    climbs = climb(batch, problem, theta, n_em=N_EM, tol=tol, max_iter=max_iter)
    told = verdicts(batch, problem, climbs, tol)
    counts = climbs.n_evaluations + told.n_evaluations
    for _ in range(_MAX_RESTARTS):
        again = np.flatnonzero(~told.holds & (told.probe_gain > 0.0))
        if not len(again):
            break
        higher = climb(batch, problem[again], told.best[again], n_em=0, tol=tol, max_iter=max_iter)
        judged = verdicts(batch, problem[again], higher, tol)
        counts[again] += higher.n_evaluations + judged.n_evaluations
        _replace(climbs.points, higher.points, again)
        _replace(climbs, higher, again)
        _replace(told, judged, again)
    return Ends(climbs, told, counts)


def _replace(old: object, new: object, jobs: Indices) -> None:
    """Overwrite what is known of some jobs."""
    for name, values in vars(new).items():
        if isinstance(values, np.ndarray) and name != "trace":
            getattr(old, name)[jobs] = values


def _joined(parts: Sequence[Ends]) -> Ends:
    if len(parts) == 1:
        return parts[0]

    def joined(kind: type, each: Sequence[object]):  # type: ignore[no-untyped-def]
        fields = {}
        for name, first in vars(each[0]).items():
            values = [getattr(one, name) for one in each]
            if isinstance(first, np.ndarray):
                fields[name] = np.concatenate(values)
            else:
                fields[name] = joined(type(first), values)
        return kind(**fields)

    return joined(Ends, parts)  # type: ignore[no-any-return]
