"""Linear independence of the families of functions behind the rates, on a design."""

from __future__ import annotations

import numpy as np
import pytest

from mixexp.estimation.identifiability.independence import Independence, independence, rank_of
from mixexp.models import (
    Activation,
    Expert,
    Gate,
    Gaussian,
    MixtureOfExperts,
    MixtureParams,
    Multinomial,
    Softmax,
    Temperature,
    TopK,
    Transformed,
)
from mixexp.models.activations import (
    GELU,
    IDENTITY,
    RELU,
    SIGMOID,
    SOFTPLUS,
    SQUARE,
    TANH,
    ActivationFunction,
)
from mixexp.models.maps import COS
from mixexp.models.maps import SIGMOID as SIGMOID_MAP


def design(n_columns: int, n: int = 120) -> np.ndarray:
    return np.random.default_rng(1).uniform(-2.0, 2.0, size=(n, n_columns))


def found(
    gate: Gate, expert: Expert, n_columns: int = 1, slopes: tuple[float, ...] = (1.3, 0.0)
) -> list[Independence]:
    """Conditions for experts with the given slopes of the gate, the same in every column."""
    k = len(slopes)
    model = MixtureOfExperts(gate, expert, k, n_columns)
    theta = np.random.default_rng(2).normal(size=model.layout.n_free)
    measure = model.measure(model.to_params(model.layout.coefficients(theta)))
    turn = np.linspace(1.0, 0.6, n_columns)
    blocks = {**measure.atoms, "gate_coef": np.outer(slopes, turn)}
    params: MixtureParams = model.from_measure(type(measure)(measure.weight, blocks))
    return list(independence(model, params, design(n_columns)))


def of(key: str, all_of_them: list[Independence]) -> list[bool]:
    return [i.holds for i in all_of_them if i.key == key]


@pytest.mark.parametrize("n_columns", [1, 2])
@pytest.mark.parametrize("expert", [Gaussian(), Gaussian(degree=2), Multinomial(3)], ids=repr)
def test_interaction_of_gate_and_experts(expert: Expert, n_columns: int) -> None:
    """The identity map fails, bounded maps pass, whatever the experts."""
    for gate in (Softmax(), Temperature(tau=0.5), TopK(1)):
        (one,) = (i for i in found(gate, expert, n_columns) if i.key == "interaction")
        assert not one.holds and one.combination == "[x0 of the gate] = +1·[x0 of the experts]"
    for map in (np.tanh, SIGMOID_MAP, COS):
        (one,) = found(Transformed(map), expert, n_columns)
        assert one.holds and one.combination == ""
        # 1, 2d features, and their products.
        assert one.rank == (1 + 2 * n_columns) * (2 + 2 * n_columns) // 2


def test_a_map_of_two_values_fails_on_any_design() -> None:
    """M² = 1 for the sign: a bounded map is not enough."""
    (one,) = found(Transformed(np.sign), Gaussian())
    assert not one.holds
    assert one.combination == "[sign(x0) of the gate × sign(x0) of the gate] = +1·[1]"


def test_other_columns_do_not_interact() -> None:
    model = MixtureOfExperts(Softmax(), Gaussian(), 2, 2, gate_columns=(0,), expert_columns=(1,))
    params = model.to_params(model.layout.coefficients(np.ones(model.layout.n_free)))
    (one,) = independence(model, params, design(2))
    assert one.holds


def test_gates_without_slopes_have_no_condition() -> None:
    assert found_without_slopes(Softmax(degree=0), Gaussian()) == ()
    assert found_without_slopes(Softmax(), Gaussian(degree=0)) == ()


def found_without_slopes(gate: Gate, expert: Expert) -> tuple[Independence, ...]:
    model = MixtureOfExperts(gate, expert, 2, 1)
    params = model.to_params(model.layout.coefficients(np.ones(model.layout.n_free)))
    return independence(model, params, design(1))


@pytest.mark.parametrize("n_columns", [1, 2])
@pytest.mark.parametrize("activation", [IDENTITY, RELU, SQUARE], ids=repr)
def test_homogeneous_activations_fail_the_first_order(
    activation: ActivationFunction, n_columns: int
) -> None:
    """Euler's identity: σ(β'x) is a multiple of Σ β_u ∂σ/∂β_u."""
    gate = Temperature(Activation(activation), normalize=False)
    orders = found(gate, Gaussian(), n_columns, slopes=(1.3, -0.7, 0.0))
    assert of("first-order", orders) == [False] * 3
    one, _ = (i for i in orders if i.key == "first-order" and "expert " in i.family)
    assert one.rank == 1 + n_columns
    assert one.singular_values[-1] < 1e-14
    assert one.combination.startswith("[∂H/∂log-temperature] = ")


@pytest.mark.parametrize("n_columns", [1, 2])
@pytest.mark.parametrize("activation", [TANH, SIGMOID, GELU, SOFTPLUS], ids=repr)
def test_activations_that_bend_pass(activation: ActivationFunction, n_columns: int) -> None:
    orders = found(Temperature(Activation(activation)), Gaussian(), n_columns, (1.3, -0.7, 0.0))
    assert of("first-order", orders) == [True] * 3
    assert of("second-order", orders) == [True] * 2
    one = orders[0]
    assert one.singular_values[-1] > 1e-4
    # H, ∂β, ∂τ; and for the second order x, xx', x∂β (symmetric), x∂τ and second derivatives.
    d = n_columns
    assert one.rank == 2 + d
    pairs = d * (d + 1) // 2
    assert orders[1].rank == (2 + d) + d + pairs + pairs + d + pairs + d + 1


def test_an_atom_without_slopes_degenerates_and_no_other_does() -> None:
    orders = found(Temperature(Activation(TANH)), Gaussian(), 1, (1.3, 0.0, 0.0))
    assert of("first-order", orders) == [True, False, False]
    words = [i.combination for i in orders if i.key == "first-order"]
    assert words[1] == "∂H/∂log-temperature is zero at every row"


def test_a_temperature_of_a_softmax_gate_fails() -> None:
    orders = found(Temperature(normalize=False), Gaussian())
    assert of("first-order", orders) == [False]
    assert of("interaction", orders) == [False]
    # A fixed one leaves nothing to separate.
    assert of("first-order", found(Temperature(tau=0.5), Gaussian())) == []


def test_a_design_can_be_too_small() -> None:
    """Three rows hold three functions at most: independence is about the design at hand."""
    x = np.array([-1.0, 0.3, 2.0])
    powers = {f"x^{p}": x**p for p in range(4)}
    few = rank_of("", "powers", powers, "")
    assert (few.rank, few.holds) == (3, False)
    x = np.append(x, 0.9)
    assert rank_of("", "powers", {f"x^{p}": x**p for p in range(4)}, "").holds


def test_scales_of_functions_do_not_matter() -> None:
    x = design(1)[:, 0]
    big = rank_of("", "", {"1": x**0, "x": 1e12 * x, "x²": 1e-12 * x**2}, "")
    small = rank_of("", "", {"1": x**0, "x": x, "x²": x**2}, "")
    assert big.holds and np.allclose(big.singular_values, small.singular_values)
    words = rank_of("", "", {"x": 1e12 * x, "y": 2.0 * x}, "").combination
    assert words == "[y] = +2e-12·[x]"
