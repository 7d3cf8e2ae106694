"""Exact derivatives of the log-likelihood, for every gate with every expert."""

from __future__ import annotations

import numpy as np
import pytest

from mixexp.models import Expert, Gate
from tests.instances import PAIRS, Problem, differences, generator, objective, problem

SIZES = pytest.mark.parametrize(
    ("n_experts", "n_columns", "max_logit"),
    [
        (1, 2, 1.0),
        (2, 1, 30.0),
        (3, 5, 5.0),
        (4, 3, 30.0),
        (5, 4, 30.0),
        (6, 1, 12.0),
        (6, 5, 30.0),
    ],
)
# Relative to the norm of a block of coordinates; what rounding of the function does to a difference
# quotient is let through (a sum over 24 rows of as many terms as there are experts).
TOLERANCE = 1e-6
ROUNDING = 32.0 * np.finfo(float).eps / 2e-4


def random_problem(gate: Gate, expert: Expert, k: int, d: int, max_logit: float) -> Problem:
    return problem(gate, expert, n_experts=k, n_columns=d, n_rows=24, max_logit=max_logit)


def some(problem: Problem, most: int = 10) -> np.ndarray:
    """Coordinates to differentiate along: all of a small problem, a random few of a large one."""
    n = problem.model.layout.n_free
    return np.sort(generator(n).permutation(n)[:most])


@PAIRS
@SIZES
def test_score_agrees_with_differences_of_the_value(
    gate: Gate, expert: Expert, n_experts: int, n_columns: int, max_logit: float
) -> None:
    case = random_problem(gate, expert, n_experts, n_columns, max_logit)
    value, score, _ = case.objective.evaluate(case.theta, 1)
    where = some(case, most=30)
    expected = differences(lambda t: case.objective.evaluate(t).value, case.theta, where)
    for block in case.model.layout.slices:
        inside = (where >= block.start) & (where < block.stop)
        error = np.linalg.norm(score[where[inside]] - expected[inside])
        assert error <= TOLERANCE * np.linalg.norm(score[block]) + ROUNDING * abs(value)


@PAIRS
@SIZES
def test_hessian_agrees_with_differences_of_the_score(
    gate: Gate, expert: Expert, n_experts: int, n_columns: int, max_logit: float
) -> None:
    case = random_problem(gate, expert, n_experts, n_columns, max_logit)
    _, score, hessian = case.objective.evaluate(case.theta, 2)
    where = some(case)
    expected = differences(lambda t: case.objective.evaluate(t, 1).gradient, case.theta, where)
    assert np.array_equal(hessian, hessian.T)
    for rows in case.model.layout.slices:
        inside = (where >= rows.start) & (where < rows.stop)
        for columns in case.model.layout.slices:
            error = np.linalg.norm(hessian[where[inside], columns] - expected[inside, columns])
            rounding = ROUNDING * np.linalg.norm(score)
            assert error <= TOLERANCE * np.linalg.norm(hessian[rows, columns]) + rounding


@PAIRS
def test_scores_of_the_rows_add_up_to_the_score(gate: Gate, expert: Expert) -> None:
    case = problem(gate, expert, n_experts=3, n_columns=2, n_rows=130, block_rows=64)
    total = case.objective.evaluate(case.theta, 1).gradient
    scores = case.objective.scores(case.theta)
    assert scores.shape == (130, len(case.theta))
    assert np.allclose(scores.sum(axis=0), total, rtol=1e-12, atol=1e-12 * np.abs(scores).sum())


@PAIRS
def test_score_of_a_row_is_the_score_of_that_row_alone(gate: Gate, expert: Expert) -> None:
    case = problem(gate, expert, n_experts=3, n_columns=2)
    row = slice(7, 8)
    alone = objective(case.model, case.x[row], case.y[row], case.weight[row])
    expected = alone.evaluate(case.theta, 1).gradient
    assert np.allclose(case.objective.scores(case.theta)[7], expected, rtol=1e-12, atol=1e-13)


@PAIRS
def test_em_statistics_hold_the_value_and_the_gate_score(gate: Gate, expert: Expert) -> None:
    """Fisher's identity: the M-step's gradient at the current θ is the score."""
    case = problem(gate, expert, n_experts=4, n_columns=2, max_logit=10.0)
    exact = case.objective.evaluate(case.theta, 1)
    statistics = case.objective.em_statistics(case.theta)
    n = case.model.layout.n_gate
    assert statistics.value == pytest.approx(exact.value, rel=1e-14)
    assert np.allclose(statistics.gradient, exact.gradient[:n], rtol=1e-12, atol=1e-12)


@PAIRS
def test_gate_hessian_of_em_agrees_with_differences_at_fixed_responsibilities(
    gate: Gate, expert: Expert
) -> None:
    """At the gate's own probabilities, where the curvature of the logits has no part in it."""
    case = problem(gate, expert, n_experts=3, n_columns=2)
    r = case.model.weights(case.params, case.x)
    n = case.model.layout.n_gate
    hessian = case.objective.em_statistics(case.theta).hessian
    expected = differences(
        lambda t: case.objective.em_statistics(t, r).gradient, case.theta, range(n)
    )
    assert np.linalg.norm(hessian - expected) <= TOLERANCE * np.linalg.norm(hessian)
    assert np.linalg.eigvalsh(hessian).max() <= 1e-12 * np.linalg.norm(hessian)


@PAIRS
def test_weights_count_rows(gate: Gate, expert: Expert) -> None:
    """A weight of two is the same row twice, a weight of zero no row."""
    case = problem(gate, expert, n_experts=3, n_columns=2)
    copies = generator("copies").integers(0, 3, size=len(case.x))
    weighted = objective(case.model, case.x, case.y, copies.astype(float))
    written_out = objective(
        case.model, np.repeat(case.x, copies, axis=0), np.repeat(case.y, copies, axis=0)
    )
    for a, b in zip(
        weighted.evaluate(case.theta, 2), written_out.evaluate(case.theta, 2), strict=True
    ):
        assert np.allclose(a, b, rtol=1e-11, atol=1e-10)


@PAIRS
def test_penalty_enters_value_score_hessian_and_em_alike(gate: Gate, expert: Expert) -> None:
    case = problem(gate, expert, n_experts=3, n_columns=2)
    ridged = objective(case.model, case.x, case.y, case.weight, penalty=(2.0, 3.0))
    plain, penalised = (o.evaluate(case.theta, 2) for o in (case.objective, ridged))
    assert penalised.value < plain.value
    gradient = differences(lambda t: ridged.evaluate(t).value, case.theta)
    assert np.allclose(penalised.gradient, gradient, rtol=1e-7, atol=1e-7)
    hessian = differences(lambda t: ridged.evaluate(t, 1).gradient, case.theta)
    assert np.allclose(penalised.hessian, hessian, rtol=1e-7, atol=1e-7)
    n = case.model.layout.n_gate
    statistics = ridged.em_statistics(case.theta)
    assert statistics.value == pytest.approx(penalised.value, rel=1e-13)
    assert np.allclose(statistics.gradient, penalised.gradient[:n], rtol=1e-11, atol=1e-11)
    change = statistics.hessian - case.objective.em_statistics(case.theta).hessian
    assert np.allclose(change, (penalised.hessian - plain.hessian)[:n, :n], atol=1e-10)
