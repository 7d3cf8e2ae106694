"""The transformed gate: maps that act on the user's x, whatever the fit standardises."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from mixexp.estimation.data import Data
from mixexp.estimation.fit import Options, fit
from mixexp.estimation.objective import Objective
from mixexp.models import (
    Gaussian,
    GaussianParams,
    MixtureOfExperts,
    MixtureParams,
    Softmax,
    SoftmaxParams,
    Transformed,
)
from mixexp.models.maps import COS, SIGMOID, TANH, Map


def tent(x: np.ndarray) -> np.ndarray:
    """A user's map, defined at module level."""
    return 1.0 - np.abs(x - 5.0)


def _name(map: object) -> str:
    """A name that is the same in every process, which that of an address is not."""
    return getattr(map, "__name__", repr(map))


PARAMS = MixtureParams(
    SoftmaxParams(np.array([0.3, -0.4, 0.0]), np.array([[2.0, -1.0], [-1.5, 0.5], [0.0, 0.0]])),
    GaussianParams(np.array([1.0, -1.0, 0.0]), np.ones((3, 2)), np.array([0.2, 0.3, 0.4])),
)


@pytest.mark.parametrize("map", [TANH, SIGMOID, COS, tent, np.sin], ids=_name)
def test_weights_by_hand(map) -> None:  # type: ignore[no-untyped-def]
    x = np.random.default_rng(0).normal(size=(9, 2))
    model = MixtureOfExperts(Transformed(map), Gaussian(), 3, 2)
    logits = PARAMS.gate.intercept + map(x) @ PARAMS.gate.coef.T
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    assert np.allclose(model.weights(PARAMS, x), expected, rtol=1e-13, atol=0.0)


@pytest.mark.parametrize("map", [TANH, COS, tent], ids=_name)
def test_the_map_acts_on_the_users_x_under_standardisation(map) -> None:  # type: ignore[no-untyped-def]
    """The fit's likelihood of θ is the user's of the parameters that θ is reported as."""
    rng = np.random.default_rng(1)
    x = np.array([5.0, -3.0]) + np.array([2.0, 0.1]) * rng.normal(size=(50, 2))
    y = 40.0 + 3.0 * rng.normal(size=50)
    model = MixtureOfExperts(Transformed(map), Gaussian(), 3, 2)
    data = Data.from_rows(x, y)
    assert np.all(data.affine.x_scale != 1.0) and np.all(data.affine.x_center != 0.0)
    target = Objective(model, data)
    theta = rng.normal(size=target.layout.n_free)
    params = model.to_params(target.model.rescale(target.layout.coefficients(theta), data.affine))
    inside = target.evaluate(theta).value - data.log_scale
    assert model.log_prob(params, x, y).sum() == pytest.approx(inside, rel=1e-12)
    # The gate's parameters need no change of units at all.
    assert np.array_equal(
        params.gate.coef[:2].ravel(), theta.reshape(-1)[: 2 * 3].reshape(2, 3)[:, 1:].ravel()
    )


def test_identity_is_the_softmax_gate() -> None:
    x = np.random.default_rng(2).normal(size=(40, 2))
    got = MixtureOfExperts(Transformed(np.positive), Gaussian(), 3, 2).weights(PARAMS, x)
    assert np.array_equal(got, MixtureOfExperts(Softmax(), Gaussian(), 3, 2).weights(PARAMS, x))


def test_fit_far_from_the_origin_finds_the_switch() -> None:
    """The tent peaks at the user's 5, where no standardised column would put it."""
    rng = np.random.default_rng(3)
    x = rng.uniform(3.0, 7.0, size=(300, 1))
    weight = 1.0 / (1.0 + np.exp(-4.0 * tent(x[:, 0])))
    y = np.where(rng.random(300) < weight, 2.0, -2.0) + 0.3 * rng.normal(size=300)
    model = MixtureOfExperts(Transformed(tent), Gaussian(), 2, 1)
    best = fit(model, x, y, options=Options(n_init=2))
    params = best.params(best.optima[0])
    assert best.optima[0].certificate.holds
    mass = model.weights(params, np.array([[3.2], [5.0], [6.8]]))
    high = int(np.argmax(params.expert.intercept + 5.0 * params.expert.coef[:, 0]))
    assert mass[1, high] > 0.9 and np.all(mass[[0, 2], high] < 0.1)
    assert pickle.loads(pickle.dumps(best)).loglik(best.optima[0]) == best.loglik(best.optima[0])


@pytest.mark.parametrize(
    "map", [lambda x: x, "tanh", None, 3.0], ids=["lambda", "str", "None", "3"]
)
def test_what_is_no_map_is_refused(map) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match="map="):
        MixtureOfExperts(Transformed(map), Gaussian(), 2, 1)


def test_names_in_a_certificate() -> None:
    model = MixtureOfExperts(Transformed(Map("bump", tent)), Gaussian(), 2, 2)
    assert model.layout.names(["age", "dose"])[:3] == [
        "gate[0] 1",
        "gate[0] bump(age)",
        "gate[0] bump(dose)",
    ]
