"""The laws themselves: densities that integrate to one, samplers that match them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import trapezoid
from scipy.stats import kstest

from mixexp.models import Expert, Gate
from tests.instances import PAIRS, Problem, generator, objective, problem


def grid(case: Problem, x: np.ndarray) -> np.ndarray:
    """Equidistant y that cover every expert's law at one row of x, 12 scales to both sides.

    There the trapezoidal rule has the accuracy of the exponential: no spacing to choose.
    """
    law = case.model.distribution(case.params, x[None])
    mean, scale = law.mean()[0], np.sqrt(law.variance()[0])
    means = case.model.expert_means(case.params, x[None])[0]
    reach = np.abs(means - mean).max() + 12.0 * scale
    return np.linspace(mean - reach, mean + reach, 6001)


def density(case: Problem, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.exp(case.model.log_prob(case.params, np.tile(x, (len(y), 1)), y))


@PAIRS
def test_law_integrates_to_one_and_has_the_mean_it_says(gate: Gate, expert: Expert) -> None:
    case = problem(gate, expert, n_experts=4, n_columns=2, max_logit=4.0)
    for x in case.x[:5]:
        y = grid(case, x)
        p = density(case, x, y)
        law = case.model.distribution(case.params, x[None])
        assert trapezoid(p, y) == pytest.approx(1.0, abs=1e-9)
        mean = trapezoid(y * p, y)
        assert mean == pytest.approx(case.model.mean(case.params, x[None])[0], abs=1e-8)
        spread = trapezoid((y - mean) ** 2 * p, y)
        assert spread == pytest.approx(law.variance()[0], rel=1e-7)


@PAIRS
def test_sample_follows_the_law(gate: Gate, expert: Expert) -> None:
    """Probabilities P(Y <= y_i | x_i), integrated from the density, are uniform for a sample."""
    case = problem(gate, expert, n_experts=3, n_columns=2)
    x = np.repeat(case.x[:5], 400, axis=0)
    y = case.model.sample(case.params, x, generator("sample", repr(gate), repr(expert)))
    probability = []
    for row, drawn in zip(case.x[:5], y.reshape(5, 400), strict=True):
        points = grid(case, row)
        p = density(case, row, points)
        cumulated = np.concatenate([[0.0], np.cumsum(0.5 * (p[1:] + p[:-1])) * np.diff(points)])
        probability.append(np.interp(drawn, points, cumulated))
    assert kstest(np.concatenate(probability), "uniform").pvalue > 0.01
    for part in probability:
        assert kstest(part, "uniform").pvalue > 0.001


@PAIRS
def test_sampling_repeats_with_the_seed(gate: Gate, expert: Expert) -> None:
    case = problem(gate, expert, n_experts=3)
    draws = [case.model.sample(case.params, case.x, seed) for seed in (1, 1, 2)]
    assert np.array_equal(draws[0], draws[1])
    assert not np.array_equal(draws[0], draws[2])


@PAIRS
def test_posterior_is_bayes_rule(gate: Gate, expert: Expert) -> None:
    """r_k p(y | x) = π_k f_k(y | x), with π_k f_k from a mixture of that expert alone."""
    case = problem(gate, expert, n_experts=3, n_columns=2)
    weights = case.model.weights(case.params, case.x)
    posterior = case.model.posterior(case.params, case.x, case.y)
    components = case.model.distribution(case.params, case.x).components
    joint = weights * np.exp(components.logpdf(case.y))
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


@PAIRS
def test_score_has_mean_zero_under_its_own_law(gate: Gate, expert: Expert) -> None:
    """∫ ∇log p(y | x) p(y | x) dy = 0, and its variance is minus the mean Hessian (Bartlett)."""
    case = problem(gate, expert, n_experts=3, max_logit=3.0)
    x = case.x[0]
    y = grid(case, x)[::6]
    weight = density(case, x, y) * (y[1] - y[0])
    everywhere = objective(case.model, np.tile(x, (len(y), 1)), y, weight)
    _, score, hessian = everywhere.evaluate(case.theta, 2)
    assert np.abs(score).max() < 1e-8
    scores = everywhere.scores(case.theta)
    scores = np.divide(
        scores, weight[:, None], out=np.zeros_like(scores), where=weight[:, None] > 0
    )
    information = (scores * weight[:, None]).T @ scores
    assert np.allclose(-hessian, information, atol=1e-7 * np.abs(information).max())
