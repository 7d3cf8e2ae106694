"""The temperature gate: what it divides, what it reports, and what it refuses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mixexp.models import (
    Activation,
    Gate,
    Gaussian,
    GaussianParams,
    MixtureOfExperts,
    MixtureParams,
    Softmax,
    SoftmaxParams,
    Temperature,
    TemperatureParams,
    TopK,
    Transformed,
)
from mixexp.models.activations import GELU, IDENTITY, RELU, SQUARE, TANH, ActivationFunction
from tests.instances import Problem, generator, logits, objective

QUICK = settings(max_examples=15, derandomize=True)
FREE: list[Gate] = [
    Softmax(),
    Softmax(degree=2),
    Transformed(),
    Activation(IDENTITY),
    Activation(RELU),
    Activation(SQUARE),
]
BOUND: list[Gate] = [Activation(TANH), Activation(GELU)]
LINES = GaussianParams(np.array([1.0, -1.0, 0.0]), np.ones((3, 2)), np.array([0.2, 0.3, 0.4]))
SOFTMAX = SoftmaxParams(
    np.array([0.3, -0.4, 0.0]), np.array([[2.0, -1.0], [-1.5, 0.5], [0.0, 0.0]])
)


def problem(gate: Gate, seed: int = 0) -> Problem:
    """Random rows and a random θ, for gates with kinks as well."""
    rng = generator(repr(gate), seed)
    model = model_of(gate)
    x, y = rng.uniform(-1.5, 1.5, size=(20, 2)), rng.normal(size=20)
    theta = rng.normal(size=model.layout.n_free)
    theta[model.layout.entries("temperature")] *= 0.3
    return Problem(model, x, y, None, theta, objective(model, x, y))


def model_of(gate: Gate) -> MixtureOfExperts:
    return MixtureOfExperts(gate, Gaussian(), 3, 2)


@pytest.mark.parametrize("tau", [0.05, 0.5, 1.0, 7.0])
@pytest.mark.parametrize("free", [True, False])
def test_weights_by_hand(tau: float, free: bool) -> None:
    x = np.random.default_rng(0).normal(size=(50, 2))
    a = (SOFTMAX.intercept + x @ SOFTMAX.coef.T) / tau
    expected = np.exp(a - a.max(axis=1, keepdims=True))
    expected /= expected.sum(axis=1, keepdims=True)
    gate = Temperature(normalize=False) if free else Temperature(tau=tau)
    params = MixtureParams(TemperatureParams(SOFTMAX, tau), LINES)
    assert np.allclose(model_of(gate).weights(params, x), expected, rtol=1e-12, atol=0.0)


@pytest.mark.parametrize("base", FREE, ids=repr)
@QUICK
@given(seed=st.integers(0, 999), log_c=st.floats(-3.0, 3.0))
def test_scale_is_not_identified(base: Gate, seed: int, log_c: float) -> None:
    """θ_c -> c^h_c θ_c with τ -> c τ is one law for every c > 0; raw parameters differ."""
    case = problem(
        Temperature(base, normalize=False), seed
    )  # fmt: skip
    model, c = case.model, float(np.exp(log_c))
    tables = model.layout.coefficients(case.theta)
    n = len(model.layout.gate)
    scaled = [c**h * t for h, t in zip(base.homogeneity(), tables, strict=False)]
    moved = model.layout.vector([*scaled, tables[n - 1] + log_c, *tables[n:]])
    assert case.objective.evaluate(moved).value == pytest.approx(
        case.objective.evaluate(case.theta).value, rel=1e-10
    )
    raw = case.params_of(moved).gate
    assert raw.temperature == pytest.approx(c * case.params.gate.temperature)


@pytest.mark.parametrize("base", FREE, ids=repr)
def test_normalised_and_raw_parameters_are_one_law(base: Gate) -> None:
    case = problem(Temperature(base))
    raw = model_of(Temperature(base, normalize=False))
    left = raw.to_params(raw.layout.coefficients(case.theta))
    assert case.params.gate.temperature == 1.0 != left.gate.temperature
    assert np.allclose(
        raw.log_prob(left, case.x, case.y),
        case.model.log_prob(case.params, case.x, case.y),
        rtol=1e-12,
        atol=1e-12,
    )


@pytest.mark.parametrize("base", BOUND, ids=repr)
def test_an_identified_temperature_is_reported_as_it_is(base: Gate) -> None:
    case = problem(Temperature(base))
    where = case.model.layout.slices[len(case.model.layout.gate) - 1]
    assert case.params.gate.temperature == pytest.approx(np.exp(case.theta[where][0]))
    assert Temperature(base).homogeneity() is None and Temperature(base).findings(3) == ()


def test_a_fixed_temperature_has_no_free_direction() -> None:
    gate = Temperature(tau=0.5)
    assert gate.tangents([np.ones((2, 2))]) == [] and gate.findings(3) == ()
    case = problem(gate)
    assert case.params.gate.temperature == 0.5
    assert not case.model.layout.entries("temperature").any()


def test_parameters_at_another_than_the_fixed_temperature_are_refused() -> None:
    params = MixtureParams(TemperatureParams(SOFTMAX, 2.0), LINES)
    with pytest.raises(ValueError, match=r"temperature=2.0.*tau=0.5"):
        model_of(Temperature(tau=0.5)).coefficients(params)


@pytest.mark.parametrize("tau", [0.0, -1.0, np.inf, np.nan, "cold", True])
def test_temperatures_that_are_not_positive_are_refused(tau: Any) -> None:
    with pytest.raises(ValueError, match=r"tau=.* must be a positive number"):
        model_of(Temperature(tau=tau))


@pytest.mark.parametrize("temperature", [0.0, -1.0, np.nan])
def test_parameters_with_a_temperature_that_is_not_positive_are_refused(temperature: float) -> None:
    with pytest.raises(ValueError, match="temperature="):
        model_of(Temperature()).coefficients(
            MixtureParams(TemperatureParams(SOFTMAX, temperature), LINES)
        )


def test_a_sparse_gate_inside_is_refused_and_the_way_out_named() -> None:
    with pytest.raises(ValueError, match=r"TopK\(base=Temperature"):
        model_of(Temperature(TopK(2)))
    # With every expert active it is not sparse.
    assert model_of(Temperature(TopK(3))).layout.n_free == 6 + 1 + 12


@pytest.mark.parametrize("base", [*FREE, *BOUND], ids=repr)
def test_tangents_are_those_that_move_no_difference_of_logits(base: Gate) -> None:
    """By difference quotients; and a gate without an exact invariance has no tangent."""
    case = problem(Temperature(base))
    directions = case.model.invariant_directions(case.theta)
    assert directions.shape[1] == (base in FREE)
    for direction in directions.T:
        a, b = (logits(case.model, case.theta + h * direction, case.x) for h in (1e-6, -1e-6))
        assert np.abs((a - a[-1]) - (b - b[-1])).max() < 1e-10
        assert np.linalg.norm(direction) == pytest.approx(1.0)


def test_two_temperatures_are_two_invariances() -> None:
    case = problem(Temperature(Temperature()))
    directions = case.model.invariant_directions(case.theta)
    assert directions.shape[1] == 2
    assert np.abs(case.objective.evaluate(case.theta, 1).gradient @ directions).max() < 1e-10


@pytest.mark.parametrize("normalize", [True, False])
def test_findings_say_what_is_reported(normalize: bool) -> None:
    (text,) = Temperature(normalize=normalize).findings(2)
    assert "scale of the gate is not identified" in text and "modulo that direction" in text
    assert ("reporting coefficients at temperature 1" in text) == normalize


def test_a_users_homogeneous_activation_is_flagged() -> None:
    cube = ActivationFunction("cube", _cube, _three_squares, _six_times, degree=3.0)
    assert Temperature(Activation(cube)).homogeneity() == (1.0 / 3.0, 1.0, 0.0)
    case = problem(Temperature(Activation(cube)))
    (direction,) = case.model.invariant_directions(case.theta).T
    evaluation = case.objective.evaluate(case.theta, 1)
    assert abs(evaluation.gradient @ direction) < 1e-9 * np.linalg.norm(evaluation.gradient)


def _cube(z: np.ndarray) -> np.ndarray:
    return z**3


def _three_squares(z: np.ndarray) -> np.ndarray:
    return 3.0 * z * z


def _six_times(z: np.ndarray) -> np.ndarray:
    return 6.0 * z
