"""The trust-region problem in a box against brute force."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mixexp.estimation.solvers.trust_region import Step, maximize_model

CURVATURES = ["concave", "singular", "indefinite", "hard"]


class Quadratic(NamedTuple):
    """A model gᵀs + ½ sᵀHs, its bounds and its radius."""

    gradient: np.ndarray
    hessian: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    radius: float

    def value(self, steps: np.ndarray) -> np.ndarray:
        """The model at each row of ``steps``."""
        return steps @ self.gradient + 0.5 * np.einsum("ip,pq,iq->i", steps, self.hessian, steps)

    def solve(self) -> Step:
        return maximize_model(*self)

    def feasible(self, rng: np.random.Generator, n: int = 2000) -> np.ndarray:
        """Random steps in ball and box, half of them on the sphere before the box cuts them."""
        size = len(self.gradient)
        steps = rng.normal(size=(n, size))
        steps *= self.radius / np.linalg.norm(steps, axis=1, keepdims=True)
        steps[: n // 2] *= rng.random((n // 2, 1)) ** (1.0 / size)
        return np.clip(steps, self.lower, self.upper)


def quadratic(seed: int, curvature: str, bounded: bool) -> Quadratic:
    rng = np.random.default_rng(seed)
    size = int(rng.integers(1, 7))
    rotation = np.linalg.qr(rng.normal(size=(size, size)))[0]
    values = rng.normal(size=size) * 10.0 ** rng.uniform(-2, 2, size=size)
    if curvature in ("concave", "singular"):
        values = -np.abs(values)
    if curvature == "singular":
        values *= rng.random(size) < 0.5
    gradient = rng.normal(size=size) * 10.0 ** rng.uniform(-2, 1)
    if curvature == "hard":
        values[0] = np.abs(values).max()
        gradient -= rotation[:, 0] * (rotation[:, 0] @ gradient)
    hessian = (rotation * values) @ rotation.T
    lower, upper = np.full(size, -1e9), np.full(size, 1e9)
    if bounded:
        # A third of the bounds are met already, a third close by, a third out of reach.
        lower = -rng.exponential(size=size) * rng.choice([0.0, 0.3, 5.0], size=size)
        upper = rng.exponential(size=size) * rng.choice([0.0, 0.3, 5.0], size=size)
    radius = float(10.0 ** rng.uniform(-1, 1))
    return Quadratic(gradient, 0.5 * (hessian + hessian.T), lower, upper, radius)


SEEDS = st.integers(0, 2**32 - 1)
MANY = settings(max_examples=40, derandomize=True)


@pytest.mark.parametrize("curvature", CURVATURES)
@MANY
@given(seed=SEEDS, bounded=st.booleans())
def test_step_stays_in_ball_and_box_and_promises_what_it_gives(
    curvature: str, seed: int, bounded: bool
) -> None:
    model = quadratic(seed, curvature, bounded)
    step, gain = model.solve()
    assert np.all((step >= model.lower) & (step <= model.upper))
    assert np.linalg.norm(step) <= model.radius * (1.0 + 1e-7)
    assert gain >= 0.0
    assert gain == pytest.approx(model.value(step[None])[0], rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("curvature", CURVATURES)
@MANY
@given(seed=SEEDS)
def test_no_feasible_step_is_better_without_bounds(curvature: str, seed: int) -> None:
    model = quadratic(seed, curvature, bounded=False)
    best = model.value(model.feasible(np.random.default_rng(seed))).max()
    assert model.solve().gain >= best * (1.0 - 1e-9) - 1e-12


@pytest.mark.parametrize("curvature", ["concave", "singular"])
@MANY
@given(seed=SEEDS)
def test_no_feasible_step_is_better_in_a_box_if_the_model_is_concave(
    curvature: str, seed: int
) -> None:
    model = quadratic(seed, curvature, bounded=True)
    best = model.value(model.feasible(np.random.default_rng(seed))).max()
    assert model.solve().gain >= best * (1.0 - 1e-8) - 1e-12


@pytest.mark.parametrize("curvature", CURVATURES)
@MANY
@given(seed=SEEDS)
def test_first_order_conditions_without_bounds(curvature: str, seed: int) -> None:
    """(λI - H) s = g with λ >= 0, λI - H positive semi-definite and λ (radius - ‖s‖) = 0."""
    model = quadratic(seed, curvature, bounded=False)
    step = model.solve().step
    slope = model.gradient + model.hessian @ step
    length = np.linalg.norm(step)
    multiplier = float(slope @ step) / length**2 if length > 0.0 else 0.0
    size = np.abs(model.hessian).max() * length + np.abs(model.gradient).max()
    assert np.linalg.norm(slope - multiplier * step) <= 1e-7 * size
    assert multiplier >= -1e-9 * size / max(length, 1e-300)
    if length < model.radius * (1.0 - 1e-6):
        assert np.linalg.norm(slope) <= 1e-7 * size
    largest = np.linalg.eigvalsh(model.hessian).max()
    assert multiplier >= largest - 1e-7 * (size / max(length, 1e-300) + abs(largest))


@pytest.mark.parametrize("curvature", CURVATURES)
@MANY
@given(seed=SEEDS)
def test_no_gain_means_that_nothing_can_move_uphill(curvature: str, seed: int) -> None:
    """A gain of zero is a certificate: badly chosen active bounds must not make one."""
    model = quadratic(seed, curvature, bounded=True)
    if model.solve().gain == 0.0:
        uphill = ((model.gradient > 0.0) & (model.upper > 0.0)) | (
            (model.gradient < 0.0) & (model.lower < 0.0)
        )
        assert not uphill.any()


@MANY
@given(seed=SEEDS)
def test_conditions_in_a_box_if_the_model_is_concave(seed: int) -> None:
    """Off its bounds a coordinate has no slope left, on a bound the slope points out."""
    model = quadratic(seed, "concave", bounded=True)
    step = model._replace(radius=1e6).solve().step
    slope = model.gradient + model.hessian @ step
    zero = 1e-8 * (np.abs(model.gradient).max() + np.abs(model.hessian).max() * np.abs(step).max())
    low, high = step <= model.lower, step >= model.upper
    assert np.all(slope[~high] <= zero)
    assert np.all(slope[~low] >= -zero)


def test_a_bound_that_is_met_at_once_does_not_stop_the_others() -> None:
    """Three coordinates, two of them on a bound with the gradient pointing into the box."""
    hessian = -np.array([[1.36, 1.51, 2.75], [1.51, 2.91, 4.24], [2.75, 4.24, 6.74]])
    gradient = np.array([0.039, 0.024, 0.018])
    lower, upper = np.array([-0.046, 0.0, 0.0]), np.array([0.26, 0.25, 13.5])
    gain = maximize_model(gradient, hessian, lower, upper, 0.47).gain
    assert gain == pytest.approx(0.5 * 0.039**2 / 1.36, rel=1e-9)


def test_a_bound_is_released_if_another_coordinate_draws_it_off() -> None:
    hessian = np.array([[-2.0, 1.9], [1.9, -2.0]])
    gradient, wide = np.array([1.0, -0.5]), np.full(2, 9.0)
    step, gain = maximize_model(gradient, hessian, np.zeros(2), wide, 20.0)
    assert np.allclose(step, np.linalg.solve(-hessian, gradient))
    assert gain == pytest.approx(0.5 * gradient @ step)


def test_saddle_without_gradient_is_left_along_its_curvature() -> None:
    step, gain = maximize_model(
        np.zeros(3), np.diag([-1.0, 2.0, 0.0]), np.full(3, -9.0), np.full(3, 9.0), 2.0
    )
    assert gain == pytest.approx(4.0)
    assert np.abs(step) == pytest.approx([0.0, 2.0, 0.0])


@pytest.mark.parametrize("side", [-1.0, 1.0])
def test_saddle_beside_a_bound_is_left_on_the_side_with_room(side: float) -> None:
    near, far = np.array([1e-6, 9.0]), np.array([9.0, 9.0])
    lower, upper = (-near, far) if side > 0 else (-far, near)
    step, gain = maximize_model(np.zeros(2), np.diag([2.0, -1.0]), lower, upper, 1.0)
    assert gain == pytest.approx(1.0)
    assert step[0] == pytest.approx(side)


def test_curvature_within_rounding_is_no_direction_of_ascent() -> None:
    hessian = np.diag([-1e6, 1e-11])
    assert maximize_model(np.zeros(2), hessian, np.full(2, -9.0), np.full(2, 9.0), 1.0).gain == 0.0


def test_shrunken_radius_bounds_the_gain() -> None:
    """What the certificate must not use: the gain within a tiny radius says nothing."""
    model = Quadratic(np.array([3.0]), np.array([[-1.0]]), np.array([-9.0]), np.array([9.0]), 1e-9)
    assert model.solve().gain == pytest.approx(3e-9)
    assert model._replace(radius=9.0).solve().gain == pytest.approx(4.5)


@MANY
@given(seed=SEEDS, scale=st.floats(-6, 12))
def test_gain_scales_with_the_likelihood(seed: int, scale: float) -> None:
    """c times as many rows: c times the gain, the same step."""
    model = quadratic(seed, "indefinite", bounded=False)
    c = 10.0**scale
    bigger = model._replace(gradient=c * model.gradient, hessian=c * model.hessian)
    assert bigger.solve().gain == pytest.approx(c * model.solve().gain, rel=1e-6)


def test_a_curvature_whose_step_overflows_is_none() -> None:
    step = maximize_model(
        np.array([1.0, 0.5]), np.diag([-1e-200, -1.0]), np.full(2, -9.0), np.full(2, 9.0), 1.0
    )
    assert np.linalg.norm(step.step) == pytest.approx(1.0)
    assert np.isfinite(step.gain) and step.gain > 0.9


def test_a_multiplier_within_rounding_of_the_pole_divides_by_nothing() -> None:
    # λ - 1000 would have to be 2e-14, which no number near 1000 can tell from 0.
    step = maximize_model(
        np.array([2e-14, 1.0]), np.diag([1e3, -1.0]), np.full(2, -9.0), np.full(2, 9.0), 1.0
    )
    assert np.isfinite(step.step).all()
    assert np.linalg.norm(step.step) <= 1.0 + 1e-9
