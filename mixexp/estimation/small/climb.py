"""Climbs of many jobs together, each a problem and a point: EM, then Newton's method."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mixexp._kernels import small_em, small_newton
from mixexp.estimation.small.batch import Batch, Indices, Points
from mixexp.estimation.solvers._base import Reason
from mixexp.estimation.solvers.em import EM
from mixexp.estimation.solvers.newton import _POLISHED, CERTIFICATE_RADIUS, Newton

Array = NDArray[np.float64]

REASONS = {
    small_newton.STATIONARY: Reason.STATIONARY,
    small_newton.MAX_ITER: Reason.MAX_ITER,
    small_newton.STALLED: Reason.STALLED,
    small_newton.NOT_FINITE: Reason.NOT_FINITE,
}


@dataclass
class Climbs:
    """Where M jobs ended, and how.

    Attributes
    ----------
    points : Points
        With the derivatives of the value after Newton's method, with statistics after EM.
    gain : array (M,)
        Remaining gain, nats; of Newton's method only.
    reason : array (M,)
        Keys of :data:`REASONS`.
    n_steps, n_evaluations : arrays (M,)
    trace : array (M, ...)
        Values before the first and after each step; what follows those is undefined.
    """

    points: Points
    gain: Array
    reason: Indices
    n_steps: Indices
    n_evaluations: Indices
    trace: Array


class _Lockstep:
    """Jobs that are evaluated together, and what the kernels remember of each."""

    def __init__(self, batch: Batch, problem: Indices, theta: Array, max_iter: int):
        m, k = len(problem), batch.form.n_experts
        self.batch, self.problem = batch, problem
        self.trial = Points.at(np.clip(theta, batch.lower, batch.upper), k)
        self.here = Points.at(np.empty_like(theta), k)
        self.phase, self.count = np.zeros(m, dtype=np.int64), np.zeros((m, 3), dtype=np.int64)
        self.gain, self.trace = np.full(m, np.inf), np.empty((m, max_iter + 1))
        self.n_evaluations = np.zeros(m, dtype=np.int64)

    def run(self, order: int, advance) -> Climbs:  # type: ignore[no-untyped-def]
        """Evaluate the trial points and ``advance`` the jobs, until none is left."""
        jobs = np.arange(len(self.problem))
        while len(jobs):
            self.batch.evaluate(self.problem, self.trial, jobs, order)
            self.n_evaluations[jobs] += 1
            advance(jobs)
            jobs = jobs[self.phase[jobs] < small_newton.DONE]
        return Climbs(
            self.here, self.gain, self.phase, self.count[:, 0], self.n_evaluations, self.trace
        )


def em(batch: Batch, problem: Indices, theta: Array, *, tol: float, max_iter: int) -> Climbs:
    """EM steps from θ (M, P), as :class:`mixexp.estimation.solvers.em.EM` makes them."""
    settings = np.array([tol, max_iter, EM().max_halvings], dtype=float)
    jobs_of = _Lockstep(batch, problem, theta, max_iter)
    form, here, trial = batch.form, jobs_of.here, jobs_of.trial
    gains = np.zeros((len(problem), 2))

    def advance(jobs: Indices) -> None:
        small_em.advance(
            jobs, batch.lower, batch.upper, settings, form.family, form.coordinates, batch.penalty,
            jobs_of.phase, jobs_of.count, gains, jobs_of.trace,
            here.theta, here.value, here.mass, here.gradient, here.hessian,
            trial.theta, trial.value, trial.mass, trial.gradient, trial.hessian,
        )  # fmt: skip

    return jobs_of.run(1, advance)


def newton(batch: Batch, problem: Indices, theta: Array, *, tol: float, max_iter: int) -> Climbs:
    """Steps from θ (M, P) as :class:`mixexp.estimation.solvers.newton.Newton` makes them."""
    method = Newton()
    settings = np.array(
        [
            tol, max_iter, method.radius, method.max_radius, method.max_rejected,
            method.max_polish, CERTIFICATE_RADIUS, _POLISHED,
        ], dtype=float,
    )  # fmt: skip
    jobs_of = _Lockstep(batch, problem, theta, max_iter)
    here, trial = jobs_of.here, jobs_of.trial
    radius = np.empty((len(problem), 2))

    def advance(jobs: Indices) -> None:
        small_newton.advance(
            jobs, batch.lower, batch.upper, settings, jobs_of.phase, jobs_of.count, jobs_of.trace,
            here.theta, here.value, here.mass, here.gradient, here.hessian,
            jobs_of.gain, radius,
            trial.theta, trial.value, trial.mass, trial.gradient, trial.hessian,
        )  # fmt: skip

    return jobs_of.run(2, advance)
