"""Data and parameters that the benchmarks run on; the same arguments give the same problem."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mixexp.estimation.data import Data
from mixexp.estimation.objective import Objective
from mixexp.models import Expert, Gate, Gaussian, MixtureOfExperts, Softmax
from mixexp.theory.truths.named import balanced_softmax_gaussian

Array = NDArray[np.float64]

# Rows that are really drawn; larger data repeat them, which no pass over the data notices.
_DRAWN = 100_000


class Problem(NamedTuple):
    """An objective and a parameter θ (P,) at which to evaluate it."""

    objective: Objective
    theta: Array


def random_problem(
    n_rows: int,
    n_columns: int,
    n_experts: int,
    n_threads: int = 1,
    gate: Gate | None = None,
    expert: Expert | None = None,
    **options: bool,
) -> Problem:
    """Data drawn at the parameter; by default a softmax gate and Gaussian experts of linear means.

    ``options`` are those of the objective.
    """
    rng = np.random.default_rng([n_columns, n_experts])
    model = MixtureOfExperts(gate or Softmax(), expert or Gaussian(), n_experts, n_columns)
    layout = model.layout
    theta = rng.normal(size=layout.n_free)
    theta *= layout.fill({"gate": 1.0, "expert": 1.0, "scale": 0.3, "temperature": 0.3})
    x = rng.uniform(-1.5, 1.5, size=(min(n_rows, _DRAWN), n_columns))
    y = model.sample(model.to_params(layout.coefficients(theta)), x, rng)
    encoded = model.expert.encode(_repeat(y, n_rows))
    data = Data.from_rows(_repeat(x, n_rows), encoded, standardize=False)
    return Problem(Objective(model, data, n_threads=n_threads, **options), theta)


def balanced_rows(n_rows: int, seed: int = 0) -> tuple[Array, Array]:
    """x (n, 1) and y (n,) from a truth with two well separated experts."""
    x, y = balanced_softmax_gaussian().sample(min(n_rows, _DRAWN), np.random.default_rng(seed))
    return _repeat(x, n_rows), _repeat(y, n_rows)


def _repeat(rows: Array, n_rows: int) -> Array:
    if len(rows) == n_rows:
        return rows
    out = np.empty((n_rows, *rows.shape[1:]))
    for start in range(0, n_rows, len(rows)):
        part = out[start : start + len(rows)]
        part[...] = rows[: len(part)]
    return out
