"""Poisson experts: densities, derivatives, M-step against a GLM, encoding."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from mixexp.models import Poisson, PoissonParams
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

EXPERT = Poisson()
RNG = np.random.default_rng(2)
LOG_RATE = [RNG.normal(1.0, 1.0, size=(K, N))]
EXPOSURE = RNG.uniform(0.2, 5.0, size=N)
COUNT = RNG.poisson(EXPOSURE * np.exp(DESIGN @ [0.5, 0.6, -0.4]))
Y = EXPERT.encode(np.column_stack([COUNT, EXPOSURE]))


def test_density_is_scipys() -> None:
    expected = stats.poisson.logpmf(COUNT, EXPOSURE * np.exp(LOG_RATE[0]))
    np.testing.assert_allclose(density(EXPERT, LOG_RATE, Y), expected, rtol=1e-12, atol=1e-13)


def test_counts_alone_have_exposure_one() -> None:
    alone = EXPERT.encode(COUNT)
    np.testing.assert_array_equal(alone, EXPERT.encode(np.column_stack([COUNT, np.ones(N)])))
    np.testing.assert_array_equal(alone[0], COUNT)
    np.testing.assert_array_equal(alone[1], 0.0)
    np.testing.assert_allclose(Y[1], np.log(EXPOSURE))


def test_law_sums_to_one() -> None:
    y = EXPERT.encode(np.arange(400))
    for log_rate in (-30.0, 0.0, 3.0, 5.0):
        total = np.exp(density(EXPERT, [np.full((1, 400), log_rate)], y)).sum()
        assert total == pytest.approx(1.0, abs=1e-12)


def test_derivatives_against_differences() -> None:
    for ours, theirs in zip(
        derivatives(EXPERT, LOG_RATE, Y), numerical(EXPERT, LOG_RATE, Y), strict=True
    ):
        assert np.allclose(ours, theirs, rtol=1e-7, atol=1e-7)
    first, second = derivatives(EXPERT, LOG_RATE, Y, order=1)
    assert np.isfinite(first).all() and np.isnan(second).all()


@pytest.mark.parametrize("eta", [-1e5, -700.0, 0.0, 290.0, 700.0, 1e5])
@pytest.mark.parametrize("count", [0.0, 3.0, 1e6])
def test_extreme_predictors_are_finite(eta, count) -> None:
    y, predictors = EXPERT.encode([[count, 2.0]]), [np.full((1, 1), eta)]
    values = [density(EXPERT, predictors, y), *derivatives(EXPERT, predictors, y)]
    assert all(np.isfinite(v).all() for v in values)
    assert np.isfinite(values[1] ** 2).all()
    if abs(eta) <= 299.0:
        mean = 2.0 * np.exp(eta)
        assert values[1].item() == pytest.approx(count - mean, rel=1e-13)
        assert values[2].item() == pytest.approx(-mean, rel=1e-13)
        assert values[0].item() == pytest.approx(stats.poisson.logpmf(count, mean), rel=1e-12)


def test_m_step_reaches_the_glm_with_offset_and_weights() -> None:
    import statsmodels.api as sm

    fitted = steps(EXPERT, Y, np.concatenate([np.ones((1, N)), WEIGHTS]), 12)[0]
    for k, w in enumerate([np.ones(N), *WEIGHTS]):
        model = sm.GLM(
            COUNT, DESIGN, sm.families.Poisson(), offset=np.log(EXPOSURE), freq_weights=w
        )
        np.testing.assert_allclose(fitted[k], model.fit(tol=1e-14).params, rtol=1e-8, atol=1e-9)


def test_m_step_in_general() -> None:
    check_m_step(EXPERT, Y)


def test_intercept_is_the_pooled_log_rate() -> None:
    weight = RNG.uniform(0.5, 2.0, size=N)
    (value,) = EXPERT.intercepts(Y, weight)
    assert value == pytest.approx(np.log((weight @ COUNT + 0.5) / (weight @ EXPOSURE)))
    assert np.isfinite(EXPERT.intercepts(EXPERT.encode([0, 0]), None)).all()


def test_parameters_round_trip() -> None:
    params = PoissonParams(RNG.normal(size=K), RNG.normal(size=(K, 2)))
    for given in (
        EXPERT.to_params(EXPERT.from_params(params)),
        EXPERT.from_atoms(EXPERT.atoms(params)),
    ):
        assert isinstance(given, PoissonParams)
        np.testing.assert_array_equal(given.intercept, params.intercept)
        np.testing.assert_array_equal(given.coef, params.coef)


def test_components_are_the_laws() -> None:
    laws = EXPERT.components(LOG_RATE, EXPOSURE)
    np.testing.assert_allclose(laws.mean(), EXPOSURE[:, None] * np.exp(LOG_RATE[0].T), rtol=1e-13)
    np.testing.assert_allclose(
        laws.logpdf(COUNT), density(EXPERT, LOG_RATE, Y).T, rtol=1e-12, atol=1e-13
    )
    np.testing.assert_allclose(EXPERT.components(LOG_RATE).mean(), np.exp(LOG_RATE[0].T))
    assert np.isfinite(EXPERT.components([np.full((1, 1), 1e4)]).mean()).all()
    with pytest.raises(ValueError, match="exposure: 0 in row 1 is not a positive exposure"):
        EXPERT.components([np.zeros((1, 2))], np.array([1.0, 0.0]))


def test_quasi_likelihood_of_non_integers() -> None:
    y = Poisson(integer=False).encode([0.5, 2.25])
    expected = 0.5 * 0.3 - np.exp(0.3) - 0.5 * np.log(np.pi / 4.0)
    value = density(EXPERT, [np.full((1, 2), 0.3)], y)[0, 0]
    assert value == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize(
    ("y", "value", "remedy"),
    [
        ([1, -2], "-2 in row 1", "0 or more"),
        ([1, 2.5], "2.5 in row 1", "integer=False"),
        ([1, np.nan], "nan in row 1", "remove"),
        ([1, np.inf], "inf in row 1", "remove"),
        ([[1, 0.0]], "0 in row 0 is not a positive exposure", "drop the row"),
        ([[1, 2.0], [1, -1.0]], "-1 in row 1 is not a positive exposure", "drop the row"),
        ([[1, 2, 3]], r"\(1, 3\)", r"[count, exposure]"),
        (["one"], "'one'", "numbers"),
    ],
)
def test_impossible_responses(y, value, remedy) -> None:
    with pytest.raises(ValueError, match=f"^y.*{value}.*") as error:
        EXPERT.encode(y)
    assert remedy in str(error.value)
