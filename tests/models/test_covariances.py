"""Covariance structures: M-steps, floors, numbers of parameters, partitions, matrix operations."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone

from mixexp.models.covariances import (
    BlockDiagonal,
    BlockMatrices,
    Covariance,
    Diagonal,
    DiagonalMatrices,
    FactorMatrices,
    Full,
    Isotropic,
    Matrices,
)

Array = np.ndarray

SHARINGS = ("expert", "shared", "volume")
STRUCTURES = [
    *(kind(sharing) for kind in (Isotropic, Diagonal, Full) for sharing in SHARINGS),
    *(BlockDiagonal([0, 1, 0, 1], sharing) for sharing in SHARINGS),
    BlockDiagonal([[0, 1, 0, 1], [0, 0, 1, 2], [0, 0, 0, 0]]),
    BlockDiagonal([[0, 1, 0, 1], [0, 0, 1, 2], [0, 0, 0, 0]], "volume"),
]
each_structure = pytest.mark.parametrize("structure", STRUCTURES, ids=repr)
K, DIM = 3, 4


def scatters_of(structure: Covariance, seed: int) -> tuple[list[Array], Array, Array]:
    """Scatters of random vectors as the structure keeps them, their masses, and dense ones."""
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(K, DIM, DIM)) * rng.uniform(0.3, 2.0, size=(K, DIM, 1))
    mass = rng.uniform(5.0, 50.0, K)
    vectors = rng.normal(size=(K, DIM, 20))
    vectors = np.matmul(root, vectors)
    weight = mass / 20.0
    left = vectors * weight[:, None, None]
    return structure.products(left, vectors), mass, left @ np.swapaxes(vectors, 1, 2)


def loglik(dense: Array, scatter: Array, mass: Array) -> float:
    """Gaussian log-likelihood of scatters without its constant, nats."""
    log_det = np.linalg.slogdet(dense)[1]
    inner = np.einsum("kij,kji->k", np.linalg.inv(dense), scatter)
    return float(-0.5 * np.sum(mass * log_det + inner))


def other_member(structure: Covariance, dense: Array, size: float, seed: int) -> Array:
    """Matrices of the structure near these: variances and dependences moved, volumes kept equal."""
    rng = np.random.default_rng(seed)
    shared = structure.sharing == "shared"
    moves = rng.normal(size=(1 if shared else K, DIM, DIM)) * size
    moves = np.broadcast_to(moves, (K, DIM, DIM))
    pattern = np.zeros((K, DIM, DIM))
    for mask, blocks in zip(pattern, structure.blocks(DIM, K), strict=True):
        for where in blocks:
            mask[np.ix_(where, where)] = 1.0
    if structure.isotropic:
        common = size * rng.normal(size=1 if structure.sharing != "expert" else K)
        return dense * np.exp(np.broadcast_to(common, K))[:, None, None]
    # M Σ Mᵀ with M of the same blocks stays in the pattern.
    change = np.eye(DIM) + moves * pattern
    moved = change @ dense @ np.swapaxes(change, 1, 2)
    if structure.sharing == "volume":
        log_det = np.linalg.slogdet(moved)[1]
        moved *= np.exp((log_det.mean() - log_det) / DIM)[:, None, None]
    return moved


@each_structure
@settings(max_examples=15)
@given(seed=st.integers(0, 10**6), size=st.sampled_from([1e-3, 0.03, 0.3]))
def test_m_step_is_the_likeliest_member_of_the_structure(structure, seed, size) -> None:
    scatter, mass, dense = scatters_of(structure, seed)
    best = structure.m_step(scatter, mass, DIM, 0.0).dense()
    value = loglik(best, dense, mass)
    other = other_member(structure, best, size, seed)
    assert loglik(other, dense, mass) <= value + 1e-10 * abs(value)


@each_structure
def test_m_step_returns_members_of_the_structure(structure: Covariance) -> None:
    scatter, mass, _ = scatters_of(structure, 1)
    found = structure.m_step(scatter, mass, DIM, 0.0)
    dense = found.dense()
    np.testing.assert_array_equal(dense, np.swapaxes(dense, 1, 2))
    for matrix, blocks in zip(dense, structure.blocks(DIM, K), strict=True):
        inside = np.zeros((DIM, DIM), dtype=bool)
        for where in blocks:
            inside[np.ix_(where, where)] = True
        assert not matrix[~inside].any()
    log_det = np.linalg.slogdet(dense)[1]
    if structure.isotropic:
        assert np.ptp(np.diagonal(dense, axis1=1, axis2=2), axis=1) == pytest.approx(0.0)
    if structure.sharing == "shared":
        assert np.array_equal(dense[0], dense[1]) and np.array_equal(dense[0], dense[2])
    elif structure.sharing == "volume":
        np.testing.assert_allclose(log_det, log_det[0], rtol=1e-10)
    else:
        assert np.ptp(log_det) > 0.1


@each_structure
def test_number_of_parameters_is_the_rank_of_the_set_of_matrices(structure: Covariance) -> None:
    """The dimension of the span of small moves of a member within the structure."""
    scatter, mass, _ = scatters_of(structure, 2)
    member = structure.m_step(scatter, mass, DIM, 0.0).dense()
    moves = np.array([
        (other_member(structure, member, 1e-6, seed) - member).ravel() for seed in range(80)
    ])  # fmt: skip
    size = np.linalg.svd(moves / 1e-6, compute_uv=False)
    assert int(np.sum(size > 1e-3 * size[0])) == structure.n_parameters(DIM, K)


@each_structure
def test_eigenvalues_stay_above_the_floor(structure: Covariance) -> None:
    rng = np.random.default_rng(3)
    flat = rng.normal(size=(K, DIM, 2))
    mass = np.full(K, 2.0)
    found = structure.m_step(structure.products(flat, flat), mass, DIM, 0.25)
    assert np.linalg.eigvalsh(found.dense()).min() >= 0.25 * (1.0 - 1e-9)
    # The floor moves nothing that lies above it, before volumes are made equal too.
    scatter, mass, _ = scatters_of(structure, 3)
    free = structure.m_step(scatter, mass, DIM, 0.0).dense()
    least = np.linalg.eigvalsh(free).min()
    np.testing.assert_allclose(
        structure.m_step(scatter, mass, DIM, 0.05 * least).dense(), free, rtol=1e-12, atol=1e-14
    )


@settings(max_examples=30)
@given(seed=st.integers(0, 10**6), structure=st.sampled_from([Full(), Diagonal(), Isotropic()]))
def test_floored_matrix_is_the_likeliest_above_the_floor(seed, structure) -> None:
    scatter, mass, dense = scatters_of(structure, seed)
    floor = float(np.median(np.linalg.eigvalsh(dense / mass[:, None, None])))
    best = structure.m_step(scatter, mass, DIM, floor).dense()
    other = other_member(structure, best, 0.05, seed)
    for k in range(K):
        if np.linalg.eigvalsh(other[k]).min() >= floor:
            one = loglik(other[k : k + 1], dense[k : k + 1], mass[k : k + 1])
            assert one <= loglik(best[k : k + 1], dense[k : k + 1], mass[k : k + 1]) + 1e-9


@each_structure
def test_expert_without_mass_gets_the_pooled_matrix(structure: Covariance) -> None:
    scatter, mass, dense = scatters_of(structure, 4)
    scatter = [s * (k != 1) for k, s in enumerate(scatter)]
    dense[1], mass[1] = 0.0, 0.0
    found = structure.m_step(scatter, mass, DIM, 1e-6).dense()
    assert np.isfinite(found).all() and np.linalg.eigvalsh(found).min() > 1e-3
    if structure.sharing == "expert":
        kept = np.zeros((DIM, DIM))
        for matrix, blocks in zip(dense, structure.blocks(DIM, K), strict=True):
            for where in blocks:
                kept[np.ix_(where, where)] += matrix[np.ix_(where, where)]
        pooled = structure.of(np.tile(kept / mass.sum(), (K, 1, 1))).dense()[1]
        np.testing.assert_allclose(found[1], pooled, rtol=1e-12, atol=1e-14)


@each_structure
def test_projection_keeps_members(structure: Covariance) -> None:
    scatter, mass, _ = scatters_of(structure, 5)
    member = structure.m_step(scatter, mass, DIM, 0.0).dense()
    np.testing.assert_allclose(structure.of(member).dense(), member, rtol=1e-10, atol=1e-13)
    variance = np.array([0.5, 0.5, 0.5])
    sphere = structure.spherical(variance, DIM).dense()
    np.testing.assert_array_equal(sphere, np.tile(0.5 * np.eye(DIM), (K, 1, 1)))


@each_structure
def test_settings_come_back_and_are_cloned(structure: Covariance) -> None:
    copy = clone(structure)
    assert copy.get_params() == structure.get_params()
    assert copy.n_parameters(DIM, K) == structure.n_parameters(DIM, K)


def test_one_dimension_is_one_variance_whatever_the_structure() -> None:
    for structure in (Isotropic(), Diagonal(), Full(), BlockDiagonal([0])):
        assert structure.n_parameters(1, K) == K
        assert structure.simplest(1).n_parameters(1, K) == K
    for kind in (Isotropic, Diagonal, Full):
        for sharing in ("shared", "volume"):
            assert kind(sharing).n_parameters(1, K) == kind(sharing).simplest(1).n_parameters(1, K)


# -- partitions


@pytest.mark.parametrize(
    "partition",
    [
        [0, 1, 0, 1],
        (5, 2, 5, 2),
        np.array([0, 1, 0, 1]),
        ["a", "b", "a", "b"],
        [[0, 2], [1, 3]],
        ((3, 1), (2, 0)),
        [np.array([0, 2]), np.array([1, 3])],
        [[0, 1, 0, 1]] * K,
        np.array([[0, 1, 0, 1]] * K),
        [[[0, 2], [1, 3]]] * K,
        [[[1, 3], [0, 2]], [0, 1, 0, 1], ["x", "y", "x", "y"]],
    ],
    ids=str,
)
def test_partition_in_every_notation(partition) -> None:
    structure = BlockDiagonal(partition)
    structure.check(DIM, K)
    assert structure.blocks(DIM, K) == (((0, 2), (1, 3)),) * K


def test_partitions_of_experts_differ() -> None:
    structure = BlockDiagonal([[0, 1, 0, 1], [[0], [1, 2, 3]], [0, 0, 0, 0]])
    assert structure.blocks(DIM, K) == (
        ((0, 2), (1, 3)), ((0,), (1, 2, 3)), ((0, 1, 2, 3),),
    )  # fmt: skip
    assert structure.n_parameters(DIM, K) == 6 + 7 + 10


@pytest.mark.parametrize(
    ("structure", "message"),
    [
        (BlockDiagonal([0, 1, 0]), "3 labels.*4 coordinates"),
        (BlockDiagonal([[0, 1], [2]]), "neither a partition of 4 coordinates nor"),
        (BlockDiagonal([[0, 1, 0, 1], [0, 1, 0, 1]]), "nor one for each of 3 experts"),
        (BlockDiagonal([[[0, 1], [2]]] * K), "does not hold each of the coordinates 0..3 once"),
        (BlockDiagonal([[[0, 1], [1, 2, 3]]] * K), "does not hold each"),
        (BlockDiagonal([[0, 0, 1, 1], [0, 1, 0, 1], [0, 0, 0, 0]], "shared"), "sharing='expert'"),
        (Full("common"), "sharing='common'"),
        (Diagonal(None), "sharing=None"),
    ],
    ids=str,
)
def test_bad_structures_are_named(structure: Covariance, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        structure.check(DIM, K)


# -- matrices


def matrices_of(kind: str, seed: int) -> Matrices:
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(K, DIM, DIM + 2))
    dense = root @ np.swapaxes(root, 1, 2)
    made: dict[str, Matrices] = {
        "diagonal": Diagonal().of(dense),
        "full": BlockMatrices.full(dense),
        "block": BlockDiagonal([[0, 1, 0, 1], [0, 0, 1, 2], [0, 0, 0, 0]]).of(dense),
    }
    if kind in made:
        return made[kind]
    base = made[kind.removeprefix("factors on ")]
    return FactorMatrices(base, rng.normal(size=(K, DIM, 2)))


@settings(max_examples=10)
@given(seed=st.integers(0, 10**6))
@pytest.mark.parametrize(
    "kind", ["diagonal", "full", "block", "factors on diagonal", "factors on block"]
)
def test_operations_are_those_of_the_dense_matrices(kind: str, seed: int) -> None:
    m = matrices_of(kind, seed)
    rng = np.random.default_rng(seed)
    dense, vectors, scale = m.dense(), rng.normal(size=(K, DIM, 5)), rng.uniform(0.5, 2.0, DIM)
    close = {"rtol": 1e-7, "atol": 1e-9}
    assert (m.n_experts, m.dim) == (K, DIM)
    np.testing.assert_allclose(m.log_det(), np.linalg.slogdet(dense)[1], **close)
    np.testing.assert_allclose(m.diagonal(), np.einsum("kpp->kp", dense), **close)
    np.testing.assert_allclose(np.sort(m.eigenvalues(), axis=1), np.linalg.eigvalsh(dense), **close)
    np.testing.assert_allclose(m.scaled(scale).dense(), dense * np.outer(scale, scale), **close)
    np.testing.assert_array_equal(m.take([2, 0, 2]).dense(), dense[[2, 0, 2]])
    quadratic = np.einsum("kpb,kpq,kqb->kb", vectors, np.linalg.inv(dense), vectors)
    np.testing.assert_allclose(m.quadratic(vectors), quadratic, **close)
    for k, (matrix, v) in enumerate(zip(dense, vectors, strict=True)):
        np.testing.assert_allclose(m.solve(k, v), np.linalg.solve(matrix, v), **close)
        np.testing.assert_allclose(m.multiply(k, v), matrix @ v, **close)
        np.testing.assert_allclose(np.sum(m.whiten(k, v) ** 2, axis=0), quadratic[k], **close)
        np.testing.assert_allclose(m.color(k, m.whiten(k, v)), v, **close)
        root = m.color(k, np.eye(DIM))
        np.testing.assert_allclose(root @ root.T, matrix, **close)


def test_factors_know_their_posterior() -> None:
    m = matrices_of("factors on diagonal", 7)
    assert isinstance(m, FactorMatrices)
    base, v = m.base.dense(), np.random.default_rng(0).normal(size=(DIM, 6))
    for k in range(K):
        f = m.factor[k]
        precision = np.eye(2) + f.T @ np.linalg.inv(base[k]) @ f
        np.testing.assert_allclose(m.capacity[k], precision, rtol=1e-10)
        # The regression of the factors on v = F w + e.
        regression = f.T @ np.linalg.inv(f @ f.T + base[k])
        np.testing.assert_allclose(m.scores(k, v), regression @ v, rtol=1e-8)


def test_changed_values_do_not_reach_what_a_method_returned() -> None:
    m = DiagonalMatrices(np.ones((K, DIM)))
    m.diagonal()[:] = 5.0
    m.eigenvalues()[:] = 5.0
    np.testing.assert_array_equal(m.variance, np.ones((K, DIM)))
