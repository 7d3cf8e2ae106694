"""Mean class probabilities of cells: by hand, on exact splits, and to second order."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mixexp.models import Law, MixingMeasure
from mixexp.simulation.claims.measures.barycentre import Barycentre, class_probabilities
from mixexp.simulation.claims.measures.basic import Columns, Fitted
from mixexp.theory.divergences.divergence import divergence
from mixexp.theory.losses import softmax_multinomial
from mixexp.theory.truths.named import TRUTHS

TRUTH = TRUTHS["multinomial"].measure
CONSTANT = TRUTHS["multinomial-constant"].measure


def measured(fitted: MixingMeasure, truth: MixingMeasure = TRUTH) -> Columns:
    measure = Barycentre(softmax_multinomial.d1, -3.0, 3.0)
    return measure(Fitted(fitted, truth, None, np.empty((0, 2))))


def moved(block: str, move: np.ndarray, *, cell: int = 0, share: float = 0.5) -> MixingMeasure:
    """The truth with a cell split in two, which move apart and keep their mean."""
    apart = TRUTH.split(cell, [share, 1.0 - share])
    values = apart[block].copy()
    values[cell] += (1.0 - share) * move
    values[cell + 1] -= share * move
    return MixingMeasure(apart.weight, {**apart.atoms, block: values})


def test_by_hand() -> None:
    """Against a plain loop over uniform draws, with unequal weights in the split cell."""
    fitted = moved("intercept", np.array([1.0, -0.5, 0.0]), share=0.3)
    x = np.random.default_rng(0).uniform(-3.0, 3.0, size=(20_000, 2))
    squares = []
    for row in x:

        def law(measure: MixingMeasure, i: int, row: np.ndarray = row) -> np.ndarray:
            power = np.exp(measure["intercept"][i] + measure["coef"][i] @ row)
            return power / power.sum()

        mean = 0.3 * law(fitted, 0) + 0.7 * law(fitted, 1)
        squares.append(np.max(np.abs(mean - law(TRUTH, 0))) ** 2)
    columns = measured(fitted)
    assert columns["barycentre_0"] == pytest.approx(np.sqrt(np.mean(squares)), rel=0.02)
    assert columns["barycentre_1"] == pytest.approx(0.0, abs=1e-12)
    assert columns["barycentre_split"] == columns["barycentre"] == columns["barycentre_0"]


def test_the_quadrature_is_fine_enough() -> None:
    fitted = moved("coef", np.array([[1.0, 0.5], [-1.0, 1.0], [0.0, 0.0]]))
    fine = Barycentre(softmax_multinomial.d1, -3.0, 3.0, n_points=80)
    expected = fine(Fitted(fitted, TRUTH, None, np.empty((0, 2))))["barycentre_0"]
    assert measured(fitted)["barycentre_0"] == pytest.approx(expected, rel=1e-2)


@pytest.mark.parametrize("block", ["intercept", "coef"])
def test_moving_atoms_apart_costs_only_to_second_order(block: str) -> None:
    direction = np.zeros_like(TRUTH[block][0])
    direction[0] = 1.0
    errors = [measured(moved(block, step * direction))["barycentre_0"] for step in (0.02, 0.01)]
    assert errors[0] / errors[1] == pytest.approx(4.0, rel=0.02)


def test_gates_and_relabelling_do_not_matter() -> None:
    fitted = moved("intercept", np.array([0.8, 0.0, 0.0]), share=0.4)
    expected = measured(fitted)
    shifted = fitted.take([2, 0, 1]).translate(0.7, [0.3, -0.2])
    assert measured(shifted) == pytest.approx(expected)


def test_an_exact_split_of_a_constant_expert_costs_nothing() -> None:
    """Class probabilities p + δ and p - δ with equal gates: the same law, far apart in a."""
    probability = class_probabilities(CONSTANT, np.zeros((1, 2)))[1, 0]
    delta = np.array([0.05, -0.04, -0.01])
    fitted = CONSTANT.split(1, [0.5, 0.5])
    intercept = fitted["intercept"].copy()
    intercept[1:] = np.log([probability + delta, probability - delta])
    fitted = MixingMeasure(fitted.weight, {**fitted.atoms, "intercept": intercept})
    assert measured(fitted, CONSTANT)["barycentre_split"] == pytest.approx(0.0, abs=1e-14)
    assert float(softmax_multinomial.d3(fitted, CONSTANT)) > 0.01


def test_columns_say_which_cells_there_are() -> None:
    assert set(measured(TRUTH)) == {"barycentre", "barycentre_0", "barycentre_1"}
    near = TRUTH.take([0, 0])
    values = near["intercept"] + np.array([[0.1, 0.0, 0.0], [-0.1, 0.0, 0.0]])
    lost = MixingMeasure(near.weight, {**near.atoms, "intercept": values})
    assert set(measured(lost)) == {"barycentre", "barycentre_0", "barycentre_split"}


def hidden(name: str, epsilon: float) -> tuple[float, float]:
    """h and the error of the mean, next to an exact split of the constant expert.

    Gate slopes of the two parts move by ± epsilon, and common class slopes b are such that
    (J1 + J2) b = -epsilon (p1 - p2) for the Jacobians J of their class probabilities, which takes
    everything of the first order out of a law with a softmax gate.
    """
    truth = TRUTHS[name]
    p = class_probabilities(truth.measure, np.zeros((1, 2)))[1, 0]
    q = np.array([0.1, -0.05, -0.05])
    parts = np.stack([p + q, p - q])
    jacobian = sum(np.diag(part) - np.outer(part, part) for part in parts)
    slope = np.append(np.linalg.solve(jacobian[:2, :2], -2.0 * epsilon * q[:2]), 0.0)
    split = truth.measure.split(1, [0.5, 0.5])
    blocks = {key: block.copy() for key, block in split.atoms.items()}
    blocks["intercept"][1:] = np.log(parts) - np.log(parts[:, 2:])
    blocks["coef"][1:, :, 0] = slope
    blocks["gate_coef"][1:, 0] += [epsilon, -epsilon]
    fitted = MixingMeasure(split.weight, blocks)
    model = replace(truth.model, n_experts=3, gate=truth.model.gate.for_experts(3))
    law = Law(model, model.from_measure(fitted))
    error = measured(fitted, truth.measure)["barycentre_1"]
    return divergence(law, truth, truth.design(20)).hellinger, float(error)


@pytest.mark.parametrize(("name", "power"), [("multinomial-constant", 2.0),
                                             ("multinomial-constant-tanh", 1.0)])  # fmt: skip
def test_a_softmax_gate_hides_the_mean_to_first_order(name: str, power: float) -> None:
    """So the mean has the rate n^(-1/4) there, and n^(-1/2) behind a transformed gate."""
    near, nearer = hidden(name, 0.1), hidden(name, 0.05)
    local = np.log2(np.array(near) / np.array(nearer))
    assert local == pytest.approx([power, 1.0], abs=0.06)
