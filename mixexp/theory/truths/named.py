"""Named truths: laws from the papers, and balanced ones on which rates can be seen.

``TRUTHS`` holds them by name; :func:`mixexp.theory.describe` tells how heavy, how far apart and
how overlapping their experts are. Intercepts are those of the gate before any temperature.
"""

from __future__ import annotations

from typing import Any

from mixexp.models import (
    Activation,
    Gate,
    Gaussian,
    Multinomial,
    Softmax,
    Temperature,
    TopK,
    Transformed,
)
from mixexp.theory.truths.make import make_truth
from mixexp.theory.truths.truth import Truth

P0 = "Nguyen, Nguyen & Ho (2023), arXiv 2305.03288, simulations"
P2 = "Nguyen, Akbarian, Yan & Ho (2024), arXiv 2309.13850, simulations, as stated by others"
DENDROGRAM = "arXiv 2510.12744, simulations"


def balanced_softmax_gaussian() -> Truth:
    """Two experts of equal weight, well apart: variances 0.25, x uniform on [-1, 1].

    Gate (β0, β1) = (0, 2), (0, 0); experts (b, a) = (2, 2), (-2, -1.5). The experts' ranges meet at
    x = -1 and are far apart elsewhere.

    Examples
    --------
    >>> balanced_softmax_gaussian().measure.weight
    array([0.5, 0.5])
    """
    return make_truth(
        "balanced", Softmax(), Gaussian(), [0.0, 0.0], gate_coef=[[2.0], [0.0]],
        intercept=[2.0, -2.0], coef=[[2.0], [-1.5]], variance=[0.25, 0.25],
    )  # fmt: skip


def four_softmax_gaussian() -> Truth:
    """Four experts, so that two more are fewer than 2 k*: shares 0.22 to 0.28, variances 0.25.

    The lines are at least 3 standard deviations apart for every x in [-1, 1], so experts are told
    apart (overlap 0.008), and gate slopes are distinct and small, so every expert is seen at every
    x: standard errors of one observation are at most 6.4, against 5.1 for the two experts of
    :func:`balanced_softmax_gaussian`.

    Examples
    --------
    >>> four_softmax_gaussian().measure.weight
    array([0.25, 0.25, 0.25, 0.25])
    """
    return make_truth(
        "four", Softmax(), Gaussian(), [0.0, 0.0, 0.0, 0.0],
        gate_coef=[[2.0], [-1.0], [1.0], [0.0]], intercept=[4.5, 1.5, -1.5, -4.5],
        coef=[[1.0], [-0.5], [0.5], [-1.0]], variance=[0.25, 0.25, 0.25, 0.25],
    )  # fmt: skip


def overlapping_softmax_gaussian() -> Truth:
    """Two experts that overlap more, with weights about 0.6 and 0.4 and variances 0.25 and 0.49."""
    return make_truth(
        "overlapping", Softmax(), Gaussian(), [0.5, 0.0], gate_coef=[[2.0], [0.0]],
        intercept=[1.0, -1.0], coef=[[2.0], [-1.5]], variance=[0.25, 0.49],
    )  # fmt: skip


def crossing_softmax_gaussian() -> Truth:
    """Two experts whose lines cross at x = 3/4, with large variances 0.5 and 0.8."""
    return make_truth(
        "crossing", Softmax(), Gaussian(), [0.3, 0.0], gate_coef=[[1.5], [0.0]],
        intercept=[-0.5, 1.0], coef=[[1.0], [-1.0]], variance=[0.5, 0.8],
    )  # fmt: skip


_LAMBDA: dict[str, Any] = {
    "gate_coef": [[25.0], [0.0]],
    "intercept": [15.0, -5.0],
    "coef": [[-20.0], [20.0]],
    "variance": [0.09, 0.16],
}


def lambda_softmax_gaussian() -> Truth:
    """The literature's own truth: a Λ of two steep lines; e^-8 makes one weight nearly invisible.

    Gate (-8, 25), (0, 0); experts (15, -20), (-5, 20) with standard deviations 0.3 and 0.4; x
    uniform on [0, 1] (the original used an equidistant grid).
    """
    return make_truth("lambda", Softmax(), Gaussian(), [-8.0, 0.0], lower=0.0, source=P0, **_LAMBDA)


def three_planes_softmax_gaussian() -> Truth:
    """Three experts of two covariates, with standard deviations 0.9, 0.5 and 1.2."""
    return make_truth(
        "three-planes", Softmax(), Gaussian(), [0.3, 0.5, 0.0], source=DENDROGRAM,
        gate_coef=[[1.0, -1.0], [1.0, 0.5], [0.0, 0.0]], intercept=[0.5, 0.5, 0.5],
        coef=[[1.5, 0.9], [0.6, 0.5], [1.1, -0.3]], variance=[0.81, 0.25, 1.44],
    )  # fmt: skip


def _three_classes(name: str, gate: Gate, second: tuple[list, list]) -> Truth:
    intercept = [[-2.0, -2.5, 0.0], second[0]]
    coef = [[[0.0, 1.5], [-2.5, 2.0], [0.0, 0.0]], second[1]]
    return make_truth(
        name, gate, Multinomial(3), [0.0, 0.0], lower=-3.0, upper=3.0,
        gate_coef=[[-0.5, 2.0], [0.0, 0.0]], intercept=intercept, coef=coef,
    )  # fmt: skip


_DEPENDS = ([-0.5, -0.5, 0.0], [[-2.0, -0.5], [1.5, 1.0], [0.0, 0.0]])
_CONSTANT = ([1.0, -1.0, 0.0], [[0.0, 0.0], [0.0, 0.0], [0.0, 0.0]])


def softmax_multinomial() -> Truth:
    """Three classes, two covariates; both experts depend on x with distinct slopes (regime 1)."""
    return _three_classes("multinomial", Softmax(), _DEPENDS)


def constant_expert_multinomial() -> Truth:
    """The same with a second expert that does not depend on x (regime 2)."""
    return _three_classes("multinomial-constant", Softmax(), _CONSTANT)


def transformed_multinomial() -> Truth:
    """The truth of regime 1 with a transformed gate, tanh of the covariates."""
    return _three_classes("multinomial-tanh", Transformed(), _DEPENDS)


def transformed_constant_multinomial() -> Truth:
    """The truth with a constant expert (regime 2) with a transformed gate."""
    return _three_classes("multinomial-constant-tanh", Transformed(), _CONSTANT)


def lambda_topk_gaussian() -> Truth:
    """The Λ with one active expert, selected by the score without bias: 1 for all x > 0."""
    return make_truth(
        "topk-lambda", TopK(1), Gaussian(), [-8.0, 0.0], lower=0.0, source=P2, **_LAMBDA
    )


def line_topk_gaussian() -> Truth:
    """Two of three experts are active on either side of x = 0."""
    return make_truth(
        "topk-line", TopK(2), Gaussian(), [0.3, -0.3, 0.0], gate_coef=[[3.0], [-2.5], [0.0]],
        intercept=[2.0, -2.0, 0.0], coef=[[1.0], [1.0], [-1.5]], variance=[0.25, 0.36, 0.16],
    )  # fmt: skip


def plane_topk_gaussian() -> Truth:
    """Two of three experts are active in three sectors of the plane; each is off on a third."""
    return make_truth(
        "topk-plane", TopK(2), Gaussian(), [0.3, -0.2, 0.0],
        gate_coef=[[3.0, 0.0], [1.5, 2.6], [0.0, 0.0]], intercept=[2.0, -2.0, 0.0],
        coef=[[1.0, 0.5], [0.5, -1.0], [-1.5, 1.0]], variance=[0.25, 0.36, 0.16],
    )  # fmt: skip


def step_topk_gaussian() -> Truth:
    """One of two experts is active on either side of x = -0.2: a regression with a change point."""
    return make_truth(
        "topk-step", TopK(1, select="logit"), Gaussian(), [0.5, 0.0],
        gate_coef=[[2.5], [0.0]], intercept=[1.0, -1.0], coef=[[1.0], [-0.5]],
        variance=[0.5, 0.8],
    )  # fmt: skip


def _tempered(name: str, gate: Gate, start: float, slope: float, tau: float, reach: float) -> Truth:
    return make_truth(
        name, Temperature(gate), Gaussian(), [start / tau, 0.0], lower=-reach, upper=reach,
        gate_coef=[[slope], [0.0]], gate_temperature=[tau, tau], intercept=[1.5, -1.5],
        coef=[[2.0], [-1.5]], variance=[0.25, 0.49],
    )  # fmt: skip


def temperature_gaussian() -> Truth:
    """Linear scores and a free temperature 0.5: only β / τ is identified."""
    return _tempered("temperature", Softmax(), 0.3, 2.0, 0.5, 1.0)


def tanh_gaussian() -> Truth:
    """Scores through tanh that bends on [-3, 3], temperature 0.25: all of it is identified."""
    return _tempered("activation", Activation(), 0.3, 1.0, 0.25, 3.0)


def flat_tanh_gaussian() -> Truth:
    """Scores through tanh in its nearly linear range: the temperature is hard to tell."""
    return _tempered("activation-weak", Activation(), 0.3, 1.0, 1.0, 1.0)


TRUTHS: dict[str, Truth] = {
    truth.name: truth
    for truth in (
        balanced_softmax_gaussian(),
        four_softmax_gaussian(),
        overlapping_softmax_gaussian(),
        crossing_softmax_gaussian(),
        lambda_softmax_gaussian(),
        three_planes_softmax_gaussian(),
        softmax_multinomial(),
        constant_expert_multinomial(),
        transformed_multinomial(),
        transformed_constant_multinomial(),
        lambda_topk_gaussian(),
        line_topk_gaussian(),
        plane_topk_gaussian(),
        step_topk_gaussian(),
        temperature_gaussian(),
        tanh_gaussian(),
        flat_tanh_gaussian(),
    )
}
