"""Laws of Gaussian locally linear mappings: densities, both directions, grids, dimensions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import multivariate_normal

from mixexp.estimation.gllim.chart import Chart
from mixexp.models.covariances import (
    BlockDiagonal,
    Covariance,
    Diagonal,
    DiagonalMatrices,
    FactorMatrices,
    Full,
    Isotropic,
)
from mixexp.models.gllim import GLLiM, GLLiMParams, Scaling, inverted
from mixexp.models.gllim.density import log_joint
from mixexp.models.gllim.dimension import conditional_dimension
from mixexp.models.gllim.forward import Forward
from mixexp.models.gllim.numeric import GridDistribution

Array = np.ndarray


def some_params(model: GLLiM, seed: int = 0) -> GLLiMParams:
    """Random parameters of a model."""
    rng = np.random.default_rng(seed)
    k, g, e = model.n_experts, model.n_inputs, model.n_outputs

    def covariances(dim: int) -> Array:
        root = 0.6 * rng.normal(size=(k, dim, dim))
        return root @ np.swapaxes(root, 1, 2) + 0.3 * np.eye(dim)

    return GLLiMParams(
        rng.dirichlet(np.full(k, 3.0)), rng.normal(size=(k, g)),
        model.gate_structure.of(covariances(g)), rng.normal(size=(k, e, model.basis.n_terms)),
        model.structure.of(covariances(e)), rng.normal(size=(k, e, model.n_latent)),
    )  # fmt: skip


def some_scaling(model: GLLiM) -> Scaling:
    rng = np.random.default_rng(9)
    g, e = model.n_inputs, model.n_outputs
    return Scaling(
        rng.normal(size=g), rng.uniform(0.5, 2.0, g), rng.normal(size=e), rng.uniform(0.5, 2.0, e)
    )


def density(params: GLLiMParams, model: GLLiM, u: Array, v: Array) -> Array:
    """p(u, v) of rows u (n, n_inputs) and v (n, n_outputs), by scipy."""
    gate, noise = params.gate_covariance.dense(), params.covariance.dense()
    noise = noise + params.factor @ np.swapaxes(params.factor, 1, 2)
    total = np.zeros(len(u))
    for k in range(model.n_experts):
        mean = (params.table[k] @ model.features(u.T)).T
        each = multivariate_normal(np.zeros(model.n_outputs), noise[k]).pdf(v - mean)
        total += params.weight[k] * multivariate_normal(params.gate_mean[k], gate[k]).pdf(u) * each
    return total


MODELS = [
    GLLiM(2, 1, 1), GLLiM(3, 2, 3), GLLiM(2, 3, 2, Diagonal(), Isotropic()),
    GLLiM(2, 2, 4, Full(), BlockDiagonal([0, 1, 0, 1]), degree=2),
    GLLiM(2, 1, 3, Full(), Diagonal(), n_latent=2), GLLiM(1, 2, 2, Isotropic(), Full("shared")),
    GLLiM(2, 2, 2, degree=0),
    GLLiM(2, 2, 1, functions=(lambda x: np.sin(x[:, 0]), lambda x: x[:, 0] * x[:, 1])),
]  # fmt: skip


@pytest.mark.parametrize("model", MODELS, ids=lambda model: repr(model).split("(<function")[0])
def test_joint_density_is_the_mixture_it_says(model: GLLiM) -> None:
    rng = np.random.default_rng(1)
    params = some_params(model)
    u, v = rng.normal(size=(20, model.n_inputs)), rng.normal(size=(20, model.n_outputs))
    expected = np.log(density(params, model, u, v))
    np.testing.assert_allclose(log_joint(model, params, u.T, v.T), expected, rtol=1e-9)


@pytest.mark.parametrize("degree", [1, 2])
def test_joint_density_integrates_to_one(degree: int) -> None:
    model = GLLiM(2, 1, 1, degree=degree)
    params = some_params(model)
    grid = np.linspace(-12.0, 12.0, 401)
    u, v = np.meshgrid(grid, np.linspace(-60.0, 60.0, 2001))
    mass = np.exp(log_joint(model, params, u.reshape(1, -1), v.reshape(1, -1))).sum()
    assert mass * (24.0 / 400) * (120.0 / 2000) == pytest.approx(1.0, abs=1e-7)


@pytest.mark.parametrize("inverse", [False, True])
@pytest.mark.parametrize(("n_inputs", "n_outputs"), [(1, 1), (2, 1), (1, 2)])
def test_conditional_density_integrates_to_one(inverse, n_inputs, n_outputs) -> None:
    model = GLLiM(2, n_inputs, n_outputs, n_latent=n_outputs - 1)
    law = Forward.of(model, some_params(model), some_scaling(model), inverse=inverse)
    x = np.random.default_rng(2).normal(size=(1, law.model.n_inputs))
    axis = np.linspace(-30.0, 30.0, 4001 if law.model.n_outputs == 1 else 601)
    axes = np.meshgrid(*[axis] * law.model.n_outputs)
    y = np.stack(axes, axis=-1).reshape(-1, law.model.n_outputs)
    mass = np.exp(law.log_prob(np.repeat(x, len(y), axis=0), y)).sum()
    assert mass * (axis[1] - axis[0]) ** law.model.n_outputs == pytest.approx(1.0, abs=1e-6)


# -- both directions


def test_the_two_experts_of_the_well_specified_process() -> None:
    one = np.ones((2, 1))
    forward = GLLiMParams(
        np.array([0.4, 0.6]), np.array([[0.2], [0.8]]),
        DiagonalMatrices(np.array([[0.1], [0.15]])),
        np.array([[[2.0, -5.0]], [[0.0, 0.1]]]), DiagonalMatrices(0.09 * one),
        np.zeros((2, 1, 0)),
    )  # fmt: skip
    inverse = inverted(forward)
    numbers = np.column_stack([
        inverse.gate_mean[:, 0], inverse.gate_covariance.dense()[:, 0, 0], inverse.coef[:, 0, 0],
        inverse.intercept[:, 0], inverse.covariance.dense()[:, 0, 0],
    ])  # fmt: skip
    np.testing.assert_allclose(
        numbers,
        [[1.0, 2.59, -0.19305019, 0.39305019, 0.0034749034],
         [0.08, 0.0915, 0.16393443, 0.78688525, 0.14754098]],
        atol=5e-9,
    )  # fmt: skip


@settings(max_examples=40)
@given(
    dims=st.sampled_from([(1, 1), (3, 3), (2, 6), (6, 2), (1, 4), (4, 1)]),
    structure=st.sampled_from([Isotropic(), Diagonal(), Full(), Full("shared")]),
    gate=st.sampled_from([Isotropic(), Diagonal(), Full()]),
    n_latent=st.sampled_from([0, 0, 1, 2]),
    seed=st.integers(0, 10**6),
)
def test_exchange_of_directions_is_an_involution(dims, structure, gate, n_latent, seed) -> None:
    if n_latent >= dims[1]:
        n_latent = 0
    model = GLLiM(2, *dims, gate, structure, n_latent=n_latent)
    params = some_params(model, seed)
    there = inverted(params)
    back = inverted(there)
    close = {"rtol": 1e-10, "atol": 1e-10}
    np.testing.assert_array_equal(back.weight, params.weight)
    np.testing.assert_allclose(back.gate_mean, params.gate_mean, **close)
    np.testing.assert_allclose(
        back.gate_covariance.dense(), params.gate_covariance.dense(), **close
    )
    np.testing.assert_allclose(back.table, params.table, **close)
    np.testing.assert_allclose(back.noise.dense(), params.noise.dense(), **close)


@settings(max_examples=30)
@given(
    dims=st.sampled_from([(1, 1), (3, 3), (2, 5), (5, 2)]),
    n_latent=st.sampled_from([0, 1]),
    seed=st.integers(0, 10**6),
)
def test_both_directions_are_one_joint_law(dims, n_latent, seed) -> None:
    model = GLLiM(2, *dims, n_latent=n_latent * (dims[1] > 1))
    params = some_params(model, seed)
    rng = np.random.default_rng(seed)
    u, v = rng.normal(size=(dims[0], 7)), rng.normal(size=(dims[1], 7))
    other = GLLiM(2, dims[1], dims[0])
    np.testing.assert_allclose(
        log_joint(model, params, u, v), log_joint(other, inverted(params), v, u), rtol=1e-9
    )


def test_wide_outputs_are_never_squared() -> None:
    model = GLLiM(2, 2, 300, Full(), Diagonal(), n_latent=3)
    back = inverted(some_params(model))
    assert isinstance(back.gate_covariance, FactorMatrices)
    assert isinstance(back.gate_covariance.base, DiagonalMatrices)
    assert back.gate_covariance.factor.shape == (2, 300, 5)


def test_bent_experts_have_no_inverse_in_closed_form() -> None:
    params = some_params(GLLiM(2, 2, 3, degree=2))
    with pytest.raises(ValueError, match="not affine"):
        inverted(params)


# -- conditional laws


@pytest.mark.parametrize("inverse", [False, True])
@pytest.mark.parametrize(
    "model", [m for m in MODELS if m.affine and m.degree == 1], ids=repr
)  # fmt: skip
def test_conditional_law_is_joint_over_marginal(model: GLLiM, inverse: bool) -> None:
    params, scaling = some_params(model), some_scaling(model)
    law = Forward.of(model, params, scaling, inverse=inverse)
    rng = np.random.default_rng(3)
    u, v = rng.normal(size=(30, model.n_inputs)), rng.normal(size=(30, model.n_outputs))
    s = scaling
    joint = (
        log_joint(model, params, ((u - s.u_center) / s.u_scale).T, ((v - s.v_center) / s.v_scale).T)
        - s.log_volume
    )
    user = model.rescale(params, scaling)
    x, y = (v, u) if inverse else (u, v)
    gate, noise = user.gate_covariance.dense(), user.noise.dense()
    mean, cov = user.gate_mean, gate
    if inverse:
        mean = np.einsum("kpq,kq->kp", user.coef, mean) + user.intercept
        cov = noise + user.coef @ gate @ np.swapaxes(user.coef, 1, 2)
    parts = np.array([
        w * multivariate_normal(m, c).pdf(x)
        for w, m, c in zip(user.weight, mean, cov, strict=True)
    ])  # fmt: skip
    np.testing.assert_allclose(law.log_prob(x, y), joint - np.log(parts.sum(axis=0)), rtol=1e-8)
    np.testing.assert_allclose(law.weights(x), (parts / parts.sum(axis=0)).T, rtol=1e-8)
    np.testing.assert_allclose(law.posterior(x, y).sum(axis=1), 1.0)
    same = law.distribution(x).logpdf(y[:, 0] if y.shape[1] == 1 else y)
    np.testing.assert_allclose(law.log_prob(x, y), same, rtol=1e-8)


def test_rescaled_parameters_are_the_same_law() -> None:
    for model in MODELS:
        if model.functions is not None:
            continue
        params, s = some_params(model), some_scaling(model)
        rng = np.random.default_rng(4)
        u, v = rng.normal(size=(9, model.n_inputs)), rng.normal(size=(9, model.n_outputs))
        standard = log_joint(
            model, params, ((u - s.u_center) / s.u_scale).T, ((v - s.v_center) / s.v_scale).T
        )
        user = model.rescale(params, s)
        np.testing.assert_allclose(
            log_joint(model, user, u.T, v.T), standard - s.log_volume, rtol=1e-9
        )
        back = model.rescale(user, s.inverse())
        np.testing.assert_allclose(back.table, params.table, rtol=1e-9, atol=1e-10)


def test_functions_see_the_users_scale() -> None:
    model = GLLiM(2, 1, 1, functions=(lambda x: np.exp(x[:, 0]),))
    s = Scaling(np.array([3.0]), np.array([2.0]), np.zeros(1), np.ones(1))
    z = np.array([[-1.0, 0.0, 1.0]])
    np.testing.assert_allclose(model.on_scale(s).features(z)[1], np.exp(3.0 + 2.0 * z[0]))
    bad = GLLiM(1, 1, 1, functions=(lambda x: x,))
    with pytest.raises(ValueError, match=r"basis\[0\] returned an array of shape \(3, 1\)"):
        bad.features(z)


def test_measure_and_parameters_are_each_others_inverse() -> None:
    for model in MODELS:
        if model.n_latent:
            continue
        params = some_params(model)
        back = model.from_measure(model.measure(params))
        np.testing.assert_allclose(back.table, params.table, rtol=1e-12)
        np.testing.assert_allclose(back.covariance.dense(), params.covariance.dense(), rtol=1e-12)
        np.testing.assert_allclose(
            back.gate_covariance.dense(), params.gate_covariance.dense(), rtol=1e-12
        )


def test_more_factors_than_coordinates_are_refused() -> None:
    with pytest.raises(ValueError, match="n_latent=3 must be smaller"):
        GLLiM(2, 1, 3, n_latent=3)


# -- laws on a grid


def grid_law(model: GLLiM, x: Array, seed: int = 0) -> tuple[GridDistribution, GLLiMParams]:
    params, s = some_params(model, seed), some_scaling(model)
    return GridDistribution(model, params, ((x - s.v_center) / s.v_scale).T, s), params


def test_grid_law_of_affine_experts_is_the_closed_form() -> None:
    model = GLLiM(3, 1, 2)
    x = np.random.default_rng(5).normal(size=(6, 2))
    law, params = grid_law(model, x)
    exact = Forward.of(model, params, some_scaling(model), inverse=True)
    closed = exact.distribution(x)
    y = np.linspace(-3.0, 3.0, 6)
    np.testing.assert_allclose(law.logpdf(y), exact.log_prob(x, y[:, None]), atol=1e-9)
    np.testing.assert_allclose(law.mean(), closed.mean(), rtol=1e-9, atol=1e-10)
    np.testing.assert_allclose(law.variance(), closed.variance(), rtol=1e-8)
    np.testing.assert_allclose(law.standard_deviation() ** 2, closed.variance(), rtol=1e-8)
    for level in (0.02, 0.5, 0.9):
        np.testing.assert_allclose(law.icdf(level), closed.icdf(level), atol=1e-3)
    from mixexp.models.entropy import entropy

    np.testing.assert_allclose(law.entropy(), entropy(closed), atol=1e-6)


@pytest.mark.parametrize("degree", [2, 3])
def test_grid_law_of_bent_experts_integrates_to_one(degree: int) -> None:
    model = GLLiM(2, 1, 2, degree=degree)
    x = np.random.default_rng(6).normal(size=(4, 2))
    for i in range(4):
        law, params = grid_law(model, x[i : i + 1])
        low, high = law.icdf(1e-9)[0] - 0.1, law.icdf(1.0 - 1e-9)[0] + 0.1
        grid = np.linspace(low, high, 4001)
        s = some_scaling(model)
        z = ((grid - s.u_center) / s.u_scale)[None]
        rows = np.repeat(((x[i] - s.v_center) / s.v_scale)[:, None], len(grid), axis=1)
        joint = np.exp(log_joint(model, params, z, rows))
        step = grid[1] - grid[0]
        values = joint / (joint.sum() * step)
        assert law.pdf([grid[1000]])[0] == pytest.approx(values[1000], rel=1e-6, abs=1e-12)
        assert (values * grid).sum() * step == pytest.approx(law.mean()[0], abs=1e-6)
        below, above = law.interval(0.8)
        inside = (grid >= below) & (grid <= above)
        assert values[inside].sum() * step == pytest.approx(0.8, abs=0.005)


def test_grid_law_finds_narrow_peaks() -> None:
    """Noise of a thousandth of the spread of y: a thousand times narrower than the first grid."""
    model = GLLiM(1, 1, 1)
    params = GLLiMParams(
        np.ones(1), np.zeros((1, 1)), DiagonalMatrices(np.ones((1, 1))),
        np.array([[[0.0, 1.0]]]), DiagonalMatrices(np.full((1, 1), 1e-10)), np.zeros((1, 1, 0)),
    )  # fmt: skip
    law = GridDistribution(model, params, np.array([[0.3, -2.0]]), Scaling.identity(1, 1))
    np.testing.assert_allclose(law.mean(), [0.3, -2.0], atol=1e-8)
    np.testing.assert_allclose(law.standard_deviation(), 1e-5, rtol=1e-4)


def test_grid_law_draws_what_it_says() -> None:
    model = GLLiM(2, 1, 1, degree=2)
    law, _ = grid_law(model, np.array([[0.5], [-0.5]]))
    draws = law.sample(4000, rng=0)
    assert draws.shape == (4000, 2)
    error = law.standard_deviation() / np.sqrt(4000)
    assert np.all(np.abs(draws.mean(axis=0) - law.mean()) < 4.5 * error)
    assert law.sample(rng=0).shape == (2,)


def with_covariances(gate: Covariance, expert: Covariance) -> GLLiM:
    return replace(GLLiM(2, 2, 3), gate_covariance=gate, covariance=expert)


def test_number_of_parameters_of_the_joint_law() -> None:
    assert [GLLiM(k, 1, 1).n_parameters for k in (2, 3, 20)] == [11, 17, 119]
    assert [GLLiM(k, 1, 1, degree=3).n_parameters for k in (1, 2)] == [7, 1 + 2 * 7]
    # (K-1) + K(DL + D + L + n_Sigma + n_Gamma)
    assert with_covariances(Full(), Isotropic()).n_parameters == 1 + 2 * (6 + 3 + 2 + 1 + 3)
    assert with_covariances(Full(), Diagonal()).n_parameters == 1 + 2 * (6 + 3 + 2 + 3 + 3)
    assert with_covariances(Full(), Full("shared")).n_parameters == 1 + 2 * (6 + 3 + 2 + 3) + 6


def rank_of_conditional_scores(model: GLLiM, inverse: bool) -> int:
    """Rank of the Fisher information of p(y | x), by differences of its logarithm at many rows."""
    rng = np.random.default_rng(0)
    chart = Chart(replace(model, n_latent=0))
    k, p, r = model.n_experts, model.n_outputs, model.n_latent
    theta = np.concatenate([0.5 * rng.normal(size=chart.n_free), rng.normal(size=k * p * r)])
    n = 3 * len(theta) + 60
    u, v = 1.5 * rng.normal(size=(n, model.n_inputs)), 2.0 * rng.normal(size=(n, p))
    x, y = (v, u) if inverse else (u, v)

    def loglik(point: Array) -> Array:
        params = chart.params(point[: chart.n_free])
        params = replace(params, factor=point[chart.n_free :].reshape(k, p, r))
        scaling = Scaling.identity(model.n_inputs, p)
        return Forward.of(model, params, scaling, inverse=inverse).log_prob(x, y)

    steps = 1e-4 * np.eye(len(theta))
    scores = np.array([
        8.0 * (loglik(theta + s) - loglik(theta - s))
        - (loglik(theta + 2.0 * s) - loglik(theta - 2.0 * s))
        for s in steps
    ])  # fmt: skip
    scores /= np.linalg.norm(scores, axis=0)
    size = np.linalg.svd(scores, compute_uv=False)
    return int(np.sum(size > 1e-7 * size[0]))


@pytest.mark.parametrize("inverse", [False, True])
@pytest.mark.parametrize(
    ("gate", "expert", "n_latent"),
    [
        (Full(), Full(), 0),
        (Full(), Full("shared"), 1),
        (Full("volume"), Full(), 0),
        (Full("shared"), Full("shared"), 0),
        (Diagonal(), Diagonal(), 0),
        (Diagonal(), Diagonal(), 1),
        (Isotropic(), Full("volume"), 0),
        (Full(), Isotropic("shared"), 1),
    ],
    ids=repr,
)  # fmt: skip
def test_dimension_of_the_conditional_law_is_its_rank(gate, expert, n_latent, inverse) -> None:
    model = replace(with_covariances(gate, expert), n_latent=n_latent)
    expected = rank_of_conditional_scores(model, inverse)
    assert conditional_dimension(model, inverse=inverse) == expected
