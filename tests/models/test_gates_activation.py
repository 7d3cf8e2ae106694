"""The activation gate: logits, its fixed reference, and the laws that coincide."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from mixexp.estimation.data import Data
from mixexp.estimation.objective import Objective
from mixexp.models import (
    Activation,
    ActivationParams,
    Gate,
    Gaussian,
    GaussianParams,
    MixtureOfExperts,
    MixtureParams,
    Softmax,
    SoftmaxParams,
    Temperature,
    TemperatureParams,
)
from mixexp.models.activations import (
    GELU,
    IDENTITY,
    RELU,
    SIGMOID,
    SIN,
    SOFTPLUS,
    SQUARE,
    TANH,
    ActivationFunction,
)

EVERY = [TANH, SIGMOID, GELU, SOFTPLUS, SIN, IDENTITY, RELU, SQUARE]
EACH = pytest.mark.parametrize("sigma", EVERY, ids=repr)
MIRRORED = [s for s in EVERY if s.mirrored]


def lines(k: int) -> GaussianParams:
    rng = np.random.default_rng(7)
    return GaussianParams(rng.normal(size=k), rng.normal(size=(k, 2)), np.linspace(0.2, 0.5, k))


def slopes(k: int, seed: int = 0) -> ActivationParams:
    rng = np.random.default_rng(seed)
    intercept, coef = rng.normal(size=k), rng.normal(size=(k, 2))
    intercept[-1], coef[-1] = 0.0, 0.0
    return ActivationParams(intercept, coef)


def points() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    return rng.normal(size=(60, 2)), rng.normal(size=60)


def law(gate: Gate, params, experts: GaussianParams) -> np.ndarray:  # type: ignore[no-untyped-def]
    model = MixtureOfExperts(gate, Gaussian(), len(experts.intercept), 2)
    return model.log_prob(MixtureParams(params, experts), *points())


@EACH
def test_weights_by_hand(sigma: ActivationFunction) -> None:
    x, _ = points()
    params = slopes(3)
    model = MixtureOfExperts(Activation(sigma), Gaussian(), 3, 2)
    a = sigma.value(x @ params.coef.T) + params.intercept
    expected = np.exp(a) / np.exp(a).sum(axis=1, keepdims=True)
    got = model.weights(MixtureParams(params, lines(3)), x)
    assert np.allclose(got, expected, rtol=1e-12, atol=0.0)


def test_the_identity_is_the_softmax_gate() -> None:
    params = slopes(3)
    got = law(Activation(IDENTITY), params, lines(3))
    assert np.allclose(got, law(Softmax(), SoftmaxParams(*params), lines(3)), rtol=0.0, atol=1e-13)


@EACH
def test_scores_are_around_the_users_origin_under_standardisation(
    sigma: ActivationFunction,
) -> None:
    rng = np.random.default_rng(2)
    x = np.array([1.0, -2.0]) + np.array([2.0, 0.3]) * rng.normal(size=(50, 2))
    y = 5.0 + 3.0 * rng.normal(size=50)
    model = MixtureOfExperts(Temperature(Activation(sigma)), Gaussian(), 3, 2)
    data = Data.from_rows(x, y)
    target = Objective(model, data)
    theta = 0.5 * rng.normal(size=target.layout.n_free)
    params = model.to_params(target.model.rescale(target.layout.coefficients(theta), data.affine))
    inside = target.evaluate(theta).value - data.log_scale
    assert model.log_prob(params, x, y).sum() == pytest.approx(inside, rel=1e-11)


@pytest.mark.parametrize("sigma", MIRRORED, ids=repr)
def test_two_experts_can_swap_the_reference(sigma: ActivationFunction) -> None:
    """σ(z) + β0 against σ(0) is the same odds as the mirror image with the experts swapped."""
    experts = lines(2)
    for seed in range(5):
        there = slopes(2, seed)
        total = float(sigma.value(np.array(1.0)) + sigma.value(np.array(-1.0)))
        offset = 2.0 * float(sigma.value(np.array(0.0))) - total
        back = ActivationParams(np.array([offset - there.intercept[0], 0.0]), -there.coef)
        swapped = GaussianParams(*(block[::-1] for block in experts))
        assert np.allclose(
            law(Activation(sigma), there, experts),
            law(Activation(sigma), back, swapped),
            rtol=0.0,
            atol=1e-12,
        )


@EACH
def test_findings_name_the_mirror_at_two_experts_alone(sigma: ActivationFunction) -> None:
    gate = Activation(sigma)
    assert any("reference" in text for text in gate.findings(2)) == sigma.mirrored
    assert not any("reference" in text for text in gate.findings(3) + gate.findings(1))
    assert all(sigma.name in text for text in gate.findings(2))
    for n_experts in (2, 3):
        assert any("signs" in text for text in gate.findings(n_experts)) == sigma.even
    z = np.linspace(0.1, 3.0, 20)
    assert np.allclose(sigma.value(z), sigma.value(-z)) == sigma.even


def test_the_sigmoid_gate_is_the_tanh_gate_at_other_parameters() -> None:
    """s(z) = (1 + tanh(z / 2)) / 2: (β1, β0, τ) of the one are (β1/2, 2β0, 2τ) of the other."""
    tau = 0.3
    there = slopes(3)
    here = ActivationParams(2.0 * there.intercept, there.coef / 2.0)
    sigmoid = law(Temperature(Activation(SIGMOID)), TemperatureParams(there, tau), lines(3))
    tanh = law(Temperature(Activation(TANH)), TemperatureParams(here, 2.0 * tau), lines(3))
    assert np.allclose(sigmoid, tanh, rtol=0.0, atol=1e-12)


def test_only_kinks_make_pieces() -> None:
    assert [s.name for s in EVERY if Activation(s).pieces(3) is not None] == ["relu"]
    pieces = Temperature(Activation(RELU)).pieces(3)
    assert pieces is not None and not pieces.jumps and pieces.coordinate == 0


def test_slopes_of_the_reference_are_refused() -> None:
    params = slopes(3)
    params.coef[-1] = 1.0
    with pytest.raises(ValueError, match="the last expert is the reference"):
        Activation().from_params(params)


@pytest.mark.parametrize("sigma", ["tanh", np.tanh, None], ids=str)
def test_what_is_no_activation_is_refused(sigma) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match="is not an ActivationFunction"):
        MixtureOfExperts(Activation(sigma), Gaussian(), 2, 1)


def _root(z: np.ndarray) -> np.ndarray:
    return np.sqrt(z)


def _mean(z: np.ndarray) -> float:
    return float(np.mean(z))


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize(
    ("bad", "message"), [(_root, "is nan at -5"), (_mean, "shape")], ids=["root", "mean"]
)
def test_activations_that_are_not_functions_of_every_number(  # type: ignore[no-untyped-def]
    place: int, bad, message: str
) -> None:
    parts = [np.tanh, np.cos, np.sin]
    parts[place] = bad
    gate = Temperature(Activation(ActivationFunction("mine", *parts)))
    name = ("σ", "σ'", "σ''")[place]
    with pytest.raises(ValueError, match=rf"^{name} of Activation\(activation=mine\).*{message}"):
        MixtureOfExperts(gate, Gaussian(), 2, 1)


def test_gates_can_be_pickled() -> None:
    gate = pickle.loads(pickle.dumps(Temperature(Activation(GELU))))
    params = TemperatureParams(slopes(3), 0.7)
    expected = law(Temperature(Activation(GELU)), params, lines(3))
    assert np.array_equal(law(gate, params, lines(3)), expected)
