"""Every gate through an estimator: predictions are those of the fitted law, on any units of x."""

from __future__ import annotations

import pickle
import warnings

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from mixexp import GaussianMoE, MultinomialMoE, Temperature, TemperatureSchedule, TopK, Transformed
from mixexp.models import Gate
from tests.instances import GATES


def rows(n: int = 200) -> tuple[np.ndarray, np.ndarray]:
    """Two planes, x far from the origin and of two scales."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 2)) * [2.0, 0.3] + [3.0, -1.0]
    first = rng.random(n) < 1.0 / (1.0 + np.exp(3.0 - X[:, 0]))
    y = np.where(first, 1.0 + X[:, 0], -2.0 - X[:, 1]) + 0.5 * rng.normal(size=n)
    return X, y


@pytest.mark.parametrize("gate", GATES, ids=repr)
def test_predictions_are_those_of_the_reported_parameters(gate: Gate) -> None:
    X, y = rows()
    moe = GaussianMoE(2, gate=gate, n_init=1, max_iter=50, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        moe.fit(X, y)
    assert moe.score_samples(X, y).sum() == pytest.approx(moe.loglik_, abs=1e-8)
    reported = moe.model_.log_prob(moe.params_, X, y)
    assert np.allclose(moe.score_samples(X, y), reported, rtol=1e-8, atol=1e-8)
    assert np.allclose(moe.gate_proba(X), moe.model_.weights(moe.params_, X), atol=1e-8)
    again = pickle.loads(pickle.dumps(moe))
    assert np.array_equal(again.predict(X), moe.predict(X))
    assert moe.model_.measure(moe.params_).n_atoms == 2


def test_free_temperature_is_the_gate_inside_it() -> None:
    """The same optimum, separation, penalty and number of parameters as without a temperature."""
    X, y = rows()
    for penalty in (None, 1.0):
        settings = {"gate_penalty": penalty, "n_init": 2, "random_state": 0}
        plain = GaussianMoE(2, **settings).fit(X, y)
        free = GaussianMoE(2, gate=Temperature(), **settings).fit(X, y)
        assert free.loglik_ == pytest.approx(plain.loglik_, rel=1e-13)
        assert free.n_free_ == plain.n_free_
        assert free.params_.gate.temperature == 1.0
        # Another pass adds in another order.
        np.testing.assert_allclose(
            free.params_.gate.base.coef, plain.params_.gate.coef, rtol=1e-9, atol=1e-12
        )
        assert "the scale of the gate is not identified" in free.certificate_.summary()
        again = GaussianMoE(2, gate=Temperature(), init=free.measure_, **settings).fit(X, y)
        assert again.loglik_ == pytest.approx(free.loglik_, abs=1e-9)
    scaled = free.params_._replace(
        gate=free.params_.gate._replace(
            base=type(plain.params_.gate)(*(5.0 * part for part in plain.params_.gate)),
            temperature=5.0,
        )
    )
    again = GaussianMoE(2, gate=Temperature(), init=scaled, n_init=1, random_state=0).fit(X, y)
    assert again.optima_["start"][0] == "given"


def test_ridge_on_a_gate_whose_scale_is_left_free_is_refused() -> None:
    X, y = rows()
    gate = Temperature(normalize=False)
    with pytest.raises(ValueError, match=r"gate_penalty=1.0 cannot be used .* fix tau"):
        GaussianMoE(gate=gate, gate_penalty=1.0).fit(X, y)
    with pytest.raises(ValueError, match="gate_penalty=None"):
        MultinomialMoE(gate=TopK(2, gate)).fit(X, y > 0.0)
    assert MultinomialMoE(gate=Temperature(), n_init=1, random_state=0).fit(X, y > 0.0).converged_


@pytest.mark.parametrize("gate", [TopK(1, "x"), Temperature("tanh")], ids=repr)
def test_what_is_wrapped_must_be_a_gate(gate: Gate) -> None:
    X, y = rows()
    with pytest.raises(ValueError, match="is not a gate; pass one, such as"):
        GaussianMoE(gate=gate).fit(X, y)


def not_a_number(x: np.ndarray) -> np.ndarray:
    return np.log(x)


def test_map_that_is_not_finite_is_named() -> None:
    X, y = rows()
    with (
        np.errstate(invalid="ignore"),
        pytest.raises(ValueError, match=r"not_a_number\(x0\) of Transformed.* is not finite"),
    ):
        GaussianMoE(gate=Transformed(not_a_number)).fit(X, y)


@pytest.mark.parametrize("n_active", [0, 3])
def test_number_of_active_experts_is_checked(n_active: int) -> None:
    X, y = rows()
    with pytest.raises(ValueError, match=rf"n_active={n_active} .* 1..n_experts=2"):
        GaussianMoE(2, gate=TopK(n_active)).fit(X, y)


def test_annealing_is_an_option_of_the_optimiser() -> None:
    X, y = rows()
    plain, annealed = (
        GaussianMoE(2, temperature_schedule=s, n_init=2, random_state=0).fit(X, y)
        for s in (None, TemperatureSchedule(start=5.0, n_steps=6))
    )
    assert annealed.converged_
    assert annealed.loglik_ == pytest.approx(plain.loglik_, abs=1e-6)


def test_certificate_wants_the_boundaries_searched() -> None:
    X, y = rows()
    with pytest.warns(ConvergenceWarning, match="not a certified optimum"):
        moe = GaussianMoE(2, gate=TopK(1), solver="em", n_init=1, random_state=0).fit(X, y)
    assert "boundaries of active experts not searched" in moe.certificate_.summary()
    found = GaussianMoE(2, gate=TopK(1), n_init=1, random_state=0).fit(X, y)
    assert found.converged_
    assert "none of the last" in found.certificate_.boundaries
    assert "the likelihood never fell" in found.certificate_.boundaries
    assert found.loglik_ >= moe.loglik_ - 1e-9
