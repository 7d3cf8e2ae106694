"""Estimators bound to a formula: they are the fits of the design, on frames of original columns."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone, is_classifier
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score

from mixexp import BinomialMoE, GaussianMoE, ModelSelector, MultinomialMoE, PoissonMoE, Softmax
from mixexp.datasets import load_ethanol, load_npreg, load_tribolium
from tests.estimators.problems import identical, three_classes, two_lines, two_rates

X, Y = two_lines()
DATA = pd.DataFrame(X, columns=["dose", "age"], index=np.arange(150) + 7).assign(
    gain=Y, sex=np.where(X[:, 1] + np.cos(7.0 * np.arange(150)) > 0.0, "f", "m"), other="unused"
)
TEXT = "gain ~ poly(dose, 2) + age | dose + sex"
SETTINGS = {"n_init": 1, "random_state": 0}


def made(text: str = TEXT, data=DATA, **settings):
    return GaussianMoE.from_formula(text, data, **{**SETTINGS, **settings})


@pytest.fixture(scope="module")
def moe():
    return made().fit()


def test_a_fit_is_that_of_the_design(moe):
    design = moe.formula_.design(DATA)
    plain = GaussianMoE(
        expert_features=["poly(dose, 2)[1]", "poly(dose, 2)[2]", "age"],
        gate_features=["dose", "sex[T.m]"], **SETTINGS,
    ).fit(design, Y)  # fmt: skip
    assert identical(moe, plain)
    assert list(moe.feature_names_in_) == list(moe.formula_.columns) == list(design)
    assert moe.bic() == plain.bic(design, Y)
    assert moe.aic(DATA) == plain.aic(design, Y)
    assert moe.score(DATA) == plain.score(design, Y)
    np.testing.assert_array_equal(moe.responsibilities(DATA), plain.responsibilities(design, Y))
    np.testing.assert_array_equal(moe.score_samples(DATA, Y), plain.score_samples(design, Y))
    np.testing.assert_array_equal(moe.score_samples(DATA), plain.score_samples(design))
    assert moe.measure_loglik(moe.measure_, DATA) == plain.measure_loglik(plain.measure_, design, Y)
    for method in ("predict", "gate_proba", "predict_expert", "predict_interval"):
        expected = getattr(plain, method)(design)
        np.testing.assert_array_equal(getattr(moe, method)(DATA), expected)
        np.testing.assert_array_equal(getattr(moe, method)(pl.from_pandas(DATA)), expected)


def test_predictions_of_a_row_do_not_depend_on_the_others(moe):
    np.testing.assert_allclose(moe.predict(DATA.tail(2)), moe.predict(DATA)[-2:], rtol=1e-12)
    pandas = moe.set_output(transform="pandas").gate_proba(DATA.tail(2))
    moe.set_output(transform="default")
    assert list(pandas.index) == [155, 156]


def test_only_what_is_used_is_kept_and_it_is_a_copy():
    data = DATA.copy()
    moe = made(data=data)
    assert sorted(moe._bound.data) == ["age", "dose", "gain", "sex"]
    data.loc[:, "gain"] = 0.0
    assert identical(moe.fit(), made().fit())


def test_other_data_are_learned_from_again(moe):
    part = DATA.iloc[::2]
    again = made().fit(part)
    assert identical(again, made(data=part).fit())
    assert again.predict(DATA).shape == (150,)
    assert identical(made().fit(part.drop(columns="gain"), part["gain"]), again)
    assert identical(made().fit(pl.from_pandas(part)), again)
    assert identical(again.fit(DATA), moe)
    assert again.rows_used_.shape == (150,)


def test_clones_and_pickles_are_bound(moe):
    other = clone(moe)
    assert other.formula_.text == TEXT and other.get_params() == moe.get_params()
    with pytest.raises(NotFittedError):
        other.predict(DATA)
    assert identical(other.fit(), moe)
    copied = pickle.loads(pickle.dumps(moe))
    np.testing.assert_array_equal(copied.predict(DATA), moe.predict(DATA))
    assert identical(copied.fit(), moe)
    assert set(GaussianMoE().get_params()) == set(moe.get_params())


def test_without_a_formula_nothing_is_different():
    plain = GaussianMoE(**SETTINGS)
    assert plain.formula_ is None
    with pytest.raises(AttributeError, match="from_formula"):
        _ = plain.rows_used_
    with pytest.raises(ValueError, match="X is missing; pass rows X and responses y"):
        plain.fit()


def test_results_need_no_data(moe):
    results = moe.results()
    assert results.llf == pytest.approx(moe.loglik_, rel=1e-9)
    assert "mean[0] poly(dose, 2)[1]" in results.params.index
    assert results.nobs == 150
    pd.testing.assert_series_equal(moe.results(DATA).bse, results.bse)


def test_weights_are_a_column_or_an_array():
    weight = np.linspace(0.5, 2.0, 150)
    expected = made().fit(DATA, sample_weight=weight)
    assert expected.loglik_ != made().fit().loglik_
    named = made(data=DATA.assign(w=weight), weights="w").fit()
    assert identical(named, expected) and identical(made(weights=weight).fit(), expected)
    assert named.aic() == expected.aic() == expected.aic(DATA, sample_weight=weight)
    assert named.aic(DATA.assign(w=weight)) == expected.aic()
    # Weights that a fit was given by hand are not looked for in other data.
    assert expected.predict(DATA.head(1)).shape == (1,)
    assert identical(clone(expected).fit(DATA), made().fit())
    with pytest.raises(ValueError, match="X has no column 'w', which weights= names"):
        named.aic(DATA)
    with pytest.raises(ValueError, match="took an array for sample_weight="):
        made(weights=weight).fit(DATA.iloc[::2])
    with pytest.raises(ValueError, match="weights has 3 entries, but the data have 150 rows"):
        made(weights=[1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match="data has no column 'w', which weights= names"):
        made(weights="w")


def test_missing_values():
    holes = DATA.assign(w=1.0)
    holes.iloc[[3, 9], 0] = np.nan
    holes.iloc[4, 2] = np.nan
    holes.iloc[5, 4] = None
    message = "data has missing values: 2 in column 'dose', 1 in column 'gain'"
    with pytest.raises(ValueError, match=message):
        made(data=holes)
    with pytest.raises(ValueError, match=message):
        made().fit(holes)
    moe = made(data=holes, na_action="drop", weights="w").fit()
    assert np.flatnonzero(~moe.rows_used_).tolist() == [3, 4, 9]
    assert identical(moe, made(data=DATA.iloc[moe.rows_used_]).fit())
    assert moe.results().nobs == 147
    assert moe.predict(DATA.iloc[[4]]).shape == (1,)
    with pytest.raises(ValueError, match="X has missing values: 2 in column 'dose'"):
        moe.predict(holes)
    with pytest.raises(ValueError, match="na_action='omit' is not one of"):
        made(na_action="omit")
    weight = np.ones(150)
    weight[0] = np.nan
    assert not made(weights=weight, na_action="drop").rows_used_[0]
    y = Y.copy()
    y[8] = np.nan
    dropped = made(na_action="drop").fit(DATA.drop(columns="gain"), y)
    assert np.flatnonzero(~dropped.rows_used_).tolist() == [8]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"degree": 2}, r"degree=2 contradicts a formula"),
        ({"degree": 0}, r"degree=0 contradicts a formula"),
        ({"gate_features": ["age"]}, r"gate_features=\['age'\] contradicts a formula"),
        ({"expert_features": []}, r"expert_features=\[\] contradicts a formula"),
        ({"gate": Softmax(degree=2)}, r"gate=Softmax\(degree=2\) has a degree beside a formula"),
    ],
)
def test_settings_that_contradict_the_formula(settings, message):
    with pytest.raises(ValueError, match=message):
        made(**settings)
    with pytest.raises(ValueError, match=message):
        made().set_params(**settings).fit()


def test_arrays_are_refused(moe):
    with pytest.raises(ValueError, match="a formula reads columns by name"):
        moe.predict(X)
    with pytest.raises(ValueError, match="a formula reads columns by name"):
        made().fit(X, Y)


def test_no_covariates_at_all():
    moe = GaussianMoE.from_formula("gain ~ 1", DATA, **SETTINGS).fit()
    assert moe.n_features_in_ == 0
    assert len(np.unique(moe.predict(DATA))) == 1
    single = GaussianMoE.from_formula("gain ~ 1", DATA, n_experts=1, **SETTINGS).fit()
    expected = -75.0 * (1.0 + np.log(2.0 * np.pi * Y.var()))
    assert single.loglik_ == pytest.approx(expected, abs=1e-9)


def test_constant_parts():
    weights = made("gain ~ dose + age | 1").fit()
    assert identical(weights, GaussianMoE(gate_features=[], **SETTINGS).fit(X, Y))
    experts = made("gain ~ 1 | dose + age").fit()
    assert identical(experts, GaussianMoE(expert_features=[], **SETTINGS).fit(X, Y))


def test_several_responses():
    data = DATA.assign(loss=Y[::-1] + X[:, 0])
    moe = made("gain + loss ~ dose", data).fit()
    plain = GaussianMoE(**SETTINGS).fit(data[["dose"]], data[["gain", "loss"]])
    assert identical(moe, plain)
    assert moe.score(data) == plain.score(data[["dose"]], data[["gain", "loss"]])


def test_an_expression_on_the_left():
    data = DATA.assign(size=np.exp(Y))
    moe = made("log(size) ~ dose + age", data).fit()
    np.testing.assert_allclose(moe.predict(data), GaussianMoE(**SETTINGS).fit(X, Y).predict(X))
    assert moe.score(data, np.log(data["size"])) == moe.score(data)
    for call in (moe.fit, moe.score):
        with pytest.raises(ValueError, match=r"y differs from log\(size\)"):
            call(data, data["size"])


@pytest.mark.parametrize("dtype", ["words", "category", "integers", "truth values", "polars"])
def test_labels_of_any_kind(dtype):
    x, words = three_classes(300)
    labels = {
        "words": words, "category": pd.Categorical(words), "polars": words,
        "integers": np.unique(words, return_inverse=True)[1] - 5, "truth values": words == "oak",
    }[dtype]  # fmt: skip
    data = pd.DataFrame({"a": x[:, 0], "b": x[:, 1], "tree": labels})
    data = pl.from_pandas(data) if dtype == "polars" else data
    moe = MultinomialMoE.from_formula("tree ~ b | a", data, **SETTINGS).fit()
    x = moe.formula_.design(data)
    plain = MultinomialMoE(expert_features=["b"], gate_features=["a"], **SETTINGS)
    plain.fit(x, np.asarray(labels))
    assert moe.classes_.tolist() == plain.classes_.tolist()
    assert identical(moe, plain)
    assert moe.predict(data).tolist() == plain.predict(x).tolist()
    assert moe.score(data) == plain.score(x, np.asarray(labels))
    assert is_classifier(moe)


def test_exposures():
    x, counts, exposure = two_rates()
    data = pd.DataFrame({"a": x[:, 0], "b": x[:, 1], "cases": counts, "time": exposure})
    moe = PoissonMoE.from_formula("cases ~ b | a", data, exposure="time", **SETTINGS).fit()
    plain = PoissonMoE(expert_features=[1], gate_features=[0], **SETTINGS)
    plain.fit(x, counts, exposure=exposure)
    assert moe.loglik_ == pytest.approx(plain.loglik_, rel=1e-9)
    np.testing.assert_allclose(moe.predict(data), plain.predict(x, exposure), rtol=1e-6)
    np.testing.assert_allclose(moe.predict(data, 1.0), plain.predict(x), rtol=1e-6)
    assert moe.bic() == moe.bic(data) == pytest.approx(plain.bic(x, counts, exposure=exposure))
    assert moe.score(data) == pytest.approx(plain.score(x, counts, exposure=exposure))
    assert moe.results().llf == pytest.approx(moe.loglik_)
    with pytest.raises(ValueError, match="X has no column 'time', which exposure= names"):
        moe.predict(data[["a", "b"]])
    given = PoissonMoE.from_formula("cases ~ b | a", data, exposure=exposure, **SETTINGS).fit()
    assert given.loglik_ == moe.loglik_
    np.testing.assert_array_equal(given.predict(data), moe.predict(data, exposure=1.0))
    with pytest.raises(TypeError, match="exposure"):
        GaussianMoE.from_formula("cases ~ b", data, exposure="time")


def test_trials():
    beetles = load_tribolium()
    text = "remaining ~ confusum + madens | 1"
    moe = BinomialMoE.from_formula(text, beetles, trials="total", **SETTINGS).fit()
    names = ["confusum", "madens"]
    plain = BinomialMoE(gate_features=[], **SETTINGS)
    plain.fit(beetles[names], beetles["remaining"], trials=beetles["total"])
    assert identical(moe, plain)
    # Proportions need no number of trials, laws of counts do.
    np.testing.assert_array_equal(moe.predict(beetles[names]), plain.predict(beetles[names]))
    expected = plain.predict_expert(beetles[names])
    np.testing.assert_array_equal(moe.predict_expert(beetles), expected)
    interval = plain.predict_interval(beetles[names], trials=beetles["total"])
    np.testing.assert_array_equal(moe.predict_interval(beetles), interval)
    with pytest.raises(ValueError, match="X has no column 'total', which trials= names"):
        moe.predict_interval(beetles[names])


def test_selection_and_validation_by_scikit_learn():
    moe = made()
    scores = cross_val_score(moe, DATA, cv=3)
    np.testing.assert_array_equal(scores, cross_val_score(moe, DATA, DATA["gain"], cv=3))
    search = GridSearchCV(moe, {"n_experts": [1, 2]}, cv=3).fit(DATA)
    assert search.best_params_ == {"n_experts": 2}
    assert search.best_estimator_.formula_.text == TEXT
    assert search.predict(DATA.head(2)).shape == (2,)


def test_model_selector_takes_frames():
    selector = ModelSelector(made("gain ~ dose + age"), {"n_experts": [1, 2]})
    selector.fit(DATA, DATA["gain"])
    assert selector.best_params_ == {"n_experts": 2}
    assert selector.best_estimator_.formula_.text == "gain ~ dose + age"
    assert selector.predict(DATA.head(2)).shape == (2,)


def test_a_gate_with_other_terms_than_the_experts():
    ethanol = load_ethanol()
    moe = GaussianMoE.from_formula("NOx ~ C | poly(E, 2)", ethanol, n_init=2, random_state=0).fit()
    assert moe.model_.columns == ((1, 2), (0,))
    assert moe.predict(ethanol[["C", "E"]]).shape == (88,)


def test_powers_are_those_of_the_degree():
    npreg = load_npreg()
    moe = GaussianMoE.from_formula("yn ~ x + I(x ** 2) | 1", npreg, random_state=0).fit()
    plain = GaussianMoE(degree=2, gate_features=[], random_state=0).fit(npreg[["x"]], npreg["yn"])
    assert moe.loglik_ == pytest.approx(plain.loglik_, abs=1e-6)
