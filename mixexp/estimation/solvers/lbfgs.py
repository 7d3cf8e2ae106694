"""L-BFGS-B, for models whose Hessian would be too large."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mixexp.estimation.box import Box
from mixexp.estimation.objective import Objective
from mixexp.estimation.solvers._base import Solver, State

Array = NDArray[np.float64]


class LBFGS(Solver):
    """Limited-memory BFGS in a box (SciPy's L-BFGS-B), run to its own precision in one step.

    It knows no curvature beyond its memory, so it reports no remaining gain: that is for the
    certificate, from the exact Hessian.

    Parameters
    ----------
    memory : int, default=30
        Corrections kept.
    max_iter : int, default=2000

    References
    ----------
    Zhu, Byrd, Lu & Nocedal (1997), ACM Transactions on Mathematical Software 23.
    """

    def __init__(self, memory: int = 30, max_iter: int = 2000):
        self.memory, self.max_iter = memory, max_iter

    def start(self, objective: Objective, theta: Array, box: Box) -> State:
        return State(theta, objective.evaluate(theta).value)

    def step(self, objective: Objective, state: State, box: Box) -> State:
        from scipy.optimize import minimize

        scale = objective.data.total_weight

        def negative(theta: Array) -> tuple[float, Array]:
            value, gradient, _ = objective.evaluate(theta, 1)
            assert gradient is not None
            if not np.isfinite(value):
                # The line search needs a number it can compare; the gradient there is not used.
                return np.finfo(float).max, np.zeros_like(theta)
            return -value / scale, -gradient / scale

        found = minimize(
            negative,
            state.theta,
            jac=True,
            method="L-BFGS-B",
            bounds=np.column_stack(box),
            options={
                "maxcor": self.memory,
                "maxiter": self.max_iter,
                "maxfun": 2 * self.max_iter,
                "ftol": 1e-15,
                "gtol": 1e-9,
            },
        )
        value = objective.evaluate(found.x).value
        if not value > state.value:
            return State(state.theta, state.value, stalled=True)
        return State(found.x, value, stalled=True)
