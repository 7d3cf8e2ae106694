"""Covariances of mixtures: definitions, weights, units, and the algebra of the delta method."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from mixexp import GaussianMoE
from mixexp.datasets import load_npreg
from mixexp.estimation.data import Data
from mixexp.estimation.objective import Objective
from mixexp.inference import outer
from mixexp.inference.covariance import Covariance
from mixexp.inference.curvature import split

KINDS = ["observed", "opg", "sandwich"]


@pytest.fixture(scope="module")
def on_user_scale(moe, results):
    """The log-likelihood as a function of ψ: an objective on columns as they are."""
    fitted = results.fitted
    data = Data.from_rows(fitted.x, fitted.y, standardize=False)
    return Objective(moe.model_, data)


def test_the_covariance_is_the_inverse_hessian_on_the_users_scale(results, on_user_scale) -> None:
    hessian = on_user_scale.evaluate(results.fitted.psi, 2).hessian
    np.testing.assert_allclose(results.cov_params(), np.linalg.inv(-hessian), rtol=1e-6)


def test_the_sandwich_is_that_of_scores_on_the_users_scale(results, on_user_scale) -> None:
    inverse = np.linalg.inv(-on_user_scale.evaluate(results.fitted.psi, 2).hessian)
    scores = on_user_scale.scores(results.fitted.psi)
    expected = inverse @ (scores.T @ scores) @ inverse
    np.testing.assert_allclose(results.cov_params("sandwich"), expected, rtol=1e-6)
    outer_inverse = np.linalg.inv(scores.T @ scores)
    np.testing.assert_allclose(results.cov_params("opg"), outer_inverse, rtol=1e-6)


def test_clusters_sum_scores_within_groups(results, on_user_scale) -> None:
    groups = np.arange(results.fitted.x.shape[0]) // 20
    inverse = np.linalg.inv(-on_user_scale.evaluate(results.fitted.psi, 2).hessian)
    sums = np.array(
        [on_user_scale.scores(results.fitted.psi)[groups == g].sum(axis=0) for g in set(groups)]
    )
    expected = len(sums) / (len(sums) - 1) * inverse @ (sums.T @ sums) @ inverse
    np.testing.assert_allclose(results.cov_params("cluster", groups=groups), expected, rtol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_standard_errors_follow_the_units(data, results, kind) -> None:
    X, y = data
    moe = GaussianMoE(n_experts=2, n_init=3, random_state=0).fit(1e5 * X + 7.0, 1e-3 * y - 2.0)
    there = moe.results(1e5 * X + 7.0, 1e-3 * y - 2.0, cov_type=kind)
    here = np.sqrt(np.diag(results.cov_params(kind)))
    here = pd.Series(here, results.params.index)
    slope = "eruptions"
    assert there.bse[f"mean[0] {slope}"] * 1e8 == pytest.approx(here[f"mean[0] {slope}"], rel=1e-6)
    assert there.bse[f"gate[0] {slope}"] * 1e5 == pytest.approx(here[f"gate[0] {slope}"], rel=1e-6)
    assert there.bse["log-variance[1]"] == pytest.approx(here["log-variance[1]"], rel=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_a_row_of_weight_two_is_two_rows(data, kind) -> None:
    X, y = (part.head(90) for part in data)
    weight = np.tile([1.0, 2.0, 3.0], 30)
    twice = np.repeat(np.arange(90), weight.astype(int))
    moe = GaussianMoE(n_experts=2, n_init=3, random_state=0)
    weighted = moe.fit(X, y, weight).results(X, y, weight, cov_type=kind)
    many = X.iloc[twice], y.iloc[twice]
    repeated = moe.fit(*many).results(*many, cov_type=kind)
    np.testing.assert_allclose(weighted.bse, repeated.bse, rtol=1e-6)
    assert weighted.nobs == len(twice) and weighted.bic == pytest.approx(repeated.bic)


def test_sampling_weights_are_free_of_their_scale(data) -> None:
    X, y = data
    weight = np.tile([0.5, 2.0], len(y) // 2)
    settings = {"cov_type": "sandwich", "weights": "sampling"}
    moe = GaussianMoE(n_experts=2, n_init=3, random_state=0)
    one = moe.fit(X, y, weight).results(X, y, weight, **settings)
    ten = moe.fit(X, y, 10.0 * weight).results(X, y, 10.0 * weight, **settings)
    np.testing.assert_allclose(one.bse, ten.bse, rtol=1e-5)
    assert one.nobs == len(y)
    frequency = moe.fit(X, y, weight).results(X, y, weight, cov_type="sandwich")
    assert abs(frequency.bse / one.bse - 1.0).max() > 0.05


def test_rows_of_weight_zero_are_left_out(data) -> None:
    X, y = data
    weight = np.ones(len(y))
    weight[200:] = 0.0
    groups = np.arange(len(y)) % 12
    moe = GaussianMoE(n_experts=2, n_init=3, random_state=0).fit(X, y, weight)
    part = moe.results(X, y, weight, cov_type="cluster", groups=groups)
    few = moe.results(X.head(200), y.head(200), cov_type="cluster", groups=groups[:200])
    np.testing.assert_allclose(part.bse, few.bse, rtol=1e-10)


@pytest.mark.parametrize("kind", KINDS)
def test_the_order_of_rows_plays_no_part(moe, results, data, kind) -> None:
    order = np.random.default_rng(0).permutation(len(data[0]))
    shuffled = moe.results(*(part.iloc[order] for part in data), cov_type=kind)
    np.testing.assert_allclose(shuffled.cov_params(), results.cov_params(kind), rtol=1e-8)


def test_blocks_of_rows_add_up(results, monkeypatch) -> None:
    fitted = results.fitted
    scores = fitted.objective.scores(fitted.theta)
    whole = outer.outer_products(fitted)
    np.testing.assert_allclose(whole, scores.T @ scores, rtol=1e-10, atol=1e-10)
    groups = np.arange(len(scores)) % 7
    grouped = outer.clustered_products(fitted, groups)
    monkeypatch.setattr(fitted.objective._passes, "_block_rows", 50)
    assert len(list(fitted.objective.score_blocks(fitted.theta))) == 6
    np.testing.assert_allclose(outer.outer_products(fitted), whole, rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(outer.clustered_products(fitted, groups), grouped, 1e-9, 1e-9)


def test_a_ridge_is_part_of_the_information_only() -> None:
    frame = load_npreg()
    X, y = frame[["x"]], frame["yn"]
    moe = GaussianMoE(n_experts=2, degree=2, gate_penalty=4.0, random_state=0).fit(X, y)
    results = moe.results(X, y)
    fitted = results.fitted
    information = -fitted.objective.evaluate(fitted.theta, 2).hessian
    bare = information - fitted.objective.penalty.matrix
    assert np.abs(information - bare).max() > 1.0
    np.testing.assert_allclose(results.covariance().matrix, np.linalg.inv(information), rtol=1e-7)
    scores = fitted.objective.scores(fitted.theta)
    inverse = np.linalg.inv(information)
    expected = inverse @ scores.T @ scores @ inverse
    np.testing.assert_allclose(results.covariance("sandwich").matrix, expected, rtol=1e-7)
    assert any("ridge" in caveat for caveat in results.caveats)


def test_split_finds_null_directions_of_large_numbers() -> None:
    rng = np.random.default_rng(1)
    factor = rng.normal(size=(4, 6))
    for unit in (1.0, 1e3, 1e6):
        scale = unit * np.exp(rng.normal(size=6))
        matrix = scale[:, None] * (factor.T @ factor) * scale
        root, null, lowest = split(matrix, np.eye(6))
        assert root.shape[1] == 4 and null.shape[1] == 2 and lowest == 0.0
        assert np.abs(matrix @ null).max() <= 1e-8 * np.abs(matrix).max()
        np.testing.assert_allclose(root.T @ matrix @ root, np.eye(4), atol=1e-6)
        # A generalised inverse: right for every function that the matrix determines.
        gradient = matrix @ rng.normal(size=6)
        assert gradient @ root @ root.T @ gradient == pytest.approx(
            gradient @ np.linalg.pinv(matrix, rcond=1e-10) @ gradient, rel=1e-4
        )


def test_split_does_not_mix_a_flat_direction_with_a_steep_one() -> None:
    # On coordinates of unit curvature any rotation of the two is a pair of eigenvectors.
    for unit in (1.0, -1.0):
        diagonal = np.array([5e-8, 17.5])
        off = 1e-13 * np.sqrt(diagonal.prod())
        root, null, lowest = split(unit * (np.diag(diagonal) + off * (1 - np.eye(2))), np.eye(2))
        np.testing.assert_allclose(np.abs(null), [[1.0], [0.0]], atol=1e-9)
        steep = root[1] ** -2.0 if unit > 0.0 else [-lowest]
        np.testing.assert_allclose(steep, [17.5], rtol=1e-9)


def test_split_reports_curvature_of_the_wrong_sign() -> None:
    matrix = np.diag([2.0, -0.5, 1.0])
    root, null, lowest = split(matrix, np.eye(3))
    assert lowest == pytest.approx(-0.5) and null.shape[1] == 0 and root.shape[1] == 2


def law() -> Covariance:
    """The third of three parameters is not determined."""
    root = np.array([[2.0, 0.0], [1.0, 1.0], [0.0, 0.0]])
    return Covariance("observed", root, np.eye(3)[:, 2:])


def test_functions_have_the_covariance_of_the_delta_method() -> None:
    gradient = np.array([[1.0, 1.0, 0.0], [0.0, 2.0, 0.0], [0.0, 0.0, 1.0]])
    found = law().of(gradient)
    np.testing.assert_allclose(found[:2, :2], gradient[:2] @ law().matrix @ gradient[:2].T)
    assert np.isnan(found[2]).all() and np.isnan(found[:, 2]).all()
    np.testing.assert_allclose(law().standard_error(gradient)[:2], np.sqrt(np.diag(found)[:2]))
    assert law().estimable(gradient).tolist() == [True, True, False]


def test_a_small_part_in_a_null_direction_is_judged_by_the_standard_error() -> None:
    gradient = np.array([[1.0, 0.0, 1e-4], [1.0, 0.0, 1e-2], [0.0, 0.0, 1e-8]])
    assert law().estimable(gradient).tolist() == [True, False, False]
    # A probability that moves by 1e-8 is known for every purpose.
    assert law().estimable(gradient, scale=1.0).tolist() == [True, False, True]
    assert law().estimable(np.zeros((1, 3))).tolist() == [True]


def test_nothing_is_estimable_after_a_failure() -> None:
    failed = Covariance("observed", np.zeros((2, 0)), np.eye(2), "the fit is not certified")
    assert not failed.estimable(np.eye(2)).any()
    assert np.isnan(failed.standard_error(np.eye(2))).all()
