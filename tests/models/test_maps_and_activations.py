"""Scalar maps and activations: derivatives, the properties they claim, and pickling."""

from __future__ import annotations

import pickle
from functools import partial
from typing import Any

import numpy as np
import pytest

from mixexp.models import Transformed
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
from mixexp.models.basis import Affine
from mixexp.models.maps import COS, Map, Mapped
from mixexp.models.maps import SIGMOID as SIGMOID_MAP
from mixexp.models.maps import TANH as TANH_MAP

EVERY = [TANH, SIGMOID, GELU, SOFTPLUS, SIN, IDENTITY, RELU, SQUARE]
MAPS = [TANH_MAP, SIGMOID_MAP, COS]
EACH = pytest.mark.parametrize("sigma", EVERY, ids=repr)
# Both signs, no kink closer than a difference quotient reaches, the tails as well.
POINTS = np.concatenate([np.linspace(-6.0, 6.0, 48), [-0.01, 0.01, -30.0, 30.0]])


def central(function: Any, z: np.ndarray, h: float = 1e-3) -> np.ndarray:
    """Difference quotient with an error of h^4."""
    near = function(z + h) - function(z - h)
    wide = function(z + 2.0 * h) - function(z - 2.0 * h)
    return (8.0 * near - wide) / (12.0 * h)


@EACH
def test_derivatives_against_differences(sigma: ActivationFunction) -> None:
    assert np.allclose(sigma.first(POINTS), central(sigma.value, POINTS), rtol=1e-8, atol=1e-9)
    assert np.allclose(sigma.second(POINTS), central(sigma.first, POINTS), rtol=1e-8, atol=1e-9)


@EACH
def test_derivatives_are_finite_far_out(sigma: ActivationFunction) -> None:
    z = np.array([-1e6, -800.0, -40.0, 40.0, 800.0, 1e6])
    for part in (sigma.value, sigma.first, sigma.second):
        assert np.isfinite(part(z)).all()


@EACH
def test_degree_is_that_of_a_homogeneous_function(sigma: ActivationFunction) -> None:
    """A degree is claimed by all that have one, and by no other."""
    z = POINTS[np.abs(POINTS) < 7.0]
    degrees = [1.0, 2.0] if sigma.degree is None else [sigma.degree]
    held = [np.allclose(sigma.value(3.0 * z), 3.0**p * sigma.value(z)) for p in degrees]
    assert held == [sigma.degree is not None] * len(held)


@EACH
def test_mirrored_are_those_whose_two_sides_add_up_to_a_constant(sigma: ActivationFunction) -> None:
    both = sigma.value(POINTS) + sigma.value(-POINTS)
    assert sigma.mirrored == np.allclose(both, both[0], atol=1e-12)


@EACH
def test_kinks_are_jumps_of_the_first_derivative(sigma: ActivationFunction) -> None:
    jump = sigma.first(np.array([1e-9])) - sigma.first(np.array([-1e-9]))
    assert sigma.kink == (abs(jump[0]) > 0.5)


@EACH
def test_shapes_and_arguments_are_left_alone(sigma: ActivationFunction) -> None:
    z = np.random.default_rng(0).normal(size=(3, 5))
    before = z.copy()
    for part in (sigma.value, sigma.first, sigma.second):
        assert np.shape(part(z)) == z.shape
    assert np.array_equal(z, before)


@pytest.mark.parametrize("function", [*EVERY, *MAPS], ids=lambda f: type(f).__name__ + repr(f))
def test_pickling(function: Any) -> None:
    again = pickle.loads(pickle.dumps(function))
    assert again == function and repr(again) == repr(function)


@pytest.mark.parametrize("bad", ["value", "first", "second"])
def test_activations_that_cannot_be_pickled_are_refused(bad: str) -> None:
    parts: dict[str, Any] = {"value": np.tanh, "first": np.cos, "second": np.sin}
    parts[bad] = lambda z: z
    with pytest.raises(ValueError, match=r"activation 'mine'.*cannot be pickled.*module level"):
        ActivationFunction("mine", **parts)


@pytest.mark.parametrize("degree", [0.0, -1.0, np.nan, np.inf])
def test_degrees_that_are_not_positive_are_refused(degree: float) -> None:
    with pytest.raises(ValueError, match="degree="):
        ActivationFunction("mine", np.tanh, np.cos, np.sin, degree=degree)


def test_a_map_is_made_of_any_function_with_a_name() -> None:
    assert Map.of(np.sin).name == "sin"
    assert Map.of(COS) is COS
    cube = Map.of(partial(np.power, 2.0))
    assert np.array_equal(cube(np.array([3.0])), [8.0]) and pickle.loads(pickle.dumps(cube))


@pytest.mark.parametrize("make", [Map.of, partial(Map, "mine")], ids=["of", "constructor"])
def test_maps_that_cannot_be_pickled_are_refused(make: Any) -> None:
    with pytest.raises(ValueError, match=r"cannot be pickled.*module level"):
        make(lambda x: x)
    with pytest.raises(ValueError, match="not callable"):
        make("tanh")


def test_a_map_that_does_not_act_on_entries_is_refused() -> None:
    with pytest.raises(ValueError, match=r"map 'mean'.*shape"):
        Map.of(np.mean)(np.ones(4))


def test_mapped_terms_and_names() -> None:
    basis = Mapped((2, 0), COS, (1.0, -1.0), (2.0, 3.0))
    z = np.random.default_rng(0).normal(size=(3, 7))
    terms = basis.expand(z, np.empty((3, 7)))
    expected = [np.ones(7), np.cos(1.0 + 2.0 * z[2]), np.cos(-1.0 + 3.0 * z[0])]
    assert np.array_equal(terms, expected)
    assert basis.names(["a", "b", "c"]) == ("1", "cos(c)", "cos(a)")
    around = basis.around(Affine.identity(3))
    assert np.array_equal(around.expand(z, np.empty((2, 7))), expected[1:])
    assert around.terms == basis.terms[1:] and not around.constant


def test_what_makes_a_transformed_gate_can_be_pickled() -> None:
    gate = pickle.loads(pickle.dumps(Transformed(np.sin)))
    assert gate.coordinates((0,)) == Transformed(np.sin).coordinates((0,))
