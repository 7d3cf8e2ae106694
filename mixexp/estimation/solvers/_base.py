"""The loop that all solvers share: stop rule, trace, finite checks and the reason for stopping."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from mixexp.estimation.box import Box
from mixexp.estimation.objective import Evaluation, Objective

Array = NDArray[np.float64]


class Reason(Enum):
    """Why a solver stopped."""

    STATIONARY = "the remaining gain is below the tolerance"
    MAX_ITER = "the iteration limit was reached"
    STALLED = "no step raised the likelihood any more"
    NOT_FINITE = "the likelihood is not finite at the start"
    BUDGET = "the requested number of steps was made"


@dataclass
class State:
    """Where a solver is: θ, its value in nats, and the gain in nats it thinks is left.

    ``evaluation`` holds the derivatives at θ where the method has formed them.
    """

    theta: Array
    value: float
    remaining_gain: float = np.inf
    stalled: bool = False
    evaluation: Evaluation | None = None


@dataclass(frozen=True)
class Solution:
    """What a solver found.

    ``trace`` holds the value before the first step and after each step; ``monotone`` says that it
    never fell by more than rounding. Where the likelihood is only piecewise smooth, ``n_moves``
    counts the moves of boundaries that were accepted, and ``n_tried`` those that the last sweep
    tried in vain. ``evaluation`` holds value, gradient and Hessian at θ if the last method formed
    them.
    """

    theta: Array
    value: float
    reason: Reason
    trace: list[float] = field(repr=False)
    n_moves: int = 0
    n_tried: int = 0
    evaluation: Evaluation | None = field(default=None, repr=False, compare=False)

    @property
    def n_iter(self) -> int:
        """Number of steps."""
        return len(self.trace) - 1

    @property
    def monotone(self) -> bool:
        """Whether the value never fell by more than rounding of a sum of its size."""
        values = np.array(self.trace)
        return bool(np.all(np.diff(values) >= -1e-12 * (1.0 + np.abs(values[1:]))))


class Solver(ABC):
    """A method that climbs the log-likelihood inside a box, one step at a time."""

    @abstractmethod
    def start(self, objective: Objective, theta: Array, box: Box) -> State:
        """State at θ."""

    @abstractmethod
    def step(self, objective: Objective, state: State, box: Box) -> State:
        """One step; returns a state whose value is no lower."""

    def polish(self, objective: Objective, state: State, box: Box, tol: float) -> State:
        """A last refinement of a stationary state, where the method has one."""
        return state

    def solve(
        self,
        objective: Objective,
        theta: Array,
        box: Box,
        *,
        tol: float = 1e-8,
        max_iter: int = 500,
        state: State | None = None,
        polish: bool = True,
    ) -> Solution:
        """Step from θ until the remaining gain is at most ``tol`` nats.

        Parameters
        ----------
        objective : Objective
        theta : array (P,)
            Start; projected on the box.
        box : Box
        tol : float
            Nats.
        max_iter : int
        state : State, optional
            The method's state at θ, if it has been there already.
        polish : bool
            Whether to refine a stationary state.
        """
        state = state or self.start(objective, box.project(theta), box)
        trace = [state.value]
        if not np.isfinite(state.value):
            return Solution(state.theta, state.value, Reason.NOT_FINITE, trace)
        reason = Reason.MAX_ITER
        while len(trace) <= max_iter:
            if state.remaining_gain <= tol:
                reason = Reason.STATIONARY
                if polish:
                    state = self.polish(objective, state, box, tol)
                break
            state = self.step(objective, state, box)
            trace.append(state.value)
            if state.stalled:
                reason = Reason.STALLED
                break
        return Solution(state.theta, state.value, reason, trace, evaluation=state.evaluation)
