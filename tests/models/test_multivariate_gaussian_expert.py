"""Gaussian experts of several responses: oracles, equivariance, M-steps, edges of the input."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from mixexp.models import (
    Gaussian,
    GaussianParams,
    MixtureOfExperts,
    MixtureParams,
    MultivariateGaussian,
    MultivariateGaussianParams,
    Softmax,
    SoftmaxParams,
)
from mixexp.models.basis import Affine
from mixexp.models.covariances import BlockDiagonal, Covariance, Diagonal, Full, Isotropic
from mixexp.models.experts import MStep
from mixexp.models.experts._cholesky import CholeskyChart
from mixexp.models.experts._scales import likeliest_scales
from tests.instances import problem

STRUCTURES = pytest.mark.parametrize(
    "structure",
    [
        Full(),
        Diagonal(),
        Isotropic(),
        Full("shared"),
        Full("volume"),
        Diagonal("volume"),
        Isotropic("shared"),
        Isotropic("volume"),
        BlockDiagonal([0, 1, 0]),
        BlockDiagonal([0, 1, 0], "volume"),
    ],
    ids=repr,
)


def covariances(rng: np.random.Generator, k: int, dim: int) -> np.ndarray:
    root = rng.normal(size=(k, dim, dim))
    return root @ np.swapaxes(root, 1, 2) + 0.3 * np.eye(dim)


def two_experts(structure: Covariance, dim: int = 3) -> tuple[MixtureOfExperts, MixtureParams]:
    rng = np.random.default_rng(3)
    expert = MultivariateGaussian(dim, structure)
    dense = structure.of(covariances(rng, 2, dim)).dense()
    params = MultivariateGaussianParams(
        rng.normal(size=(2, dim)), rng.normal(size=(2, dim, 1)), dense
    )
    gate = SoftmaxParams(np.array([0.4, 0.0]), np.array([[1.5], [0.0]]))
    return MixtureOfExperts(Softmax(), expert, 2, 1), MixtureParams(gate, params)


@STRUCTURES
def test_density_is_the_normal_density_of_the_parameters(structure: Covariance) -> None:
    model, params = two_experts(structure)
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(6, 1)), 2.0 * rng.normal(size=(6, 3))
    weights = model.weights(params, x)
    b, a, sigma = params.expert
    for i in range(6):
        density = [multivariate_normal(b[k] + a[k] @ x[i], sigma[k]).pdf(y[i]) for k in range(2)]
        got = model.log_prob(params, x[i : i + 1], y[i : i + 1])[0]
        assert got == pytest.approx(np.log(weights[i] @ density), rel=1e-11)


@STRUCTURES
def test_parameters_come_back_and_count_as_the_structure_says(structure: Covariance) -> None:
    model, params = two_experts(structure)
    coefficients = model.coefficients(params)
    back = model.to_params(coefficients).expert
    for got, expected in zip(back, params.expert, strict=True):
        assert np.allclose(got, expected, rtol=1e-12, atol=1e-13)
    layout = model.layout
    n_covariance = layout.n_free - layout.n_gate - 2 * 3 * 2
    assert n_covariance == structure.n_parameters(3, 2)
    if structure.sharing == "volume":
        assert np.ptp(np.linalg.slogdet(back.covariance)[1]) < 1e-12


def test_one_response_is_the_univariate_gaussian() -> None:
    case = problem(Softmax(), Gaussian(), n_experts=3, n_columns=2)
    single = MixtureOfExperts(Softmax(), MultivariateGaussian(1), 3, 2)
    b, a, variance = case.params.expert
    params = MixtureParams(
        case.params.gate,
        MultivariateGaussianParams(b[:, None], a[:, None], variance[:, None, None]),
    )
    expected = case.model.log_prob(case.params, case.x, case.y)
    for y in (case.y, case.y[:, None]):
        assert np.allclose(single.log_prob(params, case.x, y), expected, rtol=1e-13, atol=1e-13)
    theta = single.layout.vector(single.coefficients(params))
    assert np.allclose(theta, case.theta, rtol=1e-12, atol=1e-13)


def test_law_of_two_responses_integrates_to_one() -> None:
    """By the trapezoidal rule, which has the accuracy of the exponential for such densities."""
    for structure in (Full(), Diagonal(), Isotropic(), Full("volume")):
        model, params = two_experts(structure, dim=2)
        points = np.linspace(-30.0, 30.0, 401)
        y = np.stack(np.meshgrid(points, points, indexing="ij"), axis=-1).reshape(-1, 2)
        p = np.exp(model.log_prob(params, np.full((len(y), 1), 0.3), y)) * 0.15**2
        law = model.distribution(params, np.array([[0.3]]))
        assert p.sum() == pytest.approx(1.0, abs=1e-9)
        mean = p @ y
        assert np.allclose(mean, law.mean()[0], atol=1e-8)
        spread = y - mean
        assert np.allclose((p[:, None] * spread).T @ spread, law.covariance()[0], atol=1e-7)
        # E log p from the same points, against the estimate of the entropy.
        inside = p > 0.0
        entropy = -p[inside] @ np.log(p[inside] / 0.15**2)
        assert law.entropy(n_draws=8192)[0] == pytest.approx(entropy, abs=0.01)


def test_sample_has_the_moments_of_the_law() -> None:
    model, params = two_experts(Full())
    x = np.array([[-0.5], [0.8]])
    law = model.distribution(params, x)
    n = 60_000
    draws = law.sample(n, rng=5)
    assert draws.shape == (n, 2, 3)
    for i in range(2):
        error = np.sqrt(np.diag(law.covariance()[i]) / n)
        assert np.all(np.abs(draws[:, i].mean(axis=0) - law.mean()[i]) < 4.5 * error)
        covariance = np.cov(draws[:, i].T)
        size = np.sqrt(np.outer(law.variance()[i], law.variance()[i]))
        assert np.abs((covariance - law.covariance()[i]) / size).max() < 0.03
        marginal = law.marginal(2)
        share = np.mean(draws[:, i, 2] <= marginal.icdf(0.3)[i])
        assert share == pytest.approx(0.3, abs=4.5 * np.sqrt(0.21 / n))


@STRUCTURES
def test_change_of_units_is_exact(structure: Covariance) -> None:
    model, params = two_experts(structure)
    rng = np.random.default_rng(1)
    scale = np.array([100.0, 0.01, 7.0]) if not structure.isotropic else np.full(3, 7.0)
    affine = Affine(np.array([3.0]), np.array([0.5]), np.array([1e3, -2.0, 0.0]), scale)
    z, t = rng.normal(size=(5, 1)), rng.normal(size=(5, 3))
    x, y = z * affine.x_scale + affine.x_center, t * affine.y_scale + affine.y_center
    outside = model.to_params(model.rescale(model.coefficients(params), affine))
    shifted = model.log_prob(outside, x, y) + np.log(scale).sum()
    assert np.allclose(shifted, model.log_prob(params, z, t), rtol=1e-9, atol=1e-9)


def test_m_step_is_weighted_least_squares_with_the_residual_covariance() -> None:
    rng = np.random.default_rng(2)
    n, dim = 80, 3
    x, y = rng.normal(size=(2, n)), rng.normal(size=(dim, n))
    weights = rng.uniform(size=(1, n))
    expert = MultivariateGaussian(dim)
    phi = np.vstack([np.ones(n), x])
    free = [np.full((1, 3), 1e3)] * dim + [np.full((1, 1), 1e3)] * 6
    start = [0.1 * rng.normal(size=(1, 3)) for _ in range(dim)] + [np.zeros((1, 1))] * 6
    predictors = [t @ phi for t in start[:dim]] + start[dim:]
    statistics = expert.statistics(weights, predictors, [phi] * dim, y)
    found = expert.m_step(statistics, start, MStep(0.0, [-b for b in free], free))
    root = np.sqrt(weights[0])
    expected = np.linalg.lstsq((root * phi).T, (root * y).T, rcond=None)[0]
    residual = y - expected.T @ phi
    covariance = (weights[0] * residual) @ residual.T / weights.sum()
    params = expert.to_params(found)
    assert np.allclose(params.intercept[0], expected[0], rtol=1e-11, atol=1e-12)
    assert np.allclose(params.coef[0], expected[1:].T, rtol=1e-11, atol=1e-12)
    assert np.allclose(params.covariance[0], covariance, rtol=1e-10, atol=1e-12)


def test_scales_of_equal_volume_are_the_likeliest() -> None:
    """Against random other scales of equal volume, and in bounds that are active."""
    rng = np.random.default_rng(4)
    chart = CholeskyChart.of(Full("volume"), 3)
    squares, mass = rng.gamma(2.0, size=(2, 3)), np.array([3.0, 1.5])

    def value(scales: list) -> float:
        s = np.stack([np.broadcast_to(v[:, 0], 2) for v in chart.log_variances(scales)], axis=1)
        return -0.5 * float(np.sum(squares * np.exp(-s) + mass[:, None] * s))

    start = [np.zeros((1, 1)), np.zeros((2, 1)), np.zeros((2, 1))]
    for limit in (50.0, 0.3):
        low, high = ([sign * limit * np.ones_like(u) for u in start] for sign in (-1.0, 1.0))
        best = likeliest_scales(chart, squares, mass, start, low, high)
        assert all(np.all(np.abs(u) <= limit) for u in best)
        assert value(best) >= value(start)
        if limit > 1.0:
            for _ in range(200):
                other = [u + 0.1 * rng.normal(size=u.shape) for u in best]
                assert value(other) < value(best)


def test_impossible_input_is_refused_in_words() -> None:
    expert = MultivariateGaussian(2)
    with pytest.raises(ValueError, match=r"y has shape \(3,\), but the law has 2 responses"):
        expert.encode(np.zeros(3))
    with pytest.raises(ValueError, match=r"y\[:, 1\]: nan in row 0 is not a finite number"):
        expert.encode(np.array([[0.0, np.nan]]))
    each = BlockDiagonal([[0, 0, 1], [0, 1, 1]])
    with pytest.raises(ValueError, match="All experts have one partition"):
        MultivariateGaussian(3, each).coordinates((0,))
    with pytest.raises(ValueError, match="does not fit 2 responses"):
        MultivariateGaussian(2, BlockDiagonal([0, 1, 0])).coordinates((0,))
    bad = np.array([[[1.0, 2.0], [2.0, 1.0]]])
    with pytest.raises(ValueError, match="expert 0 is not positive definite"):
        CholeskyChart.of(Full(), 2).from_covariances(bad)
    one = GaussianParams(np.zeros(1), np.zeros((1, 0)), np.ones(1))
    with pytest.raises(ValueError, match="are not those of 2 responses"):
        expert.from_params(one)  # type: ignore[arg-type]


def test_laws_of_several_responses_say_that_integrals_are_for_one() -> None:
    from mixexp.estimation.identifiability import diagnose
    from mixexp.models.response_grid import response_grid

    model, params = two_experts(Full())
    x = np.linspace(-1.0, 1.0, 20)[:, None]
    with pytest.raises(ValueError, match="integrals over the response are made for one"):
        response_grid(model, params, x)
    with pytest.raises(ValueError, match="integrals over the response are made for one"):
        diagnose(model, params, x)
