"""The EM algorithm."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mixexp.estimation.box import Box
from mixexp.estimation.objective import EMStatistics, Objective
from mixexp.estimation.solvers._base import Solver, State
from mixexp.models.experts import MStep
from mixexp.models.quadratic import maximize_in_box

Array = NDArray[np.float64]


@dataclass
class EMState(State):
    """State with the sufficient statistics at θ and the last gains."""

    statistics: EMStatistics | None = None
    gains: list[float] = field(default_factory=list)


def m_step(objective: Objective, theta: Array, statistics: EMStatistics, box: Box) -> Array:
    """θ after a full M-step of the experts and one Newton step of the gate."""
    layout = objective.layout
    lower, upper = layout.coefficients(box.lower), layout.coefficients(box.upper)
    coefficients = layout.coefficients(theta)
    n = len(layout.gate)
    constraints = MStep(objective.penalty.expert, lower[n:], upper[n:])
    experts = objective.model.expert.m_step(statistics.expert, coefficients[n:], constraints)
    updated = layout.vector([*coefficients[:n], *experts])
    gate = slice(0, layout.n_gate)
    updated[gate] += gate_step(theta[gate], statistics, box.lower[gate], box.upper[gate])
    # Coming from inside, a coordinate can pass its bound by the rounding of the sum.
    return box.project(updated)


def gate_step(gate: Array, statistics: EMStatistics, lower: Array, upper: Array) -> Array:
    """Newton step of the gate's part of the M-step, kept within the box."""
    if not len(gate):
        return np.zeros(0)
    return maximize_in_box(
        -statistics.hessian[None], statistics.gradient[None], gate[None], lower[None], upper[None]
    )[0]


class EM(Solver):
    """Expectation-maximisation: closed-form experts where there are any, else damped Newton steps.

    A Newton step of the gate or of experts without a closed form can overshoot; it is halved until
    the likelihood does not fall, which ends because the step is an ascent direction of the M-step's
    objective. One pass over the data gives the likelihood, the statistics and the gate's
    derivatives of a step.

    The remaining gain it reports is Aitken's extrapolation of its gains, an estimate and not a
    certificate.

    Parameters
    ----------
    max_halvings : int, default=30

    References
    ----------
    Dempster, Laird & Rubin (1977), JRSS B 39. Jordan & Jacobs (1994), Neural Computation 6.
    """

    def __init__(self, max_halvings: int = 30):
        self.max_halvings = max_halvings

    def start(self, objective: Objective, theta: Array, box: Box) -> EMState:
        statistics = objective.em_statistics(theta)
        return EMState(theta, statistics.value, statistics=statistics)

    def step(self, objective: Objective, state: State, box: Box) -> EMState:
        assert isinstance(state, EMState) and state.statistics is not None
        target = m_step(objective, state.theta, state.statistics, box)
        exact = objective.model.expert.closed_form
        damped = slice(0, objective.layout.n_gate if exact else objective.layout.n_free)
        rounding = 1e-13 * (1.0 + abs(state.value))
        for _ in range(self.max_halvings):
            statistics = objective.em_statistics(target)
            if statistics.value >= state.value - rounding:
                gains = [*state.gains[-1:], statistics.value - state.value]
                left = _aitken(gains)
                return EMState(target, statistics.value, left, False, None, statistics, gains)
            target[damped] = 0.5 * (target[damped] + state.theta[damped])
        return EMState(state.theta, state.value, state.remaining_gain, True, None, state.statistics)


def _aitken(gains: list[float]) -> float:
    """Sum of the geometric series that the last two gains start; infinite before there are two."""
    if len(gains) < 2:
        return np.inf
    before, last = gains
    if last <= 0.0:
        return 0.0
    if last >= before:
        return np.inf
    return last * last / (before - last)
