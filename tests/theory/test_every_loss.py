"""What holds for every loss: invariance, zero at the truth, positive off it, sums that add up."""

from __future__ import annotations

import copy
import inspect
import pickle
import re
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mixexp.models.measure import MixingMeasure
from mixexp.theory import LossTable, VoronoiLoss, cell_errors, d1, d2_sharp, loss_table, rates
from mixexp.theory.losses import (
    activation_gaussian,
    softmax_gaussian,
    softmax_multinomial,
    temperature_gaussian,
    topk_gaussian,
)
from mixexp.theory.systems import sign_change_bound
from mixexp.theory.systems import table as systems_table
from mixexp.theory.truths.named import TRUTHS
from mixexp.theory.voronoi.terms import Cell, Term, r_bar, separate
from tests.theory.strategies import (
    equivalent,
    fits,
    multinomial_truths,
    truths,
    truths_with_temperature,
)


class Case(NamedTuple):
    loss: LossTable
    truths: Callable[..., st.SearchStrategy[MixingMeasure]]


CASES = [
    Case(softmax_gaussian.d1, truths),
    Case(softmax_gaussian.d2, truths),
    Case(softmax_gaussian.d2_sharp, truths),
    Case(softmax_multinomial.d1, multinomial_truths),
    Case(softmax_multinomial.d2(1.5), multinomial_truths),
    Case(softmax_multinomial.d2(3), multinomial_truths),
    Case(softmax_multinomial.d3, multinomial_truths),
    Case(softmax_multinomial.d3_barycentre, multinomial_truths),
    Case(topk_gaussian.d1(1), truths),
    Case(topk_gaussian.d2(1), truths),
    Case(topk_gaussian.d2(2), truths),
    Case(temperature_gaussian.d(1), truths_with_temperature),
    Case(temperature_gaussian.d(1.5), truths_with_temperature),
    Case(temperature_gaussian.d(4), truths_with_temperature),
    Case(activation_gaussian.d, truths),
    Case(activation_gaussian.d, truths_with_temperature),
]
EVERY = pytest.mark.parametrize(
    "case", CASES, ids=lambda case: f"{case.loss.source}:{case.loss.name}:{case.truths.__name__}"
)


def smallest_truth(loss: LossTable) -> int:
    return max(2, loss.n_active or 1)


@EVERY
@settings(max_examples=12)
@given(data=st.data())
def test_relabelling_translating_and_splitting_change_nothing(
    case: Case, data: st.DataObject
) -> None:
    loss = case.loss
    truth = data.draw(case.truths(smallest_truth(loss)))
    fitted = data.draw(fits(truth))
    before = loss(fitted, truth)
    same = [data.draw(equivalent(g, loss.translations)) for g in (fitted, truth)]
    after = loss(*same)
    if loss.n_active is None:
        assert after.value == pytest.approx(before.value, rel=1e-9, abs=1e-11)
    else:
        # The sum over all cells may have several minimisers on the lattice; the gap covers them.
        assert abs(after.value - before.value) <= max(after.gap, before.gap) + 1e-11
    assert after.identifiable == before.identifiable


@EVERY
@settings(max_examples=10)
@given(data=st.data())
def test_zero_at_the_truth(case: Case, data: st.DataObject) -> None:
    truth = data.draw(case.truths(smallest_truth(case.loss)))
    assert case.loss(truth, truth).value == 0
    same = data.draw(equivalent(truth, case.loss.translations))
    assert case.loss(same, truth).value <= 1e-13


@EVERY
@settings(max_examples=10)
@given(data=st.data())
def test_positive_off_the_truth(case: Case, data: st.DataObject) -> None:
    truth = data.draw(case.truths(smallest_truth(case.loss)))
    name = data.draw(st.sampled_from(["weight", *truth.atoms]))
    values = np.array(truth.weight if name == "weight" else truth[name])
    if name == "gate_temperature":
        values += 0.5
    else:
        values.reshape(len(values), -1)[0, 0] += 0.5
    weight = values if name == "weight" else truth.weight
    blocks = {} if name == "weight" else {name: values}
    assert case.loss(MixingMeasure(weight, {**truth.atoms, **blocks}), truth).value > 1e-4


@EVERY
@settings(max_examples=10)
@given(data=st.data())
def test_table_adds_up_and_the_gap_is_small(case: Case, data: st.DataObject) -> None:
    truth = data.draw(case.truths(smallest_truth(case.loss)))
    fitted = data.draw(fits(truth))
    found = case.loss(fitted, truth)
    assert float(found) == pytest.approx(sum(row.value for row in found.table), rel=1e-13)
    assert sorted(np.concatenate(found.cells)) == list(range(fitted.n_atoms))
    if case.loss.n_active is None:
        assert found.gap <= 1e-12 * (1 + found.value)
    for row, cell in zip(cell_errors(fitted, truth, loss=case.loss), found.cells, strict=True):
        assert row["cell"] >= 0
        assert np.isnan(row["coef_mean"]) == (len(cell) == 0)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.loss.source)
def test_a_loss_describes_and_pickles_itself(case: Case) -> None:
    loss = case.loss
    assert loss.__doc__ != LossTable.__doc__
    assert len(loss.__doc__ or "") > 100
    assert loss.status == "stated in the literature" or "derived here" in loss.__doc__.lower()
    assert list(inspect.signature(loss).parameters) == ["fitted", "truth", "cells", "r_bar"]
    again = pickle.loads(pickle.dumps(loss))
    assert (again.name, again.source, again.n_active) == (loss.name, loss.source, loss.n_active)
    cell = Cell(2, 4.0, {"coef": np.ones(1)})
    assert again.table(cell) == loss.table(cell)
    assert copy.copy(d1) is d1


GAUSSIAN = MixingMeasure(
    [0.5, 0.5],
    {
        "gate_coef": [[2.0], [0.0]],
        "coef": [[2.0], [-1.5]],
        "intercept": [2.0, -2.0],
        "variance": [0.25, 0.25],
    },
)


def made(table: Callable[[Cell], tuple[Term, ...]], **about: object) -> LossTable:
    return loss_table(
        **{"blocks": softmax_gaussian.BLOCKS, "source": "test", "status": "derived here", **about}
    )(table)


def test_a_table_may_look_at_the_true_atom() -> None:
    # As in Gaussian gates, where a true centre of zero changes the powers.
    loss = made(lambda cell: (Term(("coef",), 2.0 if cell.atom["intercept"] > 0 else 3.0),),
                translations=False)  # fmt: skip
    moved = MixingMeasure([0.5, 0.5], {**GAUSSIAN.atoms, "coef": [[2.1], [-1.4]]})
    assert loss(moved, GAUSSIAN).value == pytest.approx(0.5 * (0.1**2 + 0.1**3))


def test_of_mean_takes_the_barycentre_and_aligns_by_it() -> None:
    fitted = GAUSSIAN.split(0, [0.5, 0.5])
    step = {"gate_coef": [[2.9], [1.3], [0.0]], "coef": [[2.5], [1.9], [-1.5]]}
    fitted = MixingMeasure(fitted.weight, {**fitted.atoms, **step})
    loss = made(lambda cell: (Term(("gate_coef",), 2.0, of_mean=True),
                              Term(("coef",), 1.0, of_mean=True)))  # fmt: skip
    # Means off by 0.1 and 0.2, masses one half; the best shift is half of 0.1.
    found = loss(fitted, GAUSSIAN)
    assert found.shift.slope == pytest.approx([0.05])
    assert found.value == pytest.approx(0.5 * 2 * 0.05**2 + 0.5 * 0.2)


def test_each_takes_one_norm_for_every_leading_index() -> None:
    wide = MixingMeasure([1.0], {"gate_coef": [[0.0]], "coef": [[[0.0, 0.0], [0.0, 0.0]]]})
    moved = MixingMeasure([1.0], {"gate_coef": [[0.0]], "coef": [[[3.0, 4.0], [0.0, 2.0]]]})
    about = {"blocks": ("gate_coef", "coef"), "translations": False}
    assert made(lambda c: separate({"coef": 1.0}), **about)(moved, wide).value == pytest.approx(
        29**0.5
    )
    each = made(lambda c: separate({"coef": 1.0}, each=("coef",)), **about)
    assert each(moved, wide).value == pytest.approx(7.0)


def test_terms_that_cannot_be_evaluated_are_refused() -> None:
    with pytest.raises(ValueError, match="cannot be aligned"):
        made(lambda c: (Term(("gate_coef",), 0.5),))(GAUSSIAN, GAUSSIAN)
    with pytest.raises(ValueError, match="cannot be aligned"):
        made(lambda c: (Term(("gate_coef",), 2.0, each=True),))(GAUSSIAN, GAUSSIAN)
    with pytest.raises(KeyError, match="spelling"):
        made(lambda c: (Term(("gate_coef",), 1.0), Term(("spelling",), 1.0)))(GAUSSIAN, GAUSSIAN)
    ragged = MixingMeasure(
        [1.0], {**GAUSSIAN.take([0]).atoms, "coef": np.ones((1, 3)), "intercept": np.ones((1, 2))}
    )
    joint = made(lambda c: (Term(("coef", "intercept"), 1.0, each=True),), translations=False)
    with pytest.raises(ValueError, match="unequal numbers of leading indices"):
        joint(ragged, ragged)
    poor = MixingMeasure([1.0], {"gate_coef": [[0.0]]})
    with pytest.raises(ValueError, match="fitted lacks the blocks"):
        d2_sharp(poor, GAUSSIAN)


@pytest.mark.parametrize("make", [softmax_multinomial.d2, temperature_gaussian.d])
@pytest.mark.parametrize("r", [0.5, np.nan, np.inf])
def test_exponents_below_one_are_refused(make: Callable[[float], LossTable], r: float) -> None:
    with pytest.raises(ValueError, match=f"r is {r}; the loss needs a finite exponent of 1"):
        make(r)


@pytest.mark.parametrize("make", [softmax_multinomial.d2, temperature_gaussian.d])
@pytest.mark.parametrize("r", ["2", None, [2.0], True])
def test_exponents_that_are_no_numbers_are_refused(
    make: Callable[[object], LossTable], r: object
) -> None:
    with pytest.raises(ValueError, match=re.escape(f"r is {r!r}; the loss needs a finite")):
        make(r)


def with_block(measure: MixingMeasure, name: str, values: object) -> MixingMeasure:
    return MixingMeasure(measure.weight, {**measure.atoms, name: values})


@EVERY
@settings(max_examples=3)
@given(data=st.data())
def test_measures_that_are_no_parameters_are_refused(case: Case, data: st.DataObject) -> None:
    loss = case.loss
    truth = data.draw(case.truths(smallest_truth(loss)))
    for name in {"variance", "gate_temperature"} & set(truth.atoms):
        for value in (0.0, -0.25):
            wrong = np.array(truth[name])
            wrong[0] = value
            for side, pair in (
                ("fitted", (with_block(truth, name, wrong), truth)),
                ("truth", (truth, with_block(truth, name, wrong))),
            ):
                match = re.escape(f"{side} has {name} {wrong.tolist()}; give positive numbers")
                with pytest.raises(ValueError, match=match):
                    loss(*pair)
                with pytest.raises(ValueError, match=match):
                    cell_errors(*pair, loss=loss)
    if "gate_temperature" in truth.atoms:
        tau = np.arange(1.0, truth.n_atoms + 1)
        with pytest.raises(ValueError, match=r"fitted has gate_temperature \[1.0, 2.0.*common"):
            loss(with_block(truth, "gate_temperature", tau), truth)
        rounded = truth["gate_temperature"] * np.linspace(1.0, 1.0 + 1e-15, truth.n_atoms)
        assert loss(with_block(truth, "gate_temperature", rounded), truth).value < 1e-12


@EVERY
@settings(max_examples=3)
@given(data=st.data())
def test_gates_that_the_loss_does_not_measure_are_refused(case: Case, data: st.DataObject) -> None:
    # A loss that left the block out would be zero at different gates.
    loss = case.loss
    truth = data.draw(case.truths(smallest_truth(loss)))
    covariance = with_block(truth, "gate_covariance", np.ones(truth.n_atoms))
    with pytest.raises(ValueError, match=r"'gate_covariance', which the loss .* does not.*make"):
        loss(covariance, covariance)
    if "gate_temperature" not in (*loss.blocks, *loss.optional):
        hot = with_block(truth, "gate_temperature", np.ones(truth.n_atoms))
        cold = with_block(truth, "gate_temperature", np.full(truth.n_atoms, 0.5))
        match = r"fitted has the block 'gate_temperature', which the loss .*temperature_gaussian"
        with pytest.raises(ValueError, match=match):
            loss(cold, hot)
        with pytest.raises(ValueError, match=f"{match}.*activation_gaussian"):
            cell_errors(cold, hot, loss=loss)


@pytest.mark.parametrize("name", ["balanced", "crossing", "activation", "temperature", "topk-line"])
def test_measures_of_models_are_accepted(name: str) -> None:
    measure = TRUTHS[name].model.measure(TRUTHS[name].params)
    loss = {
        "activation": activation_gaussian.d,
        "temperature": temperature_gaussian.d(1),
        "topk-line": topk_gaussian.d1(2),
    }.get(name, d2_sharp)
    assert loss(measure.split(0, [0.5, 0.5]), measure).value < 1e-12
    assert cell_errors(measure, measure, loss=loss)[0]["intercept"] == 0


@pytest.mark.parametrize(
    ("orders", "match"),
    [
        ({2: np.nan}, "r_bar[2] is nan; the loss needs a finite exponent of 1 or more"),
        ({2: np.inf}, "r_bar[2] is inf"),
        ({2: -4}, "r_bar[2] is -4"),
        ({2: 0.0}, "r_bar[2] is 0.0"),
        ({2: "4"}, "r_bar[2] is '4'"),
        ({2: 4.0, 7: 0.5}, "r_bar[7] is 0.5"),
        ({2: 4.0, 2.5: 4.0}, "r_bar has the size 2.5"),
        ({2: 4.0, 0: 4.0}, "r_bar has the size 0"),
        (4.0, "r_bar is 4.0; give exponents by size of cell"),
    ],
)
def test_orders_that_make_no_sense_are_refused(orders: object, match: str) -> None:
    fitted = GAUSSIAN.split(0, [0.5, 0.5])
    intercept = {**fitted.atoms, "intercept": [1.9, 2.1, -2.0]}
    fitted = MixingMeasure(fitted.weight, intercept)
    assert d2_sharp(fitted, GAUSSIAN, r_bar={2: 4}).value == d2_sharp(fitted, GAUSSIAN).value
    for function in (d2_sharp, topk_gaussian.d2(1), cell_errors):
        with pytest.raises(ValueError, match=re.escape(match)):
            function(fitted, GAUSSIAN, r_bar=orders)


def test_the_status_of_r_bar_is_worded_once() -> None:
    words = "2m: stated in the literature for m = 2, 3; derived here, not refereed, for m >= 4"
    for about in (r_bar, VoronoiLoss, rates, sign_change_bound, systems_table):
        text = " ".join((about.__doc__ or "").split())
        assert words in text, about
    assert [r_bar(m) for m in (1, 2, 5)] == [1.0, 4.0, 10.0]
    # The function, the keyword of a loss and what a cell has are three things.
    assert Cell._fields == ("size", "order", "atom")
    for size in (0, -1, 2.5, "2"):
        with pytest.raises(ValueError, match=r"size is .*; give a positive integer"):
            r_bar(size)  # type: ignore[arg-type]
