"""Covariances of one expert against least squares and generalised linear models."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from mixexp import BinomialMoE, GaussianMoE, MultinomialMoE, PoissonMoE
from tests.instances import generator

N = 120


@pytest.fixture(scope="module")
def frame():
    rng = generator("one expert")
    x = rng.normal(size=(N, 2))
    # Columns of very different units: nothing may hang on them.
    data = pd.DataFrame({"dose": 1e4 + 2e3 * x[:, 0], "age": 1e-3 * x[:, 1]})
    linear = 0.5 * x[:, 0] - 0.4 * x[:, 1]
    data["real"] = 300.0 + 50.0 * (linear + (1.0 + 0.5 * np.abs(x[:, 0])) * rng.normal(size=N))
    data["count"] = rng.poisson(np.exp(1.0 + linear)).astype(float)
    data["exposure"] = rng.uniform(0.5, 2.0, size=N)
    data["trials"] = rng.integers(3, 9, size=N).astype(float)
    data["hits"] = rng.binomial(data["trials"].astype(int), 1.0 / (1.0 + np.exp(-linear)))
    logits = np.column_stack([linear, -linear, np.zeros(N)]) + rng.gumbel(size=(N, 3))
    data["label"] = np.array(["a", "b", "c"])[logits.argmax(axis=1)]
    data["group"] = rng.integers(0, 15, size=N)
    return data


def covariates(frame):
    return frame[["dose", "age"]]


def coefficients(results, matrix):
    """The block of the linear predictor of a covariance or of standard errors."""
    keep = [name for name in results.params.index if "log-variance" not in name]
    return matrix.loc[keep, keep].to_numpy()


@pytest.fixture(scope="module")
def gaussian(frame):
    X = covariates(frame)
    moe = GaussianMoE(n_experts=1).fit(X, frame["real"])
    return moe.results(X, frame["real"]), sm.OLS(frame["real"], sm.add_constant(X))


def test_one_gaussian_expert_is_least_squares(gaussian) -> None:
    results, ols = gaussian
    fit = ols.fit()
    np.testing.assert_allclose(results.params[:3], fit.params, rtol=1e-8)
    likelihood = fit.cov_params() * (fit.df_resid / N)
    np.testing.assert_allclose(
        coefficients(results, results.cov_params()), likelihood, rtol=1e-7, atol=1e-14
    )
    np.testing.assert_allclose(results.bse[:3], np.sqrt(np.diag(likelihood)), rtol=1e-8)
    # The variance of the log of a variance estimate is 2/n.
    assert results.bse["log-variance[0]"] == pytest.approx(np.sqrt(2.0 / N), rel=1e-8)


def test_the_sandwich_of_one_gaussian_expert_is_that_of_white(gaussian) -> None:
    results, ols = gaussian
    expected = ols.fit(cov_type="HC0").cov_params()
    found = coefficients(results, results.cov_params("sandwich"))
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    np.testing.assert_allclose(np.diag(found), np.diag(expected), rtol=1e-8)


def test_clusters_of_one_gaussian_expert_are_those_of_least_squares(gaussian, frame) -> None:
    results, ols = gaussian
    groups = frame["group"]
    settings = {"groups": groups, "use_correction": False}
    expected = ols.fit(cov_type="cluster", cov_kwds=settings).cov_params()
    n_groups = groups.nunique()
    found = coefficients(results, results.cov_params("cluster", groups=groups))
    np.testing.assert_allclose(np.diag(found), np.diag(expected) * n_groups / (n_groups - 1), 1e-8)


def test_each_row_a_group_is_the_sandwich(gaussian) -> None:
    results, _ = gaussian
    groups = [f"row {i}" for i in range(N)]
    each = results.cov_params("cluster", groups=groups) * (N - 1) / N
    np.testing.assert_allclose(each, results.cov_params("sandwich"), rtol=1e-8)


def test_one_poisson_expert_is_a_generalised_linear_model(frame) -> None:
    X = covariates(frame)
    moe = PoissonMoE(n_experts=1).fit(X, frame["count"], exposure=frame["exposure"])
    results = moe.results(X, frame["count"], exposure=frame["exposure"])
    glm = sm.GLM(
        frame["count"], sm.add_constant(X), sm.families.Poisson(), exposure=frame["exposure"]
    )
    fit = glm.fit(tol=1e-14)
    np.testing.assert_allclose(results.params, fit.params, rtol=1e-6)
    np.testing.assert_allclose(results.bse, fit.bse, rtol=1e-6)
    robust = glm.fit(tol=1e-14, cov_type="HC0").bse
    np.testing.assert_allclose(np.sqrt(np.diag(results.cov_params("sandwich"))), robust, rtol=1e-6)
    assert results.llf == pytest.approx(fit.llf, rel=1e-12)
    assert results.aic == pytest.approx(fit.aic, rel=1e-12)


def test_one_binomial_expert_is_a_generalised_linear_model(frame) -> None:
    X = covariates(frame)
    moe = BinomialMoE(n_experts=1).fit(X, frame["hits"], trials=frame["trials"])
    results = moe.results(X, frame["hits"], trials=frame["trials"])
    both = np.column_stack([frame["hits"], frame["trials"] - frame["hits"]])
    fit = sm.GLM(both, sm.add_constant(X), sm.families.Binomial()).fit(tol=1e-14)
    np.testing.assert_allclose(results.bse, fit.bse, rtol=1e-6)
    np.testing.assert_allclose(results.pvalues, fit.pvalues, rtol=1e-5)
    np.testing.assert_allclose(results.conf_int(0.1), fit.conf_int(0.1), rtol=1e-5)


def test_one_multinomial_expert_is_multinomial_logit(frame) -> None:
    X = covariates(frame)
    settings = {"gate_penalty": None, "expert_penalty": None}
    moe = MultinomialMoE(n_experts=1, **settings).fit(X, frame["label"])
    results = moe.results(X, frame["label"])
    # There the first class is the reference, here the last one.
    codes = frame["label"].map({"c": 0, "a": 1, "b": 2})
    standard = (X - X.mean()) / X.std()
    fit = sm.MNLogit(codes, sm.add_constant(standard)).fit(disp=0, tol=1e-12, method="newton")
    slopes = [name for name in results.params.index if not name.endswith(" 1")]
    scale = np.tile(X.std(), 2)
    np.testing.assert_allclose(
        results.bse[slopes] * scale, fit.bse.iloc[1:].to_numpy().T.ravel(), rtol=1e-6
    )
    assert results.llf == pytest.approx(fit.llf, rel=1e-10)
