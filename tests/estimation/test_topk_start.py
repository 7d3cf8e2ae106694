"""Starts of top-K gates: change points against exhaustive search, and dense gates made sparse."""

from __future__ import annotations

from itertools import combinations, pairwise

import numpy as np
import pytest

from mixexp.estimation import topk_start
from mixexp.estimation.box import Bounds
from mixexp.estimation.data import Data
from mixexp.estimation.fit import Options, fit
from mixexp.estimation.objective import Objective
from mixexp.estimation.start import PARTITIONS, from_responsibilities
from mixexp.estimation.topk_start import annealed, change_points, densified, has_change_points
from mixexp.models import Expert, Gaussian, MixtureOfExperts, Poisson, Softmax, TopK, Transformed

GATE = TopK(1, select="logit")
FAMILIES = pytest.mark.parametrize("expert", [Gaussian(), Poisson()], ids=repr)


def sample(expert: Expert, n: int, seed: int, *, weighted: bool = False) -> tuple[np.ndarray, ...]:
    """Lines in three pieces, in no order; counts far from zero, where no interval separates."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(-2.0, 2.0, size=n)
    mean = np.select([x < -0.7, x < 0.6], [1.0 + x, 0.3 - 0.5 * x], 0.2 + 0.8 * x)
    gaussian = isinstance(expert, Gaussian)
    y = mean + 0.4 * rng.normal(size=n) if gaussian else rng.poisson(np.exp(2.0 + mean)) * 1.0
    return x[:, None], y, rng.uniform(0.5, 2.0, size=n) if weighted else np.ones(n)


def bind(expert: Expert, k: int, x: np.ndarray, y: np.ndarray, w: np.ndarray) -> Objective:
    model = MixtureOfExperts(GATE, expert, k, 1)
    response = expert.encode(y)
    return Objective(model, Data.from_rows(x, response, w, standardize=False))


def interval(expert: Expert, x: np.ndarray, y: np.ndarray, w: np.ndarray) -> float:
    """Log-likelihood of one line, fitted from scratch."""
    design = np.column_stack([np.ones(len(x)), x])
    if len(x) <= 2 + isinstance(expert, Gaussian):
        return -np.inf
    if isinstance(expert, Gaussian):
        root = np.sqrt(w)[:, None]
        beta = np.linalg.lstsq(root * design, root[:, 0] * y, rcond=None)[0]
        variance = w @ (y - design @ beta) ** 2 / w.sum()
        return float(-0.5 * w.sum() * (1.0 + np.log(2.0 * np.pi * variance)))
    beta = np.array([np.log(np.average(y, weights=w) + 1e-12), 0.0])
    for _ in range(100):
        mean = np.exp(design @ beta)
        step = np.linalg.solve((design.T * (w * mean)) @ design, design.T @ (w * (y - mean)))
        beta = beta + step / max(1.0, float(np.abs(step).max()))
        if np.abs(step).max() < 1e-9:
            break
    log_factorial = np.array([np.log(np.arange(1.0, v + 1.0)).sum() for v in y])
    return float(w @ (y * (design @ beta) - np.exp(design @ beta) - log_factorial))


def exhaustive(expert: Expert, k: int, x: np.ndarray, y: np.ndarray, w: np.ndarray) -> float:
    """The best sum over all cuts of the sorted rows into k intervals."""
    order = np.argsort(x[:, 0])
    x, y, w = x[order, 0], y[order], w[order]
    n = len(x)
    value = {
        (a, b): interval(expert, x[a:b], y[a:b], w[a:b])
        for a in range(n)
        for b in range(a + 1, n + 1)
    }
    return max(
        sum(value[pair] for pair in pairwise((0, *cuts, n)))
        for cuts in combinations(range(1, n), k - 1)
    )


@FAMILIES
@pytest.mark.parametrize(("k", "weighted"), [(2, False), (3, True)])
def test_change_points_are_the_best_of_all_cuts(expert: Expert, k: int, weighted: bool) -> None:
    rows = sample(expert, 25, 3, weighted=weighted)
    target = bind(expert, k, *rows)
    theta = change_points(target, Bounds().box(target.layout))
    assert target.evaluate(theta).value == pytest.approx(exhaustive(expert, k, *rows), abs=1e-6)


@pytest.mark.parametrize(("expert", "k"), [(Gaussian(), 3), (Poisson(), 2)], ids=repr)
def test_a_fit_is_not_below_the_best_of_all_cuts(expert: Expert, k: int) -> None:
    x, y, w = sample(expert, 25, 4)
    best = fit(MixtureOfExperts(GATE, expert, k, 1), x, y, options=Options(n_init=1))
    highest = max(best.loglik(optimum) for optimum in best.optima)
    assert highest >= exhaustive(expert, k, x, y, w) - 1e-6


def test_zooms_find_a_cut_between_two_points_of_the_grid() -> None:
    """On 400 rows the first grid has every ninth gap; the best cut is in none of them."""
    x = np.linspace(-1.0, 1.0, 400)[:, None]
    rng = np.random.default_rng(5)
    y = np.where(x[:, 0] > 0.3712, 3.0, -3.0) + 0.1 * rng.normal(size=400)
    target = bind(Gaussian(), 2, x, y, np.ones(400))
    theta = change_points(target, Bounds().box(target.layout))
    first = target.responsibilities(theta)[:, 0] > 0.5
    assert np.array_equal(first, y < 0.0)


def test_no_zoom_loses_what_it_had(monkeypatch: pytest.MonkeyPatch) -> None:
    """Thinning a finer grid must not drop the best cuts of the one before."""
    target = bind(Gaussian(), 3, *sample(Gaussian(), 300, 6))
    box = Bounds().box(target.layout)
    monkeypatch.setattr(topk_start, "_GRID", 10)
    heights = []
    for zooms in (1, 2, 3, 4):
        monkeypatch.setattr(topk_start, "_ZOOMS", zooms)
        heights.append(target.evaluate(change_points(target, box)).value)
    assert np.all(np.diff(heights) >= -1e-9) and heights[-1] > heights[0] + 0.01


@pytest.mark.parametrize("n_values", [1, 2, 3])
def test_more_experts_than_distinct_values(n_values: int) -> None:
    rng = np.random.default_rng(7)
    x = np.arange(60) % n_values * 1.0
    target = bind(Gaussian(), 4, x[:, None], x + rng.normal(size=60), np.ones(60))
    theta = change_points(target, Bounds().box(target.layout))
    assert np.isfinite(target.evaluate(theta).value)
    # Each value has an expert of its own, the others have their intervals beyond the data.
    owner = target.responsibilities(theta).argmax(axis=1)
    assert np.array_equal(owner, x.astype(int))


def test_exact_fits_are_worth_what_the_floor_of_the_scale_allows() -> None:
    """Unbounded, an interval of constant responses would be worth any number of nats."""
    rng = np.random.default_rng(8)
    x = np.linspace(-1.0, 1.0, 40)
    y = np.where(x < -0.5, 1.0, rng.normal(size=40))
    target = bind(Gaussian(), 2, x[:, None], y, np.ones(40))
    box = Bounds(scale=(0.3, 10.0)).box(target.layout)
    box_fit = topk_start._fits(target, box, np.stack([x < -0.5, x > -0.5]).astype(float))
    n_flat = int(np.sum(x < -0.5))
    floor = -n_flat * (0.5 * np.log(2.0 * np.pi) + np.log(0.3))
    assert box_fit[0][0] == pytest.approx(floor, rel=1e-9)


@pytest.mark.parametrize(
    ("gate", "n_experts", "n_columns", "expected"),
    [
        (GATE, 3, 1, True),
        (TopK(1, Transformed(), "logit"), 3, 1, True),
        (GATE, 1, 1, False),
        (GATE, 3, 2, False),
        (TopK(1), 3, 1, False),
        (TopK(2, select="logit"), 3, 1, False),
        (TopK(1, Softmax(degree=2), "logit"), 3, 1, False),
        (Softmax(), 3, 1, False),
    ],
    ids=repr,
)
def test_where_regions_are_intervals(
    gate: Softmax | TopK, n_experts: int, n_columns: int, expected: bool
) -> None:
    x = np.random.default_rng(9).normal(size=(20, n_columns))
    model = MixtureOfExperts(gate, Gaussian(), n_experts, n_columns)
    assert has_change_points(Objective(model, Data.from_rows(x, x[:, 0]))) == expected


def test_regions_of_a_map_of_the_column_are_cut_where_the_map_says() -> None:
    """Intervals of cos(x): the middle of the column and both of its ends."""
    rng = np.random.default_rng(10)
    x = rng.uniform(-3.0, 3.0, size=200)
    y = np.where(np.cos(x) > 0.2, 2.0, -2.0) + 0.2 * rng.normal(size=200)
    model = MixtureOfExperts(TopK(1, Transformed(np.cos), "logit"), Gaussian(), 2, 1)
    target = Objective(model, Data.from_rows(x[:, None], y))
    theta = change_points(target, Bounds().box(target.layout))
    assert np.array_equal(target.responsibilities(theta)[:, 1] > 0.5, y > 0.0)


def test_annealing_switches_one_expert_off_after_the_other() -> None:
    """Each stage climbs the likelihood with its own number of active experts, down to K + 1."""
    rng = np.random.default_rng(11)
    x = rng.uniform(-1.0, 1.0, size=(300, 2))
    corner = np.argmax(x @ np.array([[3.0, 1.5, -3.0], [0.0, 2.6, -2.0]]), axis=1)
    y = np.array([2.0, -2.0, 0.0])[corner] + x[:, 0] + 0.3 * rng.normal(size=300)

    def bound(n_active: int) -> Objective:
        model = MixtureOfExperts(TopK(n_active), Gaussian(), 3, 2)
        return Objective(model, Data.from_rows(x, y))

    target, middle, dense = (bound(k) for k in (1, 2, 3))
    box = Bounds().box(target.layout)
    assert densified(target).model.gate.n_active == 3 and densified(target).data is target.data
    start = from_responsibilities(dense, PARTITIONS["k-means"](target, rng), box, rng)
    at_three = annealed(middle, start, box)
    assert dense.evaluate(at_three).value > dense.evaluate(start).value + 1.0
    at_two = annealed(target, start, box)
    assert middle.evaluate(at_two).value > middle.evaluate(at_three).value
    assert np.array_equal(annealed(dense, start, box), start)


def test_a_dense_gate_is_left_alone() -> None:
    x = np.random.default_rng(12).normal(size=(20, 1))
    target = Objective(MixtureOfExperts(Softmax(), Gaussian(), 2, 1), Data.from_rows(x, x[:, 0]))
    assert densified(target) is target


def test_more_experts_than_the_grid_has_cuts() -> None:
    target = bind(Gaussian(), 55, *sample(Gaussian(), 250, 0))
    theta = change_points(target, Bounds().box(target.layout))
    assert np.isfinite(target.evaluate(theta).value)
    assert np.count_nonzero(target.shares(theta)) == 55


def test_the_certificate_tells_of_the_best_cut_only_if_it_was_searched() -> None:
    x, y, _ = sample(Gaussian(), 60, 1)
    model = MixtureOfExperts(GATE, Gaussian(), 2, 1)
    found = fit(model, x, y, options=Options(n_init=1))
    words = "the best cut of the column"
    assert words in found.optima[0].certificate.summary()
    start = found.params(found.optima[0])
    alone = fit(model, x, y, options=Options(n_init=1), given=[start])
    assert words not in alone.optima[0].certificate.summary()
