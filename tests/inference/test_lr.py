"""Likelihood-ratio tests: values, what is nested, and what has no chi-squared law."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from scipy.stats import chi2

from mixexp import GaussianMoE, PoissonMoE
from mixexp.datasets import load_faithful, load_npreg
from mixexp.inference.embedding import embed
from mixexp.models import Softmax, TopK
from mixexp.models.covariances import Diagonal, Isotropic


@cache
def npreg():
    return load_npreg()


@cache
def results(response: str = "yn", **settings):
    """Results of a quadratic fit unless told otherwise."""
    frame = npreg()
    given = {"degree": 2, "n_init": 3, "random_state": 0, **settings}
    if "gate_features" in given:
        given["gate_features"] = list(given["gate_features"])
    X, y = frame[["x"]], frame[response]
    return GaussianMoE(n_experts=given.pop("n_experts", 2), **given).fit(X, y).results(X, y)


@pytest.mark.parametrize(
    ("nested", "df"),
    [
        ({"gate_features": ()}, 1),
        ({"variance": "shared"}, 1),
        ({"variance": "shared", "gate_features": ()}, 2),
    ],
)
def test_the_statistic_is_twice_the_difference(nested, df) -> None:
    full, small = results(), results(**nested)
    test = full.lr_test(small)
    assert test.df == df
    assert test.statistic == pytest.approx(2.0 * (full.llf - small.llf), abs=1e-10)
    assert test.pvalue == pytest.approx(chi2.sf(test.statistic, df))
    assert f"chi2({df})" in str(test)


def test_a_wald_test_is_near_the_likelihood_ratio() -> None:
    ratio = results().lr_test(results(variance="shared"))
    wald = results().wald_test("log-variance[0] = log-variance[1]")
    assert wald.statistic == pytest.approx(ratio.statistic, rel=0.1)


def test_higher_degrees_of_gate_and_experts_contain_lower_ones() -> None:
    frame = load_faithful()
    X, y = frame[["eruptions"]], frame["waiting"]

    def fit(**settings):
        return GaussianMoE(n_init=3, random_state=0, **settings).fit(X, y).results(X, y)

    test = fit(gate=Softmax(degree=2)).lr_test(fit())
    assert test.df == 1 and 0.0 < test.pvalue < 1.0


def test_counts_are_compared_with_their_exposures() -> None:
    frame = npreg()
    X, y = frame[["x"]], frame["yp"]
    exposure = np.linspace(1.0, 2.0, len(y))

    def fit(given, **settings):
        moe = PoissonMoE(n_init=3, random_state=0, **settings).fit(X, y, exposure=given)
        return moe.results(X, y, exposure=given)

    test = fit(exposure).lr_test(fit(exposure, gate_features=[]))
    assert test.df == 1 and test.statistic > 0.0
    with pytest.raises(ValueError, match="other responses"):
        fit(exposure).lr_test(fit(2.0 * exposure, gate_features=[]))


def test_structures_of_covariances_are_nested() -> None:
    frame = npreg()
    X, y = frame[["x"]], frame[["yn", "yp"]]

    def fit(covariance=None, **settings):
        moe = GaussianMoE(degree=2, covariance=covariance, n_init=3, random_state=0, **settings)
        return moe.fit(X, y).results(X, y, withhold="singular")

    full = fit()
    for covariance in (Diagonal(), Diagonal("shared"), Isotropic()):
        nested = fit(covariance)
        assert embed(nested.fitted, full.fitted) is not None
        assert embed(full.fitted, nested.fitted) is None


def test_the_smaller_model_is_the_argument() -> None:
    with pytest.raises(ValueError, match="call lr_test on the results of the larger model"):
        results(gate_features=()).lr_test(results())


def test_other_numbers_of_experts_are_refused() -> None:
    with pytest.raises(ValueError, match=r"not chi-squared.*test_n_experts"):
        results(n_experts=3).lr_test(results())


def test_other_families_are_refused() -> None:
    frame = npreg()
    X, y = frame[["x"]], frame["yp"]
    counts = PoissonMoE(n_init=3, random_state=0).fit(X, y).results(X, y)
    with pytest.raises(ValueError, match="Poisson experts and this model Gaussian"):
        results("yp").lr_test(counts)


def test_other_data_are_refused() -> None:
    with pytest.raises(ValueError, match="other responses"):
        results().lr_test(results("yp", gate_features=()))
    frame = npreg()
    X, y = frame[["x"]], frame["yn"]
    small = GaussianMoE(degree=2, gate_features=[], n_init=3, random_state=0)
    weight = np.full(len(y), 2.0)
    with pytest.raises(ValueError, match="other weights"):
        results().lr_test(small.fit(X, y, weight).results(X, y, weight))
    moved = X + 1.0
    with pytest.raises(ValueError, match="column 'x' of nested has other values"):
        results().lr_test(small.fit(moved, y).results(moved, y))


def test_models_beside_each_other_are_refused() -> None:
    frame = npreg().assign(z=np.sin(np.arange(200.0)))
    y = frame["yn"]

    def fit(columns, **settings):
        X = frame[columns]
        return GaussianMoE(n_init=3, random_state=0, **settings).fit(X, y).results(X, y)

    full = fit(["x", "z"], expert_features=["x"], degree=2)
    beside = fit(["x", "z"], gate_features=["x"])
    assert beside.df_model < full.df_model
    with pytest.raises(ValueError, match="is not nested in this model"):
        full.lr_test(beside)


@pytest.mark.parametrize(
    ("nested", "message"),
    [
        ({"gate_penalty": 1.0, "variance": "shared"}, "nested has a ridge penalty"),
        ({"bounds": {"gate": 0.1}, "variance": "shared"}, "nested lies on a bound in gate"),
    ],
)
def test_fits_without_a_chi_squared_law_are_refused(nested, message) -> None:
    settings = dict(nested)
    if "bounds" in settings:
        frame = npreg()
        X, y = frame[["x"]], frame["yn"]
        moe = GaussianMoE(degree=2, n_init=3, random_state=0, **settings).fit(X, y)
        small = moe.results(X, y)
    else:
        small = results(**settings)
    with pytest.raises(ValueError, match=message):
        results().lr_test(small)


def test_an_expert_too_many_under_the_null_is_refused() -> None:
    frame = load_faithful()
    X, y = frame[["eruptions"]], frame["waiting"]

    def fit(withhold="auto", **settings):
        moe = GaussianMoE(n_init=3, random_state=0, **settings).fit(X, y)
        return moe.results(X, y, withhold=withhold)

    with pytest.raises(ValueError, match="nested may have an expert too many"):
        fit().lr_test(fit(gate_features=[]))
    # Who knows better can ask for it.
    assert fit().lr_test(fit("singular", gate_features=[])).df == 1


def test_gates_that_jump_are_refused() -> None:
    jumping = results(n_experts=3, gate=TopK(2), n_init=2)
    other = results(n_experts=3, gate=TopK(2), n_init=2, variance="shared")
    with pytest.raises(ValueError, match="this model jumps where rows change"):
        jumping.lr_test(other)


def test_a_missed_maximum_is_found_out() -> None:
    frame = npreg()
    X, y = frame[["x"]], frame["yn"]
    moe = GaussianMoE(degree=2, random_state=0).fit(X, y)
    worse = next(
        i
        for i, row in moe.optima_.iterrows()
        if row["flags"] == "" and row["loglik"] < results(gate_features=()).llf - 1.0
    )
    poor = moe.use_optimum(worse).results(X, y, withhold="singular")
    with pytest.raises(ValueError, match="its fit missed the maximum"):
        poor.lr_test(results(gate_features=()))


def test_sampling_weights_have_no_likelihood() -> None:
    frame = npreg()
    X, y = frame[["x"]], frame["yn"]
    weight = np.tile([1.0, 2.0], 100)
    moe = GaussianMoE(degree=2, n_init=3, random_state=0).fit(X, y, weight)
    weighted = moe.results(X, y, weight, weights="sampling", cov_type="sandwich")
    with pytest.raises(ValueError, match="no likelihood to compare"):
        weighted.lr_test(weighted)


def test_an_estimator_is_no_result() -> None:
    frame = load_faithful()
    X, y = frame[["eruptions"]], frame["waiting"]
    moe = GaussianMoE(n_experts=1).fit(X, y)
    with pytest.raises(TypeError, match="nested is of type GaussianMoE; pass what results"):
        moe.results(X, y).lr_test(moe)
