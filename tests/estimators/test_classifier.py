"""MultinomialMoE: what a fit says against formulas written down here, and other software."""

from __future__ import annotations

import copy
import pickle
import warnings
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import stats
from sklearn.base import clone, is_classifier
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score

from mixexp import MultinomialMoE
from tests.estimators.problems import identical, three_classes

X, Y = three_classes()
TREES = ["ash", "elm", "oak"]
CODES = np.searchsorted(TREES, Y)


def quick(**settings: Any) -> MultinomialMoE:
    return MultinomialMoE(**{"n_init": 1, "random_state": 0, **settings})


def exact(**settings: Any) -> MultinomialMoE:
    return quick(gate_penalty=None, expert_penalty=None, **settings)


@pytest.fixture(scope="module")
def moe():
    return exact().fit(X, Y)


@pytest.fixture(scope="module")
def law(moe):
    """Gate probabilities (n, K) and class probabilities (n, K, J), from the parameters alone."""
    gate, expert = moe.params_
    logits = expert.intercept + np.einsum("ip,kjp->ikj", X, expert.coef)
    proba = np.exp(gate.intercept + X @ gate.coef.T)
    classes = np.exp(logits)
    return proba / proba.sum(axis=1, keepdims=True), classes / classes.sum(axis=2, keepdims=True)


def test_methods_are_those_of_the_law(moe, law):
    gate, classes = law
    proba = np.einsum("ik,ikj->ij", gate, classes)
    joint = gate * classes[np.arange(len(Y)), :, CODES]
    assert moe.converged_
    assert list(moe.classes_) == TREES
    np.testing.assert_allclose(moe.gate_proba(X), gate, rtol=1e-10)
    np.testing.assert_allclose(moe.predict_expert(X), classes, rtol=1e-10)
    np.testing.assert_allclose(moe.predict_proba(X), proba, rtol=1e-10)
    np.testing.assert_allclose(moe.predict_log_proba(X), np.log(proba), rtol=1e-9, atol=1e-12)
    np.testing.assert_array_equal(moe.predict(X), np.array(TREES)[proba.argmax(axis=1)])
    np.testing.assert_allclose(
        moe.responsibilities(X, Y), joint / joint.sum(axis=1, keepdims=True), rtol=1e-9
    )
    each = moe.score_samples(X, Y)
    np.testing.assert_allclose(each, np.log(joint.sum(axis=1)), rtol=1e-9)
    np.testing.assert_allclose(moe.score_samples(X), (proba * np.log(proba)).sum(axis=1), rtol=1e-9)
    assert moe.loglik_ == pytest.approx(each.sum())
    assert moe.score(X, Y) == np.mean(moe.predict(X) == Y)
    assert moe.n_free_ == 3 + 2 * 2 * 3
    assert moe.aic(X, Y) == pytest.approx(2 * 15 - 2 * each.sum())
    assert moe.bic(X, Y) == pytest.approx(15 * np.log(len(Y)) - 2 * each.sum())
    measure = moe.measure_
    assert measure["intercept"].shape == (2, 3)
    assert np.all(moe.params_.expert.intercept[:, -1] == 0.0)


def test_decision_function_is_consistent(moe):
    decision = moe.decision_function(X)
    assert decision.shape == (len(X), 3)
    np.testing.assert_allclose(decision.sum(axis=1), 0.0, atol=1e-12)
    np.testing.assert_array_equal(np.array(TREES)[decision.argmax(axis=1)], moe.predict(X))
    binary = quick().fit(X, Y == "oak")
    odds = binary.decision_function(X)
    proba = binary.predict_proba(X)
    assert odds.shape == (len(X),)
    np.testing.assert_allclose(odds, np.log(proba[:, 1] / proba[:, 0]), rtol=1e-7, atol=1e-9)
    np.testing.assert_array_equal(odds > 0.0, binary.predict(X))
    assert binary.predict(X).dtype == bool


def test_samples_follow_the_law(moe):
    draws = moe.sample(X, 2000, random_state=1)
    assert draws.shape == (2000, len(X))
    frequency = np.stack([(draws == tree).mean(axis=0) for tree in TREES], axis=1)
    z = (frequency - moe.predict_proba(X)) / np.sqrt(0.25 / 2000)
    assert np.abs(z).max() < 5.0
    assert moe.sample(X).shape == (len(X),)
    np.testing.assert_array_equal(moe.sample(X, random_state=3), moe.sample(X, random_state=3))


def test_one_expert_is_logistic_regression():
    moe = exact(n_experts=1).fit(X, Y)
    known = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000).fit(X, Y)
    np.testing.assert_allclose(moe.predict_proba(X), known.predict_proba(X), atol=1e-6)
    np.testing.assert_allclose(moe.decision_function(X), known.decision_function(X), atol=1e-4)
    # So is the ridge, on standardised columns.
    z = (X - X.mean(axis=0)) / X.std(axis=0)
    moe = quick(n_experts=1, expert_penalty=5.0).fit(X, Y)
    known = LogisticRegression(C=1.0 / 5.0, tol=1e-10, max_iter=1000).fit(z, Y)
    np.testing.assert_allclose(moe.predict_proba(X), known.predict_proba(z), atol=1e-6)


def test_constant_everything_is_the_frequencies():
    moe = exact(n_experts=1, degree=0).fit(X, Y)
    share = [np.mean(tree == Y) for tree in TREES]
    np.testing.assert_allclose(moe.predict_proba(X), np.tile(share, (len(X), 1)), rtol=1e-6)
    entropy = stats.entropy(share)
    np.testing.assert_allclose(moe.score_samples(X), -entropy)


def test_penalties_shrink_and_stay_out_of_the_likelihood(moe):
    assert MultinomialMoE().gate_penalty == MultinomialMoE().expert_penalty == 0.1
    weak, strong = quick().fit(X, Y), quick(expert_penalty=50.0).fit(X, Y)
    assert strong.loglik_ < weak.loglik_ < moe.loglik_
    for fit in (weak, strong):
        assert fit.loglik_ == pytest.approx(fit.score_samples(X, Y).sum())
        assert fit.converged_
    assert np.sum(strong.params_.expert.coef**2) < 0.2 * np.sum(moe.params_.expert.coef**2)


def test_weights_count_rows_and_move_with_units():
    count = np.random.default_rng(4).integers(0, 4, size=len(Y))
    weighted = quick().fit(X, Y, sample_weight=count)
    repeated = quick().fit(np.repeat(X, count, axis=0), np.repeat(Y, count))
    assert identical(weighted, repeated)
    order = np.random.default_rng(2).permutation(len(Y))
    assert identical(quick().fit(X[order], Y[order]), quick().fit(X, Y))
    scaled = quick(init=weighted.responsibilities(X, Y)).fit(1e6 * X - 1e7, Y, count)
    np.testing.assert_allclose(
        scaled.predict_proba(1e6 * X - 1e7), weighted.predict_proba(X), atol=1e-6
    )


def test_rows_without_weight_are_not_there(moe):
    y = np.append(Y, "rare")
    x, weight = np.vstack([X, X[:1]]), np.append(np.ones(len(Y)), 0.0)
    other = exact().fit(x, y, weight)
    assert identical(other, moe)
    assert list(other.classes_) == TREES


def test_rare_classes_and_classes_absent_from_an_expert():
    rng = np.random.default_rng(1)
    x = np.r_[rng.normal(-3.0, 1.0, 200), rng.normal(3.0, 1.0, 200)][:, None]
    y = np.where(x[:, 0] < 0.0, rng.integers(0, 2, 400), rng.integers(2, 4, 400))
    y[0] = 9
    fit = exact(n_init=3).fit(x, y)
    assert fit.converged_
    assert np.isfinite(fit.predict_log_proba(x)).all()
    assert fit.predict_proba(x)[:, 4].sum() == pytest.approx(1.0, abs=0.05)
    assert "expert separates" in fit.optima_["flags"][0]
    assert "the responses separate in expert" in fit.certificate_.summary()


def test_separated_classes_are_flagged_and_the_ridge_keeps_them_finite():
    x, y = load_iris(return_X_y=True)
    separated = exact(n_experts=1).fit(x, y)
    assert separated.converged_
    assert separated.certificate_.separated_experts == (0,)
    assert "infinite coefficients of class[0][0]" in separated.certificate_.summary()
    assert "expert separates" in separated.optima_["flags"][0]
    far = 100.0 * x
    assert separated.score_samples(far, (y + 1) % 3).min() < -1000.0
    assert np.ptp(separated.decision_function(far), axis=1).max() > 1000.0
    assert separated.predict_proba(far).min() > 0.0
    np.testing.assert_allclose(
        separated.predict_log_proba(far), np.log(separated.predict_proba(far)), atol=1e-9
    )
    default = quick(n_experts=1).fit(x, y)
    assert default.certificate_.separated_experts == ()
    assert np.abs(default.params_.expert.coef).max() < 30.0
    # With tight bounds the bound is what is reported, and the separation behind it.
    bound = exact(n_experts=1, bounds={"expert": 5.0}).fit(x, y)
    assert "on bound" in bound.optima_["flags"][0]
    assert any(name.startswith("class[0]") for name in bound.certificate_.active_bounds)
    assert bound.certificate_.separated_experts == (0,)


def test_overlapping_classes_do_not_separate(moe):
    assert moe.certificate_.separated_experts == ()
    cut = exact(bounds={"expert": 0.5}).fit(X, Y)
    assert cut.certificate_.active_bounds
    assert cut.certificate_.separated_experts == ()


def test_frames_and_columns():
    frame = pd.DataFrame(X, columns=["dose", "age"], index=np.arange(len(X)) + 7)
    plain = quick(gate_features=[0], expert_features=[1]).fit(X, Y)
    named = quick(gate_features=["dose"], expert_features=["age"])
    assert identical(named.fit(frame, pd.Series(Y, index=frame.index, dtype="category")), plain)
    assert identical(clone(named).fit(pl.DataFrame(X, schema=["dose", "age"]), pl.Series(Y)), plain)
    chosen = copy.deepcopy(named).set_output(transform="pandas")
    assert list(chosen.gate_proba(frame).columns) == ["expert0", "expert1"]
    assert list(chosen.responsibilities(frame, Y).index) == list(frame.index)
    # A table of classes for each expert, and scikit-learn's own results, are arrays throughout.
    assert chosen.predict_expert(frame).shape == (len(X), 2, 3)
    assert isinstance(chosen.predict_proba(frame), np.ndarray)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_copies_are_whole(moe, copied):
    other = copied(moe)
    assert identical(other, moe)
    np.testing.assert_array_equal(other.predict_proba(X), moe.predict_proba(X))
    assert other.use_optimum(0).loglik_ == moe.loglik_
    assert not hasattr(clone(moe), "classes_")


def test_scikit_learn_takes_it_for_a_classifier():
    assert is_classifier(quick())
    assert cross_val_score(quick(), X, Y, cv=3).mean() > 0.5
    search = GridSearchCV(quick(), {"n_experts": [1, 2]}, cv=3, scoring="neg_log_loss").fit(X, Y)
    assert search.best_params_ == {"n_experts": 2}
    calibrated = CalibratedClassifierCV(quick(), cv=2).fit(X, Y)
    assert calibrated.predict_proba(X).shape == (len(X), 3)


def test_warm_start_survives_another_set_of_classes():
    again = quick(warm_start=True).fit(X, Y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        again.fit(X, Y == "oak")
    assert list(again.classes_) == [False, True]
    assert identical(again, quick().fit(X, Y == "oak"))
