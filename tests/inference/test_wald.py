"""Wald tests: statistics, the language of constraints, and what cannot be tested."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from mixexp import GaussianMoE
from mixexp.datasets import load_ethanol, load_faithful
from mixexp.inference.constraints import parse
from tests.instances import generator

NAMES = ["mean[0] 1", "mean[0] x", "mean[0] x1", "mean[0] a, b", "mean[0] x^2", "log-variance[0]"]


@pytest.fixture(scope="module")
def results():
    frame = load_faithful()
    X, y = frame[["eruptions"]], frame["waiting"]
    return GaussianMoE(n_experts=2, n_init=3, random_state=0).fit(X, y).results(X, y)


def test_one_constraint_is_the_square_of_z(results) -> None:
    test = results.wald_test("mean[0] eruptions")
    assert test.statistic == pytest.approx(results.tvalues["mean[0] eruptions"] ** 2)
    assert test.pvalue == pytest.approx(results.pvalues["mean[0] eruptions"])
    assert test.df == 1 and test.constraints == ("mean[0] eruptions = 0",)
    against_three = results.wald_test("mean[0] eruptions = 3")
    z = (results.params["mean[0] eruptions"] - 3.0) / results.bse["mean[0] eruptions"]
    assert against_three.statistic == pytest.approx(z**2)


def test_equal_slopes_and_intercepts(results) -> None:
    test = results.wald_test(["mean[0] 1 = mean[1] 1", "mean[0] eruptions = mean[1] eruptions"])
    keys = [f"mean[{k}] {term}" for k in (0, 1) for term in ("1", "eruptions")]
    R = np.array([[1.0, 0.0, -1.0, 0.0], [0.0, 1.0, 0.0, -1.0]])
    difference = R @ results.params[keys]
    variance = R @ results.cov_params().loc[keys, keys] @ R.T
    expected = difference @ np.linalg.solve(variance, difference)
    assert test.statistic == pytest.approx(expected) and test.df == 2
    assert "chi2(2) = " in str(test)
    whole = np.zeros((2, 8))
    whole[:, 2:6] = R
    assert results.wald_test(whole).statistic == pytest.approx(expected)
    assert results.wald_test((whole, np.zeros(2))).statistic == pytest.approx(expected)
    robust = results.wald_test(whole, cov_type="sandwich")
    assert robust.cov_type == "sandwich" and robust.statistic != pytest.approx(expected)


def test_one_expert_is_tested_as_least_squares_is() -> None:
    rng = generator("wald")
    X = pd.DataFrame(rng.normal(size=(80, 2)), columns=["a", "b"])
    y = X["a"] + rng.normal(size=80)
    results = GaussianMoE(n_experts=1).fit(X, y).results(X, y)
    ols = sm.OLS(y, sm.add_constant(X)).fit()
    expected = ols.wald_test("a = 1, b = 0", use_f=False, scalar=True).statistic * 80 / 77
    assert results.wald_test("mean[0] a = 1, mean[0] b").statistic == pytest.approx(expected, 1e-8)


@pytest.mark.parametrize(
    ("text", "row", "value"),
    [
        ("mean[0] x", [0, 1, 0, 0, 0, 0], 0),
        ("mean[0] x1", [0, 0, 1, 0, 0, 0], 0),
        ("mean[0] 1 = 1", [1, 0, 0, 0, 0, 0], 1),
        ("mean[0] x-mean[0] 1", [-1, 1, 0, 0, 0, 0], 0),
        ("log-variance[0] = -1.5e-1", [0, 0, 0, 0, 0, 1], -0.15),
        ("2*(mean[0] x + 3) = mean[0] x^2 / 4", [0, 2, 0, 0, -0.25, 0], -6),
        ("-`mean[0] a, b` = + 'mean[0] x'", [0, -1, 0, -1, 0, 0], 0),
        ("3 = mean[0] a, b", [0, 0, 0, -1, 0, 0], -3),
    ],
)
def test_equations_are_linear_functions_of_names(text, row, value) -> None:
    matrix, values, _ = parse(text, NAMES)
    assert matrix.tolist() == [row] and values.tolist() == [value]


def test_several_equations_in_one_text() -> None:
    matrix, values, labels = parse("mean[0] a, b = 1, mean[0] x = 2", NAMES)
    assert matrix.shape == (2, 6) and values.tolist() == [1.0, 2.0]
    assert labels == ["mean[0] a, b = 1", "mean[0] x = 2"]


@pytest.mark.parametrize(
    ("constraint", "message"),
    [
        (
            "mean[0] X2",
            "has 'mean\\[0\\] X2', which is no parameter; did you mean .*'mean\\[0\\] x",
        ),
        ("mean[0] x12", "'mean\\[0\\] x12', which is no parameter"),
        ("`x`", "'x', which is no parameter"),
        ("mean[0] x * mean[0] 1", "is not linear"),
        ("1 / mean[0] x", "is not linear"),
        ("mean[0] x / 0", "divides by zero"),
        ("mean[0] x mean[0] 1", "without a sign"),
        ("mean[0] x = 1 = 2", "several '='"),
        ("(mean[0] x", "without its '\\)'"),
        ("mean[0] x +", "lacks a name or number at its end"),
        ("3 = 4", "says nothing about any parameter"),
        ("mean[0] x - mean[0] x", "says nothing about any parameter"),
        ("", "is empty"),
        ([], "is empty"),
        (np.ones((2, 3)), "matrix of shape \\(2, 3\\)"),
        ((np.ones((2, 6)), [1.0]), "values of shape \\(1,\\)"),
        (np.full((1, 6), np.nan), "finite"),
    ],
)
def test_constraints_that_cannot_be_read(constraint, message) -> None:
    with pytest.raises(ValueError, match=message):
        parse(constraint, NAMES)


def test_constraints_that_follow_from_others_are_refused(results) -> None:
    with pytest.raises(ValueError, match="not independent"):
        results.wald_test(["mean[0] 1 = 0", "mean[0] 1 = 3"])
    two_groups = np.arange(272) % 2
    with pytest.raises(ValueError, match="fewer rows or groups than constraints"):
        results.wald_test(
            ["mean[0] 1", "mean[1] 1", "mean[0] eruptions"], cov_type="cluster", groups=two_groups
        )


def test_withheld_parameters_are_not_tested() -> None:
    frame = load_ethanol()
    X, y = frame[["E"]], frame["NOx"]
    results = GaussianMoE(n_experts=2, n_init=5, random_state=0).fit(X, y).results(X, y)
    with pytest.raises(ValueError, match="gate\\[0\\] E is withheld \\(the gate separates"):
        results.wald_test("gate[0] E")
    assert results.wald_test("mean[0] E = mean[1] E").pvalue < 1e-10


def test_a_combination_may_be_known_where_its_parts_are_not() -> None:
    frame = load_faithful()
    X = frame[["eruptions"]].assign(again=frame["eruptions"])
    results = GaussianMoE(n_experts=1).fit(X, frame["waiting"]).results(X, frame["waiting"])
    test = results.wald_test("mean[0] eruptions + mean[0] again = 0")
    assert test.statistic > 100.0
    with pytest.raises(ValueError, match="is withheld \\(not identified"):
        results.wald_test("mean[0] eruptions = mean[0] again")


def test_experts_that_may_not_exist_are_not_tested() -> None:
    frame = load_faithful()
    X, y = frame[["eruptions"]], frame["waiting"]
    moe = GaussianMoE(n_experts=3, n_init=5, random_state=0).fit(X, y)
    results = moe.results(X, y)
    a, b = results.overspecification.pair
    with pytest.raises(ValueError, match=rf"is withheld \(experts {a} and {b} may be one"):
        results.wald_test(f"mean[{a}] eruptions = mean[{b}] eruptions")
    trusting = moe.results(X, y, withhold="singular")
    assert trusting.wald_test(f"mean[{a}] eruptions = mean[{b}] eruptions").df == 1


@pytest.mark.parametrize(
    ("constraints", "message"),
    [
        ("2 mean[0] x", "two terms without a sign"),
        ("mean[0] x = 1e400", "not finite"),
        (np.zeros((0, 2)), "shape \\(0, 2\\)"),
        ([[1.0, 0.0], [0.0, 0.0]], "zeros only in row 1"),
        (["mean[0] x", 3], "neither equations in strings nor a matrix"),
        ({"mean[0] x": 1}, "neither equations in strings nor a matrix"),
        ((np.eye(2), [0.0, 0.0], 1), "pair"),
    ],
)
def test_constraints_that_say_nothing_are_refused(constraints, message) -> None:
    with pytest.raises(ValueError, match=message):
        parse(constraints, ["mean[0] x", "mean[1] x"])


def test_a_name_of_two_parameters_is_refused() -> None:
    # The header of a file without names: a column called "1" beside the intercept.
    frame = load_faithful()
    X, y = frame[["eruptions"]].set_axis(["1"], axis=1), frame["waiting"]
    results = GaussianMoE(n_experts=1).fit(X, y).results(X, y)
    with pytest.raises(ValueError, match="a name of several parameters; rename the column"):
        results.wald_test("mean[0] 1 = 0")
    with pytest.raises(ValueError, match="several parameters; rename the column"):
        results.profile("mean[0] 1")
