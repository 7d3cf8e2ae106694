"""Certificates modulo exact invariances: rays along which no data can tell parameters apart."""

from __future__ import annotations

import numpy as np
import pytest

from mixexp.estimation.box import Bounds
from mixexp.estimation.certificate import Certificate, _apart, certify
from mixexp.estimation.fit import Fit, Options, fit
from mixexp.models import (
    Activation,
    ActivationParams,
    Gate,
    Gaussian,
    MixtureOfExperts,
    MixtureParams,
    Softmax,
    Temperature,
    TopK,
)
from mixexp.models.activations import RELU, SQUARE

FREE = [
    Temperature(normalize=False),
    Temperature(Activation(SQUARE), normalize=False),
    Temperature(Activation(RELU), normalize=False),
    TopK(2, Temperature(normalize=False)),
]
TAKEN_OUT = [Temperature(), Temperature(Activation(SQUARE)), TopK(2, Temperature())]


def rows(n: int = 200) -> tuple[np.ndarray, np.ndarray]:
    """Two noisy lines that overlap, so that no gate separates."""
    rng = np.random.default_rng(3)
    x = rng.uniform(-2.0, 2.0, size=(n, 1))
    first = rng.random(n) < 1.0 / (1.0 + np.exp(-1.5 * x[:, 0]))
    return x, np.where(first, 1.0 + 2.0 * x[:, 0], -1.0 - x[:, 0]) + 0.6 * rng.normal(size=n)


def fitted(gate: Gate, k: int = 2) -> tuple[Fit, Certificate]:
    model = MixtureOfExperts(gate, Gaussian(), k, 1)
    found = fit(model, *rows(), options=Options(n_init=2))
    certificate = found.optima[0].certificate
    assert certificate is not None
    return found, certificate


@pytest.mark.parametrize("gate", FREE, ids=repr)
def test_fits_with_a_free_scale_are_certified_modulo_it(gate: Gate) -> None:
    found, certificate = fitted(gate)
    theta, target = found.optima[0].theta, found.objective
    assert certificate.holds and certificate.n_null >= 1
    assert any(name.startswith(("gate", "log-temp")) for name in certificate.null_blocks)
    assert not certificate.separation.found
    assert "the scale of the gate is not identified" in certificate.summary()
    (direction,) = target.model.invariant_directions(theta).T
    evaluation = target.evaluate(theta, 2)
    assert abs(evaluation.gradient @ direction) < 1e-6
    assert abs(direction @ evaluation.hessian @ direction) < 1e-6


@pytest.mark.parametrize("gate", TAKEN_OUT, ids=repr)
def test_an_invariance_that_is_taken_out_leaves_no_null_direction(gate: Gate) -> None:
    found, certificate = fitted(gate)
    assert certificate.holds and certificate.n_null == 0
    assert "the scale of the gate is not identified" in certificate.summary()
    assert "taken out by fitting and reporting coefficients at temperature 1" in (
        certificate.summary()
    )
    assert found.objective.layout.n_free == found.objective.model.layout.n_free
    assert not found.objective.layout.entries("temperature").any()


@pytest.mark.parametrize("gate", FREE, ids=repr)
@pytest.mark.parametrize("c", [0.2, 3.0])
def test_the_likelihood_is_constant_along_the_ray(gate: Gate, c: float) -> None:
    """Far along the curve θ_c -> c^h_c θ_c, τ -> c τ, not along its tangent alone."""
    found, _ = fitted(gate)
    target, theta = found.objective, found.optima[0].theta
    tables = target.layout.coefficients(theta)
    n = len(target.layout.gate)
    base = target.model.gate.homogeneity()[: n - 1]
    moved = [c**h * t for h, t in zip(base, tables, strict=False)]
    there = target.layout.vector([*moved, tables[n - 1] + np.log(c), *tables[n:]])
    assert np.linalg.norm(there - theta) > 0.5
    assert target.evaluate(there).value == pytest.approx(found.optima[0].value, rel=1e-12)


def test_raw_and_normalised_parameters_are_one_law() -> None:
    (left, _), (scaled, _) = (fitted(Temperature(normalize=n)) for n in (False, True))
    x, y = rows()
    raw, one = left.params(left.optima[0]), scaled.params(scaled.optima[0])
    assert one.gate.temperature == 1.0 and raw.gate.temperature != 1.0
    laws = [f.objective.model for f in (left, scaled)]
    models = [MixtureOfExperts(m.gate, m.expert, 2, 1) for m in laws]
    both = [m.log_prob(p, x, y) for m, p in zip(models, (raw, one), strict=True)]
    assert np.allclose(*both, rtol=0.0, atol=1e-5)
    slopes = [np.abs(g.base.coef).max() / g.temperature for g in (raw.gate, one.gate)]
    assert slopes[0] == pytest.approx(slopes[1], rel=1e-5)


def test_a_free_scale_is_as_good_as_a_fixed_one() -> None:
    free, _ = fitted(Temperature())
    for gate in (Softmax(), Temperature(tau=0.3)):
        fixed, certificate = fitted(gate)
        assert certificate.holds and certificate.n_null == 0
        assert fixed.loglik(fixed.optima[0]) == pytest.approx(free.loglik(free.optima[0]), abs=1e-7)


def test_a_temperature_that_tanh_identifies_is_no_null_direction() -> None:
    rng = np.random.default_rng(5)
    x = rng.uniform(-3.0, 3.0, size=(600, 1))
    odds = (np.tanh(x[:, 0]) + 0.3) / 0.4
    first = rng.random(600) < 1.0 / (1.0 + np.exp(-odds))
    y = np.where(first, 1.5 + 2.0 * x[:, 0], -1.5 - 1.5 * x[:, 0]) + 0.5 * rng.normal(size=600)
    model = MixtureOfExperts(Temperature(Activation()), Gaussian(), 2, 1)
    found = fit(model, x, y, options=Options(n_init=2))
    certificate = found.optima[0].certificate
    assert certificate.holds and certificate.n_null == 0
    assert "does not identify which one is the reference" in certificate.summary()
    assert "scale of the gate" not in certificate.summary()
    # The mirror image with the experts swapped is the same law, to rounding.
    params = found.params(found.optima[0])
    base, expert = params.gate.base, params.expert
    mirror = ActivationParams(np.array([-base.intercept[0], 0.0]), -base.coef)
    swapped = MixtureParams(
        params.gate._replace(base=mirror), type(expert)(*(block[::-1] for block in expert))
    )
    assert np.allclose(
        model.log_prob(swapped, x, y), model.log_prob(params, x, y), rtol=0.0, atol=1e-12
    )


def test_known_directions_are_taken_out_of_the_null_space_and_no_others() -> None:
    rng = np.random.default_rng(6)
    null, _ = np.linalg.qr(rng.normal(size=(9, 3)))
    known = null @ np.array([[0.6], [0.8], [0.0]])
    left = _apart(null, known)
    assert left.shape == (9, 2) and np.abs(left.T @ known).max() < 1e-12
    assert np.allclose(left, null @ (null.T @ left))
    assert _apart(null, np.zeros((9, 0))) is null


def test_a_saddle_beside_the_ray_does_not_pass() -> None:
    """Experts that coincide: taking the ray out must not hide that the likelihood rises."""
    x, y = rows()
    model = MixtureOfExperts(Temperature(normalize=False), Gaussian(), 2, 1)
    target = fit(model, x, y, options=Options(n_init=1)).objective
    theta = np.zeros(target.layout.n_free)
    one = fit(MixtureOfExperts(Softmax(), Gaussian(), 1, 1), x, y).optima[0].theta
    tables = target.layout.coefficients(theta)
    tables[2][:], tables[3][:] = one[:2], one[2]
    theta = target.layout.vector(tables)
    box = Bounds().box(target.layout)
    certificate, _ = certify(target, theta, box, target.layout.names(["x"]))
    assert not certificate.holds
