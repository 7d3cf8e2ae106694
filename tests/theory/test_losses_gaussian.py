"""Losses of Gaussian experts with top-K, dense-to-sparse and activation gates: formulas anew."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from mixexp.models.measure import MixingMeasure
from mixexp.theory import LossTable, cell_errors
from mixexp.theory.losses import activation_gaussian, temperature_gaussian, topk_gaussian
from tests.theory.oracle import CellValue, cell_totals, powers, random_pair, searched

EXPERT = ("coef", "intercept", "variance")
LABELS = pytest.mark.parametrize("label", [[0, 1, 2], [0, 0, 1, 2], [0, 1, 1, 2, 2, 2]])


def truth_with(d: int, seed: int, temperature: bool = False) -> MixingMeasure:
    rng = np.random.default_rng(seed)
    blocks = {
        "gate_coef": rng.normal(size=(3, d)),
        "coef": rng.normal(size=(3, d)),
        "intercept": 8.0 * np.arange(3),
        "variance": rng.uniform(0.5, 1.0, 3),
    }
    tau = {"gate_temperature": np.full(3, 0.7)} if temperature else {}
    return MixingMeasure(rng.dirichlet(5 * np.ones(3)), {**blocks, **tau})


def topk_rule(size: int) -> dict[str, float]:
    r = {1: 1.0, 2: 4.0, 3: 6.0}[size]
    half = 1.0 if size == 1 else r / 2
    return {"gate_coef": r, "coef": half, "intercept": r, "variance": half}


def activation_rule(size: int) -> dict[str, float]:
    if size == 1:
        return dict.fromkeys(("gate_coef", "gate_temperature", *EXPERT), 1.0)
    r = {2: 4.0, 3: 6.0}[size]
    gate = {"gate_coef": 2.0, "gate_temperature": 2.0}
    return {**gate, "coef": 2.0, "intercept": r, "variance": r / 2}


TOPK = [
    (topk_gaussian.d1, powers(lambda size: dict.fromkeys(("gate_coef", *EXPERT), 1.0))),
    (topk_gaussian.d2, powers(topk_rule)),
]


@pytest.mark.parametrize(("family", "value"), TOPK, ids=["d1", "d2"])
@pytest.mark.parametrize("n_active", [1, 2, 3])
@LABELS
def test_top_k_is_the_maximum_over_subsets(
    family: type[LossTable], value: CellValue, n_active: int, label: list[int]
) -> None:
    truth = truth_with(1 + len(label) % 2, seed=n_active)
    fitted = random_pair(truth, label, 0.3, seed=2)
    found = family(n_active)(fitted, truth)

    totals = cell_totals(value, fitted, truth)

    def total(s: float, t2: np.ndarray) -> float:
        cell = totals(s, t2)
        return max(sum(cell[list(some)]) for some in combinations(range(3), n_active))

    def of_all(s: float, t2: np.ndarray) -> float:
        return float(totals(s, t2).sum())

    s, t2 = np.exp(found.shift.intercept), found.shift.slope
    assert found.value == pytest.approx(total(s, t2), rel=1e-12)
    assert sum(row.value for row in found.table) == pytest.approx(found.value)
    assert len({row.cell for row in found.table}) == n_active
    # The shift minimises the sum of all cells; the value is near the infimum as promised.
    if n_active == 1:
        assert of_all(s, t2) <= searched(of_all, s, t2) + 1e-12
    infimum = searched(total, s, t2)
    assert infimum <= found.value + 1e-9
    assert found.value <= infimum + found.gap + 1e-9
    assert found.value <= 3 / n_active * infimum + 1e-9
    if n_active == 3:
        assert found.gap <= 1e-13


def test_all_cells_count_if_all_experts_are_active() -> None:
    truth = truth_with(1, seed=0)
    fitted = random_pair(truth, [0, 1, 2, 2], 0.2, seed=1)
    values = [topk_gaussian.d2(k)(fitted, truth).value for k in (1, 2, 3)]
    assert values == sorted(values)
    assert values[0] < values[1] < values[2]


@pytest.mark.parametrize("family", [topk_gaussian.d1, topk_gaussian.d2])
def test_numbers_of_active_experts_that_make_no_sense(family: type[LossTable]) -> None:
    truth = truth_with(1, seed=0)
    for wrong in (0, -1, 1.5, None, "1", True):
        with pytest.raises(ValueError, match=f"n_active is {wrong!r}; give a positive integer"):
            family(wrong)
    assert family(np.int64(2)).n_active == 2
    with pytest.raises(ValueError, match="n_active is 4 and the truth has 3 atoms"):
        family(4)(truth, truth)


def test_top_k_is_invariant_for_fits_with_a_unique_minimiser() -> None:
    truth = truth_with(2, seed=5)
    fitted = random_pair(truth, [0, 0, 1, 2], 0.3, seed=5)
    for family in (topk_gaussian.d1, topk_gaussian.d2):
        before = family(2)(fitted, truth)
        same = fitted.split(1, [0.25, 0.75]).take([4, 2, 0, 3, 1]).translate(1.0, [3.0, -2.0])
        assert family(2)(same, truth).value == pytest.approx(before.value, rel=1e-9)


@pytest.mark.parametrize("r", [1.0, 1.1, 1.5, 2.0, 5.0])
@LABELS
def test_temperature_loss_is_the_infimum_of_its_formula(r: float, label: list[int]) -> None:
    truth = truth_with(1 + len(label) % 2, seed=3, temperature=True)
    fitted = random_pair(truth, label, 0.3, seed=6)
    value = powers(lambda size: dict.fromkeys(("gate_coef", "gate_temperature", *EXPERT), r))

    totals = cell_totals(value, fitted, truth)

    def total(s: float, t2: np.ndarray) -> float:
        return float(totals(s, t2).sum())

    found = temperature_gaussian.d(r)(fitted, truth)
    s, t2 = np.exp(found.shift.intercept), found.shift.slope
    assert found.value == pytest.approx(total(s, t2), rel=1e-12)
    least = searched(total, s, t2)
    assert found.value <= least + 1e-12
    assert found.value == pytest.approx(least, abs=1e-7)
    assert found.gap <= 1e-13


def test_the_scale_of_a_free_temperature_is_measured_though_the_density_is_blind_to_it() -> None:
    truth = truth_with(1, seed=3, temperature=True)
    scaled = {name: 2.0 * truth[name] for name in ("gate_coef", "gate_temperature")}
    same = MixingMeasure(truth.weight, {**truth.atoms, **scaled})
    assert temperature_gaussian.d(1)(same, truth).value > 0.5


@pytest.mark.parametrize("temperature", [False, True])
@LABELS
def test_activation_loss_has_no_translation(temperature: bool, label: list[int]) -> None:
    truth = truth_with(1, seed=8, temperature=temperature)
    fitted = random_pair(truth, label, 0.3, seed=9)

    def rule(size: int) -> dict[str, float]:
        return {name: r for name, r in activation_rule(size).items() if name in truth.atoms}

    value = powers(rule)
    found = activation_gaussian.d(fitted, truth)
    s = np.exp(found.shift.intercept)
    assert found.shift.slope.tolist() == [0.0]
    assert found.gap == 0
    totals = cell_totals(value, fitted, truth)
    assert found.value == pytest.approx(totals(s, np.zeros(1)).sum(), rel=1e-12)
    for factor in (0.9, 0.99, 1.01, 1.1):
        assert found.value <= totals(s * factor, np.zeros(1)).sum() + 1e-13
    assert activation_gaussian.d(truth.translate(slope=[0.5]), truth).value > 0.4
    row = cell_errors(fitted, truth, loss=activation_gaussian.d)[0]
    assert not row["reference"]
    assert ("gate_temperature" in row) == temperature


def test_cells_are_by_all_blocks_after_alignment() -> None:
    # The third expert is a little nearer to the second true one, its gate to the first one's.
    near = {
        "gate_coef": [[9.0], [0.0], [9.0]],
        "coef": [[0.0], [0.0], [0.0]],
        "intercept": [2.0, -2.0, -0.1],
        "variance": [1.0, 1.0, 1.0],
    }
    fitted = MixingMeasure([0.45, 0.45, 0.1], near)
    truth = MixingMeasure([1.0, 1.0], {name: np.array(b)[:2] for name, b in near.items()})
    for loss in (topk_gaussian.d2(1), activation_gaussian.d):
        assert [c.tolist() for c in loss(fitted, truth).cells] == [[0, 2], [1]]
        by_expert = loss(fitted, truth, cells="expert")
        assert [c.tolist() for c in by_expert.cells] == [[0], [1, 2]]
    moved = fitted.translate(slope=[100.0])
    assert [c.tolist() for c in topk_gaussian.d2(1)(moved, truth).cells] == [[0, 2], [1]]
