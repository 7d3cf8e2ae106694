"""The pass over active experts gives what the pass over all experts gives."""

from __future__ import annotations

import numpy as np
import pytest

from mixexp.estimation.objective import Objective
from mixexp.estimation.sparsepass import is_faster, is_possible
from mixexp.models import (
    Activation,
    Binomial,
    Expert,
    Gate,
    Gaussian,
    MixtureOfExperts,
    Multinomial,
    Poisson,
    Softmax,
    Temperature,
    TopK,
)
from tests.instances import Problem, objective, problem

GATES = [
    TopK(1),
    TopK(2),
    TopK(2, select="logit"),
    TopK(3, Softmax(degree=2)),
    TopK(4, Softmax(degree=2), select="logit"),
    TopK(2, Temperature()),
    TopK(3, Temperature(), select="logit"),
    TopK(2, Temperature(Activation())),
    TopK(2, Activation()),
    TopK(3, Activation(), select="logit"),
]
EXPERTS = [Gaussian(), Gaussian(degree=2, variance="shared")]


def passes(case: Problem, **options: int) -> tuple[Objective, Objective]:
    """The objective of a problem with the dense and with the sparse pass."""
    rows = case.model, case.x, case.y, case.weight
    return objective(*rows, **options, _sparse=False), objective(*rows, **options, _sparse=True)


def quantities(target: Objective, theta: np.ndarray) -> dict[str, np.ndarray]:
    """Everything an objective says about θ."""
    evaluation, statistics = target.evaluate(theta, 2), target.em_statistics(theta)
    return {
        "value": np.array([target.evaluate(theta).value, evaluation.value, statistics.value]),
        "gradient": evaluation.gradient,
        "score": target.evaluate(theta, 1).gradient,
        "hessian": evaluation.hessian,
        "EM gradient": statistics.gradient,
        "EM hessian": statistics.hessian,
        **{f"EM expert {i}": sums for i, sums in enumerate(statistics.expert)},
        "row scores": target.scores(theta),
        "log_prob": target.log_prob(theta),
        "shares": target.shares(theta),
        "responsibilities": target.responsibilities(theta),
        "logit range": np.array(target.logit_range(theta)),
    }


def assert_equal_but_for_rounding(case: Problem, **options: int) -> None:
    dense, sparse = (quantities(target, case.theta) for target in passes(case, **options))
    for name, expected in dense.items():
        size = np.abs(expected[np.isfinite(expected)]).max(initial=1.0)
        found = sparse[name]
        assert np.allclose(found, expected, rtol=1e-12, atol=1e-12 * size), name


@pytest.mark.parametrize("gate", GATES, ids=repr)
@pytest.mark.parametrize("expert", EXPERTS, ids=repr)
def test_agrees_with_the_dense_pass(gate: TopK, expert: Gaussian) -> None:
    case = problem(gate, expert, n_experts=6, n_columns=2, n_rows=150)
    assert_equal_but_for_rounding(case, block_rows=64)


@pytest.mark.parametrize("n_active", [1, 2, 3, 4])
def test_agrees_without_weights_up_to_all_experts(n_active: int) -> None:
    case = problem(TopK(n_active), Gaussian(), n_experts=4, n_rows=70, weighted=False)
    assert_equal_but_for_rounding(case)


def test_agrees_in_blocks_of_one_row() -> None:
    case = problem(TopK(2), Gaussian(), n_experts=5, n_columns=2, n_rows=7)
    assert_equal_but_for_rounding(case, block_rows=1)


@pytest.mark.parametrize("gate", [TopK(2), TopK(3, Temperature())], ids=repr)
@pytest.mark.parametrize("expert", [Multinomial(3), Poisson(), Binomial()], ids=repr)
def test_agrees_for_experts_of_classes_and_counts(gate: TopK, expert: Expert) -> None:
    case = problem(gate, expert, n_experts=6, n_columns=2, n_rows=150)
    assert_equal_but_for_rounding(case, block_rows=64)


def test_equal_scores_choose_the_same_experts() -> None:
    case = problem(TopK(2), Gaussian(), n_experts=5, n_rows=40)
    theta = np.where(case.model.layout.entries("gate"), 0.0, case.theta)
    dense, sparse = (target.responsibilities(theta) for target in passes(case))
    assert np.all(dense[:, 2:] == 0.0)
    assert np.allclose(dense, sparse, rtol=0.0, atol=1e-14)


@pytest.mark.parametrize("gate", [TopK(2), TopK(3, Temperature())], ids=repr)
def test_bits_do_not_depend_on_the_number_of_threads(gate: TopK) -> None:
    case = problem(gate, Gaussian(), n_experts=12, n_columns=2, n_rows=3 * 16 * 32 + 50)
    one, *more = (
        quantities(passes(case, block_rows=32, n_threads=t)[1], case.theta) for t in (1, 2, 3)
    )
    for other in more:
        assert all(np.array_equal(one[name], other[name]) for name in one)


def test_given_responsibilities_may_lie_where_the_gate_is_off() -> None:
    case = problem(TopK(1), Gaussian(), n_experts=5, n_columns=2, n_rows=80)
    r = np.random.default_rng(0).dirichlet(np.ones(5), size=80)
    dense, sparse = (target.em_statistics(case.theta, r) for target in passes(case))
    assert np.array_equal(dense.gradient, sparse.gradient)
    assert all(np.array_equal(a, b) for a, b in zip(dense.expert, sparse.expert, strict=True))


@pytest.mark.parametrize(
    ("gate", "n_experts", "possible", "faster"),
    [
        (TopK(2), 64, True, True),
        (TopK(2), 11, True, False),
        (TopK(4, Temperature()), 24, True, True),
        (Softmax(), 64, False, False),
    ],
    ids=repr,
)
def test_the_pass_is_sparse_where_that_is_faster(
    gate: Gate, n_experts: int, possible: bool, faster: bool
) -> None:
    model = MixtureOfExperts(gate, Gaussian(), n_experts, 1)
    assert (is_possible(model), is_faster(model)) == (possible, faster)
