"""Bounds as users write them, and the box they make."""

from __future__ import annotations

import numpy as np
import pytest

from mixexp.estimation.box import Bounds, Box
from tests.estimation.cases import model


def test_defaults_and_parts() -> None:
    assert Bounds.parse(None) == Bounds.parse({}) == Bounds()
    assert Bounds.parse({"gate": 50}) == Bounds(gate=50.0)
    assert Bounds.parse({"scale": [1, 2]}) == Bounds(scale=(1.0, 2.0))
    same = Bounds(expert=3.0)
    assert Bounds.parse(same) is same


@pytest.mark.parametrize(
    ("bounds", "message"),
    [
        ({"gates": 5}, r"no entry \['gates'\]; use 'gate', 'expert', 'scale', 'temperature'"),
        ({"gate": -1.0}, "must be positive"),
        ({"gate": 0.0}, "must be positive"),
        ({"gate": np.nan}, "must be positive"),
        ({"expert": -2}, "must be positive"),
        ({"scale": (0.0, 1.0)}, "low < high"),
        ({"scale": (2.0, 1.0)}, "low < high"),
        ({"scale": (1.0, np.inf)}, "low < high"),
        ({"scale": (np.nan, 1.0)}, "low < high"),
        ({"scale": 1.0}, "'scale' and 'temperature' pairs of numbers"),
        ({"scale": (1.0, 2.0, 3.0)}, "'scale' and 'temperature' pairs of numbers"),
        ({"temperature": (0.0, 1.0)}, "low < high"),
        ({"temperature": 1.0}, "'scale' and 'temperature' pairs of numbers"),
        ({"gate": (1.0, 2.0)}, "must be numbers"),
        ({"gate": "wide"}, "must be numbers"),
        ({"expert": None}, "must be numbers"),
    ],
)
def test_malformed_bounds(bounds: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Bounds.parse(bounds)


def test_box_of_a_layout() -> None:
    box = Bounds(gate=5.0, expert=7.0, scale=(0.1, 10.0)).box(model(2).layout)
    assert box.upper == pytest.approx([5, 5, 7, 7, 7, 7, 2 * np.log(10), 2 * np.log(10)])
    assert box.lower == pytest.approx(-box.upper)


def test_projection_and_active_bounds() -> None:
    box = Box(np.array([-1.0, -1.0, -1.0]), np.array([1.0, 1.0, 1.0]))
    theta = box.project(np.array([5.0, -5.0, 0.5]))
    assert theta.tolist() == [1.0, -1.0, 0.5]
    # Held: on a bound, and the gradient points out of the box or nowhere.
    assert box.free(theta, np.array([1.0, 1.0, 1.0])).tolist() == [False, True, True]
    assert box.free(theta, np.array([-1.0, -1.0, -1.0])).tolist() == [True, False, True]
    assert box.free(theta * (1.0 - 1e-14), np.array([1.0, -1.0, 0.0])).tolist() == [
        False,
        False,
        True,
    ]
