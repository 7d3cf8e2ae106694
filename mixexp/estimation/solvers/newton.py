"""Trust-region Newton with the exact Hessian, in a box."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mixexp.estimation.box import Box
from mixexp.estimation.objective import Evaluation, Objective
from mixexp.estimation.solvers._base import Solver, State
from mixexp.estimation.solvers.trust_region import QuadraticModel, Step

Array = NDArray[np.float64]

# Radius within which the remaining gain is measured: one standard deviation in every direction,
# whatever the current trust radius.
CERTIFICATE_RADIUS = 1.0
# Part of the tolerance at which there is nothing left to polish.
_POLISHED = 1e-7


def quadratic_model(evaluation: Evaluation, theta: Array, box: Box) -> QuadraticModel:
    """The quadratic model at θ, on the steps that stay in the box."""
    assert evaluation.gradient is not None and evaluation.hessian is not None
    return QuadraticModel(
        evaluation.gradient, evaluation.hessian, box.lower - theta, box.upper - theta
    )


def _is_finite(evaluation: Evaluation) -> bool:
    """Whether there is a quadratic model: where derivatives overflow there is none."""
    return all(np.all(np.isfinite(part)) for part in evaluation if part is not None)


@dataclass
class NewtonState(State):
    """State with the quadratic model at θ, its best step within radius 1, and the trust radius."""

    model: QuadraticModel | None = None
    certain: Step | None = None
    radius: float = 1.0

    def slope(self, box: Box) -> float:
        """Norm of the score in the coordinates that are free to move uphill."""
        assert self.evaluation is not None and self.evaluation.gradient is not None
        score = self.evaluation.gradient
        return float(np.linalg.norm(score[box.free(self.theta, score)]))

    @property
    def in_reach(self) -> bool:
        """Whether the model is concave, with its top nearer than the radius of the certificate."""
        if self.model is None or self.certain is None or not self.model.concave:
            return False
        return float(np.linalg.norm(self.certain.step)) < 0.99 * CERTIFICATE_RADIUS


class Newton(Solver):
    """Maximise the exact quadratic model within a trust radius, step after step.

    The remaining gain it reports is the largest value of the model within a fixed radius of 1, so a
    radius that has shrunk, a saddle point or a singular Hessian cannot pass for an optimum.

    Parameters
    ----------
    radius : float, default=1
        First trust radius, in free coordinates.
    max_radius : float, default=1000
    max_rejected : int, default=40
        Steps that may be rejected in a row before the solver gives up.
    max_polish : int, default=20
        Steps that may refine a stationary point.
    """

    def __init__(
        self,
        radius: float = 1.0,
        max_radius: float = 1e3,
        max_rejected: int = 40,
        max_polish: int = 20,
    ):
        self.radius, self.max_radius = radius, max_radius
        self.max_rejected, self.max_polish = max_rejected, max_polish

    def start(self, objective: Objective, theta: Array, box: Box) -> NewtonState:
        return self.at(objective.evaluate(theta, 2), theta, box)

    def at(
        self, evaluation: Evaluation, theta: Array, box: Box, radius: float | None = None
    ) -> NewtonState:
        """State at θ, whose value, gradient and Hessian are known."""
        if not _is_finite(evaluation):
            return NewtonState(theta, -np.inf)
        model = quadratic_model(evaluation, theta, box)
        certain = model.maximize(CERTIFICATE_RADIUS)
        radius = self.radius if radius is None else radius
        return NewtonState(
            theta, evaluation.value, certain.gain, False, evaluation, model, certain, radius
        )

    def step(self, objective: Objective, state: State, box: Box) -> NewtonState:
        assert isinstance(state, NewtonState) and state.model is not None
        radius = state.radius
        for _ in range(self.max_rejected):
            trial = state.model.maximize(radius)
            if trial.gain == 0.0:
                # Far out, rounding can outweigh what a nearly flat model promises.
                radius *= 0.25
                continue
            length = float(np.linalg.norm(trial.step))
            theta = box.project(state.theta + trial.step)
            evaluation = objective.evaluate(theta, 2)
            ratio = self._ratio(evaluation, state, trial.gain)
            if ratio > 0.75 and length > 0.9 * radius:
                radius = min(2.5 * radius, self.max_radius)
            elif ratio < 0.25:
                radius = 0.25 * length
            if ratio > 1e-4:
                return self.at(evaluation, theta, box, radius)
        return replace(state, stalled=True, radius=radius)

    def polish(self, objective: Objective, state: State, box: Box, tol: float) -> NewtonState:
        """Newton steps down to rounding: 1e-8 nats are still 1.4e-4 standard errors.

        An interior optimum takes one or two, each squaring the error; where the gate separates,
        each step makes what remains smaller by a constant factor.
        """
        assert isinstance(state, NewtonState)
        rounding = 1e-14 * (1.0 + abs(state.value))
        for _ in range(self.max_polish):
            if state.certain is None or state.certain.gain <= _POLISHED * tol:
                break
            theta = box.project(state.theta + state.certain.step)
            polished = self.at(objective.evaluate(theta, 2), theta, box, state.radius)
            # Curvature left by rounding along an exact invariance promises a gain of its own:
            # within the tolerance, the score says whether the step has come nearer.
            nearer = polished.remaining_gain <= state.remaining_gain or (
                polished.remaining_gain <= tol and polished.slope(box) < state.slope(box)
            )
            if polished.value < state.value - rounding or not nearer:
                break
            state = polished
        return state

    @staticmethod
    def _ratio(evaluation: Evaluation, state: NewtonState, promised: float) -> float:
        """Gain over promised gain; differences within rounding of the value count as promised."""
        if not _is_finite(evaluation):
            return -np.inf
        rounding = 1e-14 * (1.0 + abs(state.value))
        gain = evaluation.value - state.value
        if abs(gain) <= rounding and promised <= 10.0 * rounding:
            return 1.0
        return gain / promised
