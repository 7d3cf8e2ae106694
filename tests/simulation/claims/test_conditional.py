"""Fits of conditional laws by every arm."""

import numpy as np
import pytest

from mixexp.estimation.box import Bounds
from mixexp.models import Softmax, Temperature
from mixexp.simulation.claims.arms import LiteratureEM, NearTruth, Search, Unfitted
from mixexp.simulation.claims.problems.conditional import Conditional
from mixexp.simulation.claims.problems.near_truth import near_truth
from mixexp.simulation.claims.problems.scale_ray import OnRay
from mixexp.theory.truths.named import TRUTHS

THETA = Bounds(gate=6.0, expert=6.0, scale=(0.02**0.5, 20.0**0.5))
PROBLEM = Conditional(TRUTHS["balanced"], 3, THETA)
X, Y = PROBLEM.sample(400, np.random.default_rng(0))
ARMS = (Search(n_starts=4), NearTruth(n_starts=2), LiteratureEM(n_starts=2), Unfitted())


@pytest.fixture(scope="module")
def outcomes():
    return {arm.name: PROBLEM.fit(arm, X, Y, 5) for arm in ARMS}


def test_the_log_likelihood_is_that_of_the_measure(outcomes):
    for outcome in outcomes.values():
        params = PROBLEM.model.from_measure(outcome.measure)
        again = float(PROBLEM.model.log_prob(params, X, Y).sum())
        assert outcome.loglik == pytest.approx(again, abs=1e-8)


def test_every_step_towards_the_maximum_gains(outcomes):
    logliks = [outcomes[name].loglik for name in ("start", "literature", "near")]
    assert logliks == sorted(logliks)
    assert outcomes["search"].loglik > PROBLEM.loglik_of_truth(X, Y)


def test_certificates_are_those_of_the_fit(outcomes):
    for name in ("search", "near"):
        about = outcomes[name].about
        assert about["certified"] is True
        assert about["remaining_gain"] < 1e-3
        assert about["n_starts"] >= 1
    assert "certified" not in outcomes["literature"].about
    assert outcomes["start"].about == {}


def test_the_unfitted_arm_is_the_first_start(outcomes):
    start = near_truth(PROBLEM.truth_measure, 3, 400, np.random.default_rng([5, 2]))
    assert outcomes["start"].measure.allclose(start.normalized())


def test_theta_holds(outcomes):
    for name in ("search", "near", "literature"):
        measure = outcomes[name].measure
        assert np.abs(measure["coef"]).max() <= 6.0 + 1e-9
        assert 0.02 - 1e-9 <= measure["variance"].min() <= measure["variance"].max() <= 20.0 + 1e-9


def test_the_same_seed_gives_the_same_numbers(outcomes):
    again = PROBLEM.fit(ARMS[0], X, Y, 5)
    assert again.loglik == outcomes["search"].loglik


def test_superfluous_experts_gain_over_the_best_exact_fit(outcomes):
    exact = PROBLEM.loglik_of_exact(X, Y, 5)
    assert PROBLEM.loglik_of_truth(X, Y) < exact <= outcomes["search"].loglik
    assert Conditional(TRUTHS["balanced"], 2, THETA).loglik_of_exact(X, Y, 5) is None


def test_a_scale_nothing_determines_is_left_where_starts_put_it():
    theta = Bounds(gate=20.0, expert=20.0, scale=THETA.scale, temperature=(0.01, 20.0))
    free = Temperature(Softmax(), normalize=False)
    problem = OnRay(TRUTHS["temperature"], 2, theta, gate=free)
    x, y = problem.sample(400, np.random.default_rng(0))
    found = [problem.fit(Search(n_starts=2), x, y, seed) for seed in range(4)]
    tau = np.array([f.measure["gate_temperature"][0] for f in found])
    slope = np.array([np.ptp(f.measure["gate_coef"]) for f in found])
    assert np.ptp(np.log(tau)) > 0.2
    assert np.ptp(slope) > 0.2
    np.testing.assert_allclose(slope / tau, (slope / tau)[0], rtol=1e-4)
    assert np.ptp([f.loglik for f in found]) < 1e-5
    assert all(f.about["certified"] for f in found)
