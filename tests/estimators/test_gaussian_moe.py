"""What a fitted GaussianMoE says about its data, against formulas written down here."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, stats
from sklearn.metrics import r2_score

from tests.estimators.problems import quick, two_lines

X, Y = two_lines()


@pytest.fixture(scope="module")
def moe():
    return quick().fit(X, Y)


@pytest.fixture(scope="module")
def law(moe):
    """Gate probabilities, means and scales of the fit, from its parameters alone."""
    gate, expert = moe.params_
    logits = gate.intercept + X @ gate.coef.T
    proba = np.exp(logits - logits.max(axis=1, keepdims=True))
    means = expert.intercept + X @ expert.coef.T
    return proba / proba.sum(axis=1, keepdims=True), means, np.sqrt(expert.variance)


def test_methods_are_those_of_the_law(moe, law):
    proba, means, scales = law
    joint = proba * stats.norm.pdf(Y[:, None], means, scales)
    mean = (proba * means).sum(axis=1)
    spread = np.sqrt((proba * (means**2 + scales**2)).sum(axis=1) - mean**2)
    np.testing.assert_allclose(moe.gate_proba(X), proba, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(moe.predict_expert(X), means, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(moe.score_samples(X, Y), np.log(joint.sum(axis=1)), rtol=1e-11)
    responsibilities = joint / joint.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(moe.responsibilities(X, Y), responsibilities, rtol=1e-9, atol=1e-14)
    predicted, deviation = moe.predict(X, return_std=True)
    np.testing.assert_array_equal(predicted, moe.predict(X))
    np.testing.assert_allclose(predicted, mean, rtol=1e-11, atol=1e-14)
    np.testing.assert_allclose(deviation, spread, rtol=1e-11)


def test_likelihood_and_criteria(moe):
    each = moe.score_samples(X, Y)
    weight = np.arange(len(Y)) % 3.0
    assert moe.loglik_ == pytest.approx(each.sum(), abs=1e-10)
    assert moe.n_free_ == 3 + 2 * 4
    assert moe.aic(X, Y) == pytest.approx(2 * 11 - 2 * each.sum())
    assert moe.bic(X, Y) == pytest.approx(11 * np.log(len(Y)) - 2 * each.sum())
    assert moe.aic(X, Y, weight) == pytest.approx(2 * 11 - 2 * weight @ each)
    assert moe.bic(X, Y, weight) == pytest.approx(11 * np.log(weight.sum()) - 2 * weight @ each)
    assert moe.score(X, Y) == pytest.approx(r2_score(Y, moe.predict(X)))
    weighted = r2_score(Y, moe.predict(X), sample_weight=weight)
    assert moe.score(X, Y, weight) == pytest.approx(weighted)


def test_predict_dist_is_the_law(moe, law):
    proba, means, scales = law
    dist = moe.predict_dist(X)
    np.testing.assert_array_equal(dist.mean(), moe.predict(X))
    np.testing.assert_allclose(dist.variance(), moe.predict(X, return_std=True)[1] ** 2)
    np.testing.assert_allclose(dist.logpdf(Y), moe.score_samples(X, Y), rtol=1e-11)
    cdf = (proba * stats.norm.cdf(Y[:, None], means, scales)).sum(axis=1)
    np.testing.assert_allclose(dist.cdf(Y), cdf, rtol=1e-11)
    np.testing.assert_allclose(dist.cdf(dist.icdf(0.3)), 0.3)


def test_quantiles_and_intervals(moe):
    dist = moe.predict_dist(X)
    median = moe.predict_quantile(X)
    assert median.shape == (len(X),)
    np.testing.assert_allclose(dist.cdf(median), 0.5)
    several = moe.predict_quantile(X, [0.05, 0.5, 0.9])
    assert several.shape == (len(X), 3)
    np.testing.assert_array_equal(several[:, 1], median)
    np.testing.assert_allclose(dist.cdf(several[:, 2]), 0.9)
    interval = moe.predict_interval(X, level=0.8)
    assert interval.shape == (len(X), 2)
    np.testing.assert_allclose(dist.cdf(interval.T), [[0.1] * len(X), [0.9] * len(X)])


def test_samples_follow_the_law(moe):
    draws = moe.sample(X, 40, random_state=1)
    assert draws.shape == (40, len(X))
    # At the law's own distribution function, its draws are uniform.
    ranks = moe.predict_dist(X).cdf(draws).ravel()
    assert stats.kstest(ranks, "uniform").pvalue > 0.01
    assert stats.kstest(ranks**1.2, "uniform").pvalue < 1e-4
    assert moe.sample(X).shape == (len(X),)


@pytest.mark.parametrize("kind", [int, np.int64, np.random.RandomState, np.random.default_rng])
def test_samples_are_reproducible(moe, kind):
    np.testing.assert_array_equal(
        moe.sample(X, random_state=kind(7)), moe.sample(X, random_state=kind(7))
    )
    assert np.any(moe.sample(X, random_state=kind(7)) != moe.sample(X, random_state=kind(8)))


def test_score_without_response_is_minus_the_entropy(moe):
    for i in (0, 1):
        row = moe.predict_dist(X[[i]])
        ends = row.icdf(1e-12)[0], row.iccdf(1e-12)[0]
        points = moe.predict_expert(X[[i]])[0]
        expected, _ = integrate.quad(
            lambda y, row=row: row.pdf(y)[0] * row.logpdf(y)[0], *ends, points=points, limit=200
        )
        assert moe.score_samples(X)[i] == pytest.approx(expected, abs=1e-6)
    single = quick(n_experts=1).fit(X, Y)
    entropy = 0.5 * np.log(2.0 * np.pi * np.e * single.params_.expert.variance[0])
    np.testing.assert_allclose(single.score_samples(X), -entropy, rtol=1e-6)


@pytest.mark.parametrize("weight", [None, np.linspace(0.0, 3.0, len(Y))])
def test_one_expert_is_least_squares(weight):
    single = quick(n_experts=1, degree=2).fit(X, Y, weight)
    a, b = X.T
    design = np.column_stack([np.ones(len(Y)), a, b, a * a, a * b, b * b])
    w = np.ones(len(Y)) if weight is None else weight
    known = np.linalg.lstsq(design * np.sqrt(w)[:, None], Y * np.sqrt(w), rcond=None)[0]
    expert = single.params_.expert
    np.testing.assert_allclose(np.r_[expert.intercept, expert.coef[0]], known, rtol=1e-9)
    residual = Y - design @ known
    assert expert.variance[0] == pytest.approx(w @ residual**2 / w.sum(), rel=1e-10)
    np.testing.assert_array_equal(single.gate_proba(X), 1.0)
    np.testing.assert_allclose(single.predict(X), design @ known, rtol=1e-9)


def test_measure_is_that_of_the_parameters(moe):
    gate, expert = moe.params_
    weight = np.exp(gate.intercept)
    assert moe.measure_.n_atoms == 2
    np.testing.assert_allclose(moe.measure_.weight, weight / weight.sum())
    np.testing.assert_array_equal(moe.measure_["gate_coef"], gate.coef)
    np.testing.assert_array_equal(moe.measure_["variance"], expert.variance)


def test_shared_variance_is_one_number():
    shared = quick(variance="shared").fit(X, Y)
    assert shared.n_free_ == 3 + 2 * 3 + 1
    assert np.ptp(shared.params_.expert.variance) == 0.0
    assert shared.loglik_ < quick().fit(X, Y).loglik_


def test_penalties_shrink_and_stay_out_of_the_likelihood(moe):
    gate = quick(gate_penalty=20.0).fit(X, Y)
    experts = quick(expert_penalty=50.0).fit(X, Y)
    assert np.abs(gate.params_.gate.coef).sum() < np.abs(moe.params_.gate.coef).sum()
    assert np.sum(experts.params_.expert.coef**2) < np.sum(moe.params_.expert.coef**2)
    for penalised in (gate, experts):
        assert penalised.loglik_ == pytest.approx(penalised.score_samples(X, Y).sum())
        assert penalised.loglik_ < moe.loglik_ - 0.1
        assert penalised.converged_
