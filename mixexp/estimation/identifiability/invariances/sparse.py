"""Gates that switch experts off: biases and scales that matter for nothing, experts never used."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mixexp.estimation.identifiability.invariances._base import (
    Claim,
    Invariance,
    Setting,
    changed,
)

# A weight below this at every row is none: no likelihood shows what its expert does.
_NEVER = 1e-13


def _one_active(setting: Setting) -> bool:
    pieces = setting.law.model.gate.pieces(setting.law.model.n_experts)
    return pieces is not None and pieces.jumps and pieces.n_active == 1


def _biases(setting: Setting) -> Iterator[Claim]:
    """Any weights of the atoms, the slopes unchanged."""
    if _one_active(setting) and getattr(setting.law.model.gate, "by_score", False):
        law, measure = setting.law, setting.law.measure
        steps = np.linspace(-1.0, 1.0, measure.n_atoms)
        weight = measure.weight * np.exp(setting.strength * steps)
        yield Claim(law, law.model, changed(measure, weight), "biases moved, each by its own step")


def _regions(setting: Setting) -> Iterator[Claim]:
    """All scores, biases included, times a positive number."""
    if _one_active(setting) and "gate_coef" in setting.law.measure.atoms:
        law, measure = setting.law, setting.law.measure
        c = float(np.exp(setting.strength))
        weight = np.exp(c * np.log(measure.weight / measure.weight.max()))
        larger = changed(measure, weight, gate_coef=c * measure["gate_coef"])
        yield Claim(law, law.model, larger, f"here with a factor of {c:.4g}", {"c": c})


def _never_active(setting: Setting) -> Iterator[Claim]:
    """An expert with other parameters, where its weight is zero at every row."""
    law, measure = setting.law, setting.law.measure
    largest = law.model.weights(law.params, setting.x).max(axis=0)
    for k in np.flatnonzero(largest <= _NEVER):
        moved = {name: measure[name].copy() for name in measure.expert_blocks}
        for name, block in moved.items():
            # Positive blocks, such as variances, stay positive.
            positive = np.all(measure[name] > 0.0)
            block[k] = block[k] * np.exp(setting.strength) if positive else block[k] + 1.0
        if np.ndim(moved["intercept"]) > 1:
            # A step common to all classes would change nothing, and the last one is the reference.
            moved["intercept"][k, -1] -= 1.0
        detail = f"expert {k} has weight {largest[k]:.1g} at most"
        yield Claim(law, law.model, changed(measure, **moved), detail, {"weight": largest[k]})


BIASES = Invariance(
    "top1-biases",
    "With one active expert its weight is 1 whatever its bias, and the selection does not see the "
    "biases: they never enter the density.",
    "leave the biases at zero, or use select='logit', or two active experts",
    "derived here, for the gate of Nguyen, Akbarian, Yan & Ho (2024), arXiv 2309.13850",
    _biases,
    said_by_fit=True,
)

REGIONS = Invariance(
    "top1-regions",
    "With one active expert the gate matters only through the regions in which each expert has "
    "the highest score: all scores can be multiplied by one positive number.",
    "compare regions rather than coefficients, or bring the slopes to length one",
    "derived here, for the gate of Nguyen, Akbarian, Yan & Ho (2024), arXiv 2309.13850",
    _regions,
    said_by_fit=True,
)

NEVER_ACTIVE = Invariance(
    "never-active",
    "An expert whose weight is zero at every row of the data is not identified by them: any "
    "parameters do.",
    "fit fewer experts, or collect data where it would be active",
    "derived here",
    _never_active,
    said_by_fit=True,
)
