"""PoissonMoE and BinomialMoE: fits against SciPy's laws, known numbers of rows, and bad input."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy import special, stats
from sklearn import config_context
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.exceptions import NotFittedError
from sklearn.metrics import r2_score
from sklearn.model_selection import GridSearchCV
from sklearn.utils import get_tags

from mixexp import BinomialMoE, PoissonMoE
from tests.estimators.problems import identical, two_proportions, two_rates

QUICK: dict[str, Any] = {"n_init": 1, "random_state": 0}
EVENTS, PROPORTIONS = two_rates(), two_proportions()
# Estimator, data, the name of what is known about each row, and how many parameters there are.
KINDS = {
    "Poisson": (PoissonMoE, EVENTS, "exposure"),
    "binomial": (BinomialMoE, PROPORTIONS, "trials"),
}


@pytest.fixture(scope="module", params=KINDS)
def kind(request):
    """A fit, its data, and what is known about the rows as a keyword argument."""
    Estimator, (X, y, known), name = KINDS[request.param]
    return Estimator(**QUICK).fit(X, y, **{name: known}), X, y, {name: known}


def law(moe: Any, X: np.ndarray, known: np.ndarray) -> tuple[np.ndarray, Any]:
    """Gate probabilities and the frozen laws of the experts, (n, K), from the parameters alone."""
    gate, expert = moe.params_
    proba = special.softmax(gate.intercept + X @ gate.coef.T, axis=1)
    u = expert.intercept + X @ expert.coef.T
    if isinstance(moe, PoissonMoE):
        return proba, stats.poisson(known[:, None] * np.exp(u))
    return proba, stats.binom(known[:, None].astype(int), special.expit(u))


def test_methods_are_those_of_the_law(kind):
    moe, X, y, known = kind
    (numbers,) = known.values()
    proba, experts = law(moe, X, numbers)
    joint = proba * experts.pmf(y[:, None])
    each = np.log(joint.sum(axis=1))
    dist = moe.predict_dist(X, **known)
    assert moe.converged_
    assert moe.n_free_ == 3 + 2 * 3
    np.testing.assert_allclose(moe.gate_proba(X), proba, rtol=1e-10)
    np.testing.assert_allclose(moe.score_samples(X, y, **known), each, rtol=1e-9)
    np.testing.assert_allclose(
        moe.responsibilities(X, y, **known), joint / joint.sum(axis=1, keepdims=True), rtol=1e-8
    )
    np.testing.assert_allclose(dist.mean(), (proba * experts.mean()).sum(axis=1), rtol=1e-9)
    np.testing.assert_allclose(
        dist.cdf(y), (proba * experts.cdf(y[:, None])).sum(axis=1), rtol=1e-9
    )
    assert moe.loglik_ == pytest.approx(each.sum())
    weight = np.arange(len(y)) % 3.0
    assert moe.aic(X, y, **known) == pytest.approx(2 * 9 - 2 * each.sum())
    assert moe.bic(X, y, weight, **known) == pytest.approx(
        9 * np.log(weight.sum()) - 2 * weight @ each
    )
    support = np.arange(400.0)[:, None]
    entropy = -special.xlogy(dist.pdf(support), dist.pdf(support)).sum(axis=0)
    np.testing.assert_allclose(moe.score_samples(X, **known), -entropy, rtol=1e-6)


def test_quantiles_intervals_and_samples(kind):
    moe, X, _, known = kind
    dist = moe.predict_dist(X, **known)
    several = moe.predict_quantile(X, [0.1, 0.5], **known)
    np.testing.assert_array_equal(several[:, 1], moe.predict_quantile(X, **known))
    assert np.all(dist.cdf(several[:, 0]) >= 0.1)
    assert np.all(dist.cdf(several[:, 0] - 1.0) < 0.1)
    low, high = moe.predict_interval(X, 0.8, **known).T
    assert np.all(dist.cdf(high) - dist.cdf(low - 1.0) >= 0.8 - 1e-12)
    draws = moe.sample(X, 4000, random_state=1, **known)
    z = (draws.mean(axis=0) - dist.mean()) / (dist.standard_deviation() / np.sqrt(4000))
    assert np.abs(z).max() < 5.0
    np.testing.assert_array_equal(
        moe.sample(X, random_state=2, **known), moe.sample(X, random_state=2, **known)
    )


def test_means_in_the_units_users_expect():
    X, y, exposure = EVENTS
    moe = PoissonMoE(**QUICK).fit(X, y, exposure=exposure)
    rate = moe.predict(X)
    np.testing.assert_allclose(moe.predict(X, exposure), rate * exposure)
    np.testing.assert_allclose(moe.predict(X, 2.0), 2.0 * rate)
    np.testing.assert_allclose(
        moe.predict_expert(X, exposure).T, moe.predict_expert(X).T * exposure
    )
    mean, deviation = moe.predict(X, exposure, return_std=True)
    assert np.all(deviation**2 > mean)
    assert moe.score(X, y, exposure=exposure) == pytest.approx(r2_score(y, rate * exposure))
    X, y, trials = PROPORTIONS
    moe = BinomialMoE(**QUICK).fit(X, y, trials=trials)
    share = moe.predict(X)
    assert np.all((share > 0.0) & (share < 1.0))
    np.testing.assert_allclose(moe.predict_dist(X, trials).mean(), share * trials)
    weights = (moe.gate_proba(X) * moe.predict_expert(X)).sum(axis=1)
    np.testing.assert_allclose(weights, share)
    assert moe.score(X, y, trials=trials) == pytest.approx(moe.loglik_ / len(y))


def test_one_expert_is_a_generalised_linear_model():
    X, y, exposure = EVENTS
    known = sm.GLM(y, sm.add_constant(X), sm.families.Poisson(), exposure=exposure).fit(tol=1e-12)
    moe = PoissonMoE(n_experts=1).fit(X, y, exposure=exposure)
    expert = moe.params_.expert
    np.testing.assert_allclose(np.r_[expert.intercept, expert.coef[0]], known.params, rtol=1e-6)
    assert moe.loglik_ == pytest.approx(known.llf)
    X, y, trials = PROPORTIONS
    table = np.column_stack([y, trials - y])
    known = sm.GLM(table, sm.add_constant(X), sm.families.Binomial()).fit(tol=1e-12)
    moe = BinomialMoE(n_experts=1).fit(X, y, trials=trials)
    expert = moe.params_.expert
    np.testing.assert_allclose(np.r_[expert.intercept, expert.coef[0]], known.params, rtol=1e-6)
    assert moe.loglik_ == pytest.approx(known.llf)


def test_default_exposure_and_trials_are_ones():
    X, y, _ = EVENTS
    plain = PoissonMoE(**QUICK).fit(X, y)
    for ones in (1.0, np.ones(len(y)), np.ones(len(y), dtype=int).tolist()):
        assert identical(PoissonMoE(**QUICK).fit(X, y, exposure=ones), plain)
    X, y, trials = PROPORTIONS
    binary = (y > trials / 2) * 1.0
    plain = BinomialMoE(**QUICK).fit(X, binary)
    assert identical(BinomialMoE(**QUICK).fit(X, binary, trials=np.ones(len(y))), plain)
    assert identical(BinomialMoE(**QUICK).fit(X, binary > 0.0), plain)


def test_unit_of_the_exposure_moves_the_intercepts_only():
    X, y, exposure = EVENTS
    start = PoissonMoE(**QUICK).fit(X, y, exposure=exposure)
    hours = PoissonMoE(**QUICK, init=start.responsibilities(X, y, exposure))
    hours.fit(X, y, exposure=24.0 * exposure)
    assert hours.loglik_ == pytest.approx(start.loglik_, abs=1e-6)
    np.testing.assert_allclose(24.0 * hours.predict(X), start.predict(X), rtol=1e-4)


def test_weights_count_rows_and_rows_without_are_not_there(kind):
    moe, X, y, known = kind
    ((name, numbers),) = known.items()
    count = np.random.default_rng(4).integers(0, 4, size=len(y))
    weighted = clone(moe).fit(X, y, count, **known)
    copies = np.repeat(X, count, axis=0), np.repeat(y, count)
    assert identical(weighted, clone(moe).fit(*copies, **{name: np.repeat(numbers, count)}))
    order = np.random.default_rng(2).permutation(len(y))
    assert identical(clone(moe).fit(X[order], y[order], **{name: numbers[order]}), moe)


def test_frames_copies_and_set_output(kind):
    moe, X, y, known = kind
    ((name, numbers),) = known.items()
    frame = pd.DataFrame(X, columns=["dose", "age"], index=np.arange(len(X)) + 7)
    other = clone(moe).fit(
        frame, pd.Series(y, index=frame.index), **{name: pd.Series(numbers, index=frame.index)}
    )
    assert identical(other, moe)
    other.set_output(transform="pandas")
    assert list(other.predict_expert(frame).index) == list(frame.index)
    for copied in (copy.deepcopy(moe), pickle.loads(pickle.dumps(moe))):
        assert identical(copied, moe)
        np.testing.assert_array_equal(copied.predict(X), moe.predict(X))


def test_quasi_likelihood_takes_any_positive_number():
    X, y, _ = EVENTS
    loose = {**QUICK, "integer": False}
    assert identical(PoissonMoE(**loose).fit(X, y), PoissonMoE(**QUICK).fit(X, y))
    half = PoissonMoE(**loose).fit(X, y / 2.0)
    assert half.converged_
    assert half.loglik_ == pytest.approx(half.score_samples(X, y / 2.0).sum())


def test_degenerate_counts_fit_and_are_flagged():
    X, _, exposure = EVENTS
    for y, known in ((np.zeros(len(X)), None), (np.zeros(len(X)), exposure)):
        moe = PoissonMoE(**QUICK).fit(X, y, exposure=known)
        assert moe.converged_
        assert moe.certificate_.separated_experts
        assert np.all(moe.predict(X) < 1e-6)
        assert "the responses separate" in moe.certificate_.summary()
    moe = BinomialMoE(**QUICK).fit(X, np.full(len(X), 7.0), trials=7)
    np.testing.assert_allclose(moe.predict(X), 1.0, atol=1e-6)
    assert moe.converged_


def put(values: np.ndarray, index: int, value: float) -> np.ndarray:
    changed = np.array(values, dtype=float)
    changed[index] = value
    return changed


PX, PY, PE = EVENTS
BX, BY, BT = PROPORTIONS
MALFORMED = {
    "negative count": (PoissonMoE, put(PY, 3, -1), PE, "y: -1 in row 3 is not a count"),
    "broken count": (PoissonMoE, put(PY, 3, 0.5), PE, "y: 0.5 in row 3 .*integer=False"),
    "NaN count": (PoissonMoE, put(PY, 3, np.nan), PE, "Input y contains NaN"),
    "zero exposure": (PoissonMoE, PY, put(PE, 5, 0), "exposure: 0 in row 5 is not a positive exp"),
    "NaN exposure": (PoissonMoE, PY, put(PE, 5, np.nan), "exposure: nan in row 5"),
    "infinite exposure": (PoissonMoE, PY, put(PE, 5, np.inf), "exposure: inf in row 5"),
    "short exposure": (PoissonMoE, PY, PE[:-1], r"exposure has shape \(199,\), but X has 200 rows"),
    "wide exposure": (PoissonMoE, PY, PE[:, None], r"exposure has shape \(200, 1\)"),
    "words": (PoissonMoE, PY, ["one"] * 200, "exposure must be numbers"),
    "few trials": (BinomialMoE, put(BY, 3, 99), BT, r"trials: \d+ in row 3 is less than the suc"),
    "no trials": (BinomialMoE, BY, None, "is neither 0 nor 1; pass the number of trials .*trials="),
    "broken trials": (
        BinomialMoE,
        BY,
        put(BT, 4, 50.5),
        "trials: 50.5 in row 4 is not a number of",
    ),
    "negative trials": (BinomialMoE, BY, put(BT, 4, -2), "trials: -2 in row 4"),
    "broken successes": (BinomialMoE, put(BY, 3, 0.5), BT, "y: 0.5 in row 3 .*whole numbers"),
    "negative successes": (BinomialMoE, put(BY, 3, -1), BT, "y: -1 in row 3 .*whole numbers"),
    "short trials": (BinomialMoE, BY, BT[:-1], r"trials has shape \(199,\), but X has 200 rows"),
}


@pytest.mark.parametrize(("Estimator", "y", "known", "message"), MALFORMED.values(), ids=MALFORMED)
def test_malformed_counts(Estimator, y, known, message):
    X, good, numbers = EVENTS if Estimator is PoissonMoE else PROPORTIONS
    name = "exposure" if Estimator is PoissonMoE else "trials"
    with pytest.raises(ValueError, match=message):
        Estimator(**QUICK).fit(X, y, **{name: known})
    fitted = Estimator(**QUICK).fit(X, good, **{name: numbers})
    for method in (fitted.score_samples, fitted.responsibilities, fitted.aic, fitted.bic):
        with pytest.raises(ValueError, match=message):
            method(X, y, **{name: known})
    if y is good and known is not None:
        with pytest.raises(ValueError, match=message):
            fitted.predict_dist(X, known)


def test_row_numbers_are_those_of_the_user():
    weight = np.r_[np.zeros(50), np.ones(150)]
    with pytest.raises(ValueError, match=r"y: 0\.5 in row 100 "):
        PoissonMoE(**QUICK).fit(PX, put(PY, 100, 0.5), weight)


@pytest.mark.parametrize("Estimator", [PoissonMoE, BinomialMoE])
def test_methods_need_a_fit(Estimator):
    for method in ("predict", "predict_dist", "predict_quantile", "predict_interval", "sample",
                   "predict_expert", "gate_proba", "score_samples"):  # fmt: skip
        with pytest.raises(NotFittedError, match="not fitted yet"):
            getattr(Estimator(), method)(PX)


def test_what_scikit_learn_takes_them_for():
    assert is_regressor(PoissonMoE())
    assert not is_regressor(BinomialMoE())
    assert not is_classifier(BinomialMoE())
    for Estimator in (PoissonMoE, BinomialMoE):
        assert get_tags(Estimator()).target_tags.positive_only
        assert get_tags(Estimator()).target_tags.required


def test_known_numbers_are_routed_through_a_search():
    X, y, exposure = EVENTS
    with config_context(enable_metadata_routing=True):
        moe = PoissonMoE(**QUICK).set_fit_request(exposure=True).set_score_request(exposure=True)
        search = GridSearchCV(moe, {"n_experts": [1, 2]}, cv=3).fit(X, y, exposure=exposure)
        best = PoissonMoE(**{**QUICK, **search.best_params_}).fit(X, y, exposure=exposure)
        assert identical(search.best_estimator_, best)
        assert search.score(X, y, exposure=exposure) == best.score(X, y, exposure=exposure)
