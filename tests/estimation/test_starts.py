"""Starts: every kind gives a finite θ in the box, whatever the data."""

from __future__ import annotations

import numpy as np
import pytest

from mixexp.estimation.box import Bounds
from mixexp.estimation.candidates import Pool, draw
from mixexp.estimation.data import Data
from mixexp.estimation.fit import Options, fit
from mixexp.estimation.objective import Objective
from mixexp.estimation.start import PARTITIONS, exact_fits, from_responsibilities, split
from mixexp.models import Expert, Gate, Gaussian, MixtureOfExperts, Softmax
from tests.estimation.cases import bind, box, two_lines
from tests.instances import PAIRS, generator, problem

RNG = generator("odd data")
X = RNG.normal(size=(40, 2))
Y = X @ [1.0, -2.0] + RNG.normal(size=40)
ODD: dict[str, tuple[np.ndarray, np.ndarray, np.ndarray | None]] = {
    "plain": (X, Y, None),
    "weights from 1e-6 to 1e6": (X, Y, 10.0 ** RNG.uniform(-6, 6, size=40)),
    "constant column": (np.column_stack([X[:, 0], np.full(40, 3.0)]), Y, None),
    "equal columns": (X[:, [0, 0]], Y, None),
    "constant response": (X, np.full(40, 2.0), None),
    "exact line": (X, X @ [1.0, -2.0], None),
    "duplicated rows": (np.repeat(X[:4], 10, axis=0), np.repeat(Y[:4], 10), None),
    "two distinct rows": (np.repeat(X[:2], 5, axis=0), np.repeat(Y[:2], 5), None),
    "one distinct row": (np.repeat(X[:1], 6, axis=0), np.repeat(Y[:1], 6), None),
    "outlier": (X, np.where(np.arange(40) == 7, 1e6, Y), None),
}


def pool(name: str, n_experts: int) -> Pool:
    x, y, weight = ODD[name]
    law = MixtureOfExperts(Softmax(), Gaussian(), n_experts, 2)
    return Pool(Objective(law, Data.from_rows(x, y, weight)), Bounds())


@pytest.mark.parametrize(
    ("name", "n_experts"),
    [(name, k) for name in ODD for k in (1, 2)]
    + [("constant column", 3), ("outlier", 3), ("two distinct rows", 4), ("one distinct row", 5)],
)
def test_every_kind_of_start_on_odd_data(name: str, n_experts: int) -> None:
    here = pool(name, n_experts)
    starts = list(draw(here, 1, np.random.default_rng(0)))
    kinds = {start.kind for start in starts}
    assert kinds == ({"one expert"} if n_experts == 1 else {"split", "exact fits", *PARTITIONS})
    for start in starts:
        assert start.theta.shape == (here.objective.layout.n_free,)
        assert np.all((start.theta >= here.box.lower) & (start.theta <= here.box.upper))
        assert np.isfinite(here.objective.evaluate(start.theta).value)


@PAIRS
def test_every_kind_of_start_for_every_model(gate: Gate, expert: Expert) -> None:
    here = Pool(problem(gate, expert, n_experts=3).objective, Bounds())
    for start in draw(here, 1, np.random.default_rng(0)):
        assert np.all((start.theta >= here.box.lower) & (start.theta <= here.box.upper))
        assert np.isfinite(here.objective.evaluate(start.theta).value)


def test_starts_repeat_with_the_generator() -> None:
    here = pool("plain", 2)
    drawn = [
        np.array([s.theta for s in draw(here, 2, np.random.default_rng(seed))])
        for seed in (1, 1, 2)
    ]
    assert np.array_equal(drawn[0], drawn[1])
    assert not np.array_equal(drawn[0], drawn[2])


@pytest.mark.parametrize("kind", PARTITIONS)
@pytest.mark.parametrize("name", ODD)
def test_partitions_are_responsibilities(kind: str, name: str) -> None:
    for k in (1, 2, 5):
        objective = pool(name, k).objective
        r = PARTITIONS[kind](objective, np.random.default_rng(0))
        assert r.shape == (objective.data.n_rows, k)
        assert np.all(r >= 0.0)
        assert np.allclose(r.sum(axis=1), 1.0)


def test_clusters_find_clusters() -> None:
    rng = np.random.default_rng(0)
    x = np.repeat([-5.0, 0.0, 5.0], 30)[:, None] + 0.1 * rng.normal(size=(90, 1))
    target = bind(3, x, 10.0 * x[:, 0])
    found = [PARTITIONS["k-means"](target, np.random.default_rng(s)) for s in range(10)]
    truth = np.repeat(np.arange(3), 30)
    sharp = [np.all([len(set(r[truth == j].argmax(axis=1))) == 1 for j in range(3)]) for r in found]
    assert np.mean(sharp) >= 0.3


def test_given_responsibilities_are_fitted() -> None:
    """Hard labels: each expert is the regression of its own rows."""
    x, y = two_lines(200)
    target = bind(2, x, y)
    labels = (y < 0.0).astype(int)
    theta = from_responsibilities(target, np.eye(2)[labels], box(target))
    mean = target.layout.coefficients(theta)[1]
    for k in (0, 1):
        rows = labels == k
        design = np.column_stack([np.ones(rows.sum()), target.data.z[0, rows]])
        expected = np.linalg.lstsq(design, target.data.y[0, rows], rcond=None)[0]
        assert np.allclose(mean[k], expected, rtol=1e-8)


def test_exact_fits_pass_through_as_many_rows_as_they_have_terms() -> None:
    x, y = two_lines(100)
    target = bind(2, x, y)
    for seed in range(10):
        theta = exact_fits(target, box(target), np.random.default_rng(seed))
        _, mean, log_variance = target.layout.coefficients(theta)
        design = np.column_stack([np.ones(100), target.data.z[0]])
        residual = np.abs(target.data.y[0] - mean @ design.T)
        assert np.all(np.sum(residual < 1e-9, axis=1) >= 2)
        scale = np.exp(0.5 * log_variance)
        assert np.all((scale >= 1e-3 - 1e-12) & (scale <= 1.0))


def test_split_keeps_the_other_experts_and_separates_the_two() -> None:
    x, y = two_lines(100)
    small, large = bind(2, x, y), bind(3, x, y)
    theta = np.random.default_rng(0).normal(size=small.layout.n_free)
    before = small.layout.coefficients(theta)
    rng = np.random.default_rng(1)
    for atom in (0, 1):
        for _ in range(5):
            bigger = split(small.model, theta, large.model, atom, rng)
            gate, mean, scale = large.layout.coefficients(bigger)
            other = 1 - atom
            assert np.array_equal(mean[other + 1], before[1][other])
            assert scale[other + 1] == before[2][other]
            assert np.allclose(0.5 * (mean[0] + mean[atom + 1]), before[1][atom])
            assert np.abs(mean[0] - mean[atom + 1]).max() > 1e-2
            # Weights at x = 0: the two share what the one had.
            odds, old = np.exp(gate[:, 0]), np.exp(before[0][:, 0])
            assert odds[0] + odds[atom + 1] == pytest.approx(
                odds[other + 1] * old[atom] / old[other]
            )
            assert odds[0] == pytest.approx(odds[atom + 1])


def test_starts_do_not_depend_on_the_order_of_the_rows_of_a_fit() -> None:
    """The sketch orders them: a fit of permuted rows is the same fit, bit for bit."""
    x, y = two_lines(80)
    law = bind(2, x, y).model
    order = np.random.default_rng(0).permutation(80)
    fits = [fit(law, *d, options=Options(n_init=1)) for d in ((x, y), (x[order], y[order]))]
    assert np.array_equal(fits[0].optima[0].theta, fits[1].optima[0].theta)
    assert fits[0].optima[0].value == fits[1].optima[0].value
