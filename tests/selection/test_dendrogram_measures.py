"""Dendrograms score the measures that they report, wherever x has its origin."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from scipy.special import logsumexp
from scipy.stats import multivariate_normal

from mixexp import BLoME, GaussianMoE, GLoME
from mixexp.datasets import load_faithful
from mixexp.models import MixingMeasure, MixtureParams
from mixexp.models.covariances import BlockDiagonal, Covariance, Diagonal, Full, Isotropic
from mixexp.models.gates import Activation, GaussianGate, Softmax, SoftmaxParams, Temperature
from mixexp.selection import dendrogram_of
from mixexp.selection.dendrogram_errors import CannotMergeError

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def correlated(n: int = 300) -> tuple[np.ndarray, np.ndarray]:
    """Three covariates with correlations, and a response with two regimes."""
    rng = np.random.default_rng(3)
    x = rng.normal(size=(n, 3)) @ np.array([[1.0, 0.8, 0.0], [0.0, 0.6, 0.5], [0.0, 0.0, 1.0]])
    y = np.where(x[:, 0] > 0.0, 1.0 + x[:, 1], -1.0 - x[:, 2]) + 0.3 * rng.normal(size=n)
    return x, y


def log_experts(G: MixingMeasure, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """log N(v; b_k + A_k u, Σ_k), (K, n), by scipy."""
    d = v.shape[1]
    spread = G["covariance"] if "covariance" in G.atoms else G["variance"]
    found = []
    for k in range(G.n_atoms):
        mean = G["intercept"][k].reshape(d) + u @ G["coef"][k].reshape(d, -1).T
        law = multivariate_normal(np.zeros(d), spread[k].reshape(d, d))
        found.append(law.logpdf(v - mean))
    return np.array(found)


def joint_loglik(G: MixingMeasure, u: np.ndarray, v: np.ndarray) -> float:
    gate = [
        np.log(weight) + multivariate_normal(c, gamma).logpdf(u)
        for weight, c, gamma in zip(
            G.normalized().weight, G["gate_mean"], G["gate_covariance"], strict=True
        )
    ]
    return float(logsumexp(np.array(gate) + log_experts(G, u, v), axis=0).sum())


@pytest.mark.parametrize(
    "covariance",
    [Full(), Diagonal(), Isotropic(), Full("shared"), Diagonal("shared"), Full("volume"),
     BlockDiagonal([0, 0, 1])],
    ids=repr,
)  # fmt: skip
def test_joint_laws_are_scored_with_the_covariances_that_merging_gives(
    covariance: Covariance,
) -> None:
    x, y = correlated()
    fit = GLoME(4, covariance=covariance, n_init=2, random_state=0).fit(x, y)
    tree = dendrogram_of(fit, x, y)
    assert tree.loglik[4] == pytest.approx(fit.joint_loglik_, rel=1e-9)
    assert tree.notes == ()
    for k, measure in tree.measures.items():
        assert tree.loglik[k] == pytest.approx(joint_loglik(measure, y[:, None], x), rel=1e-9)
        assert fit.measure_loglik(measure, x, y) == pytest.approx(tree.loglik[k], rel=1e-9)
    # Merged covariances leave the structures of the fits that are not full.
    assert np.abs(tree.measures[1]["covariance"][0, 0, 2]) > 1e-3


@pytest.mark.parametrize("gate", [Full("shared"), Diagonal()], ids=repr)
def test_gates_of_joint_laws_keep_their_merged_covariances(gate: Covariance) -> None:
    x, y = correlated()
    fit = GLoME(3, direction="direct", gate_covariance=gate, n_init=2, random_state=0).fit(x, y)
    tree = dendrogram_of(fit, x, y)
    for k, measure in tree.measures.items():
        assert tree.loglik[k] == pytest.approx(joint_loglik(measure, x, y[:, None]), rel=1e-9)


def test_blocks_of_every_expert_and_latent_factors() -> None:
    x, y = correlated()
    for fit in (
        BLoME(2, criterion="bic", random_state=0),
        GLoME(2, n_latent=1, n_init=2, random_state=0),
    ):
        tree = dendrogram_of(fit.fit(x, y), x, y)
        for k, measure in tree.measures.items():
            assert tree.loglik[k] == pytest.approx(joint_loglik(measure, y[:, None], x), rel=1e-9)


@pytest.mark.parametrize("covariance", [Full(), Diagonal(), Isotropic(), Diagonal("shared")])
def test_conditional_laws_of_several_responses(covariance: Covariance) -> None:
    x, y = correlated()
    u, v = x[:, :1], np.column_stack([x[:, 1], x[:, 2] + y])
    fit = GaussianMoE(3, covariance=covariance, n_init=2, random_state=0).fit(u, v)
    tree = dendrogram_of(fit, u, v)
    assert tree.loglik[3] == pytest.approx(fit.loglik_, rel=1e-9)
    for k, G in tree.measures.items():
        logits = np.log(G.weight)[:, None] + G["gate_coef"] @ u.T
        joint = logsumexp(logits + log_experts(G, u, v), axis=0) - logsumexp(logits, axis=0)
        assert tree.loglik[k] == pytest.approx(joint.sum(), rel=1e-9)


@pytest.mark.parametrize("gate", [None, GaussianGate(Isotropic())], ids=repr)
def test_variances_and_gates_that_the_fit_had_in_common(gate: Any) -> None:
    x, y = correlated()
    fit = GaussianMoE(2, gate, variance="shared", n_init=2, random_state=0).fit(x[:, :2], y)
    G = fit.measure_
    other = MixingMeasure(G.weight, {**G.atoms, "variance": [0.3, 2.0]})
    if gate is None:
        logits = np.log(G.weight)[:, None] + G["gate_coef"] @ x[:, :2].T
    else:
        wide = np.array([[[2.0, 0.5], [0.5, 1.0]], [[1.0, 0.0], [0.0, 3.0]]])
        other = MixingMeasure(G.weight, {**other.atoms, "gate_covariance": wide})
        logits = np.array([
            np.log(w) + multivariate_normal(c, s).logpdf(x[:, :2])
            for w, c, s in zip(G.weight, G["gate_mean"], wide, strict=True)
        ])  # fmt: skip
    joint = logits + log_experts(other, x[:, :2], y[:, None])
    expected = (logsumexp(joint, axis=0) - logsumexp(logits, axis=0)).sum()
    assert fit.measure_loglik(other, x[:, :2], y) == pytest.approx(expected, rel=1e-9)


def faithful() -> tuple[np.ndarray, np.ndarray]:
    table = load_faithful()
    return table[["eruptions"]].to_numpy(), table["waiting"].to_numpy(dtype=float)


def same_tree(tree: Any, other: Any, rel: float) -> None:
    """Equal heights, log-likelihoods and groups, whatever the labels."""
    assert list(tree.heights.values()) == pytest.approx(list(other.heights.values()), rel=rel)
    assert tree.loglik == pytest.approx(other.loglik, rel=rel)
    assert tree.selected == other.selected
    for merge, same in zip(tree.merges, other.merges, strict=True):
        sizes = {float(tree.shares[list(group)].sum()) for group in merge[:2]}
        assert sorted(sizes) == pytest.approx(
            sorted(float(other.shares[list(group)].sum()) for group in same[:2]), abs=10.0 * rel
        )


def test_the_origin_of_x_does_not_decide() -> None:
    x, y = faithful()
    trees = {}
    for shift in (0.0, -3.5, 100.0):
        fit = GaussianMoE(4, n_init=3, random_state=0).fit(x + shift, y)
        trees[shift] = dendrogram_of(fit, x + shift, y)
        assert trees[shift].loglik[4] == pytest.approx(fit.loglik_, rel=1e-8)
    # Different starts and references: the fits are equal to about 1e-6 nats.
    same_tree(trees[-3.5], trees[0.0], 1e-5)
    same_tree(trees[100.0], trees[0.0], 1e-5)


@pytest.mark.parametrize("gate", [Softmax(), Temperature(tau=2.0)], ids=repr)
def test_one_fit_in_other_coordinates(gate: Any) -> None:
    x, y = faithful()
    fit = GaussianMoE(4, gate, n_init=2, random_state=0).fit(x, y)
    tree = dendrogram_of(fit, x, y)
    gates, expert, shift = fit.params_.gate, fit.params_.expert, 100.0
    soft = gates if isinstance(gate, Softmax) else gates.base
    moved = SoftmaxParams(soft.intercept - shift * soft.coef[:, 0], soft.coef)
    there = moved if isinstance(gate, Softmax) else gates._replace(base=moved)
    experts = expert._replace(intercept=expert.intercept - shift * expert.coef[:, 0])
    params = MixtureParams(there, experts)
    other = SimpleNamespace(
        model_=fit.model_,
        params_=params,
        measure_=fit.model_.measure(params),
        gate_proba=lambda X: fit.gate_proba(X - shift),
        measure_loglik=fit.measure_loglik,
    )
    again = dendrogram_of(other, x + shift, y)
    assert [m[:2] for m in again.merges] == [m[:2] for m in tree.merges]
    same_tree(again, tree, 1e-7)


def test_a_measure_whose_weights_underflow_says_so() -> None:
    x, y = faithful()
    fit = GaussianMoE(4, n_init=3, random_state=0).fit(x, y)
    tree = dendrogram_of(fit, x, y)
    assert tree.loglik[4] == pytest.approx(fit.loglik_, rel=1e-9)
    plain = fit.measure_loglik(fit.measure_, x, y)
    # The finding: weights below 1e-308 are lost, and with them hundreds of nats.
    assert plain < fit.loglik_ - 100.0
    (said,) = tree.notes
    assert f"{plain:.3f}" in said and f"{fit.loglik_:.3f}" in said and "gate_penalty" in said
    assert said in tree.summary()
    for k, measure in tree.measures.items():
        assert fit.measure_loglik(measure, x, y) == pytest.approx(tree.loglik[k], rel=1e-10)
    assert "gate_log_weight" in tree.measures[4].atoms
    # An expert that the gate at the mean of x rules out counts by its rows.
    for name in ("gate_coef", "coef", "intercept"):
        average = tree.shares @ fit.measure_[name]
        np.testing.assert_allclose(tree.measures[1][name][0], average, rtol=1e-8)
    # Without params_ there is nothing better than the measure, and the note says what that costs.
    poor = SimpleNamespace(
        model_=fit.model_, measure_=fit.measure_, gate_proba=fit.gate_proba,
        measure_loglik=fit.measure_loglik, score_samples=fit.score_samples,
    )  # fmt: skip
    assert any(f"log-likelihood {plain:.3f}" in text for text in dendrogram_of(poor, x, y).notes)


@pytest.mark.parametrize("direction", ["direct", "inverse"])
def test_experts_that_are_polynomials(direction: str) -> None:
    x, y = correlated()
    x = x[:, :2]
    fit = GLoME(3, degree=2, direction=direction, n_init=2, random_state=0).fit(x, y)
    tree = dendrogram_of(fit, x, y)
    assert tree.loglik[3] == pytest.approx(fit.joint_loglik_, rel=1e-9)
    assert set(tree.measures[1].atoms) == set(fit.measure_.atoms)
    # One atom is the least-squares fit of all rows, which no other atom beats.
    u, v = (x, y[:, None]) if direction == "direct" else (y[:, None], x)
    phi = fit.model_.features(np.ascontiguousarray(u.T)).T
    table, *_ = np.linalg.lstsq(phi, v, rcond=None)
    one = tree.measures[1]
    np.testing.assert_allclose(one["intercept"][0], np.squeeze(table[0]), atol=2e-3)
    np.testing.assert_allclose(one["coef"][0], np.squeeze(table[1:].T), atol=2e-3)
    name = "variance" if direction == "direct" else "covariance"
    rest = v - phi @ table
    np.testing.assert_allclose(one[name][0], np.squeeze(rest.T @ rest / len(y)), rtol=2e-3)


def test_gates_of_the_conditional_likelihood_come_with_a_warning() -> None:
    x, y = correlated()
    for fit in (
        GaussianMoE(2, GaussianGate(), n_init=2, random_state=0),
        GLoME(2, likelihood="conditional", direction="direct", n_init=2, random_state=0),
    ):
        tree = dendrogram_of(fit.fit(x[:, :1], y), x[:, :1], y)
        assert any("are a convention" in text for text in tree.caveats)


def test_functions_of_the_users_covariates() -> None:
    x, y = correlated()
    x = 50.0 + x[:, :1]
    waves = [lambda u: np.sin(u[:, 0]), lambda u: (u[:, 0] - 50.0) ** 2]
    fit = GLoME(2, basis=waves, direction="direct", n_init=2, random_state=0).fit(x, y)
    tree = dendrogram_of(fit, x, y)
    assert tree.loglik[2] == pytest.approx(fit.joint_loglik_, rel=1e-9)
    assert tree.loglik[1] < tree.loglik[2]


def test_gates_without_a_free_origin_are_merged_or_refused_with_a_reason() -> None:
    x, y = correlated()
    fit = GaussianMoE(3, Activation(), n_init=2, random_state=0).fit(x, y)
    with pytest.raises(CannotMergeError, match=r"cannot be evaluated: .* of an activation gate"):
        dendrogram_of(fit, x, y)


def test_selection_of_athletes_is_that_of_the_reported_measures(reference_dir: Path) -> None:
    path = reference_dir / "peers" / "data" / "ais.csv"
    table = np.genfromtxt(path, delimiter=",", names=True)
    x = np.column_stack([table[name] for name in ("BMI", "RCC", "WCC", "Hc", "Hg")])
    y = table["Fe"]
    fit = GLoME(3, covariance=Diagonal(), n_init=3, random_state=0).fit(x, y)
    tree = dendrogram_of(fit, x, y)
    rate = np.log(len(y)) / len(y)
    own = {
        k: -(d + rate * joint_loglik(tree.measures[k], y[:, None], x))
        for k, d in tree.heights.items()
    }
    assert tree.criterion == pytest.approx(own, rel=1e-9)
