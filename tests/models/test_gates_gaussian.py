"""The Gaussian gate: one class of laws with the softmax gate of degree two, and its parameters."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import log_softmax
from scipy.stats import multivariate_normal

from mixexp.models import Gaussian, GaussianGate, MixtureOfExperts, Softmax
from mixexp.models.basis import Affine
from mixexp.models.covariances import BlockDiagonal, Covariance, Diagonal, Full, Isotropic
from mixexp.models.gates.gaussian import GaussianGateParams
from mixexp.models.quadratic_basis import Quadratic, Sphere

STRUCTURES = pytest.mark.parametrize(
    "structure",
    [
        Full(),
        Diagonal(),
        Isotropic(),
        BlockDiagonal([0, 1, 0]),
        Full("shared"),
        Diagonal("shared"),
        Isotropic("shared"),
    ],
    ids=repr,
)


def gate_params(structure: Covariance, k: int = 3, dim: int = 3) -> GaussianGateParams:
    rng = np.random.default_rng(0)
    root = rng.normal(size=(k, dim, dim))
    dense = root @ np.swapaxes(root, 1, 2) + 0.5 * np.eye(dim)
    covariance = structure.of(dense).dense()
    return GaussianGateParams(np.log([0.5, 0.3, 0.2]), rng.normal(size=(k, dim)), covariance)


def model_of(structure: Covariance, k: int = 3, dim: int = 3) -> MixtureOfExperts:
    return MixtureOfExperts(GaussianGate(structure), Gaussian(), k, dim)


def weights(model: MixtureOfExperts, coefficients: list, x: np.ndarray) -> np.ndarray:
    phi = model.layout.gate[0].basis.expand(x.T, np.empty((model.layout.shapes[0][1], len(x))))
    return np.exp(log_softmax(coefficients[0] @ phi, axis=0)).T


@STRUCTURES
def test_weights_are_ratios_of_normal_densities(structure: Covariance) -> None:
    params, model = gate_params(structure), model_of(structure)
    x = np.random.default_rng(1).normal(size=(7, 3))
    density = np.column_stack(
        [
            w * multivariate_normal(c, g).pdf(x)
            for w, c, g in zip(params.weight, params.mean, params.covariance, strict=True)
        ]
    )
    expected = density / density.sum(axis=1, keepdims=True)
    coefficients = model.gate.from_params(params)
    assert np.allclose(weights(model, coefficients, x), expected, rtol=1e-10)
    chosen = model.gate.to_params(coefficients)
    assert np.allclose(weights(model, model.gate.from_params(chosen), x), expected, rtol=1e-10)


@STRUCTURES
def test_reported_covariances_are_of_the_structure_and_well_conditioned(
    structure: Covariance,
) -> None:
    gate = GaussianGate(structure)
    chosen = gate.to_params(gate.from_params(gate_params(structure)))
    values = np.linalg.eigvalsh(chosen.covariance)
    assert values.min() > 0.0 and (values.max(axis=1) / values.min(axis=1)).max() < 100.0
    assert np.allclose(structure.of(chosen.covariance).dense(), chosen.covariance, rtol=1e-9)
    again = gate.to_params(gate.from_params(chosen))
    for got, expected in zip(again, chosen, strict=True):
        assert np.allclose(got, expected, rtol=1e-9, atol=1e-10)


@STRUCTURES
def test_weights_are_moderate_however_far_the_origin(structure: Covariance) -> None:
    """Logits of thousands of nats at x = 0 are no weights of zero in the measure."""
    model, params = model_of(structure), gate_params(structure)
    far = GaussianGateParams(params.log_weight, params.mean + 2000.0, params.covariance)
    coefficients = model.gate.from_params(far)
    assert np.ptp(coefficients[0][:, 0]) > 1000.0
    weight, atoms = model.gate.atoms(model.gate.to_params(coefficients))
    assert weight.min() > 1e-8
    back = model.gate.from_params(model.gate.from_atoms(weight, atoms))
    x = 2000.0 + np.random.default_rng(1).normal(size=(7, 3))
    assert np.allclose(weights(model, back, x), weights(model, coefficients, x), atol=1e-5)


def test_a_common_factor_changes_nothing() -> None:
    gate, params = GaussianGate(), gate_params(Full())
    precision = np.linalg.inv(params.covariance)
    more = precision + 2.0 * np.eye(3)
    moment = np.einsum("kij,kj->ki", precision, params.mean) + np.array([1.0, -2.0, 0.5])
    covariance = np.linalg.inv(more)
    mean = np.einsum("kij,kj->ki", covariance, moment)

    def constant(p: np.ndarray, c: np.ndarray) -> np.ndarray:
        return 0.5 * np.linalg.slogdet(p)[1] - 0.5 * np.einsum("ki,kij,kj->k", c, p, c)

    log_weight = params.log_weight + constant(precision, params.mean) - constant(more, mean)
    other = GaussianGateParams(log_weight, mean, covariance)
    assert np.allclose(gate.from_params(other)[0], gate.from_params(params)[0], atol=1e-10)


def test_full_is_the_softmax_gate_of_degree_two_and_shared_of_degree_one() -> None:
    for gate, degree in ((GaussianGate(), 2), (GaussianGate(Isotropic("shared")), 1)):
        assert gate.coordinates((0, 1)) == Softmax(degree=degree).coordinates((0, 1))


@pytest.mark.parametrize(
    ("structure", "each"), [(Full(), 10), (Diagonal(), 7), (Isotropic(), 5), (Full("shared"), 4)]
)
def test_free_parameters_are_the_identifiable_ones(structure: Covariance, each: int) -> None:
    assert model_of(structure).layout.n_gate == 2 * each


def test_isotropic_gates_are_isotropic_on_the_user_s_scale() -> None:
    model = model_of(Isotropic(), dim=2)
    params = gate_params(Isotropic(), dim=2)
    affine = Affine(np.array([3.0, -1.0]), np.array([0.1, 40.0]))
    inside = model.rescale(
        [*model.gate.from_params(params), np.zeros((3, 3)), np.zeros((3, 1))], affine.inverse()
    )
    x = np.random.default_rng(2).normal(size=(6, 2)) * [0.1, 40.0] + [3.0, -1.0]
    z = (x - affine.x_center) / affine.x_scale
    scaled = model.on_scale(affine)
    expected = weights(model, model.gate.from_params(params), x)
    assert np.allclose(weights(scaled, inside, z), expected, rtol=1e-9, atol=1e-12)
    back = scaled.rescale(inside, affine)
    assert np.allclose(back[0], model.gate.from_params(params)[0], rtol=1e-9, atol=1e-9)


def test_bases_change_scale_exactly() -> None:
    affine = Affine(np.array([2.0, -3.0, 1.0]), np.array([0.5, 4.0, -2.0]))
    x = np.random.default_rng(3).normal(size=(3, 5))
    z = (x - affine.x_center[:, None]) / affine.x_scale[:, None]
    for inside, outside in (
        (Quadratic((0, 2), ((0, 0), (0, 2))), Quadratic((0, 2), ((0, 0), (0, 2)))),
        (Sphere.of_user((0, 1, 2), affine), Sphere((0, 1, 2), (1.0, 1.0, 1.0))),
    ):
        phi = inside.expand(z, np.empty((inside.n_terms, 5)))
        expected = outside.expand(x, np.empty((outside.n_terms, 5)))
        assert np.allclose(inside.change_of_scale(affine) @ expected, phi, rtol=1e-12, atol=1e-12)
        around = inside.around(affine)
        phi = around.expand(z, np.empty((around.n_terms, 5)))
        origin = outside.around(Affine.identity(3)).expand(x, np.empty((around.n_terms, 5)))
        assert np.allclose(around.change_of_scale(affine) @ origin, phi, rtol=1e-12, atol=1e-12)


def test_what_the_conditional_likelihood_cannot_see_is_refused_or_told() -> None:
    with pytest.raises(ValueError, match="use sharing='expert' or 'shared'"):
        model_of(Full("volume"))
    with pytest.raises(ValueError, match="All experts have one partition"):
        GaussianGate(BlockDiagonal([0, 1])).coordinates((0, 1, 2))
    assert "up to a factor" in GaussianGate().findings(2)[0]
