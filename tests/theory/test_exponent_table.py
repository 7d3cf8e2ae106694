"""Computed exponents beside predictions: the words follow from the numbers."""

from __future__ import annotations

import numpy as np
import pytest

from mixexp.simulation import plot_exponents
from mixexp.theory import TRUTHS, Move, Split, exponent_table, local_exponents
from mixexp.theory.exponents.catalogue import Check, Prediction, predicted, standard_checks
from mixexp.theory.exponents.estimate import LocalExponents
from mixexp.theory.exponents.table import judge
from mixexp.theory.losses import softmax_gaussian, softmax_multinomial


def found(exponent: float, half_width: float = 0.1) -> LocalExponents:
    one = np.ones(3)
    return LocalExponents("t", "d", one, one, 0 * one, one[:2], exponent, half_width, 3)


@pytest.mark.parametrize(
    ("computed", "theory", "verdict"),
    [
        (2.03, 2.0, "agrees"),
        (2.0, 4.0, "not sharp: faster than stated"),
        (4.0, 2.0, "CONTRADICTS: slower than stated"),
        (np.inf, 2.0, "CONTRADICTS: not identified"),
        (np.inf, np.inf, "agrees, and more: not identified"),
        (2.15, 2.0, "agrees within 0.2"),
        (2.0, np.inf, "exponent 2.00: polynomial in this direction"),
    ],
)
def test_verdicts(computed: float, theory: float, verdict: str) -> None:
    assert judge(found(computed), Prediction(theory, "", "")) == verdict


def test_an_interval_that_holds_two_whole_numbers_decides_nothing() -> None:
    assert judge(found(3.0, half_width=0.6), Prediction(3.0, "", "")) == "inconclusive"
    assert judge(found(np.nan, half_width=np.inf), Prediction(3.0, "", "")) == "inconclusive"
    assert judge(found(2.0), None) == ""
    assert judge(found(np.inf), None) == "not identified"


def test_predictions_come_from_the_tables_of_the_losses() -> None:
    truth = TRUTHS["crossing"]
    assert predicted(softmax_gaussian.d2, Split("intercept", copies=3), truth).exponent == 6.0
    assert predicted(softmax_gaussian.d2, Split("coef", copies=3), truth).exponent == 3.0
    assert predicted(softmax_gaussian.d2, Move("coef"), truth).exponent == 1.0
    assert predicted(softmax_gaussian.d2_sharp, Split("gate_coef"), truth).exponent == 2.0
    assert predicted(softmax_gaussian.d1, Move("weight"), truth).exponent == 1.0
    constant = TRUTHS["multinomial-constant"]
    said = predicted(softmax_multinomial.d1, Split("intercept", cell=1), constant)
    assert said == Prediction(2.0, softmax_multinomial.d1.source, "stated in the literature")


def test_a_wrong_prediction_is_contradicted() -> None:
    wrong = Prediction(1.0, "made up", "derived here")
    check = Check("softmax_gaussian", "crossing", Split("coef"), (wrong,))
    (verdict,) = exponent_table([check], n_starts=1)
    assert verdict.verdict == "CONTRADICTS: slower than stated"
    assert verdict.row()["computed"] == pytest.approx(2.0, abs=0.05)


def test_the_standard_checks_cover_the_smooth_models() -> None:
    checks = standard_checks()
    models = {check.model for check in checks}
    assert models == {
        "softmax_gaussian", "softmax_multinomial", "topk_gaussian", "temperature_gaussian",
        "activation_gaussian",
    }  # fmt: skip
    assert all(check.predictions for check in checks)
    assert len({(check.truth, check.direction) for check in checks}) == len(checks)


@pytest.mark.slow
def test_every_standard_check() -> None:
    verdicts = [(v.check.truth, v.check.direction, v.verdict) for v in exponent_table()]
    unlike = [v for v in verdicts if not v[2].startswith("agrees")]
    assert [(truth, direction, words.split(":")[0]) for truth, direction, words in unlike] == [
        ("crossing", Split("gate_coef"), "not sharp"),
        ("multinomial-constant-tanh", Split("intercept", cell=1), "CONTRADICTS"),
        ("activation", Split("gate_coef", cell=1), "not sharp"),
        ("activation", Move("gate_temperature", copies=2), "not sharp"),
    ]


@pytest.mark.slow
def test_three_atoms_in_a_cell() -> None:
    (check,) = (c for c in standard_checks() if c.direction == Split("intercept", copies=3))
    (verdict,) = exponent_table([check])
    assert verdict.found.exponent == pytest.approx(6.0, abs=0.1)
    assert verdict.verdict == "agrees"


def test_a_figure_of_exponents(tmp_path) -> None:
    truth = TRUTHS["balanced"]
    results = [local_exponents(truth, Move(b), n_epsilon=4, n_starts=1) for b in ("coef", "weight")]
    figure = plot_exponents({"one": results, "two": results[:1]}, tmp_path / "f.png", title="t")
    assert (tmp_path / "f.png").stat().st_size > 10_000
    first, second = figure.axes
    assert len(first.lines) == 2
    assert first.lines[0].get_color() == second.lines[0].get_color()
    assert first.get_xlabel() == "ε / largest ε"
    with pytest.raises(ValueError, match="panels is empty"):
        plot_exponents({})
