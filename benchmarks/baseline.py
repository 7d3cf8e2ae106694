"""Time to a certified optimum against EM in plain numpy, from the same start.

K = 2 is the true number of experts, K = 3 one too many, where EM crawls. EM runs until its relative
gain is below 1e-10 and it is within 1e-6 nats of the certified optimum, or until the time limit:
values marked ``>`` are lower bounds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from benchmarks import plain_em
from benchmarks.measurement import Measurement
from benchmarks.problems import balanced_rows
from benchmarks.timing import interleaved
from mixexp.estimation.blocks import single_threaded_blas
from mixexp.estimation.box import Bounds
from mixexp.estimation.certificate import certify
from mixexp.estimation.data import Data
from mixexp.estimation.objective import Objective
from mixexp.estimation.solvers import solve
from mixexp.estimation.start import clusters, from_responsibilities, split
from mixexp.models import Gaussian, MixtureOfExperts, Softmax

Array = NDArray[np.float64]

_NEAR = 1e-6


def measure(quick: bool = False) -> Iterator[Measurement]:
    """Seconds of the fit, EM's time as a multiple of it, and the nats EM's stop rules leave."""
    for n_rows in (2000,) if quick else (10_000, 100_000):
        data = Data.from_rows(*balanced_rows(n_rows))
        for n_experts in (2, 3):
            case = f"n={n_rows:.0e} K={n_experts}".replace("e+0", "e")
            theta = _start(data, n_experts)
            seconds, value = _certified_fit(data, n_experts, theta, rounds=2 if quick else 5)
            yield Measurement(f"time to certificate, {case}", seconds, "s")
            trace = _plain_em(data, n_experts, theta, value, max_seconds=1.0 if quick else 15.0)
            yield from _compare(trace, value, seconds, n_rows, case)


def _model(n_experts: int) -> MixtureOfExperts:
    return MixtureOfExperts(Softmax(), Gaussian(), n_experts, n_columns=1)


def _start(data: Data, n_experts: int) -> Array:
    """K-means for K = 2; for K = 3 a split of the optimum with two experts, from which EM and
    Newton climb to the same optimum."""
    model = _model(2)
    objective, box = Objective(model, data), Bounds().box(model.layout)
    labels = clusters(objective, np.random.default_rng(0))
    theta = from_responsibilities(objective, labels, box)
    if n_experts == 2:
        return theta
    best = solve("auto", objective, theta, box).theta
    return split(model, best, _model(3), 1, np.random.default_rng(1))


def _certified_fit(data: Data, n_experts: int, theta: Array, rounds: int) -> tuple[float, float]:
    """Seconds from the start to a certificate that holds, and the log-likelihood there."""
    model = _model(n_experts)
    objective, box = Objective(model, data), Bounds().box(model.layout)
    names = model.layout.names(["x"])

    def run() -> float:
        solution = solve("auto", objective, theta, box)
        certificate, _ = certify(objective, solution.theta, box, names)
        if not certificate.holds:
            raise RuntimeError(f"the benchmark's fit is not certified:\n{certificate.summary()}")
        return solution.value

    return interleaved({"fit": run}, rounds)["fit"], run()


def _plain_em(
    data: Data, n_experts: int, theta: Array, value: float, max_seconds: float
) -> plain_em.Trace:
    gate, mean, log_variance = _model(n_experts).layout.coefficients(theta)
    start = plain_em.Parameters(gate, mean, np.exp(log_variance[:, 0]))
    phi = np.column_stack([np.ones(data.n_rows), data.z.T])

    def done(trace: plain_em.Trace) -> bool:
        return small_gain(trace) is not None and trace.loglik[-1] >= value - _NEAR

    with single_threaded_blas():
        return plain_em.fit(phi, data.y[0], start, done, max_seconds)


def small_gain(trace: plain_em.Trace, relative: float = 1e-10) -> int | None:
    """First step whose gain is below ``relative`` times the log-likelihood."""
    values = np.array(trace.loglik)
    return _first(np.diff(values, prepend=-np.inf) < relative * np.abs(values))


def _first(where: NDArray[np.bool_]) -> int | None:
    return int(where.argmax()) if where.any() else None


def _compare(
    trace: plain_em.Trace, value: float, seconds: float, n_rows: int, case: str
) -> Iterator[Measurement]:
    values = np.array(trace.loglik)
    gains = np.diff(values, prepend=-np.inf)

    def ratio(name: str, step: int | None) -> Measurement:
        spent = trace.seconds[-1 if step is None else step]
        return Measurement(f"{name}, {case}", spent / seconds, "x fit", at_least=step is None)

    yield ratio("EM to a relative gain of 1e-10", small_gain(trace))
    yield ratio("EM to 1e-6 nats of the optimum", _first(values >= value - _NEAR))
    stops: dict[str, Callable[[], int | None]] = {
        "relative gain of 1e-10 or the limit": lambda: small_gain(trace),
        "mean gain of 1e-3": lambda: _first(gains < 1e-3 * n_rows),
    }
    for name, step in stops.items():
        at = step()
        yield Measurement(
            f"EM short at a {name}, {case}", value - values[-1 if at is None else at], "nats"
        )
