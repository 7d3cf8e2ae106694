"""Conditional-likelihood fits of Gaussian-gated models, from their joint optima."""

from __future__ import annotations

import numpy as np
import pytest

from mixexp import GaussianMoE, GLoME, Softmax
from mixexp.models.covariances import Diagonal, Full, Isotropic


def curves(seed: int = 0, n: int = 400):
    """Two gates that no Gaussian law of x has: uniform x, a soft change of regime."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(-2.0, 2.0, n)
    first = rng.random(n) < 1.0 / (1.0 + np.exp(2.0 * x))
    y = np.where(first, 1.0 + x, -1.0 - 0.5 * x) + 0.3 * rng.normal(size=n)
    return x[:, None], y


@pytest.fixture(scope="module")
def data():
    return curves()


@pytest.mark.parametrize("direction", ["inverse", "direct"])
def test_newton_raises_the_conditional_likelihood_of_the_joint_fit(data, direction):
    X, y = data
    joint = GLoME(2, direction=direction, random_state=0).fit(X, y)
    fit = GLoME(2, direction=direction, likelihood="conditional", random_state=0).fit(X, y)
    assert fit.converged_
    assert fit.loglik_ > joint.loglik_ + 0.5
    assert fit.joint_loglik_ < joint.joint_loglik_
    assert fit.score_samples(X, y).sum() == pytest.approx(fit.loglik_, abs=1e-6)
    assert fit.joint_score_samples(X, y).sum() == pytest.approx(fit.joint_loglik_, abs=1e-6)
    assert fit.optima_["loglik"].iloc[1] == pytest.approx(joint.loglik_, abs=1e-6)
    assert fit.bic(X, y) == pytest.approx(-2.0 * fit.loglik_ + 9 * np.log(len(y)), abs=1e-6)


def test_is_the_optimum_of_the_quadratic_softmax_gate(data):
    # Gaussian gates without constraints are softmax gates of degree two.
    X, y = data
    fit = GLoME(2, likelihood="conditional", random_state=0).fit(X, y)
    same = GaussianMoE(2, Softmax(degree=2), init=[fit.responsibilities(X, y)], n_init=1)
    assert same.fit(X, y).loglik_ == pytest.approx(fit.loglik_, abs=1e-6)
    assert same.n_free_ == fit.n_free_


def test_several_covariates_and_responses():
    rng = np.random.default_rng(1)
    X = rng.normal(size=(500, 2))
    first = rng.random(500) < 1.0 / (1.0 + np.exp(3.0 * X[:, 0]))
    Y = np.where(first[:, None], X @ rng.normal(size=(2, 2)), 1.0 - X)
    Y += 0.3 * rng.normal(size=(500, 2))
    for direction, gate, expert in (
        ("inverse", None, None),
        ("direct", Full("shared"), Diagonal()),
        ("direct", Isotropic(), Isotropic("shared")),
    ):
        fit = GLoME(
            2, direction=direction, gate_covariance=gate, covariance=expert,
            likelihood="conditional", n_init=3, random_state=0,
        ).fit(X, Y)  # fmt: skip
        assert fit.loglik_ >= fit.optima_["loglik"].iloc[1]
        assert fit.score_samples(X, Y).sum() == pytest.approx(fit.loglik_, abs=1e-5)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"n_latent": 1, "direction": "inverse"}, "n_latent=0"),
        ({"covariance": Diagonal(), "direction": "inverse"}, "constraints between gate and"),
        ({"degree": 2, "direction": "inverse"}, "affine experts|direction='direct'"),
        ({"gate_covariance": Full("volume"), "direction": "direct"}, "cannot keep gate_cov"),
        ({"basis": [np.ravel], "direction": "direct"}, "basis=None"),
    ],
)
def test_what_cannot_be_refined_is_refused_before_the_fit(settings, message):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 3)), rng.normal(size=60)
    with pytest.raises(ValueError, match=message):
        GLoME(2, likelihood="conditional", **settings).fit(X, y)
