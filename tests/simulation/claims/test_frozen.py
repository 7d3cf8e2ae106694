"""Fits in which the last expert is known: what is free, what is certified, what is on a bound."""

from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np
import pytest

from mixexp.estimation.box import Bounds, Box
from mixexp.estimation.certificate import certify
from mixexp.estimation.data import Data
from mixexp.estimation.expert_separation import separated_experts
from mixexp.estimation.fit import Fit, Options, fit
from mixexp.estimation.objective import Objective
from mixexp.estimation.penalty import Ridge
from mixexp.estimation.solvers import Newton
from mixexp.models import MixtureOfExperts, Multinomial, Softmax
from mixexp.simulation.claims.arms import LiteratureEM, NearTruth, Search
from mixexp.simulation.claims.problems.conditional import Conditional, best_in_theta
from mixexp.simulation.claims.problems.frozen import LastExpertKnown, knowing_last
from mixexp.theory.truths.named import TRUTHS
from tests.estimation.cases import bind, box, names, near_truth, two_lines

TRUTH = TRUTHS["multinomial"]
FREE = Bounds(gate=5.0, expert=5.0)
KNOWN = knowing_last(TRUTH, FREE)


def data(n: int = 3000) -> tuple[np.ndarray, np.ndarray]:
    return TRUTH.sample(n, np.random.default_rng(7))


def fitted(bounds: Bounds, model: MixtureOfExperts = TRUTH.model, n_init: int = 4) -> Fit:
    options = Options(n_init=n_init, bounds=bounds, min_share=0.0, standardize=False)
    return fit(model, *data(), options=options, given=[TRUTH.params])


@pytest.mark.parametrize("k", [1, 2, 3])
def test_the_box_holds_the_last_expert_whatever_their_number(k: int) -> None:
    layout = Conditional(TRUTH, k, KNOWN).model.layout
    box = KNOWN.box(layout)
    assert np.array_equal(box.known, layout.expert_of == k - 1)
    tables = layout.coefficients(box.lower)[len(layout.gate) :]
    last = np.stack([table[-1] for table in tables])
    assert np.array_equal(last[:, 0], TRUTH.measure["intercept"][1, :2])
    assert np.array_equal(last[:, 1:], TRUTH.measure["coef"][1, :2])
    free = ~box.known
    assert np.all(box.upper[free] == 5.0) and np.all(box.lower[free] == -5.0)


def test_a_model_with_another_last_expert_is_refused() -> None:
    layout = TRUTHS["balanced"].model.layout
    with pytest.raises(ValueError, match="last has 6 entries and the last expert 3 coordinates"):
        KNOWN.box(layout)


def test_wider_bounds_still_know_it() -> None:
    wide = replace(KNOWN, gate=500.0)
    assert isinstance(wide, LastExpertKnown)
    assert wide.last == KNOWN.last
    assert pickle.loads(pickle.dumps(KNOWN)) == KNOWN


def test_the_known_expert_does_not_move_and_the_rest_is_certified() -> None:
    found = fitted(KNOWN)
    best = best_in_theta(found)
    certificate = best.certificate
    assert certificate is not None and certificate.holds
    assert certificate.active_bounds == ()
    measure = found.objective.model.measure(found.params(best))
    assert np.array_equal(measure["coef"][1], TRUTH.measure["coef"][1])
    assert np.array_equal(measure["intercept"][1], TRUTH.measure["intercept"][1])
    # Certified on the free coordinates: the score of the known ones is not zero.
    known = KNOWN.box(found.objective.layout).known
    evaluation = found.objective.evaluate(best.theta, 2)
    assert evaluation.gradient is not None and evaluation.hessian is not None
    assert np.abs(evaluation.gradient[~known]).max() < 1e-6
    assert np.abs(evaluation.gradient[known]).max() > 1.0
    inside = -evaluation.hessian[np.ix_(~known, ~known)] / len(data()[0])
    values = np.linalg.eigvalsh(inside)
    assert certificate.information == pytest.approx((values[0], values[-1]))


def test_it_lies_between_the_truth_and_the_free_fit() -> None:
    restricted, free = fitted(KNOWN), fitted(FREE)
    x, y = data()
    truth = TRUTH.model.log_prob(TRUTH.params, x, y).sum()
    highest = [found.loglik(best_in_theta(found)) for found in (restricted, free)]
    assert truth < highest[0] < highest[1]
    # Twice the differences are χ² with 9 and 6 degrees of freedom: far below 40.
    assert highest[1] - truth < 20.0


def test_bounds_of_the_others_are_told() -> None:
    best = best_in_theta(fitted(knowing_last(TRUTH, Bounds(gate=5.0, expert=1.9))))
    certificate = best.certificate
    assert certificate is not None and certificate.holds
    assert certificate.active_bounds
    assert all("class[" in name and "][0]" in name for name in certificate.active_bounds)


def test_a_known_gate_is_no_bound_that_costs_nats() -> None:
    target = bind(2, *two_lines())
    known = box(target)
    gate = near_truth(target)[1]
    known.lower[1] = known.upper[1] = gate + 1.0
    solution = Newton().solve(target, near_truth(target), known)
    lifted = box(target, Bounds(gate=1e5))
    found, _ = certify(target, solution.theta, known, names(target), bounds_lifted=lifted)
    assert found.holds
    assert found.active_bounds == ()
    assert found.separation.message == ""


def test_separated_experts_are_looked_for_beside_what_is_known() -> None:
    """Beyond the bounds the likelihood rises to 0 with the known intercept where it is."""
    x = np.concatenate([-np.linspace(0.05, 1.0, 20), np.linspace(0.05, 1.0, 20)])[:, None]
    model = MixtureOfExperts(Softmax(), Multinomial(2), 1, 1)
    rows = Data.from_rows(x, model.expert.encode(x[:, 0] < 0.0), None, standardize=False)
    target = Objective(model, rows, Ridge.build(model.layout, None, None))
    known = Box(np.array([0.3, -5.0]), np.array([0.3, 5.0]))
    theta = Newton().solve(target, np.array([0.3, 0.0]), known).theta
    assert theta == pytest.approx([0.3, 5.0])
    evaluation = target.evaluate(theta, 2)
    (found,) = separated_experts(target, theta, evaluation, known, np.empty((2, 0)), ["a", "b"])
    assert found.gain == pytest.approx(-evaluation.value, rel=1e-4)


@pytest.mark.parametrize("arm", [Search(n_starts=4), NearTruth(2), LiteratureEM(n_starts=2)])
def test_every_arm_holds_it(arm: Search | NearTruth | LiteratureEM) -> None:
    problem = Conditional(TRUTH, 3, KNOWN)
    x, y = data(1500)
    outcome = problem.fit(arm, x, y, seed=3)
    assert np.array_equal(outcome.measure["coef"][2], TRUTH.measure["coef"][1])
    assert outcome.loglik > problem.loglik_of_truth(x, y)


def test_known_coordinates_are_never_free() -> None:
    box = Box(np.array([0.5, -1.0]), np.array([0.5, 1.0]))
    assert box.known.tolist() == [True, False]
    for slope in (-1.0, 0.0, 1.0):
        assert box.free(np.array([0.5, 0.0]), np.full(2, slope)).tolist() == [False, True]
