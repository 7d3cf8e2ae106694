"""Which columns the gate and the experts see."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tests.estimators.problems import identical, quick, two_lines

X, Y = two_lines()
FRAME = pd.DataFrame(X, columns=["dose", "age"])


@pytest.mark.parametrize("argument", ["gate_features", "expert_features"])
def test_names_and_indices_mean_the_same(argument):
    by_name = quick(**{argument: ["age"]}).fit(FRAME, Y)
    for same in (np.array([1]), (-1,), pd.Index(["age"])):
        assert identical(quick(**{argument: same}).fit(FRAME, Y), by_name)
    gate, expert = by_name.params_
    assert gate.coef.shape[1] == (1 if argument == "gate_features" else 2)
    assert expert.coef.shape[1] == (1 if argument == "expert_features" else 2)


def test_only_the_named_columns_matter():
    moe = quick(gate_features=["dose"], expert_features=["age"]).fit(FRAME, Y)
    moved = FRAME.assign(age=FRAME["age"] + 1.0)
    np.testing.assert_array_equal(moe.gate_proba(moved), moe.gate_proba(FRAME))
    assert np.abs(moe.predict_expert(moved) - moe.predict_expert(FRAME)).min() > 0.0
    moved = FRAME.assign(dose=FRAME["dose"] + 1.0)
    np.testing.assert_array_equal(moe.predict_expert(moved), moe.predict_expert(FRAME))
    assert np.abs(moe.gate_proba(moved) - moe.gate_proba(FRAME)).min() > 0.0


def test_order_of_the_features_does_not_matter():
    one, other = quick().fit(X, Y), quick(gate_features=[1, 0], expert_features=[1, 0]).fit(X, Y)
    assert other.loglik_ == pytest.approx(one.loglik_, abs=1e-8)
    np.testing.assert_allclose(other.predict(X), one.predict(X), rtol=1e-5)


def test_empty_gate_is_a_mixture_of_regressions():
    moe = quick(gate_features=[]).fit(X, Y)
    proba = moe.gate_proba(X)
    assert np.ptp(proba, axis=0).max() == 0.0
    assert moe.n_free_ == 1 + 2 * 4
    # The likelihood equations of such a mixture: weights are mean responsibilities, and the
    # experts weighted least squares.
    r = moe.responsibilities(X, Y)
    np.testing.assert_allclose(proba[0], r.mean(axis=0), rtol=1e-8)
    design = np.column_stack([np.ones(len(Y)), X])
    for k in range(2):
        root = np.sqrt(r[:, k])
        known = np.linalg.lstsq(design * root[:, None], Y * root, rcond=None)[0]
        expert = moe.params_.expert
        np.testing.assert_allclose(np.r_[expert.intercept[k], expert.coef[k]], known, rtol=1e-6)
        residual = r[:, k] @ (Y - design @ known) ** 2 / r[:, k].sum()
        assert expert.variance[k] == pytest.approx(residual, rel=1e-7)


def test_empty_experts_are_constants():
    moe = quick(expert_features=[]).fit(X, Y)
    assert np.ptp(moe.predict_expert(X), axis=0).max() == 0.0
    assert moe.loglik_ == pytest.approx(quick(degree=0).fit(X, Y).loglik_, abs=1e-8)


@pytest.mark.parametrize("argument", ["gate_features", "expert_features"])
@pytest.mark.parametrize(
    ("features", "message"),
    [
        (["weight"], r"names the column 'weight', but X has \['dose', 'age'\]"),
        ([2], "has the index 2, but X has 2 columns"),
        ([-3], "has the index -3, but X has 2 columns"),
        (["age", "age"], "lists a column twice"),
        (["age", 1], "lists a column twice"),
        ([0, -2], "lists a column twice"),
        ([0.5], "has the entry 0.5; use names or integers"),
        ([True, False], "has the entry True; use names or integers"),
        ([None], "has the entry None; use names or integers"),
        ([[0]], r"has the entry \[0\]; use names or integers"),
        ("age", "'age'"),
        (1, "Got 1 instead"),
    ],
)
def test_features_that_do_not_exist(argument, features, message):
    with pytest.raises(ValueError, match=f"{argument}.*{message}"):
        quick(**{argument: features}).fit(FRAME, Y)


def test_names_need_a_data_frame():
    with pytest.raises(ValueError, match="gate_features names the column 'age', but X has no"):
        quick(gate_features=["age"]).fit(X, Y)
