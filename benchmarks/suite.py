"""Fits whose passes over the data are counted: every gate and family, with and without surplus."""

from __future__ import annotations

import zlib
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mixexp.models import (
    Activation,
    Binomial,
    Expert,
    Gate,
    Gaussian,
    GaussianGate,
    MixtureOfExperts,
    MixtureParams,
    Multinomial,
    Poisson,
    Softmax,
    Temperature,
    TopK,
    Transformed,
)
from mixexp.models.activations import SIGMOID

Array = NDArray[np.float64]

N_ROWS = 1500
N_COLUMNS = 2
N_TRIALS = 10
N_CLASSES = 3
# Smallest mean weight of an expert of a truth, and its largest coefficient of the gate.
_SHARE = 0.15
_GATE = 1.5
# How far the experts' levels lie apart, and the noise they have, in the families' own units.
_LEVELS = {Gaussian: 1.5, Multinomial: 2.5, Poisson: 1.2, Binomial: 1.5}


class Case(NamedTuple):
    """A gate, a family of experts, and the number of experts of the truths."""

    name: str
    gate: Gate
    expert: Expert
    n_true: int = 2


CASES = (
    Case("softmax", Softmax(), Gaussian()),
    Case("transformed", Transformed(), Gaussian()),
    Case("temperature", Temperature(), Gaussian()),
    Case("activation tanh", Activation(), Gaussian()),
    Case("activation sigmoid", Activation(SIGMOID), Gaussian()),
    Case("top-2", TopK(2), Gaussian(), 3),
    Case("Gaussian gate", GaussianGate(), Gaussian()),
    Case("multinomial", Softmax(), Multinomial(N_CLASSES)),
    Case("Poisson", Softmax(), Poisson()),
    Case("binomial", Softmax(), Binomial()),
)


class Draw(NamedTuple):
    """Data of a truth: the model to fit, x (n, d), y as its experts read it, and the truth."""

    model: MixtureOfExperts
    x: Array
    y: Array
    truth: MixtureParams


def seed_of(*names: object) -> int:
    """A seed that depends on the names alone."""
    return zlib.crc32("|".join(map(str, names)).encode())


def draw(case: Case, surplus: int, seed: int) -> Draw:
    """Data of a random truth, and the model with ``surplus`` experts more than it has.

    The data of a case and a seed are the same for every surplus.
    """
    rng = np.random.default_rng(seed_of(case.name, seed))
    truth = MixtureOfExperts(
        case.gate.for_experts(case.n_true), case.expert, case.n_true, N_COLUMNS
    )
    x = rng.uniform(-np.sqrt(3.0), np.sqrt(3.0), size=(N_ROWS, N_COLUMNS))
    params = _truth(truth, x, rng)
    known = _known(case.expert)
    y = truth.sample(params, x, rng, known)
    n_experts = case.n_true + surplus
    model = MixtureOfExperts(case.gate.for_experts(n_experts), case.expert, n_experts, N_COLUMNS)
    return Draw(model, x, y if known is None else np.column_stack([y, known]), params)


def _known(expert: Expert) -> Array | None:
    """Exposures of one, or the number of trials of every row."""
    if isinstance(expert, Poisson | Binomial):
        return np.full(N_ROWS, 1.0 if isinstance(expert, Poisson) else float(N_TRIALS))
    return None


def _truth(model: MixtureOfExperts, x: Array, rng: np.random.Generator) -> MixtureParams:
    """Experts at separate levels with random slopes, and a gate that gives each of them a share."""
    layout, n_gate = model.layout, len(model.layout.gate)
    level = _LEVELS[type(model.expert)]
    for _ in range(1000):
        size = layout.fill({"gate": _GATE, "expert": 0.4, "scale": 0.2, "temperature": 0.2})
        tables = layout.coefficients(size * rng.normal(size=layout.n_free))
        means = [
            t for c, t in zip(layout.expert, tables[n_gate:], strict=True) if c.box == "expert"
        ]
        for i, table in enumerate(means):
            # Classes take turns in being likely.
            order = np.roll(np.arange(model.n_experts), i)
            table[:, 0] += level * (2.0 * order - model.n_experts + 1.0)
        for c, table in zip(layout.expert, tables[n_gate:], strict=True):
            if c.box == "scale":
                table[:, 0] += 2.0 * np.log(0.5)
        params = model.to_params(tables)
        if model.weights(params, x).mean(axis=0).min() >= _SHARE:
            return params
    raise RuntimeError(f"no truth of {model} has shares of at least {_SHARE}")
