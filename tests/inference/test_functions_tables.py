"""Functions of the parameters with standard errors and intervals, as users get them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning

from mixexp import BinomialMoE, GaussianMoE, MultinomialMoE, PoissonMoE
from mixexp.inference import intervals
from mixexp.models import TopK
from tests.instances import differences

Array = NDArray[np.float64]
N = 150


def rows(n: int = N) -> tuple[pd.DataFrame, np.random.Generator]:
    rng = np.random.default_rng(5)
    return pd.DataFrame(rng.normal(size=(n, 2)), columns=["a", "b"]), rng


def two_lines(X: pd.DataFrame, rng: np.random.Generator) -> Array:
    first = rng.random(len(X)) < 1.0 / (1.0 + np.exp(-1.0 - 2.0 * X["a"]))
    mean = np.where(first, 2.0 + X["a"], -2.0 - X["b"])
    return mean + 0.5 * rng.normal(size=len(X))


def by_hand(results: Any, function: Any) -> tuple[Array, Array]:
    """Values and standard errors of functions of θ, by differences and the full covariance."""
    fitted = results.fitted
    value = function(fitted.params(fitted.theta))
    jacobian = differences(lambda t: function(fitted.params(t)).ravel(), fitted.theta)
    return value.ravel(), np.sqrt(np.diag(jacobian.T @ results.covariance().matrix @ jacobian))


def test_gaussian_tables_agree_with_differences() -> None:
    X, rng = rows()
    y = 50.0 + 10.0 * two_lines(X, rng)
    moe = GaussianMoE(2, random_state=0, n_init=3).fit(X, y)
    results, some = moe.results(X, y, withhold="singular"), X.tail(4)
    x = some.to_numpy()
    for table, function in (
        (results.gate_proba(some), lambda p: moe.model_.weights(p, x)),
        (results.mean(some), lambda p: moe.model_.mean(p, x)),
        (results.expert_mean(some), lambda p: moe.model_.expert_means(p, x)),
        (results.density(some, y[-4:]), lambda p: np.exp(moe.model_.log_prob(p, x, y[-4:]))),
    ):
        value, error = by_hand(results, function)
        np.testing.assert_allclose(table["estimate"], value, rtol=1e-9)
        np.testing.assert_allclose(table["se"], error, rtol=1e-6)
        assert (table["withheld"] == "").all()
        each = len(table) // 4
        assert table["row"].tolist() == np.repeat(some.index, each).tolist()
    assert results.expert_mean(some)["expert"].tolist() == [0, 1] * 4


def test_class_probabilities_have_the_labels_and_the_columns_of_predict_proba() -> None:
    X, rng = rows()
    labels = np.array(["low", "middle", "top"])
    y = labels[np.digitize(two_lines(X, rng), [-1.0, 1.5])]
    moe = MultinomialMoE(2, random_state=0, n_init=2, gate_penalty=1.0, expert_penalty=1.0).fit(
        X, y
    )
    results, some = moe.results(X, y, withhold="singular"), X.head(3)
    table = results.class_proba(some)
    assert table["class"].tolist() == labels.tolist() * 3
    np.testing.assert_allclose(table["estimate"], moe.predict_proba(some).ravel(), rtol=1e-9)
    _, error = by_hand(results, lambda p: moe.model_.mean(p, some.to_numpy()))
    np.testing.assert_allclose(table["se"], error, rtol=1e-6)
    assert (table["lower"] > 0.0).all() and (table["upper"] < 1.0).all()
    assert (table["lower"] < table["estimate"]).all() and (table["upper"] > table["estimate"]).all()
    of_experts = results.expert_mean(some)
    assert of_experts.columns[:3].tolist() == ["row", "expert", "class"]
    expected = moe.predict_expert(some)
    np.testing.assert_allclose(of_experts["estimate"], expected.ravel(), rtol=1e-9, atol=1e-300)
    with pytest.raises(ValueError, match="class_proba"):
        results.mean(some)


def test_counts_have_exposures_and_positive_limits() -> None:
    X, rng = rows()
    exposure = rng.uniform(0.5, 3.0, size=N)
    y = rng.poisson(exposure * np.exp(0.4 * two_lines(X, rng)))
    moe = PoissonMoE(2, random_state=0, n_init=3).fit(X, y, exposure=exposure)
    results = moe.results(X, y, exposure=exposure, withhold="singular")
    table = results.mean(X.head(5), exposure=10.0)
    np.testing.assert_allclose(table["estimate"], moe.predict(X.head(5), 10.0), rtol=1e-9)
    np.testing.assert_allclose(table["se"], 10.0 * results.mean(X.head(5))["se"], rtol=1e-9)
    # Symmetric in the logarithm.
    product = table["lower"] * table["upper"]
    np.testing.assert_allclose(product, table["estimate"] ** 2, rtol=1e-9)
    density = results.density(X.head(5), y[:5], exposure=exposure[:5])
    expected = moe.score_samples(X.head(5), y[:5], exposure=exposure[:5])
    np.testing.assert_allclose(np.log(density["estimate"]), expected, rtol=1e-9)
    with pytest.raises(TypeError, match=r"trials= is no argument here: PoissonMoE knows exposure="):
        results.mean(X, trials=3)


def test_proportions_stay_in_their_range() -> None:
    X, rng = rows()
    trials = rng.integers(1, 6, size=N).astype(float)
    y = rng.binomial(trials.astype(int), 1.0 / (1.0 + np.exp(-two_lines(X, rng))))
    moe = BinomialMoE(2, random_state=0, n_init=3).fit(X, y, trials=trials)
    results = moe.results(X, y, trials=trials, withhold="singular")
    proportion, count = results.mean(X.head(6)), results.mean(X.head(6), trials=7)
    np.testing.assert_allclose(proportion["estimate"], moe.predict(X.head(6)), rtol=1e-9)
    for column in ("estimate", "se", "lower", "upper"):
        np.testing.assert_allclose(count[column], 7.0 * proportion[column], rtol=1e-8)
    assert (proportion["upper"] < 1.0).all() and (proportion["lower"] > 0.0).all()


def test_several_responses_have_a_line_each() -> None:
    X, rng = rows()
    y = np.column_stack([two_lines(X, rng), 3.0 * X["a"] + rng.normal(size=N)])
    moe = GaussianMoE(2, random_state=0, n_init=3).fit(X, y)
    results = moe.results(X, y, withhold="singular")
    table = results.mean(X.head(2))
    assert table["response"].tolist() == ["y0", "y1"] * 2
    np.testing.assert_allclose(table["estimate"], moe.predict(X.head(2)).ravel(), rtol=1e-9)
    _, error = by_hand(results, lambda p: moe.model_.mean(p, X.head(2).to_numpy()))
    np.testing.assert_allclose(table["se"], error, rtol=1e-6)
    density = results.density(X.head(2), y[:2])["estimate"]
    np.testing.assert_allclose(np.log(density), moe.score_samples(X.head(2), y[:2]), rtol=1e-9)


def test_one_expert_is_least_squares() -> None:
    X, rng = rows()
    y = 1.0 + X["a"] - 2.0 * X["b"] + rng.normal(size=N)
    results = GaussianMoE(1).fit(X, y).results(X, y)
    table = results.mean(X.head(5))
    ols = sm.OLS(y, sm.add_constant(X)).fit()
    design = sm.add_constant(X).to_numpy()[:5]
    # Maximum likelihood divides by n.
    variance = ols.normalized_cov_params.to_numpy() * ols.ssr / N
    error = np.sqrt(np.einsum("ij,jk,ik->i", design, variance, design))
    np.testing.assert_allclose(table["se"], error, rtol=1e-8)
    np.testing.assert_allclose(table["upper"] - table["estimate"], 1.959964 * error, rtol=1e-6)
    assert (results.gate_proba(X.head(2))["estimate"] == 1.0).all()
    assert (results.gate_proba(X.head(2))["se"] == 0.0).all()


def test_one_logistic_expert_is_the_logistic_regression_of_statsmodels() -> None:
    X, rng = rows()
    y = (two_lines(X, rng) > 0.0).astype(int)
    moe = MultinomialMoE(1, gate_penalty=None, expert_penalty=None).fit(X, y)
    table = moe.results(X, y).class_proba(X.head(5))
    frame = (
        sm.Logit(y, sm.add_constant(X))
        .fit(disp=0)
        .get_prediction(sm.add_constant(X).head(5))
        .summary_frame()
    )
    second = table[table["class"] == 1]
    np.testing.assert_allclose(second["estimate"], frame["predicted"], rtol=1e-6)
    np.testing.assert_allclose(second["se"], frame["se"], rtol=1e-6)


def test_functions_are_known_where_parameters_are_not() -> None:
    X, rng = rows()
    y = two_lines(X, rng)
    twice = X.assign(copy=X["a"])
    moe = GaussianMoE(1).fit(twice, y)
    results = moe.results(twice, y)
    assert results.bse.isna().any()
    known, alone = results.mean(twice.head(3)), GaussianMoE(1).fit(X, y).results(X, y)
    np.testing.assert_allclose(known["se"], alone.mean(X.head(3))["se"], rtol=1e-6)
    apart = results.mean(twice.head(3).assign(copy=0.0))
    assert apart["se"].isna().all() and apart["lower"].isna().all()
    assert (
        apart["withheld"].str.contains("do not determine").all() and apart["estimate"].notna().all()
    )


def test_experts_that_are_off_have_probability_zero() -> None:
    X, rng = rows()
    y = two_lines(X, rng)
    moe = GaussianMoE(2, TopK(1), random_state=0, n_init=2).fit(X, y)
    table = moe.results(X, y, withhold="singular").gate_proba(X.head(4))
    assert sorted(table["estimate"].unique()) == [0.0, 1.0]
    assert np.array_equal(table["lower"], table["estimate"])
    assert np.array_equal(table["upper"], table["estimate"])


def test_rows_do_not_depend_on_blocks_and_cov_type_is_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from mixexp.inference import gradients

    X, rng = rows()
    y = two_lines(X, rng)
    results = GaussianMoE(2, random_state=0, n_init=2).fit(X, y).results(X, y, withhold="singular")
    whole, density = results.gate_proba(X), results.density(X, y)
    robust = results.gate_proba(X, cov_type="sandwich")
    assert not np.allclose(robust["se"], whole["se"], rtol=1e-3)
    monkeypatch.setattr(gradients, "_BLOCK_DOUBLES", 1)
    pd.testing.assert_frame_equal(results.gate_proba(X), whole, rtol=1e-12)
    pd.testing.assert_frame_equal(results.density(X, y), density, rtol=1e-12)


def test_intervals_keep_to_their_range_and_level() -> None:
    value, error = np.array([0.0, 0.5, 1.0 - 1e-12, 1.0]), np.array([0.0, 0.2, 1e-10, 0.0])
    low, high = intervals.within(value, error, 2.0)
    assert low[0] == high[0] == 0.0 and low[3] == high[3] == 1.0
    assert np.all(low >= 0.0) and np.all(high <= 1.0)
    # On the logit scale the standard error is 0.8.
    assert np.log(high[1] / (1.0 - high[1])) == pytest.approx(1.6)
    low, high = intervals.within(np.array([1.0]), np.array([1e-19]), 2.0, rest=np.array([1e-20]))
    assert low[0] == pytest.approx(1.0 - 1e-20 * np.exp(20.0), abs=1e-13)
    assert np.isnan(intervals.positive(np.array([2.0]), np.array([np.nan]), 2.0)).all()
    with pytest.raises(ValueError, match=r"level=95 must be in \(0, 1\)"):
        intervals.quantile(95)


def test_a_fit_that_is_not_certified_says_so() -> None:
    X, rng = rows()
    y = two_lines(X, rng)
    moe = GaussianMoE(2, random_state=0, n_init=1, max_iter=1, init=np.full((N, 2), 0.5))
    with pytest.warns(ConvergenceWarning):
        moe.fit(X, y)
    results = moe.results(X, y, withhold="singular")
    for table in (results.mean(X.head(2)), results.marginal_effects().table):
        assert table["se"].isna().all() and table["estimate"].notna().all()
        assert table["withheld"].str.contains("not a certified optimum").all()
