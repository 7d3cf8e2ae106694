"""An EM iteration of Gaussian locally linear mappings on one thread, against plain numpy and xllim.

Two inputs explain 10 or 1000 outputs by five experts. xllim (extra ``peers``) is measured where it
is installed and where its law is right, full and diagonal covariances: the least mean time of one
or several of its iterations.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks import plain_gllim
from benchmarks.measurement import Measurement
from benchmarks.timing import cpu, interleaved
from mixexp.estimation.blocks import single_threaded_blas
from mixexp.estimation.gllim.data import JointData
from mixexp.estimation.gllim.em import JointEM
from mixexp.models.covariances import BlockDiagonal, Covariance, Diagonal, Full, Isotropic
from mixexp.models.gllim import GLLiM

Array = NDArray[np.float64]

N_EXPERTS, N_INPUTS = 5, 2
# An iteration takes at most this part of xllim's.
TARGET = 1.0 / 3.0
_XLLIM_STEPS = 3


class Case(NamedTuple):
    """Covariances of the outputs by name, and the size of the data."""

    name: str
    covariance: Covariance
    n_rows: int
    n_outputs: int


def cases(quick: bool) -> list[Case]:
    """The cases, a tenth of the rows if ``quick``."""
    blocks = BlockDiagonal(tuple(int(i) for i in np.arange(1000) // 10))
    narrow, wide = (10_000, 1000) if quick else (100_000, 10_000)
    return [
        Case("full", Full(), narrow, 10),
        Case("diagonal", Diagonal(), narrow, 10),
        Case("diagonal", Diagonal(), wide, 1000),
        Case("isotropic", Isotropic(), wide, 1000),
        Case("blocks of 10", blocks, wide, 1000),
    ]


def measure(
    quick: bool = False, rounds: int | None = None, chosen: list[Case] | None = None
) -> Iterator[Measurement]:
    """ns for each row, expert and output, and the time as a part of the others'."""
    rounds = rounds or (2 if quick else 5)
    for case in cases(quick) if chosen is None else chosen:
        u, v = rows(case.n_rows, case.n_outputs)
        label = f"{case.name}, D={case.n_outputs} n={case.n_rows:.0e}".replace("e+0", "e")
        with single_threaded_blas():
            seconds = interleaved(iterations(case, u, v), rounds)
            peer = xllim_seconds(case, u, v, rounds)
        own = seconds.pop("mixexp")
        per_value = 1e9 * own / (case.n_rows * N_EXPERTS * case.n_outputs)
        yield Measurement(f"EM iteration, {label}", per_value, "ns/(n K D)")
        for name, s in seconds.items():
            yield Measurement(f"EM iteration, {label}, against {name}", own / s, f"x {name}")
        if peer is not None:
            name = f"EM iteration, {label}, against xllim"
            yield Measurement(name, own / peer, "x xllim", TARGET)


def rows(n_rows: int, n_outputs: int) -> tuple[Array, Array]:
    """u (n, 2) in the unit square and v (n, D), drawn from a law with five experts."""
    rng = np.random.default_rng([n_rows, n_outputs])
    u = rng.uniform(size=(n_rows, N_INPUTS))
    slopes = rng.normal(size=(N_EXPERTS, N_INPUTS, n_outputs))
    intercepts = rng.normal(size=(N_EXPERTS, n_outputs))
    v = 0.3 * rng.normal(size=(n_rows, n_outputs))
    label = rng.integers(N_EXPERTS, size=n_rows)
    for k in range(N_EXPERTS):
        own = label == k
        v[own] += u[own] @ slopes[k] + intercepts[k]
    return u, v


def iterations(case: Case, u: Array, v: Array) -> dict[str, Callable[[], Any]]:
    """One iteration of mixexp, and of plain numpy where it has the case, from the same point."""
    r = np.random.default_rng(0).dirichlet(np.ones(N_EXPERTS), len(u))
    model = GLLiM(N_EXPERTS, N_INPUTS, case.n_outputs, Full(), case.covariance)
    model, data = JointData.from_rows(model, u, v)
    em = JointEM(model, data)
    params = em.from_responsibilities(r)
    calls: dict[str, Callable[[], Any]] = {
        "mixexp": lambda: em.m_step(params, em.statistics(params))
    }
    if case.name in ("full", "diagonal"):
        plain = plain_gllim.m_step(u, v, r, diagonal=case.name == "diagonal")
        calls["plain numpy"] = lambda: plain_gllim.step(u, v, plain)
    return calls


def xllim_seconds(case: Case, u: Array, v: Array, rounds: int) -> float | None:
    """Least seconds of one of xllim's iterations; None where it is missing or has no such law."""
    if case.name not in ("full", "diagonal") or importlib.util.find_spec("xllim") is None:
        return None
    xllim = importlib.import_module("xllim")
    kind = "full" if case.name == "full" else "diag"
    inputs, outputs = np.asfortranarray(u.T), np.asfortranarray(v.T)
    best = np.inf
    for seed in range(min(rounds, 3)):
        peer = xllim.GLLiM(N_EXPERTS, case.n_outputs, N_INPUTS, "full", kind, 0)
        # Iterations and floor of the mapping, of its Gaussian mixture, starts, seed, silence.
        peer.initialize(inputs, outputs, 1, 1e-8, 1, 1, 1e-8, 1, seed, 0)

        def train(n_steps: int, peer: Any = peer) -> float:
            start = cpu()
            peer.train(inputs, outputs, n_steps, 0.0, 1e-8, 0)
            return cpu() - start

        best = min(best, train(1), train(_XLLIM_STEPS) / _XLLIM_STEPS)
    return float(best)
