"""Quadratic problems of the M-steps: singular normal equations, and maxima in a box."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import lsq_linear

from mixexp.models.quadratic import maximize_in_box, solve_normal_equations

SEEDS = st.integers(0, 2**32 - 1)
MANY = settings(max_examples=40, derandomize=True)


def design(seed: int, rank: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """A design (20, p), of the given rank, and a response."""
    rng = np.random.default_rng(seed)
    p = int(rng.integers(1, 7))
    x = rng.normal(size=(20, p))
    if rank is not None:
        x = x[:, : min(rank, p)] @ rng.normal(size=(min(rank, p), p))
    return x * np.exp(rng.uniform(-3, 3, size=p)), rng.normal(size=20)


@MANY
@given(seed=SEEDS, rank=st.sampled_from([None, 1, 2]))
def test_normal_equations_of_any_rank(seed: int, rank: int | None) -> None:
    x, y = design(seed, rank)
    got = solve_normal_equations((x.T @ x)[None], (x.T @ y)[None])[0]
    assert np.allclose(x @ got, x @ np.linalg.lstsq(x, y, rcond=None)[0], atol=1e-7)
    assert np.all(np.isfinite(got))


def test_no_information_is_no_step() -> None:
    assert np.array_equal(
        solve_normal_equations(np.zeros((2, 3, 3)), np.zeros((2, 3))), np.zeros((2, 3))
    )


def bounded(seed: int) -> tuple[np.ndarray, ...]:
    """Least squares in a box, from a start in it that is often on some of its bounds."""
    x, y = design(seed)
    rng = np.random.default_rng(seed)
    center = np.linalg.lstsq(x, y, rcond=None)[0] + 0.3 * rng.normal(size=x.shape[1])
    lower, upper = (
        center - rng.exponential(size=len(center)),
        center + rng.exponential(size=len(center)),
    )
    start = np.clip(center + 2.0 * rng.normal(size=len(center)), lower, upper)
    return x, y, start, lower, upper


def step(
    x: np.ndarray, y: np.ndarray, start: np.ndarray, lower: np.ndarray, upper: np.ndarray
) -> np.ndarray:
    gram, cross = (x.T @ x)[None], (x.T @ (y - x @ start))[None]
    return maximize_in_box(gram, cross, start[None], lower[None], upper[None])[0]


@MANY
@given(seed=SEEDS)
def test_step_stays_in_the_box_and_rises(seed: int) -> None:
    x, y, start, lower, upper = bounded(seed)
    there = start + step(x, y, start, lower, upper)
    slack = 1e-15 * (1.0 + np.abs(start))
    assert np.all((there >= lower - slack) & (there <= upper + slack))
    before, after = (np.sum((y - x @ b) ** 2) for b in (start, there))
    assert after <= before * (1.0 + 1e-12)


@MANY
@given(seed=SEEDS)
def test_repeated_steps_end_at_the_maximum_in_the_box(seed: int) -> None:
    x, y, start, lower, upper = bounded(seed)
    best = lsq_linear(x, y, (lower, upper), tol=1e-14, method="bvls").cost
    point = start
    for _ in range(30):
        point = np.clip(point + step(x, y, point, lower, upper), lower, upper)
    assert 0.5 * np.sum((y - x @ point) ** 2) <= best * (1.0 + 1e-8)


@MANY
@given(seed=SEEDS)
def test_rows_do_not_touch_each_other(seed: int) -> None:
    """A row whose maximum lies inside takes it, whatever the bounds do to its neighbour."""
    x, y, start, lower, upper = bounded(seed)
    gram, cross = x.T @ x, x.T @ (y - x @ start)
    wide = np.full_like(start, 1e9)
    both = maximize_in_box(
        np.stack([gram, gram]), np.stack([cross, cross]), np.stack([start, start]),
        np.stack([lower, -wide]), np.stack([upper, wide]),
    )  # fmt: skip
    assert np.allclose(both[0], step(x, y, start, lower, upper), rtol=1e-12, atol=1e-12)
    assert np.allclose(x @ (start + both[1]), x @ np.linalg.lstsq(x, y, rcond=None)[0], atol=1e-8)


def test_a_curvature_that_underflows_is_none() -> None:
    """A gate that has saturated: its step would be 1e300 long, and overflow on the way."""
    step = solve_normal_equations(np.diag([1.0, 1e-310])[None], np.array([[2.0, 1e-8]]))
    assert np.array_equal(step, [[2.0, 0.0]])
    assert not solve_normal_equations(np.full((1, 1, 1), 1e-310), np.full((1, 1), 1e-8)).any()
