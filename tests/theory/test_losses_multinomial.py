"""Losses of multinomial experts: the formulas anew, the reference class, constant experts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import softmax

from mixexp.models.measure import MixingMeasure
from mixexp.theory import LossTable, cell_errors
from mixexp.theory.losses.softmax_multinomial import d1, d2, d3, d3_barycentre
from tests.theory.oracle import Blocks, CellValue, cell_totals, random_pair, searched
from tests.theory.strategies import array, fits, multinomial_truths


def truth_with(d: int, seed: int, constant: bool = False) -> MixingMeasure:
    """Three experts far apart; the last class's rows are zero, the first expert's maybe all."""
    rng = np.random.default_rng(seed)
    intercept, coef = rng.normal(size=(3, 3)), rng.normal(size=(3, 3, d))
    intercept[:, 0] += 9.0 * np.arange(3)
    intercept[:, -1] = coef[:, -1] = 0.0
    if constant:
        coef[0] = 0.0
    return MixingMeasure(
        rng.dirichlet(5 * np.ones(3)),
        {"gate_coef": rng.normal(size=(3, d)), "intercept": intercept, "coef": coef},
    )


def by_class(power_of: dict[int, float], default: float, barycentre: bool = False) -> CellValue:
    """The formulas, class by class; ``barycentre`` for cells of constant experts."""

    def value(weight: np.ndarray, atoms: Blocks, true: Blocks) -> float:
        r = power_of.get(len(weight), default)
        mean = barycentre and len(weight) > 1 and not np.any(true["coef"])
        total = 0.0
        for i, w in enumerate(weight):
            total += w * np.linalg.norm(atoms["gate_coef"][i] - true["gate_coef"]) ** r
            for c in range(len(true["intercept"]) - 1):
                total += w * np.linalg.norm(atoms["coef"][i, c] - true["coef"][c]) ** r
                if not mean:
                    total += w * abs(atoms["intercept"][i, c] - true["intercept"][c]) ** r
        if mean:
            p = softmax(atoms["intercept"], axis=1)
            total += np.linalg.norm(weight @ (p - softmax(true["intercept"])))
        return total

    return value


FORMULAS = [
    (d1, by_class({1: 1.0}, 2.0)),
    (d2(1), by_class({}, 1.0)),
    (d2(1.5), by_class({}, 1.5)),
    (d2(3), by_class({}, 3.0)),
    (d3, by_class({1: 1.0}, 2.0)),
    (d3_barycentre, by_class({1: 1.0}, 2.0, barycentre=True)),
]


@pytest.mark.parametrize(("loss", "value"), FORMULAS, ids=lambda v: getattr(v, "name", ""))
@pytest.mark.parametrize("label", [[0, 1, 2], [0, 0, 1, 2], [0, 1, 1, 2, 2]])
@pytest.mark.parametrize("constant", [False, True])
def test_infimum_of_the_formula(
    loss: LossTable, value: CellValue, label: list[int], constant: bool
) -> None:
    d = 1 + constant
    truth = truth_with(d, seed=len(label), constant=constant)
    fitted = random_pair(truth, label, 0.3, seed=4)
    atoms = dict(fitted.atoms)
    for name in ("intercept", "coef"):
        block = np.array(atoms[name])
        block[:, -1] = 0.0
        atoms[name] = block
    fitted = MixingMeasure(fitted.weight, atoms)

    totals = cell_totals(value, fitted, truth)

    def total(s: float, t2: np.ndarray) -> float:
        return float(totals(s, t2).sum())

    found = loss(fitted, truth)
    s, t2 = np.exp(found.shift.intercept), found.shift.slope
    assert total(s, t2) == pytest.approx(found.value, rel=1e-12)
    least = searched(total, s, t2)
    assert found.value <= least + 1e-12
    assert found.value == pytest.approx(least, abs=1e-7)
    assert found.gap <= 1e-13


@pytest.mark.parametrize(("loss", "_"), FORMULAS, ids=lambda v: getattr(v, "name", ""))
@settings(max_examples=10)
@given(data=st.data())
def test_adding_to_all_logits_of_an_expert_changes_nothing(
    loss: LossTable, _: CellValue, data: st.DataObject
) -> None:
    truth = data.draw(multinomial_truths())
    fitted = data.draw(fits(truth))

    def shifted(measure: MixingMeasure) -> MixingMeasure:
        k, _, d = measure["coef"].shape
        a = array(data.draw, (k, 1), st.integers(-40, 40)) / 4
        b = array(data.draw, (k, 1, d), st.integers(-40, 40)) / 4
        step = {"intercept": measure["intercept"] + a, "coef": measure["coef"] + b}
        return MixingMeasure(measure.weight, {**measure.atoms, **step})

    before, after = loss(fitted, truth), loss(shifted(fitted), shifted(truth))
    assert after.value == pytest.approx(before.value, rel=1e-12, abs=1e-13)
    assert [c.tolist() for c in after.cells] == [c.tolist() for c in before.cells]


def density(measure: MixingMeasure, x: np.ndarray) -> np.ndarray:
    gate = softmax(np.log(measure.weight) + x @ measure["gate_coef"].T, axis=1)
    logit = measure["intercept"] + np.einsum("ij,kcj->ikc", x, measure["coef"])
    return np.einsum("nk,nkc->nc", gate, softmax(logit, axis=2))


CONSTANT = MixingMeasure(
    [np.exp(0.3), 1.0],
    {
        "gate_coef": [[2.0], [0.0]],
        "intercept": [[0.7, -0.2, 0.0], [-0.4, 0.5, 0.0]],
        "coef": [[[0.0], [0.0], [0.0]], [[1.0], [-2.0], [0.0]]],
    },
)


def split(intercept: np.ndarray, coef: np.ndarray, share: list[float]) -> MixingMeasure:
    """The first, constant expert replaced by others of the same gate."""
    copies = CONSTANT.split(0, share)
    blocks = {"intercept": [*intercept, CONSTANT["intercept"][1]],
              "coef": [*coef, CONSTANT["coef"][1]]}  # fmt: skip
    return MixingMeasure(copies.weight, {**copies.atoms, **blocks})


def test_the_exact_split_of_a_constant_expert() -> None:
    p, share = softmax(CONSTANT["intercept"][0]), 0.4
    first = p + np.array([0.08, -0.05, -0.03])
    second = (p - share * first) / (1 - share)
    fitted = split(np.log([first, second]), np.zeros((2, 3, 1)), [share, 1 - share])
    x = np.linspace(-1, 1, 50)[:, None]
    np.testing.assert_allclose(density(fitted, x), density(CONSTANT, x), rtol=0, atol=1e-15)
    assert [c.tolist() for c in d3(fitted, CONSTANT).cells] == [[0, 1], [2]]
    assert d3(fitted, CONSTANT).value > 0.01
    assert d3_barycentre(fitted, CONSTANT).value < 1e-15
    row = cell_errors(fitted, CONSTANT, loss=d3_barycentre)[0]
    assert row["probability"] < 1e-15
    assert np.isnan(row["intercept"])
    assert row["intercept_mean"] > 1e-3
    # Another mean is seen, and so is any error of an expert with slopes.
    wrong = split(np.log([first, second]), np.zeros((2, 3, 1)), [0.5, 0.5])
    assert d3_barycentre(wrong, CONSTANT).value > 1e-3


@pytest.mark.parametrize("kind", ["cyclic", "half"])
def test_slopes_of_constant_experts_that_the_density_does_not_see(kind: str) -> None:
    # The exceptions named at d3_barycentre: the density of the truth, and a positive loss.
    logit = np.zeros(3) if kind == "cyclic" else np.log([0.3, 0.2, 0.5])
    blocks = {**CONSTANT.atoms, "intercept": [logit, CONSTANT["intercept"][1]]}
    truth = MixingMeasure(CONSTANT.weight, blocks)
    if kind == "cyclic":
        slopes = np.array([np.roll([0.4, -0.1, 0.0], n) for n in range(3)])
    else:
        slopes = np.array([[0.4, 0.4, 0.0], [-0.4, -0.4, 0.0]])
    n = len(slopes)
    fitted = split(np.tile(logit, (n, 1)), slopes[:, :, None], [1 / n] * n)
    x = np.linspace(-1, 1, 50)[:, None]
    np.testing.assert_allclose(density(fitted, x), density(truth, x), rtol=0, atol=1e-15)
    assert d3_barycentre(fitted, truth).value > 0.01


def test_cells_are_by_gate_intercepts_and_slopes() -> None:
    near = {
        "gate_coef": [[2.0], [0.0], [1.9]],
        "intercept": [*CONSTANT["intercept"], [0.0, 0.3, 0.0]],
        "coef": [*CONSTANT["coef"], [[0.9], [-1.3], [0.0]]],
    }
    fitted = MixingMeasure([1.0, 1.0, 0.1], near)
    assert [c.tolist() for c in d1(fitted, CONSTANT, cells="expert").cells] == [[0], [1, 2]]
    far = MixingMeasure(fitted.weight, {**near, "gate_coef": [[20.0], [0.0], [19.0]]})
    wide = MixingMeasure(CONSTANT.weight, {**CONSTANT.atoms, "gate_coef": [[20.0], [0.0]]})
    assert [c.tolist() for c in d1(far, wide).cells] == [[0, 2], [1]]


def test_probabilities_do_not_enter_the_cells() -> None:
    # 2.98 is nearer to 0 than to 6; the probability there is nearer to that at 6.
    def one_class(*logits: float) -> MixingMeasure:
        k = len(logits)
        intercept = np.array(logits)[:, None] * [1.0, 0.0, 0.0]
        blocks = {"gate_coef": np.zeros((k, 1)), "intercept": intercept}
        return MixingMeasure(np.ones(k), {**blocks, "coef": np.zeros((k, 3, 1))})

    found = d3_barycentre(one_class(0.0, 6.0, 2.98), one_class(0.0, 6.0))
    assert [c.tolist() for c in found.cells] == [[0, 2], [1]]


def test_measures_without_a_row_for_every_class_are_refused() -> None:
    blocks = {"gate_coef": [[0.0]], "intercept": [0.0], "coef": [[0.0]]}
    with pytest.raises(ValueError, match=r"multinomial experts need \(K, J\) and \(K, J, d\)"):
        d1(MixingMeasure([1.0], blocks), MixingMeasure([1.0], blocks))
