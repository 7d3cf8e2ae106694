"""The EM algorithm: M-steps that never lower their objective, values that never fall."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import log_softmax

from mixexp.estimation.box import Bounds
from mixexp.estimation.objective import Objective
from mixexp.estimation.solvers import EM, Newton, Reason
from mixexp.estimation.solvers.em import m_step
from mixexp.models import Expert, Gate
from tests.instances import (
    PAIRS,
    SMOOTH_PAIRS,
    Problem,
    generator,
    logits,
    objective,
    problem,
    regular_problem,
)

PENALTIES = pytest.mark.parametrize("penalty", [(None, None), (2.0, 5.0)], ids=["plain", "ridge"])
BOUNDS = pytest.mark.parametrize(
    "bounds",
    [Bounds(), Bounds(gate=1.5, expert=0.8, scale=(0.7, 1.1))],
    ids=["wide bounds", "tight bounds"],
)


def complete(case: Problem, target: Objective, theta: np.ndarray, r: np.ndarray) -> float:
    """Expected complete log-likelihood Σ_i w_i Σ_k r_ik {log π_k(x_i) + log f_k(y_i | x_i)}."""
    layout = case.model.layout
    features = layout.features(np.ascontiguousarray(case.x.T))
    predictors = layout.predictors(layout.coefficients(theta), features)[len(layout.gate) :]
    y = case.model.expert.encode(case.y)
    density = case.model.expert.log_density(predictors, y, np.empty(r.T.shape))
    gate = log_softmax(logits(case.model, theta, case.x), axis=0)
    joint = np.where(r.T > 0.0, gate + density, 0.0)
    return float(np.sum(case.weight * r.T * joint)) - target.penalty.value(theta)


@PAIRS
@PENALTIES
@BOUNDS
def test_m_step_never_lowers_its_objective(
    gate: Gate, expert: Expert, penalty: tuple, bounds: Bounds
) -> None:
    """At the posterior, and at responsibilities that have nothing to do with it."""
    case = problem(gate, expert, n_experts=3, n_columns=2)
    target = objective(case.model, case.x, case.y, case.weight, penalty)
    rng = generator("m-step")
    box = bounds.box(case.model.layout)
    n = case.model.layout.n_gate
    for draw in range(4):
        theta = box.project(case.theta + 0.5 * draw * rng.normal(size=len(case.theta)))
        r = target.responsibilities(theta)
        if draw % 2:
            # Nobody is responsible for a row that its gate keeps from it.
            r = rng.dirichlet(np.full(3, 0.2), size=len(case.x)) * (r > 0.0) + 1e-9 * r
            r /= r.sum(axis=1, keepdims=True)
        updated = m_step(target, theta, target.em_statistics(theta, r), box)
        assert np.all((updated >= box.lower) & (updated <= box.upper))
        before = complete(case, target, theta, r)
        gate_step = np.concatenate([(updated - theta)[:n], np.zeros(len(theta) - n)])
        expert_step = updated - theta - gate_step
        # A Newton step may overshoot: some fraction of it must rise. A closed form may not.
        fractions = [0] if expert.closed_form else range(20)
        for step, powers in ((expert_step, fractions), (gate_step, range(20))):
            gain = [complete(case, target, theta + 0.5**i * step, r) - before for i in powers]
            assert max(gain) >= -1e-12 * abs(before)


@SMOOTH_PAIRS
def test_m_step_of_the_experts_is_a_maximum(gate: Gate, expert: Expert) -> None:
    """Once repeated, no small change of an expert's coefficients raises the objective."""
    case = problem(gate, expert, n_experts=3, n_columns=2)
    target = objective(case.model, case.x, case.y, case.weight, (1.0, 4.0))
    r = target.responsibilities(case.theta)
    theta = case.theta
    n = case.model.layout.n_gate
    linear = all(g.basis.constant for g in case.model.layout.gate if g.box == "gate")
    for _ in range(40):
        updated = m_step(target, theta, target.em_statistics(theta, r), case.box)
        # One Newton step of a gate that is not linear is neither damped nor certain to converge.
        theta = updated if linear else np.concatenate([theta[:n], updated[n:]])
    best = complete(case, target, theta, r)
    for i in range(n if gate.findings(3) or not linear else 0, len(theta)):
        for h in (1e-3, -1e-3):
            moved = theta.copy()
            moved[i] += h
            assert complete(case, target, moved, r) < best


@PAIRS
@PENALTIES
@BOUNDS
def test_values_never_decrease(gate: Gate, expert: Expert, penalty: tuple, bounds: Bounds) -> None:
    case = problem(gate, expert, n_experts=3, n_columns=2, max_logit=8.0)
    target = objective(case.model, case.x, case.y, case.weight, penalty)
    start = case.theta + generator("values").normal(size=len(case.theta))
    box = bounds.box(case.model.layout)
    solution = EM().solve(target, start, box, max_iter=30)
    assert np.all(np.diff(solution.trace) >= -1e-12 * (1.0 + np.abs(solution.trace[1:])))
    assert solution.monotone
    assert solution.value > solution.trace[0]
    assert np.all((solution.theta >= box.lower) & (solution.theta <= box.upper))
    assert solution.value == pytest.approx(target.evaluate(solution.theta).value, rel=1e-13)


@SMOOTH_PAIRS
def test_newton_adds_nothing_to_the_limit_of_em(gate: Gate, expert: Expert) -> None:
    case, newton = regular_problem(gate, expert, n_rows=200)
    em = EM().solve(case.objective, newton.theta + 1e-3, case.box, tol=1e-12, max_iter=20_000)
    assert em.reason is Reason.STATIONARY
    again = Newton().solve(case.objective, em.theta, case.box)
    assert again.reason is Reason.STATIONARY
    assert abs(again.value - em.value) < 1e-8 * len(case.x)
    assert em.value == pytest.approx(newton.value, abs=1e-5)
