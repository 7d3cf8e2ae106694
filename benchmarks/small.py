"""Small fits from a given start, one by one and many in one call, against a linear regression.

The yardstick is a fit of scikit-learn's LinearRegression to the same rows, warmed up.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LinearRegression

from benchmarks.measurement import Measurement
from benchmarks.timing import interleaved
from mixexp import GaussianMoE, MixtureParams, fit_many
from mixexp.models import GaussianParams, SoftmaxParams

Array = NDArray[np.float64]

SIZES = ((200, 1), (200, 3), (1000, 1), (1000, 3))
# What one certified fit, and one of many, may cost in units of the yardstick.
ONE, OF_MANY = 10.0, 0.5


def truth(n_columns: int) -> MixtureParams:
    """Two lines that cross, and a gate that chooses between them by the first column."""
    slope = np.zeros((2, n_columns))
    slope[:, 0] = 2.0, -1.5
    gate = np.zeros((2, n_columns))
    gate[0, 0] = 2.0
    return MixtureParams(
        SoftmaxParams(np.zeros(2), gate),
        GaussianParams(np.array([1.0, -1.0]), slope, np.full(2, 0.25)),
    )


def data_sets(n_sets: int, n_rows: int, n_columns: int) -> tuple[Array, Array]:
    """Draws from the truth, (M, n, d) and (M, n)."""
    rng = np.random.default_rng([n_rows, n_columns])
    x = rng.uniform(-1.0, 1.0, size=(n_sets, n_rows, n_columns))
    first = rng.random((n_sets, n_rows)) < 1.0 / (1.0 + np.exp(-2.0 * x[..., 0]))
    mean = np.where(first, 1.0 + 2.0 * x[..., 0], -1.0 - 1.5 * x[..., 0])
    return x, mean + 0.5 * rng.normal(size=mean.shape)


def measure(
    quick: bool = False, n_sets: int | None = None, rounds: int | None = None
) -> Iterator[Measurement]:
    """One certified fit, and one of a thousand, for each size."""
    n_sets = n_sets or (100 if quick else 1000)
    rounds = rounds or (3 if quick else 10)
    for n_rows, n_columns in SIZES:
        start, (x, y) = truth(n_columns), data_sets(n_sets, n_rows, n_columns)
        one = GaussianMoE(n_experts=2, n_init=1, init=start)
        seconds = interleaved(
            {
                "linear": lambda x=x, y=y: LinearRegression().fit(x[0], y[0]),
                "one": lambda one=one, x=x, y=y: one.fit(x[0], y[0]),
                "many": lambda x=x, y=y, start=start: fit_many(
                    GaussianMoE(n_experts=2), x, y, init=start
                ),
            },
            rounds,
        )
        what = f"n = {n_rows}, d = {n_columns}"
        linear, target = seconds["linear"], (n_rows, n_columns) == SIZES[0]
        yield Measurement(f"linear regression, {what}", 1e3 * linear, "ms")
        yield Measurement(f"one fit, {what}", seconds["one"] / linear, "x", ONE if target else None)
        each = seconds["many"] / n_sets
        yield Measurement(f"one of many, {what}", 1e3 * each, "ms")
        yield Measurement(
            f"one of many, {what}, ratio", each / linear, "x", OF_MANY if target else None
        )
