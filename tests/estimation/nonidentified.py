"""Random laws in which one exact invariance holds, one builder for each key."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mixexp.estimation.identifiability.invariances import Law
from mixexp.models import (
    Activation,
    Binomial,
    Expert,
    Gate,
    Gaussian,
    GaussianGate,
    MixingMeasure,
    MixtureOfExperts,
    Multinomial,
    Poisson,
    Softmax,
    Temperature,
    TopK,
    Transformed,
)
from mixexp.models.activations import IDENTITY, RELU, SIGMOID, SIN, SQUARE, TANH
from mixexp.models.covariances import Diagonal, Full, Isotropic
from tests.instances import generator

FREE = Temperature(normalize=False)
CASES: dict[str, list[tuple[Gate, Expert, int, int]]] = {
    "coincident-experts": [(Softmax(), Gaussian(), 3, 2), (Activation(), Poisson(), 3, 2)],
    "common-factor": [
        (Softmax(), Gaussian(), 4, 2),
        (Softmax(), Multinomial(3), 5, 2),
        (Transformed(), Poisson(), 4, 2),
        (Temperature(tau=0.5), Gaussian(), 3, 1),
        (FREE, Gaussian(), 6, 3),
    ],
    "log-quadratic-factor": [
        (GaussianGate(), Gaussian(), 2, 2),
        (GaussianGate(Diagonal()), Poisson(), 3, 3),
        (GaussianGate(Isotropic()), Gaussian(), 2, 2),
        (GaussianGate(Full("shared")), Multinomial(3), 3, 3),
    ],
    "common-factor-gaussian": [
        (GaussianGate(), Gaussian(), 4, 2),
        (GaussianGate(Diagonal()), Poisson(), 5, 2),
        (GaussianGate(Isotropic()), Gaussian(), 3, 1),
    ],
    "scale": [
        (Temperature(), Gaussian(), 3, 3),
        (FREE, Poisson(), 2, 2),
        (Temperature(Activation(SQUARE)), Gaussian(), 3, 3),
        (Temperature(Activation(RELU)), Multinomial(3), 2, 2),
        (Temperature(Activation(IDENTITY), normalize=False), Gaussian(), 3, 3),
        (TopK(2, FREE), Gaussian(), 3, 3),
        (Temperature(Transformed()), Gaussian(), 2, 2),
    ],
    "sign": [(Activation(SQUARE), Gaussian(), 3, 3)],
    "reference-swap": [
        (Activation(TANH), Gaussian(), 2, 2),
        (Temperature(Activation(SIN)), Poisson(), 2, 2),
        (Temperature(Activation(SIGMOID), tau=0.3), Multinomial(3), 2, 2),
    ],
    "sigmoid-is-tanh": [
        (Activation(SIGMOID), Gaussian(), 3, 3),
        (Temperature(Activation(SIGMOID)), Gaussian(), 3, 3),
        (Temperature(Activation(SIGMOID), tau=0.3), Poisson(), 3, 3),
        (TopK(2, Temperature(Activation(SIGMOID))), Gaussian(), 3, 3),
    ],
    "top1-biases": [(TopK(1), Gaussian(), 3, 3), (TopK(1, Temperature()), Multinomial(3), 3, 3)],
    "top1-regions": [(TopK(1), Gaussian(), 3, 3), (TopK(1, select="logit"), Poisson(), 3, 3)],
    "never-active": [(TopK(1), Gaussian(), 3, 3), (TopK(1), Multinomial(3), 3, 3)],
    "constant-expert": [
        (Softmax(), Multinomial(3), 3, 2),
        (Transformed(), Multinomial(4), 3, 2),
        (Activation(), Multinomial(2), 4, 2),
        (Temperature(), Binomial(), 3, 2),
    ],
    "shared-slope": [(Softmax(), Multinomial(3), 3, 2), (Transformed(), Multinomial(4), 4, 2)],
    "even-binary-expert": [
        (Softmax(), Multinomial(2), 3, 2),
        (Activation(), Binomial(), 4, 2),
    ],
    "mirrored-experts": [
        (Softmax(), Multinomial(2), 2, 2),
        (Softmax(), Binomial(), 2, 2),
        (Temperature(tau=0.5), Multinomial(2), 2, 2),
        (FREE, Binomial(), 2, 2),
    ],
}
"""For each invariance gates, experts, the number of experts fitted and the true one."""

PAIRS = [(key, *case) for key, cases in CASES.items() for case in cases]


@dataclass(frozen=True)
class Case:
    """A law, the true number of experts and a design."""

    law: Law
    k_true: int
    x: np.ndarray


def case(key: str, gate: Gate, expert: Expert, k: int, k_true: int, seed: int) -> Case:
    """A random law with ``k`` experts, some of them copies if ``k_true`` is less."""
    rng = generator(key, repr(gate), repr(expert), seed)
    n_columns = 1 if key == "never-active" else 2
    x = rng.uniform(-1.5, 1.5, size=(15, n_columns))
    small = MixtureOfExperts(gate.for_experts(k_true), expert, k_true, n_columns)
    theta = rng.normal(size=small.layout.n_free)
    theta *= small.layout.fill({"gate": 1.0, "expert": 1.0, "scale": 0.5, "temperature": 0.3})
    measure = small.measure(small.to_params(small.layout.coefficients(theta)))
    measure = _arranged(key, measure, rng)
    for _ in range(k - k_true):
        measure = measure.split(0, [0.4, 0.6])
    model = MixtureOfExperts(gate, expert, k, n_columns)
    return Case(Law(model, model.from_measure(measure)), k_true, x)


def _arranged(key: str, measure: MixingMeasure, rng: np.random.Generator) -> MixingMeasure:
    """The measure with what the invariance needs; of class logits the last is the reference."""
    blocks = {name: measure[name].copy() for name in measure.atoms}
    a, b, weight = blocks["intercept"], blocks["coef"], measure.weight
    if key == "never-active":
        # Of three scores the one in the middle is never the highest.
        blocks["gate_coef"][:] = np.array([[1.0], [0.2], [0.0]]) * [1.0, -1.0][rng.integers(2)]
        blocks["gate_coef"][1] = 0.4 * blocks["gate_coef"][0]
    if key == "constant-expert":
        b[rng.integers(len(b))] = 0.0
    if key == "shared-slope":
        one, two = rng.permutation(b.shape[1])[:2]
        k = rng.integers(len(b))
        b[k, one], b[k, two] = (0.0, 0.0) if b.shape[1] - 1 in (one, two) else (b[k, one],) * 2
    if key == "even-binary-expert":
        a[0], b[0] = 0.0, 0.0
    if key == "mirrored-experts":
        a[1], b[1] = -a[0], -b[0]
    return MixingMeasure(weight, blocks)
