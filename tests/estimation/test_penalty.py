"""Ridge penalties: what they are invariant to, and what they are for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mixexp.estimation.penalty import Ridge
from mixexp.estimation.solvers import SOLVERS, Newton, Reason, solve
from mixexp.models import Gaussian, MixtureOfExperts, Softmax
from tests.estimation.cases import bind, box, near_truth, step, two_lines
from tests.instances import generator

MODEL = MixtureOfExperts(Softmax(), Gaussian(), n_experts=4, n_columns=2)
RIDGE = Ridge.build(MODEL.layout, 2.0, 3.0)
MANY = settings(max_examples=30, derandomize=True)


def random_theta(seed: int) -> np.ndarray:
    return generator("penalty", seed).normal(size=MODEL.layout.n_free)


def test_value_is_the_sum_it_says() -> None:
    """½ λ_g Σ_k ‖β1_k - mean(β1)‖² + ½ λ_e Σ_k ‖a_k‖², intercepts and scales free."""
    theta = random_theta(0)
    gate, mean, _ = MODEL.layout.coefficients(theta)
    slopes = gate[:, 1:] - gate[:, 1:].mean(axis=0)
    expected = 1.0 * np.sum(slopes**2) + 1.5 * np.sum(mean[:, 1:] ** 2)
    assert RIDGE.value(theta) == pytest.approx(expected, rel=1e-13)


def test_gradient_and_matrix_are_its_derivatives() -> None:
    theta, h = random_theta(1), 1e-3
    for i in range(len(theta)):
        e = h * np.eye(len(theta))[i]
        slope = (RIDGE.value(theta + e) - RIDGE.value(theta - e)) / (2.0 * h)
        assert RIDGE.gradient(theta)[i] == pytest.approx(slope, rel=1e-9, abs=1e-10)
    assert np.array_equal(RIDGE.matrix, RIDGE.matrix.T)
    assert np.linalg.eigvalsh(RIDGE.matrix).min() >= -1e-12
    assert np.allclose(RIDGE.gradient(theta), RIDGE.matrix @ theta)


@MANY
@given(seed=st.integers(0, 2**16), order=st.permutations(range(4)))
def test_relabelling_changes_nothing(seed: int, order: list[int]) -> None:
    """The reference expert is the last one, whichever that is."""
    theta = random_theta(seed)
    gate, mean, scale = (table[order] for table in MODEL.layout.coefficients(theta))
    renamed = MODEL.layout.vector([gate - gate[-1], mean, scale])
    assert RIDGE.value(renamed) == pytest.approx(RIDGE.value(theta), rel=1e-11)


@MANY
@given(seed=st.integers(0, 2**16), shift=st.floats(-50, 50))
def test_translation_of_the_gate_changes_nothing(seed: int, shift: float) -> None:
    theta = random_theta(seed)
    params = MODEL.to_params(MODEL.layout.coefficients(theta))
    moved = MODEL.from_measure(MODEL.measure(params).translate(shift, shift))
    there = MODEL.layout.vector(MODEL.coefficients(moved))
    assert RIDGE.value(there) == pytest.approx(RIDGE.value(theta), rel=1e-9)


def test_none_is_no_penalty() -> None:
    assert not Ridge.build(MODEL.layout, None, None).matrix.any()
    assert Ridge.none(MODEL.layout).value(random_theta(0)) == 0.0
    constant = MixtureOfExperts(Softmax(degree=0), Gaussian(degree=0), 3, 2)
    assert not Ridge.build(constant.layout, 1.0, 1.0).matrix.any()


def test_strengths_carry_over_to_another_number_of_experts() -> None:
    fewer = MixtureOfExperts(Softmax(), Gaussian(), n_experts=3, n_columns=2)
    rebuilt = RIDGE.rebuild(fewer.layout)
    assert np.array_equal(rebuilt.matrix, Ridge.build(fewer.layout, 2.0, 3.0).matrix)


@pytest.mark.parametrize("name", SOLVERS)
def test_penalised_fit_of_a_separated_gate_is_finite(name: str) -> None:
    """Far off any bound, and the same from every solver."""
    target = bind(2, *step(), penalty=(0.5, None))
    start = np.array([0.0, -1.0, -1.0, 0.5, 1.0, 0.5, -2.0, -2.0])
    reference = Newton().solve(target, start, box(target))
    assert reference.reason is Reason.STATIONARY
    assert 1.0 < np.abs(reference.theta[1]) < 50.0
    assert np.linalg.eigvalsh(target.evaluate(reference.theta, 2).hessian).max() < -1e-6
    found = solve(name, target, start, box(target), max_iter=3000)
    assert found.value == pytest.approx(reference.value, abs=1e-6)
    assert np.abs(target.evaluate(reference.theta, 1).gradient).max() < 1e-8


def test_stronger_penalty_shrinks_what_it_penalises() -> None:
    x, y = two_lines(100)
    sizes = []
    for strength in (None, 1.0, 100.0, 1e6):
        target = bind(2, x, y, penalty=(strength, strength))
        found = Newton().solve(target, near_truth(target), box(target))
        gate, mean, _ = target.layout.coefficients(found.theta)
        sizes.append([np.abs(gate[:, 1:]).max(), np.abs(mean[:, 1:]).max()])
    assert np.all(np.diff(sizes, axis=0) < 0.0)
    assert np.all(np.array(sizes[-1]) < 1e-3)
