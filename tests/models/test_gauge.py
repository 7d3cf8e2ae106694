"""The representative of Gaussian gates under which the rows of x are likeliest."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixexp.models.gllim.gauge import NaturalGates, likeliest

PAIRS = {1: [(0, 0)], 2: [(0, 0), (0, 1), (1, 1)]}


def gates(seed: int, k: int, d: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(k, d, d)) + 2.0 * np.eye(d)
    weight = rng.dirichlet(np.full(k, 5.0))
    return weight, rng.normal(size=(k, d)), root @ np.swapaxes(root, 1, 2)


def log_density(weight, mean, covariance, x):
    natural = NaturalGates.of(np.log(weight), mean, covariance)
    quadratic = np.einsum("di,kde,ei->ki", x, natural.precision, x)
    logs = natural.constant[:, None] + natural.slope @ x - 0.5 * quadratic
    return logs - 0.5 * x.shape[0] * np.log(2.0 * np.pi)


@given(st.integers(0, 10_000), st.integers(2, 4), st.sampled_from([1, 2]))
def test_conditional_law_is_kept_and_the_data_get_likelier(seed, k, d):
    weight, mean, covariance = gates(seed, k, d)
    x = np.random.default_rng(seed).normal(size=(d, 200))
    found = likeliest(NaturalGates.of(np.log(weight), mean, covariance), x, None, PAIRS[d])
    before, after = log_density(weight, mean, covariance, x), log_density(*found, x)
    # Rounding of quadratic forms is relative to their size, 1e7 for nearly singular gates.
    size = max(1.0, float(np.abs(before).max()))
    assert after - after[0] == pytest.approx(before - before[0], abs=1e-9 * size)
    assert found[0].sum() == pytest.approx(1.0)
    total = [np.logaddexp.reduce(logs, axis=0).sum() for logs in (before, after)]
    assert total[1] >= total[0] - 1e-9


def test_moments_of_the_law_are_those_of_the_data():
    x = np.random.default_rng(0).normal(size=(2, 300)) * [[2.0], [0.5]] + 1.0
    w = np.random.default_rng(1).uniform(0.5, 2.0, 300)
    natural = NaturalGates.of(*(np.log(p) if i == 0 else p for i, p in enumerate(gates(3, 3, 2))))
    weight, mean, covariance = likeliest(natural, x, w, PAIRS[2])
    raw = covariance + mean[:, :, None] * mean[:, None, :]
    assert weight @ mean == pytest.approx(np.average(x, axis=1, weights=w), abs=1e-6)
    assert np.tensordot(weight, raw, axes=1) == pytest.approx((x * w) @ x.T / w.sum(), abs=1e-6)


def test_gates_as_steep_as_a_step_stay_densities():
    steep = NaturalGates(np.array([0.0, -200.0]), np.array([[900.0], [0.0]]), np.zeros((2, 1, 1)))
    x = np.linspace(-2.0, 2.0, 101)[None]
    weight, mean, covariance = likeliest(steep, x, None, PAIRS[1])
    assert np.all(weight > 0.05)
    assert np.all(covariance > 0.0)
    logs = log_density(weight, mean, covariance, x)
    assert logs[0] - logs[1] == pytest.approx(900.0 * x[0] + 200.0, rel=1e-6)


def test_change_of_scale_is_exact():
    weight, mean, covariance = gates(5, 3, 2)
    natural = NaturalGates.of(np.log(weight), mean, covariance)
    center, scale = np.array([3.0, -1.0]), np.array([2.0, 0.1])
    z = np.random.default_rng(0).normal(size=(2, 7))
    moved = natural.on_scale(center, scale)
    x = center[:, None] + scale[:, None] * z

    def values(g, at):
        return (
            g.constant[:, None]
            + g.slope @ at
            - 0.5 * np.einsum("di,kde,ei->ki", at, g.precision, at)
        )

    assert values(moved, z) == pytest.approx(values(natural, x), rel=1e-12)
