"""EM hands over to Newton's method without a pass too many, and without losing its safeguard."""

from __future__ import annotations

import numpy as np
import pytest

from mixexp.estimation.certificate import certify
from mixexp.estimation.objective import Evaluation
from mixexp.estimation.solvers import EM, Newton, solve, warm_up
from mixexp.models import Gaussian, GaussianGate, Poisson, Softmax, Transformed
from tests.instances import problem

PARTS = [(Softmax(), Gaussian()), (Transformed(), Gaussian()), (GaussianGate(), Gaussian())]


@pytest.mark.parametrize(("gate", "expert"), PARTS, ids=repr)
@pytest.mark.parametrize("n_steps", [1, 3, 5])
def test_ends_where_the_same_em_steps_and_newton_end(gate, expert, n_steps):
    case = problem(gate, expert, n_rows=120)
    plain = EM().solve(case.objective, case.theta, case.box, max_iter=n_steps)
    found = warm_up.warm_up(case.objective, case.theta, case.box, Newton(), n_steps)
    np.testing.assert_array_equal(found.state.theta, plain.theta)
    np.testing.assert_allclose(found.trace, plain.trace, rtol=1e-13)
    there = Newton().start(case.objective, plain.theta, case.box)
    assert found.state.remaining_gain == there.remaining_gain


def test_makes_one_pass_a_step_and_one_with_the_hessian():
    case = problem(Softmax(), Gaussian(), n_rows=120)
    case.objective.n_evaluations = 0
    warm_up.warm_up(case.objective, case.theta, case.box, Newton(), 4)
    assert case.objective.n_evaluations == 4 + 1


def test_a_last_step_that_lowers_the_likelihood_is_made_again_with_the_safeguard(monkeypatch):
    case = problem(Softmax(), Gaussian(), n_rows=120)
    m_step, far = warm_up.m_step, np.full(len(case.theta), 3.0)
    monkeypatch.setattr(warm_up, "m_step", lambda *args: m_step(*args) + far)
    found = warm_up.warm_up(case.objective, case.theta, case.box, Newton(), 2)
    plain = EM().solve(case.objective, case.theta, case.box, max_iter=2)
    np.testing.assert_array_equal(found.state.theta, plain.theta)
    assert found.trace == sorted(found.trace)


def test_a_start_that_is_not_finite_ends_the_climb():
    case = problem(Softmax(), Gaussian(), n_rows=120)
    theta = np.full_like(case.theta, np.nan)
    found = solve("auto", case.objective, theta, case.box)
    assert not np.isfinite(found.value)
    assert found.reason.name == "NOT_FINITE"


@pytest.mark.parametrize(("gate", "expert"), PARTS, ids=repr)
def test_the_solution_brings_the_derivatives_that_its_certificate_needs(gate, expert):
    case = problem(gate, expert, n_rows=120)
    found = Newton().solve(case.objective, case.theta, case.box)
    again = case.objective.evaluate(found.theta, 2)
    assert found.evaluation is not None
    np.testing.assert_array_equal(found.evaluation.hessian, again.hessian)
    names = [f"p{i}" for i in range(len(found.theta))]
    with_it, _ = certify(case.objective, found.theta, case.box, names, evaluation=found.evaluation)
    without, _ = certify(case.objective, found.theta, case.box, names)
    assert with_it == without


def test_an_unpolished_climb_stops_at_the_tolerance():
    case = problem(Softmax(), Gaussian(), n_rows=120)
    rough = Newton().solve(case.objective, case.theta, case.box, tol=1e-3, polish=False)
    fine = Newton().solve(case.objective, case.theta, case.box, tol=1e-3)
    assert 0.0 < fine.value - rough.value <= 1e-3
    assert rough.n_iter == fine.n_iter


@pytest.mark.parametrize("intercept", [290.0, 400.0, 1e5])
def test_an_expert_far_beyond_the_counts_takes_no_part(intercept):
    """Its rate of e^400 multiplies responsibilities of zero: no optimum nearby, and no nan."""
    case = problem(Softmax(), Poisson(), n_rows=60)
    theta = case.theta.copy()
    theta[case.objective.layout.n_gate] = intercept
    there = case.objective.evaluate(case.box.project(theta), 2)
    assert np.isfinite(there.hessian).all()
    near = solve("auto", case.objective, theta, case.box, near=True)
    assert near.value == solve("auto", case.objective, theta, case.box).value
    assert near.value > there.value + 100.0


def test_derivatives_that_overflow_are_no_optimum():
    case = problem(Softmax(), Gaussian(), n_rows=60)
    value, gradient, hessian = case.objective.evaluate(case.theta, 2)
    hessian[0, 0] = np.nan
    state = Newton().at(Evaluation(value, gradient, hessian), case.theta, case.box)
    assert not state.in_reach
    assert state.value == -np.inf
