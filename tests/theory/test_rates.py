"""Predicted rates: agreement with the losses, with the published tables, and honest labels."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from mixexp.models import MixingMeasure, TopK
from mixexp.theory import Move, Split, local_exponents, losses, rates
from mixexp.theory.truths.named import TRUTHS

STATED, DERIVED, REFUTED = "stated in the literature", "derived here", "refuted"
GAUSSIAN = ("weight", "gate_coef", "coef", "intercept", "variance")


def table(model: str, regime: str, status: str, size: str, gate: str | None = None) -> dict:
    """Rates by block, without that of the density."""
    rows = [
        row
        for row in rates(model)
        if (row["regime"], row["status"], row["size"]) == (regime, status, size)
        and gate in (None, row["gate"])
        and row["block"] != "density"
    ]
    assert max(Counter(row["block"] for row in rows).values(), default=0) <= 1
    return {row["block"]: row["rate"] for row in rows}


def in_order(*orders: int | str, blocks: tuple[str, ...] = GAUSSIAN) -> dict:
    rate = [f"n^(-1/{order})" if isinstance(order, int) else order for order in orders]
    return dict(zip(blocks, rate, strict=True))


def test_softmax_gaussian() -> None:
    def of(*about: str) -> dict:
        return table("softmax_gaussian", *about)

    assert of("exact", STATED, "1") == of("over", STATED, "1") == in_order(2, 2, 2, 2, 2)
    assert of("over", STATED, "2") == in_order(2, 8, 4, 8, 4)
    assert of("over", STATED, "3") == in_order(2, 12, 6, 12, 6)
    assert of("over", DERIVED, "2") == in_order(2, 4, 4, 8, 4)
    assert of("over", DERIVED, "3") == in_order(2, 4, 4, 12, 6)
    assert of("over, k >= 2 k*", REFUTED, "2") == {"gate_coef": "n^(-1/8)"}


def test_refutations_of_statements_from_secondary_sources_say_so() -> None:
    caveat = "as the statement is remembered in secondary sources"
    refuted = {row["model"]: row["note"] for row in rates() if row["status"] == REFUTED}
    assert set(refuted) == {"softmax_gaussian", "softmax_multinomial", "gaussian_gate"}
    # Of 2305.07572 the code has been read.
    assert "refuted is the power in the code" in refuted["gaussian_gate"]
    # Theorem 2 of 2305.03288 has been read.
    assert caveat not in refuted["softmax_gaussian"]
    note = refuted["softmax_multinomial"]
    assert note.startswith(f"{caveat}: an exact counterexample")
    assert "refuted unless the paper's assumptions exclude it" in note


def test_bounds_that_are_not_sharp_say_so() -> None:
    derived = {
        (row["size"], row["block"]): row["power"]
        for row in rates("softmax_gaussian")
        if row["status"] == DERIVED
    }
    stated = [
        row
        for row in rates("softmax_gaussian")
        if row["status"] == STATED and (row["size"], row["block"]) in derived
    ]
    assert len(stated) == 10
    for row in stated:
        loose = row["power"] > derived[row["size"], row["block"]]
        assert ("not sharp" in row["note"]) == loose


def test_softmax_multinomial() -> None:
    blocks = ("weight", "gate_coef", "intercept", "coef")
    plain, changed = "softmax", "softmax of transformed covariates"
    slopes, constant = "every expert depends on x", "constant expert"

    def of(gate: str, *about: str) -> dict:
        return table("softmax_multinomial", *about, gate=gate)

    for gate in (plain, changed):
        assert of(gate, slopes, STATED, "1") == in_order(2, 2, 2, 2, blocks=blocks)
        assert of(gate, slopes, STATED, ">1") == in_order(2, 4, 4, 4, blocks=blocks)
    assert of(plain, constant, DERIVED, "1") == in_order(2, 2, 2, 2, blocks=blocks)
    assert of(changed, constant, STATED, "1") == in_order(2, 2, 2, 2, blocks=blocks)
    slow = of(plain, constant, STATED, ">1")
    assert set(slow) == set(blocks[1:])
    assert all(rate.startswith("slower than") for rate in slow.values())
    assert of(changed, constant, STATED, ">1") == in_order(
        2, 4, 4, blocks=("weight", "gate_coef", "coef")
    )
    assert of(changed, constant, REFUTED, ">1") == {"intercept": "n^(-1/4)"}
    assert of(changed, constant, DERIVED, ">1") == in_order(
        2, 4, 2, blocks=("weight", "gate_coef", "probability")
    )


def test_topk_gaussian() -> None:
    def of(*about: str) -> dict:
        return table("topk_gaussian", *about)  # the last may name the gate

    enough = "over, enough active experts"
    assert of("exact", STATED, "1") == of(enough, STATED, "1") == in_order(2, 2, 2, 2, 2)
    assert of(enough, STATED, "2") == in_order(2, 8, 4, 8, 4)
    assert of(enough, STATED, "3") == in_order(2, 12, 6, 12, 6)
    (row,) = [r for r in rates("topk_gaussian") if r["regime"] == "over, too few active experts"]
    assert (row["block"], row["rate"], row["power"]) == ("density", "does not converge", np.inf)
    # Statements with biases in the selection are not in the paper.
    biased = "top-K, biases in the selection"
    for row in rates("topk_gaussian"):
        assert (row["status"] == STATED) == ("selection by the scores without" in row["note"])
        assert row["gate"] == "top-K" or row["status"] == DERIVED
    assert of("boundaries", DERIVED, "any", biased) == {"boundary": "n^(-1)"}
    for gate in ("top-K", biased):
        none = dict.fromkeys(("weight", "gate_coef"), "not identified")
        assert of("K = 1", DERIVED, "any", gate) == none
    assert all(np.isinf(row["power"]) for row in rates() if row["rate"] == "not identified")


def test_derived_powers_are_those_that_computations_find() -> None:
    (boundary,) = [row for row in rates("topk_gaussian") if row["block"] == "boundary"]
    derived = [row for row in rates("activation_gaussian") if row["status"] == DERIVED]
    power = {row["block"]: row["power"] for row in derived}
    assert len(derived) == 2
    for truth, direction, expected in (
        ("topk-step", Move("gate_coef"), boundary["power"]),
        ("topk-step", Move("weight"), boundary["power"]),
        ("activation", Move("gate_temperature", copies=2), power["gate_temperature"]),
        ("activation", Split("gate_coef", cell=1), power["gate_coef"]),
    ):
        found = local_exponents(TRUTHS[truth], direction, n_starts=2)
        assert found.exponent == pytest.approx(expected, abs=0.05)


@pytest.mark.parametrize("select", ["score", "logit"])
def test_one_active_expert_hides_the_scale_of_the_scores(select: str) -> None:
    # The rows "not identified": the same density with other biases and slopes.
    truth = TRUTHS["topk-step"]
    model = replace(truth.model, gate=TopK(1, select=select))
    measure = truth.measure
    weight = measure.weight**3 if select == "logit" else measure.weight * [5.0, 1.0]
    other = MixingMeasure(weight, {**measure.atoms, "gate_coef": 3.0 * measure["gate_coef"]})
    x = np.linspace(-0.97, 1.0, 40)[:, None]
    first, second = (model.weights(model.from_measure(m), x) for m in (measure, other))
    assert set(np.unique(first)) == {0.0, 1.0}
    np.testing.assert_array_equal(first, second)


def test_temperature_gaussian() -> None:
    slow = "slower than n^(-1/(2r)) for every r"
    blocks = ("weight", "gate_coef", "gate_temperature", "coef", "intercept", "variance")

    def of(*about: str) -> dict:
        return table("temperature_gaussian", *about)

    assert of("exact", STATED, "1") == in_order(2, slow, slow, 2, 2, 2, blocks=blocks)
    assert of("over", STATED, ">1") == in_order(2, slow, slow, slow, slow, slow, blocks=blocks)
    assert of("any", DERIVED, "any") == dict.fromkeys(blocks[1:3], "does not converge")


def test_activation_gaussian() -> None:
    blocks = ("weight", "gate_coef", "gate_temperature", "coef", "intercept", "variance")

    def of(*about: str) -> dict:
        return table("activation_gaussian", *about)

    assert of("exact", STATED, "1") == in_order(2, 2, 2, 2, 2, 2, blocks=blocks)
    assert of("over", STATED, "2") == in_order(2, 4, 4, 4, 8, 4, blocks=blocks)
    assert of("over", STATED, "3") == in_order(2, 4, 4, 4, 12, 6, blocks=blocks)
    assert of("over", DERIVED, "any") == {"gate_temperature": "n^(-1/2)"}
    assert of("over, cell of the reference", DERIVED, "2") == {"gate_coef": "n^(-1/2)"}
    loose = {(r["size"], r["block"]) for r in rates("activation_gaussian")
             if "not sharp" in r["note"]}  # fmt: skip
    assert loose == {("2", "gate_temperature"), ("3", "gate_temperature")}


def test_gaussian_gate() -> None:
    blocks = ("weight", "gate_mean", "intercept", "gate_covariance", "variance", "coef")

    def of(*about: str) -> dict:
        return table("gaussian_gate", *about)

    off, at = "over, centre not zero", "over, centre zero"
    single = in_order(2, 2, 2, 2, 2, 2, blocks=blocks)
    assert of("exact", STATED, "1") == of(off, STATED, "1") == of(at, STATED, "1") == single
    two, three = (in_order(2, r, r, r // 2, r // 2, r // 2, blocks=blocks) for r in (8, 12))
    assert of(off, STATED, "2") == of(at, STATED, "2") == of("over", DERIVED, "2") == two
    assert of(at, STATED, "3") == of("over", DERIVED, "3") == three
    # The slope of type I in cells of three stands among the refuted.
    assert of(off, STATED, "3") == {name: three[name] for name in blocks if name != "coef"}
    assert of(off, REFUTED, "3") == {"coef": "n^(-1/4)"}
    for row in rates("gaussian_gate"):
        from_code = "as in the code" in row["note"]
        assert from_code == (row["status"] == STATED)


@pytest.mark.parametrize("model", losses.__all__)
def test_every_row_is_complete(model: str) -> None:
    rows = rates(model)
    assert any(row["block"] == "density" and row["power"] == 1 for row in rows)
    for row in rows:
        assert row["model"] == model
        assert row["status"] in (STATED, DERIVED, REFUTED)
        assert row["size"] in ("1", "2", "3", ">1", "any")
        assert row["source"]
        assert row["status"] == STATED or row["note"]
        assert ("arXiv" in row["source"]) or row["status"] == DERIVED
        if np.isfinite(row["power"]):
            order = 2 * row["power"]
            assert row["rate"] == ("n^(-1)" if order == 1 else f"n^(-1/{order:g})")


def test_all_models_and_none() -> None:
    assert {row["model"] for row in rates()} == set(losses.__all__)
    assert len(rates(as_frame=True)) == len(rates())
    assert list(rates(as_frame=True)) == list(rates()[0])
    with pytest.raises(ValueError, match="model is 'mixture'; use one of"):
        rates("mixture")
