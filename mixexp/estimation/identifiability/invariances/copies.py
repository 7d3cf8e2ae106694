"""Atoms beyond the true number: copies that share a weight, and pairs that share a factor."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mixexp.estimation.identifiability.invariances._base import (
    Claim,
    Invariance,
    Setting,
    changed,
    equal_experts,
)


def _shared_weight(setting: Setting) -> Iterator[Claim]:
    """Move part of the weight of one of two equal atoms to the other."""
    law, measure = setting.law, setting.law.measure
    for i, j in equal_experts(measure):
        weight = measure.weight.copy()
        moved = weight[i] * 0.5 * np.tanh(setting.strength)
        weight[i] -= moved
        weight[j] += moved
        detail = f"experts {i} and {j} have equal parameters"
        yield Claim(law, law.model, changed(measure, weight), detail)


def _common_factor(setting: Setting) -> Iterator[Claim]:
    """Two atoms β1 ± δ with half the weight each for every atom: the factor cosh(δᵀx)."""
    law, n_experts = setting.truth, setting.law.model.n_experts
    if n_experts < 2 * setting.k_true or "gate_coef" not in law.measure.atoms:
        return
    delta = setting.strength / setting.gate_sizes
    if not delta.size:
        return
    twice = law.measure.take(np.repeat(np.arange(setting.k_true), 2))
    signs = np.tile([1.0, -1.0], setting.k_true)[:, None]
    slopes = twice["gate_coef"] + signs * delta
    # The last atom is the reference: a common translation brings its slopes to zero.
    pairs = changed(twice, gate_coef=slopes - slopes[-1])
    n_left = n_experts - 2 * setting.k_true
    if n_left:
        pairs = pairs.split(0, [1.0 / (n_left + 1)] * (n_left + 1))
    detail = f"{setting.k_true} experts are the truth and {n_experts} are fitted"
    yield Claim(law, setting.law.model, pairs, detail, {"delta": delta})


COPIES = Invariance(
    "coincident-experts",
    "Two experts with equal parameters and gate slopes are one: how they share its weight is "
    "identified by no data, and to first order neither is a difference between them.",
    "fit fewer experts, or read only the sum of the two weights",
    "splitting of an atom, derived here",
    _shared_weight,
    said_by_fit=True,
)

COMMON_FACTOR = Invariance(
    "common-factor",
    "With at least twice as many experts as the truth has, each true expert can be held by two "
    "whose gate slopes are β1 + δ and β1 - δ: all numerators gain the factor cosh(δᵀx), which "
    "cancels, so the gate slopes are not identified however large the sample.",
    "fit fewer than twice the true number of experts",
    "derived here; Proposition 1 of Nguyen, Nguyen & Ho (2023), arXiv 2305.03288, needs distinct "
    "experts",
    _common_factor,
)
