"""Merging atoms: equal atoms, moments of the mixture, associativity, labels, bad groups."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mixexp.models.measure import MixingMeasure
from mixexp.selection.dendrogram_errors import CannotMergeError
from mixexp.selection.merging import merge_atoms, second_moment_of
from mixexp.selection.merging_gaussian import joint_moments, moment_matched
from mixexp.selection.merging_polynomial import (
    FEATURE_MOMENT,
    regression_matched,
    with_feature_moments,
)
from mixexp.selection.merging_weights import LOG_WEIGHT, log_weights, recentred, weighted


def gaussian_gated(k: int, d: int, n_responses: int, seed: int) -> MixingMeasure:
    """Random atoms; ``n_responses`` 0 stands for a univariate response."""
    rng = np.random.default_rng(seed)

    def covariances(size: int) -> np.ndarray:
        root = rng.normal(size=(k, size, size + 2))
        return root @ root.transpose(0, 2, 1) / size

    wide = (n_responses,) if n_responses else ()
    spread = (
        {"covariance": covariances(n_responses)}
        if n_responses
        else {"variance": rng.uniform(0.1, 2.0, k)}
    )
    blocks = {
        "gate_mean": 5.0 * rng.normal(size=(k, d)),
        "gate_covariance": covariances(d),
        "coef": rng.normal(size=(k, *wide, d)),
        "intercept": 3.0 * rng.normal(size=(k, *wide)),
    }
    return MixingMeasure(rng.dirichlet(2.0 * np.ones(k)), {**blocks, **spread})


def softmax_gated(k: int, q: int, seed: int, n_responses: int = 0) -> MixingMeasure:
    rng = np.random.default_rng(seed)
    like = gaussian_gated(k, q, n_responses, seed)
    atoms = {name: block for name, block in like.atoms.items() if not name.startswith("gate")}
    return MixingMeasure(like.weight, {"gate_coef": rng.normal(size=(k, q)), **atoms})


SIZES = pytest.mark.parametrize(("d", "n_responses"), [(1, 0), (3, 0), (1, 2), (2, 3)])


@SIZES
@settings(max_examples=10)
@given(seed=st.integers(0, 10**6))
def test_merged_gaussian_atoms_keep_the_moments_of_the_joint_law(
    d: int, n_responses: int, seed: int
) -> None:
    measure = gaussian_gated(4, d, n_responses, seed)
    mean, covariance = joint_moments(measure)
    for group in ([0, 1], [1, 3, 0], [0, 1, 2, 3]):
        merged = merge_atoms(measure, group)
        assert merged.n_atoms == 5 - len(group)
        found = joint_moments(merged)
        np.testing.assert_allclose(found[0], mean, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(found[1], covariance, rtol=1e-9, atol=1e-9)


def test_the_moments_are_those_of_a_sample() -> None:
    # An oracle that does not share a line with the code.
    measure, rng = gaussian_gated(3, 2, 0, 5), np.random.default_rng(0)
    label = rng.choice(3, size=400_000, p=measure.weight)
    root = np.linalg.cholesky(measure["gate_covariance"])[label]
    x = measure["gate_mean"][label] + np.einsum(
        "nij,nj->ni", root, rng.normal(size=(len(label), 2))
    )
    noise = np.sqrt(measure["variance"][label]) * rng.normal(size=len(label))
    y = np.sum(measure["coef"][label] * x, axis=1) + measure["intercept"][label] + noise
    one = moment_matched(measure)
    slopes, *_ = np.linalg.lstsq(np.column_stack([x, np.ones(len(x))]), y, rcond=None)
    np.testing.assert_allclose(one["coef"], slopes[:2], atol=0.03)
    np.testing.assert_allclose(one["gate_covariance"], np.cov(x.T), rtol=0.02, atol=0.1)
    left = np.var(y - x @ slopes[:2] - slopes[2])
    assert one["variance"] == pytest.approx(left, rel=0.02)


@SIZES
@settings(max_examples=10)
@given(seed=st.integers(0, 10**6))
def test_gaussian_merges_are_associative_and_forget_labels(
    d: int, n_responses: int, seed: int
) -> None:
    measure = gaussian_gated(4, d, n_responses, seed)
    at_once = merge_atoms(measure, [0, 1, 3])
    # After the first merge atom 3 is at place 2.
    for steps in (([0, 1], [0, 2]), ([1, 3], [0, 1]), ([0, 3], [0, 1])):
        two = merge_atoms(merge_atoms(measure, steps[0]), steps[1])
        assert two.allclose(at_once, rtol=1e-7, atol=1e-8)
    order = np.random.default_rng(seed).permutation(4)
    group = [int(np.flatnonzero(order == i)[0]) for i in (0, 1, 3)]
    assert (
        merge_atoms(measure.take(order), group)
        .align(at_once)
        .allclose(at_once, rtol=1e-7, atol=1e-8)
    )


@pytest.mark.parametrize("n_responses", [0, 2])
@settings(max_examples=10)
@given(seed=st.integers(0, 10**6))
def test_averages_are_associative_with_the_spread_of_the_means(n_responses: int, seed: int) -> None:
    measure = softmax_gated(4, 2, seed, n_responses)
    moment = second_moment_of(np.random.default_rng(seed).normal(size=(30, 2)) + 1.0)
    at_once = merge_atoms(measure, [0, 1, 3], second_moment=moment)
    two = merge_atoms(measure, [1, 3], second_moment=moment)
    two = merge_atoms(two, [0, 1], second_moment=moment)
    assert two.allclose(at_once, rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("n_responses", [0, 2])
def test_the_merged_variance_is_that_of_the_mixture_of_experts(n_responses: int) -> None:
    # Constant weights: the law of total variance at every row, averaged.
    measure, rng = softmax_gated(3, 2, 3, n_responses), np.random.default_rng(1)
    phi = rng.normal(size=(50, 2)) + [2.0, -1.0]
    merged = merge_atoms(measure, [0, 1, 2], second_moment=second_moment_of(phi))
    share, total = measure.weight, 0.0
    for row in phi:
        means = measure["intercept"] + measure["coef"] @ row
        mean = share @ means
        outer = np.einsum(
            "k,k...->...", share, measure.atoms.get("variance", measure.atoms.get("covariance"))
        )
        apart = (means - mean).reshape(3, -1)
        total = total + outer + (apart.T * share) @ apart
    name = "covariance" if n_responses else "variance"
    np.testing.assert_allclose(merged[name][0], np.squeeze(total / 50), rtol=1e-10)
    plain = merge_atoms(measure, [0, 1, 2])
    np.testing.assert_allclose(plain[name][0], np.tensordot(share, measure[name], 1), rtol=1e-12)
    assert np.trace(np.atleast_2d(merged[name][0])) > np.trace(np.atleast_2d(plain[name][0])) + 0.1


@pytest.mark.parametrize(
    "measure", [gaussian_gated(3, 2, 0, 1), gaussian_gated(3, 1, 2, 2), softmax_gated(3, 2, 3)]
)
def test_merging_equal_atoms_changes_nothing(measure: MixingMeasure) -> None:
    copies = measure.split(1, [0.3, 0.5, 0.2])
    merged = merge_atoms(copies, [1, 2, 3], second_moment=2.0 * np.eye(3))
    assert merged.allclose(measure, rtol=1e-12, atol=1e-12)


def test_other_experts_are_averaged_and_atoms_keep_their_order() -> None:
    measure = MixingMeasure(
        [1.0, 2.0, 3.0], {"gate_coef": [[0.0], [1.0], [2.0]], "intercept": [0.0, 1.0, 4.0]}
    )
    merged = merge_atoms(measure, [2, 0], second_moment=np.eye(2))
    assert merged.weight.tolist() == [4.0, 2.0]
    assert merged["intercept"].tolist() == [3.0, 1.0]


@pytest.mark.parametrize("group", [[0], [0, 0], [0, 3], [-1, 0]])
def test_groups_that_are_none_are_refused(group: list[int]) -> None:
    with pytest.raises(ValueError, match=r"must hold two or more different atoms of 0\.\.2"):
        merge_atoms(softmax_gated(3, 1, 0), group)


def test_laws_that_are_not_gaussian_in_x_and_y_are_refused() -> None:
    measure = gaussian_gated(2, 2, 0, 0)
    quadratic = MixingMeasure(measure.weight, {**measure.atoms, "coef": np.ones((2, 5))})
    with pytest.raises(CannotMergeError, match="5 slopes an expert and the gate 2 covariates"):
        merge_atoms(quadratic, [0, 1])
    counts = {name: b for name, b in measure.atoms.items() if name != "variance"}
    with pytest.raises(CannotMergeError, match=r"needs .*'variance'"):
        merge_atoms(MixingMeasure(measure.weight, counts), [0, 1])
    with pytest.raises(ValueError, match=r"second_moment has shape \(2, 2\); .* need \(3, 3\)"):
        merge_atoms(softmax_gated(2, 2, 0), [0, 1], second_moment=np.eye(2))


def test_shares_in_place_of_weights() -> None:
    measure, share = softmax_gated(4, 2, 8), np.array([0.1, 0.2, 0.3, 0.4])
    merged = merge_atoms(measure, [1, 3], share=share)
    for name in ("gate_coef", "coef", "intercept", "variance"):
        expected = (measure[name][1] + 2.0 * measure[name][3]) / 3.0
        np.testing.assert_allclose(merged[name][1], expected, rtol=1e-12)
    assert merged.weight[1] == pytest.approx(measure.weight[1] + measure.weight[3])
    # The weights of a joint Gaussian law are probabilities already.
    joint = gaussian_gated(3, 1, 0, 4)
    assert merge_atoms(joint, [0, 2], share=share[:3]) == merge_atoms(joint, [0, 2])


def test_merges_at_the_mean_do_not_depend_on_the_origin() -> None:
    measure, share = softmax_gated(4, 2, 9), np.array([0.4, 0.3, 0.2, 0.1])
    mean, shift = np.array([0.5, -1.0]), np.array([300.0, -40.0])
    moved = recentred(measure, -shift)
    here = merge_atoms(recentred(measure, mean), [0, 2], share=share)
    there = merge_atoms(recentred(moved, mean + shift), [0, 2], share=share)
    assert there.allclose(here, rtol=1e-8, atol=1e-10)
    back = recentred(recentred(there, -mean - shift), shift)
    assert back.allclose(recentred(here, -mean), rtol=1e-8, atol=1e-10)
    # Merged where they are, the weights would decide.
    assert not merge_atoms(moved, [0, 2]).allclose(merge_atoms(measure, [0, 2]), rtol=0.01)


def test_weights_that_are_no_numbers_are_merged_by_their_logarithms() -> None:
    measure = weighted(softmax_gated(3, 1, 2), [-2000.0, -2001.0, 0.0])
    assert measure.weight[0] > 0.0
    merged = merge_atoms(measure, [0, 1], share=[0.3, 0.3, 0.4])
    np.testing.assert_allclose(merged[LOG_WEIGHT], [-2000.0 + np.log1p(np.exp(-1.0)), 0.0])
    one = merge_atoms(merged, [0, 1], share=[0.6, 0.4])
    assert LOG_WEIGHT not in one.atoms
    np.testing.assert_allclose(log_weights(one), [0.0], atol=1e-12)


def with_own_moments(measure: MixingMeasure) -> MixingMeasure:
    """Moments of (1, x) under each Gaussian gate."""
    c, gamma = measure["gate_mean"], measure["gate_covariance"]
    mean = np.concatenate([np.ones((len(c), 1)), c], axis=1)
    moment = mean[:, :, None] * mean[:, None, :]
    moment[:, 1:, 1:] += gamma
    return MixingMeasure(measure.weight, {**measure.atoms, FEATURE_MOMENT: moment})


@SIZES
def test_regressions_on_linear_features_are_the_moments_of_the_law(
    d: int, n_responses: int
) -> None:
    measure = gaussian_gated(4, d, n_responses, 6)
    one, same = regression_matched(with_own_moments(measure)), moment_matched(measure)
    for name, block in same.items():
        np.testing.assert_allclose(one[name], block, rtol=1e-7, atol=1e-8)


def test_regressions_are_associative_and_those_of_a_sample() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 1))
    phi = np.column_stack([x, x**2])
    hard = np.eye(3)[rng.integers(0, 3, 200)]
    like = gaussian_gated(3, 1, 0, 1)
    rows = np.column_stack([np.ones(200), phi])
    means = rng.normal(size=(3, 3))
    measure = with_feature_moments(
        MixingMeasure(hard.mean(axis=0), {
            **like.atoms, "intercept": means[:, 0], "coef": means[:, 1:], "variance": np.ones(3),
        }), phi, hard,
    )  # fmt: skip
    at_once = merge_atoms(measure, [0, 1, 2])
    steps = merge_atoms(merge_atoms(measure, [1, 2]), [0, 1])
    assert steps.allclose(at_once, rtol=1e-8, atol=1e-9)
    # Oracle: least squares on each row's mean, and one unit of noise.
    mean = np.sum(hard * (rows @ means.T), axis=1)
    table, *_ = np.linalg.lstsq(rows, mean, rcond=None)
    np.testing.assert_allclose(at_once["coef"][0], table[1:], rtol=1e-8)
    left = 1.0 + np.mean((mean - rows @ table) ** 2)
    assert at_once["variance"][0] == pytest.approx(left, rel=1e-8)
    copies = measure.split(1, [0.3, 0.7])
    assert merge_atoms(copies, [1, 2]).allclose(measure, rtol=1e-10, atol=1e-10)
