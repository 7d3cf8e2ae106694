"""Dendrograms: heights, criterion, caveats, units, labels, and what is selected on samples."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from mixexp import GaussianMoE
from mixexp.estimators.glome import GLoME
from mixexp.models import MixingMeasure
from mixexp.selection.dendrogram import dendrogram, dendrogram_of
from mixexp.selection.dendrogram_data import units_of
from mixexp.selection.dendrogram_errors import CannotMergeError
from mixexp.selection.dissimilarity import Units, dissimilarity
from mixexp.selection.merging_gaussian import joint_moments
from mixexp.theory import TRUTHS, sample_joint
from tests.selection.test_merging import gaussian_gated, softmax_gated


def flat(measure: MixingMeasure) -> float:
    return -100.0


def test_dissimilarity_is_the_formula() -> None:
    G = softmax_gated(4, 2, 1)
    found, w = dissimilarity(G), G.normalized().weight
    for i in range(4):
        for j in range(4):
            b, a, v = (G[name][i] - G[name][j] for name in ("intercept", "coef", "variance"))
            expected = (b**2 + np.sqrt(a @ a + v**2)) / (1 / w[i] + 1 / w[j])
            assert found[i, j] == pytest.approx(expected, rel=1e-12)
    # Slopes of softmax gates do not count; centres and covariances of Gaussian gates do.
    other = MixingMeasure(G.weight, {**G.atoms, "gate_coef": 0.0 * G["gate_coef"]})
    assert np.array_equal(dissimilarity(other), found)
    H = gaussian_gated(2, 2, 2, 0)
    step = {name: np.sum((H[name][0] - H[name][1]) ** 2) for name in H.atoms}
    second = sum(step[name] for name in ("coef", "covariance", "gate_covariance"))
    w = H.normalized().weight
    assert dissimilarity(H)[0, 1] == pytest.approx(
        (step["intercept"] + step["gate_mean"] + np.sqrt(second)) * w[0] * w[1]
    )


@pytest.mark.parametrize("n_responses", [0, 2])
def test_units_take_out_scales_and_the_origin(n_responses: int) -> None:
    # x -> s x + t and y -> u y change the blocks as below and the moments of the data likewise.
    G = gaussian_gated(3, 2, n_responses, 4)
    s, t, u = np.array([10.0, 0.1]), np.array([3.0, -50.0]), 7.0
    slopes = u * G["coef"] / s
    spread = "covariance" if n_responses else "variance"
    moved = MixingMeasure(G.weight, {
        "gate_mean": s * G["gate_mean"] + t,
        "gate_covariance": G["gate_covariance"] * np.outer(s, s),
        "coef": slopes, "intercept": u * G["intercept"] - slopes @ t, spread: u**2 * G[spread],
    })  # fmt: skip
    centre, size = np.array([0.5, -1.0]), np.array([2.0, 0.3])
    y = np.full(n_responses, 1.5) if n_responses else 1.5
    before = dissimilarity(G, units=Units(centre, size, y, size))
    after = dissimilarity(moved, units=Units(s * centre + t, s * size, u * y, s * size))
    np.testing.assert_allclose(after, before, rtol=1e-10)
    assert not np.allclose(dissimilarity(moved), dissimilarity(G), rtol=0.1)


def test_the_tree_follows_the_nearest_pairs_and_forgets_labels() -> None:
    G = softmax_gated(5, 2, 7)
    tree = dendrogram(G, flat, 100)
    assert list(tree.measures) == [5, 4, 3, 2, 1]
    assert all(m.n_atoms == k for k, m in tree.measures.items())
    assert all(m.weight.sum() == pytest.approx(1.0) for m in tree.measures.values())
    for k, height in tree.heights.items():
        table = dissimilarity(tree.measures[k])
        assert height == pytest.approx(table[np.triu_indices(k, 1)].min(), rel=1e-12)
    assert set(tree.merges[-1].first + tree.merges[-1].second) == set(range(5))
    order = np.array([3, 0, 4, 2, 1])
    other = dendrogram(G.take(order), flat, 100)
    for merge, same in zip(tree.merges, other.merges, strict=True):
        assert merge.height == pytest.approx(same.height, rel=1e-10)
        renamed = {frozenset(int(order[i]) for i in group) for group in same[:2]}
        assert renamed == {frozenset(merge.first), frozenset(merge.second)}


def test_criterion_and_table() -> None:
    G, n = softmax_gated(4, 1, 3), 200
    values = {4: -300.0, 3: -301.0, 2: -310.0, 1: -500.0}
    tree = dendrogram(G, lambda m: values[m.n_atoms], n)
    expected = {k: -(tree.heights[k] + np.log(n) * values[k] / n) for k in (4, 3, 2)}
    assert tree.criterion == pytest.approx(expected)
    assert tree.selected == min(expected, key=lambda k: expected[k])
    table = tree.to_frame()
    assert table["n_experts"].tolist() == [1, 2, 3, 4]
    assert table.loc[table["selected"], "n_experts"].tolist() == [tree.selected]
    assert table["criterion"].isna().tolist() == [True, False, False, False]
    text = tree.summary()
    assert f"{tree.selected} selected" in text
    assert "-500.0000" in text


def test_a_bad_fit_after_a_merge_counts_against_it() -> None:
    # Equal heights: the likelihood decides, with the weight log n / n.
    base = {"gate_coef": np.zeros((3, 1)), "coef": np.zeros((3, 1)), "variance": np.ones(3)}
    G = MixingMeasure(np.full(3, 1 / 3), {**base, "intercept": [0.0, 1.0, 2.0]})
    n = 1000
    drop = (dendrogram(G, flat, n).heights[2] - dendrogram(G, flat, n).heights[3]) * n / np.log(n)
    for factor, selected in ((0.9, 2), (1.1, 3)):
        tree = dendrogram(G, lambda m, f=factor: -100.0 - f * drop * (m.n_atoms < 3), n)
        assert tree.selected == selected


def test_caveats() -> None:
    base = {"gate_coef": np.zeros((4, 1)), "coef": np.zeros((4, 1)), "variance": np.ones(4)}
    G = MixingMeasure([0.5, 0.4999, 0.00005, 0.00005], {**base, "intercept": [0.0, 9.0, 4.0, 0.1]})
    said = " ".join(dendrogram(G, flat, 1000).caveats)
    assert "experts [2, 3] have fewer than one row" in said
    assert "one expert has no merge below it" in said
    assert "if 2 or fewer are right" in said
    assert "are right, gate slopes" not in " ".join(
        dendrogram(gaussian_gated(4, 1, 0, 0), flat, 10).caveats
    )
    tree = dendrogram(G.take([0, 1]), flat, 100)
    assert "as many as were fitted" in tree.summary()


def test_bad_input_is_refused() -> None:
    G = softmax_gated(3, 1, 0)
    with pytest.raises(CannotMergeError, match=r"has 1 atom\(s\) and n=10"):
        dendrogram(G.take([0]), flat, 10)
    with pytest.raises(CannotMergeError, match="merged to 2 atoms is nan"):
        dendrogram(G, lambda m: np.nan if m.n_atoms == 2 else 0.0, 10)
    with pytest.raises(ValueError, match="must be 3 positive numbers"):
        dendrogram(G, flat, 10, share=[0.5, 0.5])
    with pytest.raises(CannotMergeError, match="object has no method measure_loglik"):
        dendrogram_of(object(), np.zeros((3, 1)), np.zeros(3))


def sample(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    truth, rng = TRUTHS["balanced"], np.random.default_rng([11, seed])
    x = rng.uniform(-1.0, 1.0, (n, truth.model.n_columns))
    return x, truth.model.sample(truth.params, x, rng)


def fitted(n: int, seed: int, k: int) -> tuple[GaussianMoE, np.ndarray, np.ndarray]:
    x, y = sample(n, seed)
    return GaussianMoE(k, random_state=0, min_share=0.0, n_init=4).fit(x, y), x, y


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_units_of_the_data_do_not_decide() -> None:
    fit, x, y = fitted(500, 0, 3)
    tree = dendrogram_of(fit, x, y)
    assert tree.loglik[3] == pytest.approx(fit.loglik_, rel=1e-9)
    assert tree.shares.sum() == pytest.approx(1.0)
    units = units_of(fit.measure_, x, x, y)
    assert units.response_scale == pytest.approx(np.std(y))
    # The same fit in other units: x -> 10 x + 5, y -> 4 y.
    G = fit.measure_
    slopes = 0.4 * G["coef"]
    blocks = {
        "gate_coef": G["gate_coef"] / 10.0,
        "coef": slopes,
        "intercept": 4.0 * G["intercept"] - 5.0 * slopes[:, 0],
        "variance": 16.0 * G["variance"],
    }
    other = SimpleNamespace(
        model_=fit.model_,
        measure_=MixingMeasure(G.weight * np.exp(-0.5 * G["gate_coef"][:, 0]), blocks),
        gate_proba=lambda X: fit.gate_proba((X - 5.0) / 10.0),
        measure_loglik=fit.measure_loglik,
    )
    again = dendrogram_of(other, 10.0 * x + 5.0, 4.0 * y)
    assert again.merges[0].height == pytest.approx(tree.merges[0].height, rel=1e-8)
    assert again.loglik[3] == pytest.approx(tree.loglik[3] - len(y) * np.log(4.0), rel=1e-9)


@pytest.mark.parametrize("direction", ["direct", "inverse"])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_gaussian_gates_of_a_joint_fit(direction: str) -> None:
    rng = np.random.default_rng(2)
    truth = MixingMeasure([0.4, 0.6], {
        "gate_mean": [[-1.0, 0.0], [1.0, 1.0]], "gate_covariance": 0.3 * np.stack([np.eye(2)] * 2),
        "coef": [[1.0, 0.0], [-1.0, 0.5]], "intercept": [2.0, -1.0], "variance": [0.1, 0.2],
    })  # fmt: skip
    x, y = sample_joint(truth, 1000, rng)
    fit = GLoME(4, direction=direction, random_state=0, n_init=2).fit(x, y)
    tree = dendrogram_of(fit, x, y)
    assert tree.selected == 2
    assert tree.loglik[4] == pytest.approx(fit.joint_score_samples(x, y).sum(), rel=1e-9)
    # The merged atoms are nearly the truth's, and one atom has the moments of the sample.
    if direction == "direct":
        two = tree.measures[2].align(truth)
        np.testing.assert_allclose(two["coef"], truth["coef"], atol=0.1)
        np.testing.assert_allclose(two["gate_mean"], truth["gate_mean"], atol=0.1)
    mean, covariance = joint_moments(tree.measures[1])
    data = np.column_stack([x, y] if direction == "direct" else [y, x])
    np.testing.assert_allclose(mean, data.mean(axis=0), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(covariance, np.cov(data.T, bias=True), rtol=1e-3, atol=1e-3)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_two_experts_are_found_among_four() -> None:
    chosen: dict[str, list[int]] = {"DSC": [], "AIC": [], "BIC": []}
    for seed in range(10):
        fit, x, y = fitted(2000, seed, 4)
        chosen["DSC"].append(dendrogram_of(fit, x, y).selected)
        fits = [*(fitted(2000, seed, k)[0] for k in (1, 2, 3)), fit]
        chosen["AIC"].append(min(fits, key=lambda f: f.aic(x, y)).n_experts)
        chosen["BIC"].append(min(fits, key=lambda f: f.bic(x, y)).n_experts)
    print(chosen)
    right = {name: sum(k == 2 for k in found) for name, found in chosen.items()}
    # Measured: 9 of 10, with the standard penalty of BIC 10 and with that of AIC 0.
    assert right["DSC"] >= 9
    assert right["DSC"] > right["AIC"]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_three_experts_are_found_among_five() -> None:
    # The criterion does not just prefer the fewest.
    chosen = []
    for seed in range(4):
        rng = np.random.default_rng([5, seed])
        x = rng.uniform(-1.0, 1.0, (2000, 1))
        odds = np.exp(x * [3.0, 0.0, -3.0] + [0.0, 0.5, 0.0])
        share = np.cumsum(odds / odds.sum(axis=1, keepdims=True), axis=1)
        label = np.sum(rng.uniform(size=(2000, 1)) > share, axis=1)
        means = x * [2.0, 0.0, 1.5] + [2.0, 0.0, -2.0]
        y = means[np.arange(2000), label] + 0.4 * rng.normal(size=2000)
        fit = GaussianMoE(5, random_state=0, min_share=0.0, n_init=3).fit(x, y)
        chosen.append(dendrogram_of(fit, x, y).selected)
    assert chosen == [3, 3, 3, 3]
