"""Invariances of gates: scale, signs, the reference, and one gate in the place of another."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from sklearn.base import clone

from mixexp.estimation.identifiability.invariances._base import (
    Claim,
    Invariance,
    Setting,
    changed,
)
from mixexp.models.activations import SIGMOID, TANH
from mixexp.models.coordinates import Sharing


def _scale(setting: Setting) -> Iterator[Claim]:
    """(β0, β1, τ) times (c, c^(1/p), c); the weights of the measure are exp(β0 / τ)."""
    law, measure = setting.law, setting.law.measure
    exponents = law.model.gate.homogeneity()
    if exponents is None or "gate_temperature" not in measure.atoms:
        return
    pairs = zip(exponents, law.model.layout.gate, strict=True)
    power = next((h for h, c in pairs if c.basis.slopes.any()), 1.0)
    c = float(np.exp(setting.strength))
    blocks = {
        "gate_coef": c**power * measure["gate_coef"],
        "gate_temperature": c * measure["gate_temperature"],
    }
    yield Claim(law, law.model, changed(measure, **blocks), f"here with c = {c:.4g}", {"c": c})


def _signs(setting: Setting) -> Iterator[Claim]:
    """β1_k to -β1_k for one expert."""
    law, measure = setting.law, setting.law.measure
    if "gate_coef" not in measure.atoms:
        return
    for k in range(measure.n_atoms):
        slopes = measure["gate_coef"].copy()
        slopes[k] = -slopes[k]
        yield Claim(law, law.model, changed(measure, gate_coef=slopes), f"expert {k}")


def _reference(setting: Setting) -> Iterator[Claim]:
    """(β1, η1), (0, η2) to (-β1, η2), (0, η1); each expert keeps the weight at x = 0."""
    law, measure = setting.law, setting.law.measure
    pinned = any(c.sharing is Sharing.PINNED for c in law.model.layout.gate)
    if measure.n_atoms == 2 and pinned:
        swapped = measure.translate(0.0, -measure["gate_coef"][0]).take([1, 0])
        # Of the two signs of zero, the reference has the positive one.
        swapped = changed(swapped, gate_coef=swapped["gate_coef"] + 0.0)
        yield Claim(law, law.model, swapped, "the two experts change places")


def _sigmoid_as_tanh(setting: Setting) -> Iterator[Claim]:
    """The logistic function of z is (1 + tanh(z / 2)) / 2."""
    law, measure = setting.law, setting.law.measure
    gate = clone(law.model.gate)
    found = [name for name, part in gate.get_params().items() if part == SIGMOID]
    if not found:
        return
    gate.set_params(**dict.fromkeys(found, TANH))
    tau = 2.0 * measure.atoms.get("gate_temperature", np.ones(measure.n_atoms))
    fixed = [name for name in gate.get_params() if name.split("__")[-1] == "tau"]
    if not fixed:
        gate = gate.tempered(2.0)
    elif gate.get_params()[fixed[0]] is not None:
        gate.set_params(**{fixed[0]: 2.0 * gate.get_params()[fixed[0]]})
    blocks = {"gate_coef": 0.5 * measure["gate_coef"], "gate_temperature": tau}
    model = law.with_gate(gate)
    yield Claim(law, model, changed(measure, **blocks), f"the gate {gate!r} has the same laws")


SCALE = Invariance(
    "scale",
    "With a free temperature and logits that scale with their coefficients, (β0, β1, τ) and "
    "(cβ0, c^(1/p)β1, cτ) are one law for every c > 0 (p is the degree of the activation, 1 "
    "without): only coefficients divided by the temperature are identified.",
    "fix tau, read coefficients at temperature 1, or use an activation that bends, such as tanh",
    "derived here, for the gate of Nguyen, Akbarian & Ho (2024), arXiv 2401.13875",
    _scale,
    said_by_fit=True,
)

SIGNS = Invariance(
    "sign",
    "An even activation does not identify the sign of an expert's gate slopes.",
    "read the slopes up to sign",
    "derived here",
    _signs,
    said_by_fit=True,
)

REFERENCE = Invariance(
    "reference-swap",
    "With two experts and an activation for which σ(z) + σ(-z) is constant, either expert can be "
    "the reference: the slopes change sign, the intercept too, and the experts change places.",
    "compare fits up to this swap, or fix which expert is the reference by a condition on it",
    "derived here, for the gate of Nguyen, Akbarian & Ho (2024), arXiv 2401.13875",
    _reference,
    said_by_fit=True,
)

SIGMOID_AS_TANH = Invariance(
    "sigmoid-is-tanh",
    "The sigmoid gate is the tanh gate with slopes halved and intercepts and temperature doubled: "
    "the two are one family of laws, and no data prefer one of them.",
    "none is needed; do not compare the two by their likelihood",
    "derived here",
    _sigmoid_as_tanh,
    severity="note",
)
