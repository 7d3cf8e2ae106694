"""EM steps before Newton's method, handed over without a pass that both would make."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mixexp.estimation.box import Box
from mixexp.estimation.objective import Objective
from mixexp.estimation.solvers.em import EM, m_step
from mixexp.estimation.solvers.newton import Newton, NewtonState

Array = NDArray[np.float64]


class WarmUp(NamedTuple):
    """Newton's state after the EM steps, and the values before the first and after each step."""

    state: NewtonState
    trace: list[float]


def warm_up(
    objective: Objective,
    theta: Array,
    box: Box,
    newton: Newton,
    n_steps: int,
    tol: float = 1e-8,
) -> WarmUp:
    """Newton's state after ``n_steps`` EM steps from θ, less if they come to rest before.

    The pass after the last EM step gives value and derivatives at once; only if the likelihood fell
    there, which an undamped Newton step of the gate can make it do, the step is made again with
    EM's own safeguard.

    Parameters
    ----------
    objective : Objective
    theta : array (P,)
    box : Box
    newton : Newton
    n_steps : int
        At least 1.
    tol : float
        Nats, by EM's own extrapolation.
    """
    em = EM()
    state = em.start(objective, box.project(theta), box)
    trace = [state.value]
    if not np.isfinite(state.value):
        return WarmUp(NewtonState(state.theta, -np.inf), trace)
    for _ in range(n_steps - 1):
        if state.remaining_gain <= tol or state.stalled:
            break
        state = em.step(objective, state, box)
        trace.append(state.value)
    assert state.statistics is not None
    target = state.theta
    if not state.stalled:
        target = m_step(objective, state.theta, state.statistics, box)
    evaluation = objective.evaluate(target, 2)
    if not evaluation.value >= state.value - 1e-13 * (1.0 + abs(state.value)):
        target = em.step(objective, state, box).theta
        evaluation = objective.evaluate(target, 2)
    return WarmUp(newton.at(evaluation, target, box), [*trace, evaluation.value])
