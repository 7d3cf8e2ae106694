"""The laws themselves: densities that integrate to one, samplers that match them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import kstest

from mixexp.models import Expert, Gate, Multinomial
from tests.instances import (
    PAIRS,
    UNIVARIATE_PAIRS,
    Problem,
    generator,
    known_at,
    objective,
    problem,
    response_of,
    responses,
)


def density(case: Problem, row: int, y: np.ndarray) -> np.ndarray:
    return np.exp(case.model.log_prob(case.params, np.tile(case.x[row], (len(y), 1)), y))


@UNIVARIATE_PAIRS
def test_law_sums_to_one_and_has_the_mean_it_says(gate: Gate, expert: Expert) -> None:
    case = problem(gate, expert, n_experts=4, n_columns=2, max_logit=4.0)
    for row in range(5):
        y, weight = responses(case, row)
        p = density(case, row, y) * weight
        here = slice(row, row + 1)
        law = case.model.distribution(case.params, case.x[here], known_at(case, here))
        assert p.sum() == pytest.approx(1.0, abs=1e-9)
        value = np.eye(len(y)) if isinstance(expert, Multinomial) else response_of(case, y)
        mean = p @ value
        assert np.allclose(mean, law.mean()[0], atol=1e-8, rtol=1e-9)
        assert np.allclose(p @ (value - mean) ** 2, law.variance()[0], rtol=1e-7)


@UNIVARIATE_PAIRS
def test_sample_follows_the_law(gate: Gate, expert: Expert) -> None:
    """Probabilities P(Y <= y_i | x_i), summed from the density, are uniform for a sample.

    Where one response has a probability of its own, a uniform part of it is taken.
    """
    case = problem(gate, expert, n_experts=3, n_columns=2)
    rng = generator("sample", repr(gate), repr(expert))
    x = np.repeat(case.x[:5], 400, axis=0)
    known = known_at(case, slice(0, 5))
    y = case.model.sample(case.params, x, rng, None if known is None else np.repeat(known, 400))
    probability = []
    for row, drawn in enumerate(y.reshape(5, 400)):
        points, weight = responses(case, row)
        p = density(case, row, points) * weight
        values = response_of(case, points)
        if expert.standardizes:
            cumulated = np.cumsum(p) - 0.5 * p
            probability.append(np.interp(drawn, values, cumulated))
        else:
            place = np.searchsorted(values, drawn)
            probability.append((np.cumsum(p) - p)[place] + p[place] * rng.random(400))
    assert kstest(np.concatenate(probability), "uniform").pvalue > 0.01
    for part in probability:
        assert kstest(part, "uniform").pvalue > 0.001


@PAIRS
def test_sampling_repeats_with_the_seed(gate: Gate, expert: Expert) -> None:
    case = problem(gate, expert, n_experts=3)
    known = known_at(case, slice(None))
    draws = [case.model.sample(case.params, case.x, seed, known) for seed in (1, 1, 2)]
    assert np.array_equal(draws[0], draws[1])
    assert not np.array_equal(draws[0], draws[2])


@PAIRS
def test_posterior_is_bayes_rule(gate: Gate, expert: Expert) -> None:
    """r_k p(y | x) = π_k f_k(y | x), with π_k f_k from a mixture of that expert alone."""
    case = problem(gate, expert, n_experts=3, n_columns=2)
    weights = case.model.weights(case.params, case.x)
    posterior = case.model.posterior(case.params, case.x, case.y)
    law = case.model.distribution(case.params, case.x, known_at(case, slice(None)))
    joint = weights * np.exp(law.components.logpdf(response_of(case, case.y)))
    assert np.allclose(weights.sum(axis=1), 1.0, atol=1e-14)
    assert np.allclose(posterior, joint / joint.sum(axis=1, keepdims=True), rtol=1e-9, atol=1e-15)
    log_prob = case.model.log_prob(case.params, case.x, case.y)
    assert np.allclose(log_prob, np.log(joint.sum(axis=1)), rtol=1e-11, atol=1e-12)


@PAIRS
def test_objective_and_model_have_one_law(gate: Gate, expert: Expert) -> None:
    case = problem(gate, expert, n_experts=3, n_columns=2)
    log_prob = case.model.log_prob(case.params, case.x, case.y)
    assert np.allclose(case.objective.log_prob(case.theta), log_prob, rtol=1e-12, atol=1e-13)
    value = case.objective.evaluate(case.theta).value
    assert value == pytest.approx(float(case.weight @ log_prob), rel=1e-12)
    r = case.objective.responsibilities(case.theta)
    assert np.allclose(r, case.model.posterior(case.params, case.x, case.y), rtol=1e-10, atol=1e-15)
    shares = case.weight @ r / case.weight.sum()
    assert np.allclose(case.objective.shares(case.theta), shares, rtol=1e-12)


@UNIVARIATE_PAIRS
def test_score_has_mean_zero_under_its_own_law(gate: Gate, expert: Expert) -> None:
    """∫ ∇log p(y | x) p(y | x) dy = 0, and its variance is minus the mean Hessian (Bartlett)."""
    case = problem(gate, expert, n_experts=3, max_logit=3.0)
    y, weight = responses(case, 0)
    weight = density(case, 0, y) * weight
    everywhere = objective(case.model, np.tile(case.x[0], (len(y), 1)), y, weight)
    _, score, hessian = everywhere.evaluate(case.theta, 2)
    assert np.abs(score).max() < 1e-8
    scores = everywhere.scores(case.theta)
    scores = np.divide(
        scores, weight[:, None], out=np.zeros_like(scores), where=weight[:, None] > 0
    )
    information = (scores * weight[:, None]).T @ scores
    assert np.allclose(-hessian, information, atol=1e-7 * np.abs(information).max())
