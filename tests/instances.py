"""Every gate and every expert the contract tests run over, and random problems made of them.

A new gate or expert is added to ``GATES`` or ``EXPERTS``; the tests in ``tests/contract`` then hold
it to everything the library promises.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from mixexp.estimation.box import Bounds, Box
from mixexp.estimation.data import Data
from mixexp.estimation.objective import Objective
from mixexp.estimation.penalty import Ridge
from mixexp.models import Expert, Gate, Gaussian, MixtureOfExperts, MixtureParams, Softmax

Array = NDArray[np.float64]

GATES: list[Gate] = [Softmax(), Softmax(degree=2)]
EXPERTS: list[Expert] = [Gaussian(), Gaussian(degree=2), Gaussian(variance="shared")]

PAIRS = pytest.mark.parametrize(
    ("gate", "expert"), [(g, e) for g in GATES for e in EXPERTS], ids=lambda part: repr(part)
)
"""Runs a test for every gate with every expert."""


@dataclass(frozen=True)
class Problem:
    """A model, data drawn from it, and the parameter θ they were drawn at.

    ``x`` (n, d), ``y`` (n,) and ``weight`` (n,) or None are the rows; ``objective`` holds them as
    they are, without standardisation, so θ is on their scale.
    """

    model: MixtureOfExperts
    x: Array
    y: Array
    weight: Array | None
    theta: Array
    objective: Objective

    @property
    def params(self) -> MixtureParams:
        """The parameters at θ."""
        return self.params_of(self.theta)

    def params_of(self, theta: Array) -> MixtureParams:
        """The parameters at any θ."""
        return self.model.to_params(self.model.layout.coefficients(theta))

    @property
    def box(self) -> Box:
        """The default parameter space."""
        return Bounds().box(self.model.layout)


def generator(*key: object) -> np.random.Generator:
    """A generator whose stream depends on the key alone."""
    return np.random.default_rng(zlib.crc32(repr(key).encode()))


def random_theta(model: MixtureOfExperts, x: Array, max_logit: float, rng) -> Array:  # type: ignore[no-untyped-def]
    """Coefficients of size about one, and a gate scaled so that its largest |logit| is given."""
    layout = model.layout
    theta = rng.normal(size=layout.n_free)
    theta *= layout.fill({"gate": 1.0, "expert": 1.0, "scale": 0.5, "temperature": 0.3})
    gate = layout.entries("gate")

    def largest(t: Array) -> float:
        a = logits(model, t, x)
        return float(np.abs(a[np.isfinite(a)]).max(initial=0.0))

    if largest(theta) > 0.0:
        theta[gate] *= max_logit / largest(theta)
    # Logits that are not linear in the coefficients can have grown by more than they should.
    while largest(theta) > 1.01 * max_logit and np.abs(theta[gate]).max() > 1e-3:
        theta[gate] *= 0.8
    return theta


def logits(model: MixtureOfExperts, theta: Array, x: Array) -> Array:
    """Logits at the rows of x, (K, n); -inf for an expert that is switched off."""
    layout = model.layout
    features = layout.features(np.ascontiguousarray(x.T))
    predictors = layout.predictors(layout.coefficients(theta), features)[: len(layout.gate)]
    return model.gate.logits(predictors, np.empty((model.n_experts, len(x))))


def objective(
    model: MixtureOfExperts,
    x: Array,
    y: Array,
    weight: Array | None = None,
    penalty: tuple[float | None, float | None] = (None, None),
    **options: int,
) -> Objective:
    """The objective of rows as they are, on the user's scale."""
    data = Data.from_rows(x, y, weight, standardize=False)
    return Objective(model, data, Ridge.build(model.layout, *penalty), **options)


def problem(
    gate: Gate,
    expert: Expert,
    *,
    n_experts: int = 2,
    n_columns: int = 1,
    n_rows: int = 60,
    max_logit: float = 3.0,
    weighted: bool = True,
    seed: int = 0,
    **options: int,
) -> Problem:
    """A random problem; the same arguments give the same one."""
    rng = generator(repr(gate), repr(expert), n_experts, n_columns, seed)
    model = MixtureOfExperts(gate, expert, n_experts, n_columns)
    x = rng.uniform(-1.5, 1.5, size=(n_rows, n_columns))
    theta = random_theta(model, x, max_logit, rng)
    params = model.to_params(model.layout.coefficients(theta))
    # A little more noise than the law has: responsibilities must differ from gate probabilities.
    y = model.sample(params, x, rng) + 0.3 * rng.normal(size=n_rows)
    weight = rng.uniform(0.2, 3.0, size=n_rows) if weighted else None
    return Problem(model, x, y, weight, theta, objective(model, x, y, weight, **options))


def differences(function, theta: Array, where=None, step: float = 2e-4) -> Array:  # type: ignore[no-untyped-def]
    """Derivatives along coordinates (all, or those in ``where``), by central differences.

    Of fourth order, one row for each coordinate: (P, ...).
    """
    rows = []
    for i in range(len(theta)) if where is None else where:
        h = np.zeros_like(theta)
        h[i] = step
        near = function(theta + h) - function(theta - h)
        far = function(theta + 2.0 * h) - function(theta - 2.0 * h)
        rows.append((8.0 * near - far) / (12.0 * step))
    return np.array(rows)
