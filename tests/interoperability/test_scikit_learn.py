"""Estimators inside the tools of scikit-learn: pipelines, searches, inspection."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.ensemble import BaggingRegressor
from sklearn.inspection import partial_dependence, permutation_importance
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    KFold,
    cross_val_predict,
    cross_val_score,
    cross_validate,
)
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, PolynomialFeatures, StandardScaler

from mixexp import (
    BinomialMoE,
    BLoME,
    GaussianMoE,
    GLoME,
    MultinomialMoE,
    PoissonMoE,
    Softmax,
    TopK,
)
from tests.estimators.problems import three_classes, two_lines, two_proportions, two_rates

SETTINGS = {"n_init": 1, "random_state": 0}
X, Y = two_lines(80)
CV = KFold(2, shuffle=True, random_state=0)
FAMILIES = {
    "gaussian": (GaussianMoE(**SETTINGS), X, Y),
    "multinomial": (MultinomialMoE(**SETTINGS), *three_classes(100)),
    "poisson": (PoissonMoE(**SETTINGS), *two_rates(80)[:2]),
    "binomial": (BinomialMoE(**SETTINGS), X, (Y > 0.0) * 1.0),
    "joint": (GLoME(**SETTINGS), X, Y),
    "blocks": (BLoME(criterion="bic", **SETTINGS), X, Y),
}
each_family = pytest.mark.parametrize("family", FAMILIES)


@each_family
def test_pipelines(family):
    moe, x, y = FAMILIES[family]
    pipeline = Pipeline([("scale", StandardScaler()), ("moe", moe)]).fit(x, y)
    # Standardising changes nothing, for the fit does it itself.
    np.testing.assert_allclose(pipeline[-1].loglik_, moe.fit(x, y).loglik_, rtol=1e-7)
    assert pipeline.predict(x[:3]).shape[0] == 3
    assert np.isfinite(pipeline.score(x, y))
    assert pipeline[:-1].transform(x).shape == x.shape


@each_family
def test_cross_validation(family):
    moe, x, y = FAMILIES[family]
    scores = cross_val_score(moe, x, y, cv=2)
    assert scores.shape == (2,) and np.isfinite(scores).all()
    assert cross_val_predict(moe, x, y, cv=2).shape == y.shape


@pytest.mark.parametrize(
    "family",
    ["gaussian", "poisson", "binomial", pytest.param("multinomial", marks=pytest.mark.slow)],
)
def test_a_grid_over_gates_and_numbers_of_experts(family):
    moe, x, y = FAMILIES[family]
    grid = {"n_experts": [1, 2], "gate": [Softmax(), TopK(n_active=1)]}
    search = GridSearchCV(moe, grid, cv=CV).fit(x, y)
    assert len(search.cv_results_["params"]) == 4
    assert not np.isnan(search.cv_results_["mean_test_score"]).any()
    assert search.best_estimator_.n_experts == search.best_params_["n_experts"]


def test_nested_settings_are_searched_by_name():
    moe = GaussianMoE(gate=TopK(n_active=1), **SETTINGS)
    search = GridSearchCV(make_pipeline(StandardScaler(), moe),
                          {"gaussianmoe__gate__n_active": [1, 2]}, cv=CV)  # fmt: skip
    assert set(search.fit(X, Y).best_params_) == {"gaussianmoe__gate__n_active"}
    np.testing.assert_allclose(search.best_estimator_.predict(X).shape, Y.shape)


def test_the_grid_finds_both_experts():
    search = GridSearchCV(GaussianMoE(**SETTINGS), {"n_experts": [1, 2]}, cv=CV).fit(X, Y)
    assert search.best_params_ == {"n_experts": 2}


def test_weights_and_exposures_are_routed():
    x, counts, exposure = two_rates(80)
    weight = np.linspace(0.0, 2.0, len(counts))
    with sklearn.config_context(enable_metadata_routing=True):
        moe = PoissonMoE(**SETTINGS)
        moe.set_fit_request(sample_weight=True, exposure=True)
        moe.set_score_request(sample_weight=True, exposure=True)
        search = GridSearchCV(moe, {"n_experts": [1, 2]}, cv=CV)
        search.fit(x, counts, sample_weight=weight, exposure=exposure)
        scaler = StandardScaler().set_fit_request(sample_weight=False)
        pipeline = make_pipeline(scaler, moe)
        pipeline.fit(x, counts, sample_weight=weight, exposure=exposure)
    direct = PoissonMoE(search.best_params_["n_experts"], **SETTINGS)
    direct.fit(x, counts, sample_weight=weight, exposure=exposure)
    assert search.best_estimator_.loglik_ == direct.loglik_
    plain = PoissonMoE(**SETTINGS).fit(x, counts, sample_weight=weight, exposure=exposure)
    np.testing.assert_allclose(pipeline[-1].loglik_, plain.loglik_, rtol=1e-9)
    first = next(CV.split(x))
    alone = PoissonMoE(1, **SETTINGS).fit(
        x[first[0]], counts[first[0]], weight[first[0]], exposure[first[0]]
    )
    expected = alone.score(x[first[1]], counts[first[1]], weight[first[1]], exposure[first[1]])
    assert search.cv_results_["split0_test_score"][0] == pytest.approx(expected, rel=1e-12)


def test_trials_are_routed():
    x, successes, trials = two_proportions(80)
    with sklearn.config_context(enable_metadata_routing=True):
        moe = BinomialMoE(**SETTINGS).set_fit_request(trials=True).set_score_request(trials=True)
        scores = cross_validate(moe, x, successes, params={"trials": trials}, cv=CV)["test_score"]
    assert np.isfinite(scores).all()


def test_column_transformers_and_frames():
    frame = pd.DataFrame(X, columns=["dose", "age"]).assign(sex=np.where(Y > 0.0, "f", "m"))
    columns = ColumnTransformer(
        [("numbers", StandardScaler(), ["dose", "age"]),
         ("words", OneHotEncoder(drop="first", sparse_output=False), ["sex"])],
        verbose_feature_names_out=False,
    ).set_output(transform="pandas")  # fmt: skip
    moe = GaussianMoE(expert_features=["dose"], gate_features=["age", "sex_m"], **SETTINGS)
    pipeline = make_pipeline(columns, moe).fit(frame, Y)
    assert list(pipeline[-1].feature_names_in_) == ["dose", "age", "sex_m"]
    assert pipeline.predict(frame.head(2)).shape == (2,)


def test_a_formula_behind_a_transformer_of_frames():
    frame = pd.DataFrame(X, columns=["dose", "age"]).assign(gain=Y)
    moe = GaussianMoE.from_formula("gain ~ poly(dose, 2) | age", frame, **SETTINGS)
    pipeline = make_pipeline(StandardScaler().set_output(transform="pandas"), moe)
    pipeline.fit(frame[["dose", "age"]], frame["gain"])
    np.testing.assert_allclose(pipeline[-1].loglik_, moe.fit().loglik_, rtol=1e-9)
    assert np.isfinite(cross_val_score(pipeline, frame[["dose", "age"]], Y, cv=2)).all()


def test_a_degree_is_a_step_of_polynomial_features():
    steps = make_pipeline(PolynomialFeatures(2, include_bias=False), GaussianMoE(1, **SETTINGS))
    direct = GaussianMoE(1, degree=2, **SETTINGS).fit(X, Y)
    assert steps.fit(X, Y)[-1].loglik_ == pytest.approx(direct.loglik_, abs=1e-8)


@each_family
def test_partial_dependence(family):
    moe, x, y = FAMILIES[family]
    if family == "binomial":
        pytest.skip("it is neither a regressor nor a classifier to scikit-learn")
    found = partial_dependence(moe.fit(x, y), x, [0], grid_resolution=5)
    assert np.isfinite(found["average"]).all()
    if family == "gaussian":
        at = x.copy()
        at[:, 0] = found["grid_values"][0][2]
        assert found["average"][0, 2] == pytest.approx(moe.predict(at).mean())


def test_partial_dependence_display_through_a_formula():
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    from sklearn.inspection import PartialDependenceDisplay

    frame = pd.DataFrame(X, columns=["dose", "age"]).assign(
        sex=np.where(X[:, 1] > 0.0, "f", "m"), gain=Y
    )
    moe = GaussianMoE.from_formula("gain ~ bs(dose, df=4) + sex | age", frame, **SETTINGS).fit()
    display = PartialDependenceDisplay.from_estimator(
        moe, frame[["dose", "age", "sex"]], ["dose", "sex"], categorical_features=["sex"],
        grid_resolution=5,
    )  # fmt: skip
    plt.close(display.figure_)
    curves = display.pd_results
    assert curves[0]["average"].shape == (1, 5) and curves[1]["average"].shape == (1, 2)
    females = moe.predict(frame.assign(sex="f")).mean()
    assert curves[1]["average"][0, 0] == pytest.approx(females)


@each_family
def test_permutation_importance(family):
    moe, x, y = FAMILIES[family]
    found = permutation_importance(moe.fit(x, y), x, y, n_repeats=2, random_state=0)
    assert found.importances.shape == (x.shape[1], 2)
    assert found.importances_mean.max() > 0.0


def test_permutation_importance_of_the_columns_of_a_formula():
    frame = pd.DataFrame(X, columns=["dose", "age"]).assign(noise=Y[::-1], gain=Y)
    moe = GaussianMoE.from_formula("gain ~ dose + age", frame, **SETTINGS).fit()
    columns = frame[["dose", "age", "noise"]]
    found = permutation_importance(moe, columns, Y, n_repeats=2, random_state=0)
    assert found.importances_mean[2] == 0.0 and (found.importances_mean[:2] > 0.0).all()


def test_ensembles_groups_and_transformed_targets():
    moe = GaussianMoE(**SETTINGS)
    bagged = BaggingRegressor(moe, n_estimators=2, random_state=0).fit(X, Y)
    assert bagged.predict(X).shape == Y.shape
    groups = np.arange(len(Y)) // 20
    assert np.isfinite(cross_val_score(moe, X, Y, groups=groups, cv=GroupKFold(2))).all()
    target = TransformedTargetRegressor(moe, func=np.log, inverse_func=np.exp).fit(X, np.exp(Y))
    np.testing.assert_allclose(np.log(target.predict(X)), moe.fit(X, Y).predict(X), rtol=1e-9)
