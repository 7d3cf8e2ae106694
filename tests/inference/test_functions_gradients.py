"""Functions of the parameters and their exact gradients, for every gate with every expert."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest

from mixexp.estimation.data import Data
from mixexp.estimation.objective import Objective
from mixexp.inference.gradients import Gradients, Local, blocks
from mixexp.models import Expert, Gate, Gaussian, Multinomial, Poisson, Softmax, TopK
from tests.instances import PAIRS, Problem, differences, known_at, problem

FUNCTIONS: tuple[Callable[[Gradients], Local], ...] = (
    Gradients.gate_proba,
    Gradients.expert_means,
    Gradients.mean,
)
TOLERANCE = 1e-7


def case_of(gate: Gate, expert: Expert, n_experts: int = 3) -> Problem:
    return problem(gate, expert, n_experts=n_experts, n_columns=2, n_rows=12, max_logit=5.0)


def at(case: Problem, theta: np.ndarray | None = None) -> Gradients:
    known = known_at(case, slice(None))
    chosen = case.theta if theta is None else theta
    return Gradients(case.objective.model, chosen, case.objective.data.z, known)


@PAIRS
def test_values_are_those_of_the_model(gate: Gate, expert: Expert) -> None:
    case = case_of(gate, expert)
    known = known_at(case, slice(None))
    weights = case.model.weights(case.params, case.x)
    means = case.model.expert_means(case.params, case.x, known).reshape(len(case.x), 3, -1)
    mean = case.model.mean(case.params, case.x, known).reshape(len(case.x), -1)
    found = at(case)
    np.testing.assert_allclose(found.gate_proba().value, weights.T, rtol=1e-12, atol=1e-300)
    expected = means.transpose(1, 2, 0).reshape(-1, len(case.x))
    np.testing.assert_allclose(found.expert_means().value, expected, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(found.mean().value, mean.T, rtol=1e-10, atol=1e-12)


@PAIRS
def test_gradients_agree_with_differences(gate: Gate, expert: Expert) -> None:
    case = case_of(gate, expert)

    def values(theta: np.ndarray) -> np.ndarray:
        there = at(case, theta)
        return np.concatenate([function(there).value for function in FUNCTIONS])

    here = at(case)
    expected = differences(values, case.theta)
    start = 0
    for function in FUNCTIONS:
        gradient = here.rows(function(here))
        mine = np.moveaxis(expected[:, start : start + len(gradient)], 0, -1)
        start += len(gradient)
        size = np.abs(mine).max() + np.abs(function(here).value).max()
        assert np.abs(gradient - mine).max() <= TOLERANCE * size
        assert np.abs(mine).max() > 1e-3


@PAIRS
def test_sums_are_sums_of_rows(gate: Gate, expert: Expert) -> None:
    case = case_of(gate, expert)
    here = at(case)
    value, gradient = here.sums(here.mean(), case.weight)
    np.testing.assert_allclose(value, here.mean().value @ case.weight, rtol=1e-12)
    rows = np.einsum("mbp,b->mp", here.rows(here.mean()), case.weight)
    np.testing.assert_allclose(gradient, rows, rtol=1e-10, atol=1e-12 * np.abs(rows).max())


def test_one_expert_has_weight_one_and_no_gradient() -> None:
    case = case_of(Softmax(), Gaussian(), n_experts=1)
    here = at(case)
    assert np.all(here.gate_proba().value == 1.0)
    assert np.all(here.rows(here.gate_proba()) == 0.0)


@pytest.mark.parametrize("expert", [Gaussian(), Multinomial(3), Poisson()], ids=repr)
def test_units_of_the_response_and_the_columns(expert: Expert) -> None:
    """On standardised columns and responses, values are in the user's units all the same."""
    case = problem(Softmax(), expert, n_experts=2, n_columns=2, n_rows=30)
    x, y = 3.0 + 5.0 * case.x, case.y
    y = 100.0 + 7.0 * y if expert.standardizes else y
    data = Data.from_rows(x, expert.encode(y), standardize_y=expert.standardizes)
    model = Objective(case.model, data).model
    theta = 0.5 * np.sin(np.arange(model.layout.n_free))
    known = known_at(case, slice(None))
    user = model.rescale(model.layout.coefficients(theta), data.affine)
    expected = case.model.mean(case.model.to_params(user), x, known).reshape(len(x), -1)
    here = Gradients(model, theta, data.z, known)
    np.testing.assert_allclose(here.mean().value.T, expected, rtol=1e-10)
    gradient = here.rows(here.mean())
    by_hand = differences(lambda t: Gradients(model, t, data.z, known).mean().value.ravel(), theta)
    np.testing.assert_allclose(gradient, by_hand.T.reshape(gradient.shape), rtol=1e-6, atol=1e-6)


def test_probabilities_close_to_one_keep_their_derivatives() -> None:
    """A difference of one and a number close to it has no digits left, a sum of small ones has."""
    case = problem(Softmax(), Multinomial(2), n_experts=2, n_columns=1, n_rows=4)
    theta = case.theta.copy()
    layout = case.model.layout
    theta[layout.n_gate :] = 0.0
    theta[layout.n_gate + np.array([0, 2])] = 60.0, 50.0
    here = at(case, theta)
    plain, exact = here.rows(here.mean()), here.rows(here.mean().probabilities())
    small = np.exp(-60.0) * here.pi[0]
    np.testing.assert_allclose(exact[0, :, layout.n_gate], small, rtol=1e-10)
    np.testing.assert_allclose(exact[0], -plain[1], rtol=1e-12)
    assert exact[0, :, 0] @ exact[0, :, 0] > 0.0


def test_active_experts_can_be_held() -> None:
    case = problem(TopK(1), Gaussian(), n_experts=3, n_columns=1, n_rows=20)
    model, z = case.objective.model, case.objective.data.z
    here = Gradients(model, case.theta, z)
    held = Gradients(model, case.theta, z[:, ::-1], active=here.active)
    assert np.array_equal(held.pi, here.active)
    assert not np.array_equal(Gradients(model, case.theta, z[:, ::-1]).pi, here.active)


def test_blocks_cover_the_rows() -> None:
    case = case_of(Softmax(), Gaussian())
    found = list(blocks(case.objective.model, 100_000, 5))
    assert found[0].start == 0 and found[-1].stop == 100_000 and len(found) > 1
    assert all(a.stop == b.start for a, b in pairwise(found))
