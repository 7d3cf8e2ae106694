"""Whole passes in one compiled call: the same sums as block by block."""

from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from mixexp.estimation import compiledpass
from mixexp.estimation.data import Data
from mixexp.estimation.objective import Objective
from mixexp.estimation.passes import Passes
from mixexp.inference.parts import on_part
from mixexp.models import Activation, Gaussian, MixtureOfExperts, Poisson, Softmax
from tests.instances import generator

CASES = list(product((2, 3, 5), (0, 1, 2), (0, 1, 2), ("expert", "shared"), (5, 300, 5000)))


def both(model: MixtureOfExperts, n: int, weighted: bool, n_threads: int = 1):
    """The same objective compiled and block by block, and where to evaluate it."""
    rng = generator("compiled", model.n_experts, n)
    x, y = rng.normal(size=(n, model.n_columns)), rng.normal(size=n)
    weight = rng.uniform(0.1, 2.0, n) if weighted else None
    data = Data.from_rows(x, model.expert.encode(y), weight)
    compiled, blocks = Objective(model, data, n_threads=n_threads), Objective(model, data)
    compiled._passes = Passes(compiled.model, n_threads, compiled=True)
    blocks._passes = Passes(blocks.model, compiled=False)
    return compiled, blocks, 0.7 * rng.normal(size=model.layout.n_free)


def assert_close(found: np.ndarray, expected: np.ndarray) -> None:
    assert np.shape(found) == np.shape(expected)
    size = 1.0 + float(np.max(np.abs(expected), initial=0.0))
    np.testing.assert_allclose(found, expected, rtol=0.0, atol=1e-12 * size)


@pytest.mark.parametrize(("n_experts", "gate", "mean", "variance", "n"), CASES)
def test_every_sum_is_that_of_the_blocks(
    n_experts: int, gate: int, mean: int, variance: str, n: int
) -> None:
    model = MixtureOfExperts(Softmax(gate), Gaussian(mean, variance), n_experts, 2)
    one, other, theta = both(model, n, weighted=n == 300)
    found, expected = one.evaluate(theta, 2), other.evaluate(theta, 2)
    assert found.value == pytest.approx(expected.value, rel=1e-13)
    assert one.evaluate(theta).value == found.value
    assert_close(found.gradient, expected.gradient)
    assert_close(one.evaluate(theta, 1).gradient, expected.gradient)
    assert_close(found.hessian, expected.hessian)
    n_before = one.n_evaluations
    assert_close(one.shares(theta), other.shares(theta))
    assert one.n_evaluations == n_before
    assert_close(one.shares(-theta), other.shares(-theta))
    assert one.n_evaluations == n_before + 1
    em, reference = one.em_statistics(theta), other.em_statistics(theta)
    assert_close(em.gradient, reference.gradient)
    assert_close(em.hessian, reference.hessian)
    for a, b in zip(em.expert, reference.expert, strict=True):
        assert_close(a, b)


def test_gate_and_experts_may_see_different_columns() -> None:
    model = MixtureOfExperts(Softmax(), Gaussian(), 3, 3, (0, 2), (1,))
    one, other, theta = both(model, 700, weighted=True)
    assert_close(one.evaluate(theta, 2).hessian, other.evaluate(theta, 2).hessian)


@pytest.mark.parametrize("part", ["", "gradient", "hessian", "em_statistics", "mass"])
def test_threads_and_pickles_do_not_change_a_bit(part: str) -> None:
    model = MixtureOfExperts(Softmax(), Gaussian(), 3, 2)
    one, _, theta = both(model, 30_000, weighted=True)
    expected = one._sum(theta, part)
    again, _, _ = both(model, 30_000, weighted=True, n_threads=3)
    for passes in (again._passes, pickle.loads(pickle.dumps(again._passes))):
        again._passes = passes
        assert all(map(np.array_equal, again._sum(theta, part), expected))


def test_the_sums_of_an_earlier_pass_do_not_matter() -> None:
    model = MixtureOfExperts(Softmax(), Gaussian(2), 3, 2)
    one, _, theta = both(model, 500, weighted=False)
    first = one.evaluate(theta, 2)
    one.em_statistics(-theta)
    one.evaluate(theta + 1.0, 1)
    assert np.array_equal(one.evaluate(theta, 2).hessian, first.hessian)


def test_remembered_masses_are_of_the_rows() -> None:
    """They are of the rows that derivatives were taken on, also if a copy has others."""
    model = MixtureOfExperts(Softmax(), Gaussian(), 3, 2)
    one, other, theta = both(model, 500, weighted=False)
    part = one.data.take(np.arange(40), np.ones(40))
    of_part = on_part(one, part)
    of_part.evaluate(theta, 2)
    assert_close(one.shares(theta), other.shares(theta))
    one.evaluate(theta, 2)
    assert_close(of_part.shares(theta), Objective(model, part).shares(theta))
    one.data = part
    assert_close(one.shares(theta), of_part.shares(theta))


def test_one_objective_serves_several_threads() -> None:
    model = MixtureOfExperts(Softmax(), Gaussian(), 3, 2)
    one, _, theta = both(model, 500, weighted=True)
    points = [theta * scale for scale in np.linspace(-1.0, 1.0, 40)]
    expected = [(one.evaluate(point, 2).value, one.shares(point)) for point in points]

    def work(i: int) -> bool:
        value, shares = expected[i % 40]
        return bool(
            one.evaluate(points[i % 40], 2).value == value
            and np.array_equal(one.shares(points[i % 40]), shares)
            and np.array_equal(one.shares(points[i % 7]), expected[i % 7][1])
        )

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(work, range(400)))


def test_what_overflowed_in_an_earlier_pass_does_not_matter() -> None:
    model = MixtureOfExperts(Softmax(), Gaussian(), 3, 1)
    one, other, theta = both(model, 40, weighted=False)
    far = theta.copy()
    far[-3:] = -800.0
    with np.errstate(all="ignore"):
        assert not np.isfinite(one.evaluate(far, 2).hessian).all()
    assert_close(one.em_statistics(theta).hessian, other.em_statistics(theta).hessian)
    assert_close(one.evaluate(theta, 2).hessian, other.evaluate(theta, 2).hessian)


def test_a_row_that_fills_the_last_block_up_counts_for_nothing() -> None:
    model = MixtureOfExperts(Softmax(), Gaussian(), 2, 1)
    one, other, theta = both(model, 9, weighted=False)
    data = replace(one.data, y=np.array([[*8 * [0.0], 50.0]]))
    one.data = other.data = data
    assert one.evaluate(theta).value == pytest.approx(other.evaluate(theta).value, rel=1e-14)
    assert_close(one.evaluate(theta, 2).hessian, other.evaluate(theta, 2).hessian)


def test_impossible_rows_are_minus_infinity_as_block_by_block() -> None:
    model = MixtureOfExperts(Softmax(), Gaussian(), 2, 1)
    one, other, theta = both(model, 9, weighted=False)
    one.data = other.data = replace(one.data, y=np.full((1, 9), 1e200))
    assert one.evaluate(theta).value == other.evaluate(theta).value == -np.inf


@pytest.mark.parametrize(
    "model",
    [
        MixtureOfExperts(Activation(), Gaussian(), 2, 1),
        MixtureOfExperts(Softmax(), Poisson(), 2, 1),
        MixtureOfExperts(Softmax(), Gaussian(), 1, 1),
        MixtureOfExperts(Softmax(), Gaussian(), 40, 1),
    ],
    ids=["activation", "Poisson", "one expert", "many experts"],
)
def test_other_models_go_block_by_block(model: MixtureOfExperts) -> None:
    assert not compiledpass.is_possible(model)


@pytest.mark.parametrize("n_rows", [1, 4096, 4097, 100_000, 10**8])
def test_calls_are_long_and_many(n_rows: int) -> None:
    rows = compiledpass.CompiledPass.task_rows(n_rows)
    assert 4096 <= rows <= 65_536 and rows % 256 == 0
    assert n_rows < 16 * 4096 or n_rows / rows > 15.0
