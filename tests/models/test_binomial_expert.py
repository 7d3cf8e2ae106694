"""Binomial experts: densities, derivatives, M-step against a GLM, encoding."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from scipy import stats
from scipy.special import expit

from mixexp.models import Binomial, BinomialParams, Multinomial
from tests.models.newton_steps import (
    DESIGN,
    WEIGHTS,
    K,
    N,
    check_m_step,
    density,
    derivatives,
    numerical,
    steps,
)

EXPERT = Binomial()
RNG = np.random.default_rng(3)
LOGIT = [RNG.normal(0.0, 2.0, size=(K, N))]
TRIALS = RNG.integers(1, 12, size=N)
SUCCESSES = RNG.binomial(TRIALS, expit(DESIGN @ [0.3, 1.0, -0.5]))
Y = EXPERT.encode(np.column_stack([SUCCESSES, TRIALS]))


def test_density_is_scipys() -> None:
    expected = stats.binom.logpmf(SUCCESSES, TRIALS, expit(LOGIT[0]))
    np.testing.assert_allclose(density(EXPERT, LOGIT, Y), expected, rtol=1e-11, atol=1e-12)


def test_binary_responses_have_one_trial_and_no_constant() -> None:
    binary = (SUCCESSES > 3) * 1
    y = EXPERT.encode(binary)
    np.testing.assert_array_equal(y, EXPERT.encode(np.column_stack([binary, np.ones(N)])))
    np.testing.assert_array_equal(y[2], 0.0)
    classes = Multinomial(2)
    np.testing.assert_allclose(
        density(EXPERT, LOGIT, y), density(classes, LOGIT, classes.encode(1 - binary)), rtol=1e-14
    )


@pytest.mark.parametrize("trials", [0, 1, 7, 300])
def test_law_sums_to_one(trials) -> None:
    y = EXPERT.encode([[s, trials] for s in range(trials + 1)])
    for logit in (-40.0, -1.0, 0.0, 3.0):
        total = np.exp(density(EXPERT, [np.full((1, trials + 1), logit)], y)).sum()
        assert total == pytest.approx(1.0, abs=1e-12)


def test_derivatives_against_differences() -> None:
    for ours, theirs in zip(
        derivatives(EXPERT, LOGIT, Y), numerical(EXPERT, LOGIT, Y), strict=True
    ):
        assert np.allclose(ours, theirs, rtol=1e-7, atol=1e-8)
    first, second = derivatives(EXPERT, LOGIT, Y, order=1)
    assert np.isfinite(first).all() and np.isnan(second).all()


@pytest.mark.parametrize("logit", [-700.0, -40.0, 0.5, 40.0, 700.0])
@pytest.mark.parametrize("successes", [0, 2, 5])
def test_extreme_logits_keep_relative_accuracy(logit, successes) -> None:
    y, predictors = EXPERT.encode([[successes, 5]]), [np.full((1, 1), logit)]
    with mpmath.workdps(1000):
        p = 1 / (1 + mpmath.exp(-mpmath.mpf(logit)))
        terms = successes * mpmath.log(p) + (5 - successes) * mpmath.log(1 - p)
        value = terms + mpmath.log(mpmath.binomial(5, successes))
        expected = [float(v) for v in (value, successes - 5 * p, -5 * p * (1 - p))]
    first, second = derivatives(EXPERT, predictors, y)
    ours = [density(EXPERT, predictors, y).item(), first.item(), second.item()]
    np.testing.assert_allclose(ours, expected, rtol=1e-12, atol=1e-307)


def test_beyond_every_logit_values_stay_finite() -> None:
    for logit in (-1e5, 1e5):
        predictors = [np.full((K, N), logit)]
        assert np.isfinite(density(EXPERT, predictors, Y)).all()
        assert all(np.isfinite(v).all() for v in derivatives(EXPERT, predictors, Y))


def test_m_step_reaches_the_glm_with_frequency_weights() -> None:
    import statsmodels.api as sm

    fitted = steps(EXPERT, Y, np.concatenate([np.ones((1, N)), WEIGHTS]), 12)[0]
    response = np.column_stack([SUCCESSES, TRIALS - SUCCESSES])
    for k, w in enumerate([np.ones(N), *WEIGHTS]):
        model = sm.GLM(response, DESIGN, sm.families.Binomial(), freq_weights=w)
        np.testing.assert_allclose(fitted[k], model.fit(tol=1e-14).params, rtol=1e-8, atol=1e-9)


def test_m_step_in_general() -> None:
    check_m_step(EXPERT, Y)


def test_separated_rows_climb_to_the_bound() -> None:
    """The maximum is at infinity: steps go on, finite, until the box ends them."""
    y = EXPERT.encode((DESIGN[:, 1] > 0.0) * 1)
    table = steps(EXPERT, y, np.ones((1, N)), 400, bound=300.0)[0]
    assert np.isfinite(table).all() and table[0, 1] == pytest.approx(300.0, rel=1e-12)


def test_intercept_is_the_pooled_logit() -> None:
    weight = RNG.uniform(0.5, 2.0, size=N)
    (value,) = EXPERT.intercepts(Y, weight)
    expected = (weight @ SUCCESSES + 0.5) / (weight @ (TRIALS - SUCCESSES) + 0.5)
    assert value == pytest.approx(np.log(expected))
    assert np.isfinite(EXPERT.intercepts(EXPERT.encode([1, 1]), None)).all()


def test_parameters_round_trip() -> None:
    params = BinomialParams(RNG.normal(size=K), RNG.normal(size=(K, 2)))
    for given in (
        EXPERT.to_params(EXPERT.from_params(params)),
        EXPERT.from_atoms(EXPERT.atoms(params)),
    ):
        assert isinstance(given, BinomialParams)
        np.testing.assert_array_equal(given.intercept, params.intercept)
        np.testing.assert_array_equal(given.coef, params.coef)


def test_components_are_the_laws() -> None:
    laws = EXPERT.components(LOGIT, TRIALS.astype(float))
    np.testing.assert_allclose(laws.mean(), TRIALS[:, None] * expit(LOGIT[0].T), rtol=1e-13)
    np.testing.assert_allclose(
        laws.logpdf(SUCCESSES), density(EXPERT, LOGIT, Y).T, rtol=1e-12, atol=1e-13
    )
    np.testing.assert_allclose(EXPERT.components(LOGIT).mean(), expit(LOGIT[0].T))
    with pytest.raises(ValueError, match=r"trials: 1\.5 in row 1 is not a number of trials"):
        EXPERT.components([np.zeros((1, 2))], np.array([1.0, 1.5]))


@pytest.mark.parametrize(
    ("y", "value", "remedy"),
    [
        ([0, 2], "2 in row 1 is neither 0 nor 1", "two columns"),
        ([0, np.nan], "nan in row 1", "remove"),
        ([[3, 2]], "3 in row 0 is more than the trials", "not [successes, failures]"),
        ([[-1, 2]], "-1 in row 0", "0 or more"),
        ([[0.5, 2]], "0.5 in row 0 is not a number of successes", "whole numbers"),
        ([[1, 2.5]], "2.5 in row 0 is not a number of trials", "whole numbers"),
        ([[0, -1]], "-1 in row 0 is not a number of trials", "0 or more"),
        ([[1, 2, 3]], r"\(1, 3\)", "[successes, trials]"),
        (["yes"], "'yes'", "numbers"),
    ],
)
def test_impossible_responses(y, value, remedy) -> None:
    with pytest.raises(ValueError, match=f"^y.*{value}.*") as error:
        EXPERT.encode(y)
    assert remedy in str(error.value)
