"""Experts for classes: probabilities that can be shared out in several ways."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from mixexp.estimation.identifiability.invariances._base import (
    Claim,
    Invariance,
    Setting,
    changed,
    temperature,
)
from mixexp.models.measure import MixingMeasure

Array = NDArray[np.float64]

_FLAT = 1e-9
# The first copy's share of the weight of an atom that is split.
_SHARE = 0.4


def class_logits(measure: MixingMeasure) -> tuple[Array, Array] | None:
    """Intercepts (K, J) and slopes (K, J, d) of class logits; None if the experts are no such.

    A binomial logit is that of the first of two classes.
    """
    if set(measure.expert_blocks) != {"intercept", "coef"}:
        return None
    intercept, slopes = measure["intercept"], measure["coef"]
    if intercept.ndim == 1:
        intercept, slopes = intercept[:, None] * [1.0, 0.0], slopes[:, None] * [[1.0], [0.0]]
    return intercept - intercept[:, -1:], slopes - slopes[:, -1:]


def with_class_logits(measure: MixingMeasure, intercept: Array, slopes: Array) -> MixingMeasure:
    """The measure with other class logits, in the form its experts have."""
    intercept, slopes = intercept - intercept[:, -1:], slopes - slopes[:, -1:]
    if measure["intercept"].ndim == 1:
        intercept, slopes = intercept[:, 0], slopes[:, 0]
    return changed(measure, intercept=intercept, coef=slopes)


def _is_constant(slopes: Array) -> bool:
    return bool(np.abs(slopes).max(initial=0.0) <= _FLAT)


def _parts(setting: Setting, atom: int) -> tuple[MixingMeasure, list[int]]:
    """The true measure with one atom split so that all experts are used, and the new atoms."""
    n = setting.n_extra
    parts = setting.truth.measure.split(atom, [_SHARE, *[(1.0 - _SHARE) / n] * n])
    return parts, list(range(atom, atom + n + 1))


def _pair_split(setting: Setting, atom: int, one: int, two: int) -> MixingMeasure:
    """Split an atom along the conditional probability q of one of two classes.

    q = λq₁ + (1 - λ)q₂; each part keeps the probability of the two classes together.
    """
    parts, new = _parts(setting, atom)
    logits = class_logits(parts)
    assert logits is not None
    intercept, slopes = logits[0].copy(), logits[1]
    a, b = intercept[atom, one], intercept[atom, two]
    # Odds beyond these would leave no room for a step; the claim is then not the law, and dropped.
    both, q = np.logaddexp(a, b), np.clip(expit(a - b), 1e-12, 1.0 - 1e-12)
    step = 0.5 * np.tanh(setting.strength) * min(q, 1.0 - q)
    for k in new:
        share = q + step if k == new[0] else q - step * _SHARE / (1.0 - _SHARE)
        intercept[k, one] = both + np.log(share)
        intercept[k, two] = both + np.log1p(-share)
    return with_class_logits(parts, intercept, slopes)


def _constant(setting: Setting) -> Iterator[Claim]:
    """Experts without slopes: class probabilities that are an average of others."""
    logits = class_logits(setting.truth.measure)
    if logits is None or not setting.n_extra:
        return
    for k, slopes in enumerate(logits[1]):
        if _is_constant(slopes):
            measure = _pair_split(setting, k, 0, len(slopes) - 1)
            yield Claim(setting.truth, setting.law.model, measure, f"expert {k} is constant")


def _shared_slope(setting: Setting) -> Iterator[Claim]:
    """Experts that are not constant, but two of whose classes have constant odds."""
    logits = class_logits(setting.truth.measure)
    if logits is None or not setting.n_extra:
        return
    for k, slopes in enumerate(logits[1]):
        for one in range(len(slopes)):
            for two in range(one + 1, len(slopes)):
                if not _is_constant(slopes) and _is_constant(slopes[one] - slopes[two]):
                    measure = _pair_split(setting, k, one, two)
                    detail = f"classes {one} and {two} of expert {k} share their slopes"
                    yield Claim(setting.truth, setting.law.model, measure, detail)


def _even_binary(setting: Setting) -> Iterator[Claim]:
    """½ = ½ σ(u) + ½ σ(-u) for every function u."""
    logits = class_logits(setting.truth.measure)
    if logits is None or not setting.n_extra or logits[0].shape[1] != 2:
        return
    for k in range(setting.k_true):
        if _is_constant(logits[1][k]) and _is_constant(logits[0][k]):
            parts, new = _parts(setting, k)
            weight = parts.weight.copy()
            weight[new] = weight[new].sum() * np.array(
                [0.5, *[0.5 / (len(new) - 1)] * (len(new) - 1)]
            )
            found = class_logits(parts)
            assert found is not None
            intercept, slopes = found[0].copy(), found[1].copy()
            for j in new:
                sign = 1.0 if j == new[0] else -1.0
                intercept[j, 0] = 0.3 * sign * setting.strength
                slopes[j, 0] = sign * setting.strength / setting.expert_sizes
            measure = with_class_logits(changed(parts, weight), intercept, slopes)
            detail = f"expert {k} gives both classes the same probability"
            yield Claim(setting.truth, setting.law.model, measure, detail)


def _mirrored(setting: Setting) -> Iterator[Claim]:
    """Experts σ(u), σ(-u) with gate odds e^v against experts σ(v), σ(-v) with gate odds e^u."""
    law, measure = setting.law, setting.law.measure
    logits = class_logits(measure)
    if logits is None or logits[0].shape != (2, 2) or "gate_coef" not in measure.atoms:
        return
    intercept, slopes = logits[0][0, 0], logits[1][0, 0]
    tau = temperature(measure)
    gate = measure["gate_coef"]
    if slopes.shape != gate[0].shape:
        return
    odds = np.log(measure.weight[0] / measure.weight[1])
    v = (gate[0] - gate[1]) / tau
    swapped = changed(
        measure, np.exp([min(intercept, 0.0), min(-intercept, 0.0)]),
        gate_coef=np.stack([tau * slopes, np.zeros_like(slopes)]),
    )  # fmt: skip
    a = np.array([[odds, 0.0], [-odds, 0.0]])
    b = np.stack([[v, np.zeros_like(v)], [-v, np.zeros_like(v)]])
    detail = "the gate's logit and the experts' change places"
    yield Claim(law, law.model, with_class_logits(swapped, a, b), detail)


_MULTINOMIAL = "derived here, for the model of Nguyen et al. (2023), arXiv 2310.14188"

CONSTANT = Invariance(
    "constant-expert",
    "A class-probability expert without slopes is an average of other constant ones with the same "
    "gate slopes: with more experts than the truth has, only the average is identified, for "
    "every gate.",
    "fit the true number of experts, or compare the averages of the probabilities in such a cell",
    _MULTINOMIAL,
    _constant,
)

SHARED_SLOPE = Invariance(
    "shared-slope",
    "Two classes of one expert that share their slopes (zero, the reference's, included) have "
    "constant odds: with more experts than the truth has, the expert splits along these odds and "
    "the density does not change.",
    "fit the true number of experts, or study truths whose class slopes are distinct in every "
    "expert",
    _MULTINOMIAL,
    _shared_slope,
)

EVEN_BINARY = Invariance(
    "even-binary-expert",
    "A binary expert with probability 1/2 everywhere is the average of the experts σ(u) and σ(-u) "
    "for every u: with more experts than the truth has, not even the absence of slopes is "
    "identified.",
    "fit the true number of experts",
    _MULTINOMIAL,
    _even_binary,
)

MIRRORED = Invariance(
    "mirrored-experts",
    "Two binary experts σ(u) and σ(-u) with gate odds exp(v) are one law with experts σ(v) and "
    "σ(-v) and gate odds exp(u): the roles of gate and experts cannot be told apart, even with "
    "the true number of experts.",
    "use three classes or more, or another set of columns in the gate than in the experts",
    _MULTINOMIAL,
    _mirrored,
)
