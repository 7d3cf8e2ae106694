"""EM as the literature stops it."""

import numpy as np
import pytest

from mixexp.estimation.box import Bounds
from mixexp.simulation.claims.arms import LiteratureEM
from mixexp.simulation.claims.problems.conditional import Conditional
from mixexp.simulation.claims.problems.literature import em
from mixexp.theory.truths.named import TRUTHS

THETA = Bounds(gate=6.0, expert=6.0, scale=(0.1, 5.0))
PROBLEM = Conditional(TRUTHS["balanced"], 2, THETA)
X, Y = PROBLEM.sample(500, np.random.default_rng(0))


def after(rtol, max_iter, starts=None):
    arm = LiteratureEM(rtol=rtol, max_iter=max_iter)
    return em(PROBLEM.model, THETA, starts or [TRUTHS["balanced"].params], X, Y, arm)


def test_it_stops_at_the_first_gain_below_the_tolerance():
    logliks = [PROBLEM.loglik_of_truth(X, Y)] + [after(0.0, t).loglik for t in range(1, 12)]
    gains = np.diff(logliks)
    assert (gains >= 0.0).all()
    rtol = 1e-6
    first = 1 + int(np.argmax(gains <= rtol * np.abs(logliks[:-1])))
    assert 1 < first < 11
    found = after(rtol, 2000)
    assert found.about["n_iter"] == first
    assert found.loglik == pytest.approx(logliks[first], abs=1e-9)


def test_a_step_is_the_m_step_of_the_experts():
    model, truth = PROBLEM.model, TRUTHS["balanced"]
    share = model.posterior(truth.params, X, Y)
    design = np.column_stack([np.ones(len(X)), X])
    measure = after(0.0, 1).measure
    for k in range(2):
        w = share[:, k]
        line = np.linalg.solve(design.T @ (w[:, None] * design), design.T @ (w * Y))
        variance = w @ (Y - design @ line) ** 2 / w.sum()
        assert measure["intercept"][k] == pytest.approx(line[0], rel=1e-9)
        assert measure["coef"][k, 0] == pytest.approx(line[1], rel=1e-9)
        assert measure["variance"][k] == pytest.approx(variance, rel=1e-9)


def test_the_best_start_counts_and_the_others_do_not():
    model, truth = PROBLEM.model, TRUTHS["balanced"]
    swapped = model.from_measure(truth.measure.take([1, 0]))
    bad = model.from_measure(truth.measure.translate(0.0, [0.0]).take([0, 0]))
    best = after(1e-6, 50)
    assert after(1e-6, 50, [bad, truth.params]).loglik == best.loglik
    assert after(1e-6, 50, [bad]).loglik < best.loglik - 10.0
    assert after(1e-6, 50, [swapped]).loglik == pytest.approx(best.loglik, abs=1e-3)
    assert after(1e-6, 50, [bad, truth.params]).about["n_starts"] == 2


def test_starts_outside_theta_are_brought_inside():
    measure = TRUTHS["lambda"].measure
    problem = Conditional(TRUTHS["lambda"], 2, THETA)
    start = problem.model.from_measure(measure)
    found = em(problem.model, THETA, [start], X, Y, LiteratureEM(max_iter=1))
    assert np.abs(found.measure["coef"]).max() <= 6.0 + 1e-12
