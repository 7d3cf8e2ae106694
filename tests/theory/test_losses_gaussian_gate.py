"""Losses of Gaussian gates: formulas anew, what leaves them alone, paths that tell the powers."""

from __future__ import annotations

import copy
import inspect
import pickle

import numpy as np
import pytest

from mixexp.models.measure import MixingMeasure
from mixexp.theory import LossTable, cell_errors
from mixexp.theory.exponents.joint import (
    JOINT_BLOCKS,
    JointDistance,
    joint_exponents,
    joint_split,
)
from mixexp.theory.losses import gaussian_gate
from mixexp.theory.losses.gaussian_gate import centred, centred_type2, type1, type2
from mixexp.theory.truths.joint import JOINT_TRUTHS, sample_joint
from mixexp.theory.voronoi.terms import Cell

LOSSES = pytest.mark.parametrize("loss", [type1, type2, centred_type2], ids=lambda loss: loss.name)
TRUTHS = pytest.mark.parametrize("truth", JOINT_TRUTHS.values(), ids=list(JOINT_TRUTHS))
ATOM = np.array([1.0, 1.0, 0.5, 0.0, 1.0])


def wide(d: int = 2, n_responses: int = 3) -> MixingMeasure:
    """A truth with several responses."""
    rng = np.random.default_rng(4)
    return MixingMeasure([0.2, 0.5, 0.3], {
        "gate_mean": 4.0 * rng.normal(size=(3, d)), "gate_covariance": np.stack([np.eye(d)] * 3),
        "coef": rng.normal(size=(3, n_responses, d)),
        "intercept": rng.normal(size=(3, n_responses)),
        "covariance": np.stack([0.5 * np.eye(n_responses)] * 3),
    })  # fmt: skip


def near(truth: MixingMeasure, label: list[int], step: float, seed: int) -> MixingMeasure:
    rng = np.random.default_rng(seed)
    atoms = {
        name: b + step * rng.normal(size=b.shape) for name, b in truth.take(label).atoms.items()
    }
    for name in {"variance", "gate_covariance"} & set(atoms):
        atoms[name] = truth[name][label] * np.exp(
            step * rng.normal(size=(len(label),) + (1,) * (atoms[name].ndim - 1))
        )
    return MixingMeasure(rng.uniform(0.5, 2.0, len(label)), atoms)


def by_hand(fitted: MixingMeasure, truth: MixingMeasure, kind: str) -> float:
    """The loss cell by cell, from the formulas."""
    fitted, truth = fitted.normalized(), truth.normalized()

    def errors(i: int, j: int) -> dict[str, float]:
        step = {name: fitted[name][i] - truth[name][j] for name in truth.atoms}
        if kind == "centred_type2":
            step["intercept"] = step["intercept"] + step["coef"] @ truth["gate_mean"][j]
        return {name: float(np.sqrt(np.sum(s**2))) for name, s in step.items()}

    table = [[errors(i, j) for j in range(truth.n_atoms)] for i in range(fitted.n_atoms)]
    label = [int(np.argmin([sum(e.values()) for e in row])) for row in table]
    total = 0.0
    for j in range(truth.n_atoms):
        cell = [i for i, found in enumerate(label) if found == j]
        r = {1: 1.0, 2: 4.0, 3: 6.0}.get(len(cell), 0.0)
        half = 1.0 if len(cell) == 1 else r / 2
        at_zero = kind == "centred_type2" or (kind == "type2" and not truth["gate_mean"][j].any())
        slope = half if at_zero or len(cell) == 1 else 2.0
        power = {"gate_mean": r, "intercept": r, "coef": slope}
        for i in cell:
            total += fitted.weight[i] * sum(e ** power.get(n, half) for n, e in table[i][j].items())
        total += abs(fitted.weight[cell].sum() - truth.weight[j])
    return total


@LOSSES
@TRUTHS
@pytest.mark.parametrize("label", [[0, 1, 2], [0, 0, 1, 2], [0, 0, 0, 1, 2], [0, 1, 1, 2, 2, 2]])
def test_the_formula_anew(loss: LossTable, truth: MixingMeasure, label: list[int]) -> None:
    fitted = near(truth, label, 0.03, len(label))
    found = loss(fitted, truth)
    assert found.value == pytest.approx(by_hand(fitted, truth, loss.name), rel=1e-10)
    assert found.value > 1e-3
    assert sum(row.value for row in found.table) == pytest.approx(found.value)
    # Weights are probabilities: nothing is scaled, and a joint law knows its measure for any k.
    assert found.shift.intercept == 0.0
    assert found.identifiable


def test_several_responses() -> None:
    truth = wide()
    fitted = near(truth, [0, 0, 1, 2], 0.05, 1)
    for loss in (type1, type2, centred_type2):
        found = loss(fitted, truth).value
        assert found == pytest.approx(by_hand(fitted, truth, loss.name), rel=1e-10)


def test_weights_are_not_scaled() -> None:
    truth = JOINT_TRUTHS["gaussian-gate-1"]
    weight = np.array([0.5, 0.3, 0.2])
    found = type1(MixingMeasure(weight, truth.atoms), truth)
    assert found.value == pytest.approx(np.abs(weight - truth.weight).sum())


@LOSSES
@TRUTHS
def test_labels_and_exact_splits_change_nothing(loss: LossTable, truth: MixingMeasure) -> None:
    assert loss(truth, truth).value == 0.0
    fitted = near(truth, [0, 1, 1, 2], 0.03, 3)
    same = fitted.split(1, [0.3, 0.7]).take([4, 1, 0, 3, 2])
    mirror = truth.take([2, 0, 1])
    assert loss(same, mirror).value == pytest.approx(loss(fitted, truth).value, rel=1e-12)
    for name in ("weight", *truth.atoms):
        block = np.array(truth.weight if name == "weight" else truth[name])
        block.reshape(3, -1)[0, 0] += 0.1
        blocks = {} if name == "weight" else {name: block}
        moved = MixingMeasure(
            block if name == "weight" else truth.weight, {**truth.atoms, **blocks}
        )
        assert loss(moved, truth).value > 1e-3


@pytest.mark.parametrize("truth", [*JOINT_TRUTHS.values(), wide()], ids=[*JOINT_TRUTHS, "wide"])
def test_the_centred_loss_does_not_know_the_origin_of_x(truth: MixingMeasure) -> None:
    d = truth["gate_mean"].shape[1]
    fitted = near(truth, [0, 0, 1, 1, 1, 2], 0.03, 5)
    before = centred_type2(fitted, truth)
    rows = cell_errors(fitted, truth, loss=centred_type2)
    for t in (np.full(d, 0.7), np.array(truth["gate_mean"][1]), np.full(d, -30.0)):
        pair = centred(fitted, t), centred(truth, t)
        after = centred_type2(*pair)
        assert after.value == pytest.approx(before.value, rel=1e-9)
        assert [list(c) for c in after.cells] == [list(c) for c in before.cells]
        for row, same in zip(rows, cell_errors(*pair, loss=centred_type2), strict=True):
            assert same["intercept"] == pytest.approx(row["intercept"], rel=1e-7)
    # The losses of the literature do.
    moved = centred(fitted, np.full(d, -3.0)), centred(truth, np.full(d, -3.0))
    for loss in (type1, type2):
        assert abs(loss(*moved).value / loss(fitted, truth).value - 1.0) > 1e-3


def test_types_agree_where_they_should() -> None:
    one, two = JOINT_TRUTHS["gaussian-gate-1"], JOINT_TRUTHS["gaussian-gate-2"]
    fits = near(one, [0, 0, 0, 1, 2], 0.02, 7), near(two, [0, 0, 0, 1, 2], 0.02, 7)
    assert type1(fits[0], one).value == type2(fits[0], one).value
    assert type1(fits[1], two).value != type2(fits[1], two).value
    # The first cell of type II is centred as it is.
    rows = [loss(fits[1], two).table for loss in (type2, centred_type2)]
    for row, same in zip(*rows, strict=True):
        if row.cell == 0:
            assert same == row


def test_errors_by_cell() -> None:
    truth = JOINT_TRUTHS["gaussian-gate-3"]
    fitted = near(truth, [0, 0, 1, 2], 0.02, 2)
    rows = cell_errors(fitted, truth, loss=type1)
    assert [row["size"] for row in rows] == [2, 1, 1]
    share = fitted.weight[:2] / fitted.weight[:2].sum()
    error = np.abs(fitted["intercept"][:2] - truth["intercept"][0])
    assert rows[0]["intercept"] == pytest.approx((share @ error**4) ** 0.25)
    assert rows[0]["weight"] == pytest.approx(abs(fitted.normalized().weight[:2].sum() - 0.3))
    covariance = np.linalg.norm(fitted["gate_covariance"][2] - truth["gate_covariance"][1])
    assert rows[1]["gate_covariance"] == pytest.approx(covariance)


def test_cells_are_by_the_sum_of_norms() -> None:
    # At (3, 3) from the first and (0, 5) from the second: joint norms 4.2 and 5, sums 6 and 5.
    base = {"gate_covariance": np.ones((2, 1, 1)), "coef": np.zeros((2, 1)), "variance": np.ones(2)}
    truth = MixingMeasure(
        [0.5, 0.5], {**base, "gate_mean": [[0.0], [3.0]], "intercept": [0.0, 8.0]}
    )
    one = truth.take([0])
    fitted = MixingMeasure([1.0], {**one.atoms, "gate_mean": [[3.0]], "intercept": [3.0]})
    assert [len(cell) for cell in type1(fitted, truth).cells] == [0, 1]


@LOSSES
def test_a_loss_describes_and_pickles_itself(loss: LossTable) -> None:
    assert loss.status == "stated in the literature" or "derived here" in (loss.__doc__ or "")
    assert list(inspect.signature(loss).parameters) == ["fitted", "truth", "cells", "r_bar"]
    assert pickle.loads(pickle.dumps(loss)) is loss and copy.copy(loss) is loss
    assert gaussian_gate.PAPER in loss.source or loss.status == "derived here"


def test_bad_measures_are_refused() -> None:
    truth = JOINT_TRUTHS["gaussian-gate-1"]
    bare = {name: block for name, block in truth.atoms.items() if name != "variance"}
    spreadless = MixingMeasure(truth.weight, bare)
    with pytest.raises(ValueError, match="needs 'variance' or"):
        type1(spreadless, spreadless)
    hot = MixingMeasure(truth.weight, {**truth.atoms, "gate_coef": np.zeros((3, 1))})
    with pytest.raises(ValueError, match="'gate_coef', which the loss type2 does not use"):
        type2(hot, hot)
    with pytest.raises(ValueError, match="fitted has variance"):
        type1(MixingMeasure(truth.weight, {**truth.atoms, "variance": [-1.0, 1.0, 1.0]}), truth)
    quadratic = MixingMeasure(truth.weight, {**truth.atoms, "coef": np.zeros((3, 2))})
    with pytest.raises(ValueError, match="linear in the gate's x"):
        centred_type2(quadratic, quadratic)


def test_tables_have_the_published_powers() -> None:
    off, at = {"gate_mean": np.array([0.0, 0.1])}, {"gate_mean": np.zeros(2)}

    def powers(loss: LossTable, size: int, atom: dict[str, np.ndarray]) -> list[float]:
        order = {1: 1.0, 2: 4.0, 3: 6.0}[size]
        return [term.power for term in loss.table(Cell(size, order, atom))]

    # c, Γ, a, b, ν and the covariance of several responses.
    for loss in (type1, type2, centred_type2):
        assert powers(loss, 1, off) == powers(loss, 1, at) == [1.0] * 6
    assert powers(type1, 2, off) == powers(type2, 2, off) == [4, 2, 2, 4, 2, 2]
    assert powers(type1, 3, at) == powers(type2, 3, off) == [6, 3, 2, 6, 3, 3]
    assert powers(type2, 3, at) == powers(centred_type2, 3, at) == [6, 3, 3, 6, 3, 3]


def distance_of(split: MixingMeasure, atom: np.ndarray) -> float:
    theta = np.column_stack([split[name].reshape(split.n_atoms, -1)[:, 0] for name in JOINT_BLOCKS])
    return JointDistance(atom, split.n_atoms).distance(theta, split.weight)


def as_measure(atom: np.ndarray) -> MixingMeasure:
    shapes = ((1, 1), (1, 1, 1), (1, 1), (1,), (1,))
    blocks = {n: np.full(s, v) for n, s, v in zip(JOINT_BLOCKS, shapes, atom, strict=True)}
    return MixingMeasure([1.0], blocks)


@pytest.mark.parametrize("centre", [0.0, 1.0])
@pytest.mark.parametrize(("copies", "loss_order"), [(2, 4.0), (3, 4.0)])
def test_a_split_along_a_line_refutes_the_power_of_type_one(
    centre: float, copies: int, loss_order: float
) -> None:
    atom = np.array([centre, *ATOM[1:]])
    values = []
    for eps in (0.08, 0.04):
        split = joint_split(atom, copies, [1.0, 1.5], eps)
        truth = as_measure(atom)
        losses = [loss(split, truth).value for loss in (type1, centred_type2)]
        values.append([distance_of(split, atom), *losses])
    h, one, two = np.log2(np.array(values[0]) / values[1])
    # The distance has the order 2m, and the centred loss, which it bounds, the same.
    assert h == pytest.approx(2.0 * copies, abs=0.25)
    assert two == pytest.approx(2.0 * copies, abs=0.3)
    # Type I is larger than the distance by any factor if three atoms share a cell.
    assert one == pytest.approx(loss_order, abs=0.3)
    assert (h - one > 1.5) == (copies == 3)


def test_the_jacobian_of_the_distance() -> None:
    distance, rng = JointDistance(ATOM, 3), np.random.default_rng(0)
    phi = np.concatenate([ATOM, 0.03 * rng.normal(size=10), 0.1 * rng.normal(size=2)])
    residual, jacobian = distance.residual(phi)
    step = 1e-6
    for column, unit in zip(jacobian.T, np.eye(len(phi)), strict=True):
        ends = [distance.residual(phi + s * step * unit)[0] for s in (1.0, -1.0)]
        np.testing.assert_allclose(column, (ends[0] - ends[1]) / (2.0 * step), atol=1e-8)
    # Squared distances of unit laws that share nothing are 1: the grid integrates to one.
    assert np.sum((residual + distance._target) ** 2) == pytest.approx(0.5, abs=1e-3)


@pytest.mark.parametrize("block", JOINT_BLOCKS)
@pytest.mark.parametrize("centre", [0.0, 1.0])
def test_computed_exponents_of_two_atoms_are_those_of_the_loss(block: str, centre: float) -> None:
    found = joint_exponents([centre, *ATOM[1:]], block, n_starts=3)
    powers = {
        name: term.power
        for term in centred_type2.table(Cell(2, 4.0, {"gate_mean": np.zeros(1)}))
        for name in term.blocks
    }
    assert found.covers(powers[block])
    assert not found.covers(powers[block] + 1.0) and not found.covers(powers[block] - 1.0)


@pytest.mark.slow
@pytest.mark.parametrize("centre", [0.0, 1.0])
def test_the_slope_of_three_atoms_has_the_exponent_three_for_any_centre(centre: float) -> None:
    epsilon = 0.4 * 0.6 ** np.arange(8)
    found = joint_exponents([centre, *ATOM[1:]], "coef", copies=3, epsilon=epsilon, n_starts=4)
    assert found.covers(3.0) and not found.covers(2.0)


def test_measures_of_the_simulations() -> None:
    truth = JOINT_TRUTHS["gaussian-gate-4"]
    assert truth["gate_mean"].tolist() == [[0.0, 0.0], [0.1, 0.1], [0.5, 0.5]]
    assert truth["coef"][0].tolist() == [0.404540, 0.404540]
    assert JOINT_TRUTHS["gaussian-gate-1"]["gate_mean"][0] != 0.0
    x, y = sample_joint(truth, 200_000, np.random.default_rng(0))
    np.testing.assert_allclose(x.mean(axis=0), truth.weight @ truth["gate_mean"], atol=2e-3)
    means = np.sum(truth["coef"] * truth["gate_mean"], axis=1) + truth["intercept"]
    assert y.mean() == pytest.approx(truth.weight @ means, abs=2e-3)
    signal = 0.404540**2 * 2 * 0.042824, 0.714286**2 * 2 * 0.0175, 0.0
    spread = truth["variance"] + signal + means**2
    assert y.var() == pytest.approx(truth.weight @ spread - (truth.weight @ means) ** 2, rel=0.01)


def test_bad_directions_are_refused() -> None:
    with pytest.raises(ValueError, match="block='gate_coef' is not one of"):
        joint_exponents(ATOM, "gate_coef")
    with pytest.raises(ValueError, match=r"epsilon=2\.0 leaves no positive covariance"):
        joint_split(ATOM, 2, [1.0, 0.0], 2.0)
