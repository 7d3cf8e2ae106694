"""A table of laws that several parameters share, one for each exact invariance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixexp.estimation.identifiability.invariances import (
    INVARIANCES,
    Law,
    Setting,
    verify,
)
from mixexp.models import (
    Activation,
    ActivationParams,
    Gate,
    Gaussian,
    GaussianGate,
    GaussianGateParams,
    GaussianParams,
    MixtureOfExperts,
    MixtureParams,
    Multinomial,
    MultinomialParams,
    Softmax,
    SoftmaxParams,
    Temperature,
    TemperatureParams,
    TopK,
)
from mixexp.models.activations import SIGMOID, SQUARE

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Counterexample:
    """Two sets of parameters of one law.

    Attributes
    ----------
    key, statement : str
        The invariance.
    law, partner : Law
        The two; where the invariance is one of over-specified fits, ``partner`` has more experts.
    k_true : int
        Number of experts of the law.
    difference : float
        Largest relative difference of the two densities (of their logarithms, where those exceed
        one) over the design and the responses.
    """

    key: str
    statement: str
    law: Law
    partner: Law
    k_true: int
    difference: float


def counterexamples(strength: float = 0.7) -> tuple[Counterexample, ...]:
    """One minimal example of each exact invariance, x on [-2, 2].

    Parameters
    ----------
    strength : float
        How far the second parameters are from the first.

    Examples
    --------
    >>> for c in counterexamples():
    ...     print(f"{c.key:22} k* = {c.k_true}, {c.difference < 1e-13}")
    coincident-experts     k* = 1, True
    common-factor          k* = 2, True
    log-quadratic-factor   k* = 2, True
    common-factor-gaussian k* = 2, True
    scale                  k* = 2, True
    sign                   k* = 2, True
    reference-swap         k* = 2, True
    sigmoid-is-tanh        k* = 2, True
    top1-biases            k* = 2, True
    top1-regions           k* = 2, True
    never-active           k* = 3, True
    constant-expert        k* = 2, True
    shared-slope           k* = 2, True
    even-binary-expert     k* = 2, True
    mirrored-experts       k* = 2, True
    """
    found, laws = [], _laws()
    for invariance in INVARIANCES:
        law, k_true, x = laws[invariance.key]
        first = verify(invariance, Setting(law, x, k_true, strength))[0]
        partner = Law(first.claim.model, first.claim.model.from_measure(first.claim.measure))
        found.append(
            Counterexample(
                invariance.key, invariance.statement, first.claim.law, partner, k_true,
                first.difference,
            )
        )  # fmt: skip
    return tuple(found)


def _laws() -> dict[str, tuple[Law, int, Array]]:
    """For each invariance a law, the true number of experts and a design."""
    x = np.linspace(-2.0, 2.0, 40)[:, None]
    soft = SoftmaxParams(np.array([0.5, 0.0]), np.array([[2.0], [0.0]]))
    bent = ActivationParams(np.array([0.3, 0.0]), np.array([[1.5], [0.0]]))
    # The highest of x, 0 and -x is never 0.
    fan = SoftmaxParams(np.zeros(3), np.array([[1.0], [0.0], [-1.0]]))
    raw = Temperature(normalize=False)
    lines = _lines(Softmax(), soft, 2)
    bells = GaussianGateParams(
        np.array([0.2, 0.0]), np.array([[1.0], [-0.5]]), np.array([[[0.8]], [[1.5]]])
    )
    gated = _lines(GaussianGate(), bells, 2)
    return {
        "coincident-experts": (_grown(_lines(Softmax(), _one(), 1), 2), 1, x),
        "common-factor": (_grown(lines, 4), 2, x),
        "log-quadratic-factor": (gated, 2, x),
        "common-factor-gaussian": (_grown(gated, 4), 2, x),
        "scale": (_lines(raw, TemperatureParams(soft, 0.5), 2), 2, x),
        "sign": (_lines(Activation(SQUARE), bent, 2), 2, x),
        "reference-swap": (_lines(Activation(), bent, 2), 2, x),
        "sigmoid-is-tanh": (_lines(Activation(SIGMOID), bent, 2), 2, x),
        "top1-biases": (_lines(TopK(1), soft, 2), 2, x),
        "top1-regions": (_lines(TopK(1), soft, 2), 2, x),
        "never-active": (_lines(TopK(1), fan, 3), 3, x),
        "constant-expert": (_grown(_classes(soft, [[0.7, -0.2], [0.1, 0.5]], [0, 0]), 3), 2, x),
        "shared-slope": (_grown(_classes(soft, [[0.7, -0.2], [0.1, 0.5]], [1.5, 1.5]), 3), 2, x),
        "even-binary-expert": (_grown(_classes(soft, [[0.0], [0.5]], [0]), 3), 2, x),
        "mirrored-experts": (_classes(soft, [[-0.4], [0.4]], [-1.0]), 2, x),
    }


def _one() -> SoftmaxParams:
    return SoftmaxParams(np.zeros(1), np.zeros((1, 1)))


def _lines(gate: Gate, params: Any, n_experts: int) -> Law:
    """Gaussian experts along different lines."""
    k: Array = np.arange(n_experts, dtype=np.float64)
    expert = GaussianParams(2.0 - 3.0 * k, (1.5 - 2.0 * k)[:, None], 0.25 + 0.1 * k)
    model = MixtureOfExperts(gate, Gaussian(), n_experts, n_columns=1)
    return Law(model, MixtureParams(params, expert))


def _classes(gate: SoftmaxParams, intercept: list[list[float]], slopes: list[float]) -> Law:
    """Two multinomial experts: the first with the given slopes, the second with 1, -2, ..."""
    a = np.column_stack([intercept, np.zeros(2)])
    second = [1.0, -2.0][: len(slopes)]
    b = np.column_stack([[slopes, second], np.zeros(2)])[:, :, None]
    model = MixtureOfExperts(Softmax(), Multinomial(a.shape[1]), 2, n_columns=1)
    return Law(model, MixtureParams(gate, MultinomialParams(a, b)))


def _grown(law: Law, n_experts: int) -> Law:
    """The same law with copies of atoms, each half of one."""
    measure = law.measure
    for k in range(n_experts - measure.n_atoms):
        measure = measure.split(2 * k % measure.n_atoms, [0.5, 0.5])
    model = law.with_experts(n_experts)
    return Law(model, model.from_measure(measure))
