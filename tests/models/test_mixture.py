"""The conditional law of a mixture of experts against its formula."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from mixexp.models import (
    Gaussian,
    GaussianParams,
    MixtureOfExperts,
    MixtureParams,
    Softmax,
    SoftmaxParams,
)

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(50, 2)), 2.0 * RNG.normal(size=50)
MODEL = MixtureOfExperts(Softmax(), Gaussian(), n_experts=3, n_columns=2)
PARAMS = MixtureParams(
    SoftmaxParams(np.array([0.5, -0.3, 0.0]), np.array([[1.0, -2.0], [0.3, 0.8], [0.0, 0.0]])),
    GaussianParams(
        np.array([1.0, -1.0, 0.2]),
        np.array([[0.5, 1.0], [-1.0, 0.1], [0.0, -0.7]]),
        np.array([0.5, 2.0, 0.1]),
    ),
)


def weights() -> np.ndarray:
    odds = np.exp(PARAMS.gate.intercept + X @ PARAMS.gate.coef.T)
    return odds / odds.sum(axis=1, keepdims=True)


def means() -> np.ndarray:
    return PARAMS.expert.intercept + X @ PARAMS.expert.coef.T


def densities() -> np.ndarray:
    return norm.pdf(Y[:, None], means(), np.sqrt(PARAMS.expert.variance))


def test_gate_probabilities() -> None:
    assert np.allclose(MODEL.weights(PARAMS, X), weights(), rtol=1e-13)


def test_log_density() -> None:
    expected = np.log(np.sum(weights() * densities(), axis=1))
    assert np.allclose(MODEL.log_prob(PARAMS, X, Y), expected, rtol=1e-13)


def test_responsibilities() -> None:
    joint = weights() * densities()
    expected = joint / joint.sum(axis=1, keepdims=True)
    assert np.allclose(MODEL.posterior(PARAMS, X, Y), expected, rtol=1e-11, atol=1e-300)


def test_mean_variance_and_expert_means() -> None:
    mean = np.sum(weights() * means(), axis=1)
    second = np.sum(weights() * (means() ** 2 + PARAMS.expert.variance), axis=1)
    assert np.allclose(MODEL.expert_means(PARAMS, X), means())
    assert np.allclose(MODEL.mean(PARAMS, X), mean)
    assert np.allclose(MODEL.distribution(PARAMS, X).variance(), second - mean**2)


def test_long_data_are_the_same_as_short_ones() -> None:
    """Rows are evaluated in blocks of a few thousand."""
    x, y = np.tile(X, (200, 1)), np.tile(Y, 200)
    assert np.allclose(MODEL.log_prob(PARAMS, x, y), np.tile(MODEL.log_prob(PARAMS, X, Y), 200))
    assert MODEL.weights(PARAMS, x).shape == (10_000, 3)
    assert np.allclose(MODEL.posterior(PARAMS, x, y)[-50:], MODEL.posterior(PARAMS, X, Y))


def test_parameters_and_coefficients_are_inverse() -> None:
    back = MODEL.to_params(MODEL.coefficients(PARAMS))
    for part, expected in zip(
        (*back.gate, *back.expert), (*PARAMS.gate, *PARAMS.expert), strict=True
    ):
        assert np.allclose(part, expected, rtol=1e-14)


def test_reference_of_the_gate_is_the_last_expert() -> None:
    moved = SoftmaxParams(PARAMS.gate.intercept + 3.0, PARAMS.gate.coef + [0.5, -4.0])
    table = Softmax().from_params(moved)[0]
    assert np.array_equal(table[-1], np.zeros(3))
    assert np.allclose(table, Softmax().from_params(PARAMS.gate)[0])


def test_shared_variance_starts_from_the_geometric_mean() -> None:
    coefficients = Gaussian(variance="shared").from_params(PARAMS.expert)
    assert np.exp(coefficients[1]) == pytest.approx(np.prod(PARAMS.expert.variance) ** (1 / 3))


def test_columns_that_a_part_does_not_see_do_not_matter() -> None:
    model = MixtureOfExperts(Softmax(), Gaussian(), 2, 3, gate_columns=(1,), expert_columns=(2,))
    params = MixtureParams(
        SoftmaxParams(np.array([0.1, 0.0]), np.array([[2.0], [0.0]])),
        GaussianParams(np.array([0.0, 1.0]), np.array([[1.0], [-1.0]]), np.array([1.0, 0.3])),
    )
    x = RNG.normal(size=(8, 3))
    before = model.log_prob(params, x, Y[:8])
    changed = x + np.array([9.0, 0.0, 0.0])
    assert np.array_equal(model.log_prob(params, changed, Y[:8]), before)
    assert np.array_equal(model.weights(params, x + [0, 0, 5.0]), model.weights(params, x))
    assert np.array_equal(
        model.expert_means(params, x + [0, 5.0, 0]), model.expert_means(params, x)
    )


def test_step_gate_has_a_measure() -> None:
    """An intercept of -1000 is a weight below the smallest number; the measure has it positive."""
    gate = SoftmaxParams(np.array([-1000.0, 0.0]), np.array([[1000.0], [0.0]]))
    expert = GaussianParams(np.zeros(2), np.ones((2, 1)), np.ones(2))
    model = MixtureOfExperts(Softmax(), Gaussian(), 2, 1)
    measure = model.measure(MixtureParams(gate, expert))
    assert np.all(measure.weight > 0.0)
    assert measure.weight.sum() == pytest.approx(1.0)
