"""EM of Gaussian locally linear mappings: published traces, ascent, weights, threads and blocks."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mixexp.estimation.gllim.data import JointData
from mixexp.estimation.gllim.em import Floors, JointEM, solve_least_squares
from mixexp.models.covariances import (
    BlockDiagonal,
    BlockMatrices,
    Covariance,
    Diagonal,
    DiagonalMatrices,
    Full,
    Isotropic,
)
from mixexp.models.gllim import GLLiM, GLLiMParams, Scaling, inverted
from mixexp.models.gllim.forward import Forward

Array = np.ndarray

FOLDER = Path(__file__).parents[1] / "reference" / "gllim"
EXPECTED: dict[str, Any] = json.loads((FOLDER / "expected.json").read_text("utf-8"))
STRUCTURES: dict[str, Covariance] = {
    "iso": Isotropic(),
    "diag": Diagonal(),
    "full": Full(),
    "block": BlockDiagonal([np.array(labels) for labels in EXPECTED["block"]["blocks"]]),
}
HYBRID = {
    (Isotropic, 1): [
        -472.416, -323.649, -284.294, -271.445, -266.956, -265.347, -264.635, -264.245,
    ],
    (Diagonal, 2): [
        -455.988, -338.790, -287.546, -269.435, -262.401, -259.390, -257.966, -257.222,
    ],
}  # fmt: skip
"""Joint log-likelihoods of the hybrid EM with each factor's uncertainty counted once a row, from
the same responsibilities (own computation; the published package omits the count)."""

ALL = [
    *(structure(sharing) for structure in (Isotropic, Diagonal, Full)
      for sharing in ("expert", "shared", "volume")),
    BlockDiagonal([0, 1, 0]), BlockDiagonal([[0, 1, 0], [0, 0, 1]]),
    BlockDiagonal([0, 1, 0], "shared"), BlockDiagonal([0, 1, 0], "volume"),
]  # fmt: skip


def table(name: str) -> tuple[Array, Array]:
    """Responses (n, 2) and covariates (n, 5) of a file of the reference."""
    rows = np.loadtxt(FOLDER / name, delimiter=",", skiprows=1)
    return rows[:, :2], rows[:, 2:]


def start() -> Array:
    return np.loadtxt(FOLDER / "init_r.csv", delimiter=",", skiprows=1)


def ridged(params: GLLiMParams, ridge: float = 1e-8) -> GLLiMParams:
    """The parameters with what the published program adds to every variance."""

    def raised(matrices):
        if isinstance(matrices, DiagonalMatrices):
            return DiagonalMatrices(matrices.variance + ridge)
        return BlockMatrices(
            matrices.blocks,
            [[v + ridge * np.eye(len(v)) for v in each] for each in matrices.values],
        )

    return replace(
        params, gate_covariance=raised(params.gate_covariance),
        covariance=raised(params.covariance),
    )  # fmt: skip


def climbed(em: JointEM, params: GLLiMParams, n_steps: int) -> tuple[list[float], GLLiMParams]:
    """Values at the start and after each step, and the parameters of the last value."""
    s = em.statistics(params)
    trace = [s.value]
    for _ in range(n_steps):
        params = ridged(em.m_step(params, s))
        s = em.statistics(params)
        trace.append(s.value)
    return trace, params


@pytest.fixture(scope="module", params=list(STRUCTURES))
def fitted(request) -> tuple[dict[str, Any], GLLiM, list[float], GLLiMParams]:
    expected = EXPECTED[request.param]
    model = GLLiM(3, 2, 5, Full(), STRUCTURES[request.param])
    model, data = JointData.from_rows(model, *table("data_t1t2_y1to5.csv"), standardize=False)
    em = JointEM(model, data, Floors(0.0, 0.0))
    begin = ridged(em.from_responsibilities(start()))
    return expected, model, *climbed(em, begin, len(expected["LL"]) - 1)


def test_trace_is_the_published_one(fitted) -> None:
    expected, model, trace, _ = fitted
    assert trace == pytest.approx(expected["LL"], rel=1e-11)
    assert model.n_parameters == expected["nbpar"]


def test_parameters_are_the_published_ones(fitted) -> None:
    expected, _, _, params = fitted
    found = {
        "pi": params.weight, "c": params.gate_mean.T, "Gamma": params.gate_covariance.dense(),
        "A": params.coef, "b": params.intercept.T, "Sigma": params.covariance.dense(),
    }  # fmt: skip
    for name, value in found.items():
        np.testing.assert_allclose(value, expected[name], rtol=1e-7, atol=1e-7, err_msg=name)


def test_exchanged_parameters_are_the_published_ones(fitted) -> None:
    expected, _, _, params = fitted
    if "star" not in expected:
        pytest.skip("not published for these covariances")
    back = inverted(params)
    found = {
        "c": back.gate_mean.T, "Gamma": back.gate_covariance.dense(), "A": back.coef,
        "b": back.intercept.T, "Sigma": back.covariance.dense(),
    }  # fmt: skip
    for name, value in found.items():
        np.testing.assert_allclose(
            value, expected["star"][name], rtol=1e-6, atol=1e-7, err_msg=name
        )


def test_predictions_are_the_published_ones(fitted) -> None:
    expected, model, _, params = fitted
    law = Forward.of(model, params, Scaling.identity(2, 5), inverse=True)
    y, x = table("test_t1t2_y1to5.csv")
    np.testing.assert_allclose(law.distribution(x).mean().T, expected["pred_test"], rtol=1e-6)
    if "alpha_test" in expected:
        np.testing.assert_allclose(law.weights(x), expected["alpha_test"], rtol=1e-4, atol=1e-200)
        density = np.exp(law.log_prob(x, y))
        np.testing.assert_allclose(density, expected["test_cond_density"], rtol=1e-6)
        assert -law.log_prob(x, y).sum() == pytest.approx(expected["test_CNLL"], abs=1e-6)
        y, x = table("data_t1t2_y1to5.csv")
        assert -law.log_prob(x, y).sum() == pytest.approx(expected["train_CNLL"], abs=1e-6)


@pytest.mark.parametrize(("structure", "n_latent"), HYBRID)
def test_hybrid_trace_counts_the_uncertainty_of_factors_once_a_row(structure, n_latent) -> None:
    model = GLLiM(3, 2, 5, Full(), structure(), n_latent=n_latent)
    model, data = JointData.from_rows(model, *table("data_t1t2_y1to5.csv"), standardize=False)
    em = JointEM(model, data, Floors(0.0, 0.0))
    trace, _ = climbed(em, ridged(em.from_responsibilities(start())), 8)
    assert trace[1:] == pytest.approx(HYBRID[structure, n_latent], abs=6e-4)


def problem(
    structure: Covariance, gate: Covariance | None = None, n: int = 60, seed: int = 0, **options
) -> tuple[JointEM, GLLiMParams]:
    """Rows with two inputs and three outputs, a model of two experts, and a random start."""
    rng = np.random.default_rng(seed)
    u = rng.normal(size=(n, 2))
    v = u @ rng.normal(size=(2, 3)) + np.abs(u[:, :1]) + rng.normal(size=(n, 3))
    weight = rng.uniform(0.5, 2.0, n)
    model = GLLiM(2, 2, 3, gate or Full(), structure, **options)
    model, data = JointData.from_rows(model, u, v, weight)
    em = JointEM(model, data)
    return em, em.from_responsibilities(rng.dirichlet([1.0, 1.0], n))


@settings(max_examples=60)
@given(
    structure=st.sampled_from(ALL),
    gate=st.sampled_from(
        [s(sharing) for s in (Isotropic, Diagonal, Full)
         for sharing in ("expert", "shared", "volume")]
    ),
    degree=st.sampled_from([0, 1, 2]),
    n_latent=st.sampled_from([0, 0, 1, 2]),
    seed=st.integers(0, 10**6),
)  # fmt: skip
def test_em_never_descends(structure, gate, degree, n_latent, seed) -> None:
    em, params = problem(structure, gate, seed=seed, degree=degree, n_latent=n_latent)
    last = -np.inf
    for _ in range(8):
        s = em.statistics(params)
        assert s.value >= last - 1e-10 * abs(s.value)
        last = s.value
        params = em.m_step(params, s)


@pytest.mark.parametrize("n_latent", [0, 1])
@pytest.mark.parametrize("structure", ALL, ids=repr)
def test_weights_are_repeated_rows(structure: Covariance, n_latent: int) -> None:
    em, params = problem(structure, n_latent=n_latent)
    times = np.random.default_rng(1).integers(0, 4, em.data.n_rows)
    weighted = replace(em, data=replace(em.data, weight=times.astype(float)))
    rows = np.repeat(np.arange(em.data.n_rows), times)
    repeated = replace(em, data=replace(em.data.take(rows), weight=None))
    a, b = weighted.statistics(params), repeated.statistics(params)
    assert a.value == pytest.approx(b.value, rel=1e-12)
    one, other = weighted.m_step(params, a), repeated.m_step(params, b)
    np.testing.assert_allclose(one.table, other.table, rtol=1e-9, atol=1e-10)
    np.testing.assert_allclose(one.noise.dense(), other.noise.dense(), rtol=1e-9, atol=1e-10)
    np.testing.assert_allclose(one.weight, other.weight, rtol=1e-12)


@pytest.mark.parametrize("structure", [Full(), Diagonal(), BlockDiagonal([0, 1, 0])], ids=repr)
def test_threads_give_the_same_bits_and_blocks_the_same_sums(structure, monkeypatch) -> None:
    em, params = problem(structure, n=3000)
    monkeypatch.setattr(JointEM, "block_rows", property(lambda self: 64))
    one, two = em.statistics(params), replace(em, n_threads=2).statistics(params)
    monkeypatch.setattr(JointEM, "block_rows", property(lambda self: 10_000))
    whole = em.statistics(params)
    assert one.value == two.value != 0.0
    for name in ("mass", "shift", "gram", "cross", "gate_scatter", "scatter"):
        a, b, c = (np.array(getattr(s, name)) for s in (one, two, whole))
        assert np.array_equal(a, b), name
        np.testing.assert_allclose(a, c, rtol=1e-10, atol=1e-9, err_msg=name)


def test_statistics_hold_the_sums_they_name() -> None:
    em, params = problem(Full(), degree=2)
    s, data = em.statistics(params), em.data
    r = np.exp(_log_joint(em, params))
    value = float(data.weight @ np.log(r.sum(axis=0)))
    assert s.value == pytest.approx(value, rel=1e-12)
    r = r / r.sum(axis=0) * data.weight
    e, d = data.v - params.table @ data.features, data.u - params.gate_mean[:, :, None]
    np.testing.assert_allclose(s.mass, r.sum(axis=1), rtol=1e-11)
    np.testing.assert_allclose(s.shift, np.einsum("kb,kib->ki", r, d), atol=1e-10)
    np.testing.assert_allclose(
        s.gram, np.einsum("kb,ib,jb->kij", r, data.features, data.features), atol=1e-9
    )
    np.testing.assert_allclose(s.cross, np.einsum("kb,kib,jb->kij", r, e, data.features), atol=1e-9)
    for found, x in ((s.scatter, e), (s.gate_scatter, d)):
        sums = np.einsum("kb,kib,kjb->kij", r, x, x).reshape(2, -1)
        np.testing.assert_allclose(np.array(found), sums, atol=1e-9)


def _log_joint(em: JointEM, params: GLLiMParams) -> Array:
    """log π_k N(u; c, Γ) N(v; Bφ, Σ), (K, n), by scipy."""
    from scipy.stats import multivariate_normal

    data = em.data
    means = params.table @ data.features
    gate, noise = params.gate_covariance.dense(), params.noise.dense()
    return np.array([
        np.log(params.weight[k])
        + multivariate_normal(params.gate_mean[k], gate[k]).logpdf(data.u.T)
        + multivariate_normal(np.zeros(len(data.v)), noise[k]).logpdf((data.v - means[k]).T)
        for k in range(params.n_experts)
    ])  # fmt: skip


def test_precision_survives_residuals_far_smaller_than_the_data() -> None:
    rng = np.random.default_rng(5)
    u = rng.normal(size=(400, 1))
    noise = rng.normal(size=(400, 2))
    v = u * [1.0, -2.0] + 1e-6 * noise
    model, data = JointData.from_rows(GLLiM(1, 1, 2), u, v, standardize=False)
    em = JointEM(model, data, Floors(0.0, 0.0))
    params = em.from_responsibilities(np.ones((400, 1)))
    # Around the residuals of the first fit, and not around zero, nothing cancels.
    params = em.m_step(params, em.statistics(params))
    design = np.column_stack([np.ones(400), u])
    e = 1e-6 * (noise - design @ np.linalg.lstsq(design, noise, rcond=None)[0])
    np.testing.assert_allclose(params.covariance.dense()[0], e.T @ e / 400, rtol=1e-8)


def test_least_squares_of_features_on_any_scale() -> None:
    rng = np.random.default_rng(2)
    gram = np.cov(rng.normal(size=(3, 20)))[None]
    b = rng.normal(size=(1, 2, 3))
    scale = np.array([1e-6, 1.0, 1e6])
    scaled = gram * scale[:, None] * scale
    found = solve_least_squares(scaled, b / scale @ scaled)
    np.testing.assert_allclose(found, b / scale, rtol=1e-9)


def test_expert_without_rows_keeps_its_place() -> None:
    em, _ = problem(Full())
    r = np.zeros((em.data.n_rows, 2))
    r[:, 0] = 1.0
    params = em.from_responsibilities(r)
    assert params.weight == pytest.approx([1.0, 0.0])
    s = em.statistics(params)
    assert np.isfinite(s.value)
    again = em.m_step(params, s)
    assert np.isfinite(again.table).all() and np.isfinite(again.covariance.dense()).all()
    np.testing.assert_allclose(again.covariance.dense()[1], again.covariance.dense()[0], rtol=1e-8)
