"""Nested partitions, their gains, and the collection indexed by one penalty level."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse.csgraph import connected_components

from mixexp.estimation.box import Bounds
from mixexp.estimation.gllim.block_path import correlations, refits, residual_covariances
from mixexp.estimation.gllim.data import JointData
from mixexp.models.covariances import Full
from mixexp.models.covariances.block_diagonal import floored
from mixexp.models.gllim import GLLiM, GLLiMParams
from mixexp.selection import nested_partitions, partition_gains, penalised_collection
from mixexp.selection.collection import thinned
from mixexp.selection.partitions import PartitionGains


def correlation(seed: int, p: int) -> np.ndarray:
    rows = np.random.default_rng(seed).normal(size=(3 * p, p))
    return np.corrcoef(rows @ np.random.default_rng(seed + 1).normal(size=(p, p)), rowvar=False)


def components(rho: np.ndarray, threshold: float) -> set[tuple[int, ...]]:
    count, labels = connected_components(np.abs(rho) >= threshold)
    return {tuple(int(j) for j in np.flatnonzero(labels == c)) for c in range(count)}


@given(st.integers(0, 10_000), st.integers(2, 7))
def test_partitions_are_the_components_of_thresholded_absolute_correlations(seed, p):
    rho = correlation(seed, p)
    path = nested_partitions(rho)
    assert len(path) == p
    for partition, threshold in zip(path.partitions[1:], path.thresholds[1:], strict=True):
        # A grain below the threshold: it went through a difference.
        assert set(partition) == components(rho, threshold - 1e-12)
    for fine, coarse in itertools.pairwise(path.partitions):
        assert len(coarse) == len(fine) - 1
        assert all(any(set(f) <= set(c) for c in coarse) for f in fine)


def test_signs_do_not_matter_where_a_signed_path_goes_wrong(reference_dir):
    case = json.loads((reference_dir / "gllim" / "expected.json").read_text())["partition_paths"]
    rho = np.array(case["S"])
    wanted = [
        tuple(tuple(int(j) for j in np.flatnonzero(labels == g)) for g in np.unique(labels))
        for labels in map(np.array, case["absolute"])
    ]
    assert list(nested_partitions(rho).partitions) == [tuple(sorted(w)) for w in wanted[::-1]]
    # The signed path of the reference implementation never joins the first three.
    assert all(len({labels[i] for i in range(3)}) > 1 for labels in case["xLLiM_signed"][1:])


def test_one_coordinate_and_bad_matrices():
    assert nested_partitions([[1.0]]).partitions == (((0,),),)
    with pytest.raises(ValueError, match="square matrix"):
        nested_partitions(np.ones((2, 3)))
    with pytest.raises(ValueError, match="finite"):
        nested_partitions([[1.0, np.nan], [np.nan, 1.0]])


def test_gains_are_gaussian_log_likelihoods_and_stop_at_the_effective_sample():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(50, 4)) @ rng.normal(size=(4, 4))
    rows -= rows.mean(axis=0)
    s = rows.T @ rows / 50
    path = nested_partitions(np.corrcoef(rows, rowvar=False))
    gains = partition_gains(path, s, 50.0, largest=4)
    for partition, dim, loglik in zip(path.partitions, gains.dimension, gains.loglik, strict=True):
        blocks = np.zeros((4, 4))
        for block in partition:
            blocks[np.ix_(block, block)] = s[np.ix_(block, block)]
        assert dim == np.count_nonzero(np.triu(blocks))
        assert loglik == pytest.approx(-25.0 * np.linalg.slogdet(blocks)[1], rel=1e-12)
    assert np.all(np.diff(gains.loglik) >= 0.0)
    few = partition_gains(path, s, 50.0, largest=2)
    assert few.n_fitting < len(path)
    assert all(max(map(len, path.partitions[i])) <= 2 for i in range(few.n_fitting))


def with_a_copy(n: int = 60) -> np.ndarray:
    """Standardised rows of four coordinates, the last a copy of the second."""
    rng = np.random.default_rng(1)
    rows = rng.normal(size=(n, 3)) @ rng.normal(size=(3, 3))
    rows = rows[:, [0, 1, 2, 1]]
    return (rows - rows.mean(axis=0)) / rows.std(axis=0)


@pytest.mark.parametrize("floor", [1e-6, 0.3])
def test_floored_gains_are_the_likelihoods_of_floored_blocks(floor):
    rows = with_a_copy()
    s = rows.T @ rows / 60
    path = nested_partitions(s)
    gains = partition_gains(path, s, 60.0, largest=4, floor=floor)
    assert gains.n_fitting == len(path) == 4
    for partition, loglik in zip(path.partitions, gains.loglik, strict=True):
        held = [(floored(s[np.ix_(b, b)], floor), s[np.ix_(b, b)]) for b in partition]
        each = [np.linalg.slogdet(m)[1] + np.trace(np.linalg.solve(m, t)) for m, t in held]
        assert loglik == pytest.approx(-30.0 * (sum(each) - 4), rel=1e-9, abs=1e-9)
    assert np.all(np.diff(gains.loglik) >= 0.0)


def test_a_floor_lets_the_path_go_on_past_singular_blocks_but_not_past_large_ones():
    s = np.kron(np.eye(2), np.ones((2, 2)))
    path = nested_partitions(s)
    assert partition_gains(path, s, 10.0, largest=4).n_fitting == 1
    assert partition_gains(path, s, 10.0, largest=4, floor=1e-6).n_fitting == 4
    assert partition_gains(path, s, 10.0, largest=2, floor=1e-6).n_fitting == 3
    with pytest.raises(ValueError, match=r"floor=-1.0 must be .* 0 or larger"):
        partition_gains(path, s, 10.0, largest=2, floor=-1.0)


def test_gains_with_a_floor_are_those_of_the_refits():
    rows = with_a_copy()
    y = np.random.default_rng(2).normal(size=60) + rows[:, 0]
    y = (y - y.mean()) / y.std()
    model, data = JointData.from_rows(GLLiM(1, 1, 4), y[:, None], rows)
    slopes = np.column_stack([np.zeros(4), y @ rows / 60])
    start = GLLiMParams(
        np.ones(1), np.zeros((1, 1)), Full().of(np.ones((1, 1, 1))), slopes[None],
        Full().of(np.eye(4)[None]), np.zeros((1, 4, 0)),
    )  # fmt: skip
    (s,), (mass,) = residual_covariances(data, start)
    path = nested_partitions(correlations(s))
    bounds = Bounds.parse({"scale": (1e-3, 1e3)})
    gains = partition_gains(path, s, mass, largest=4, floor=bounds.scale[0] ** 2)
    structures = [(partition,) for partition in path.partitions]
    found = [r.loglik for r in refits(model, data, start, structures, bounds, tol=1e-8)]
    np.testing.assert_allclose(np.diff(found), np.diff(gains.loglik), atol=1e-6)


@given(st.integers(0, 10_000))
def test_collection_holds_the_best_tuple_for_every_penalty(seed):
    rng = np.random.default_rng(seed)
    gains = [
        PartitionGains(
            np.cumsum(rng.integers(1, 5, 6)).astype(float),
            np.cumsum(rng.exponential(3.0, 6)),
            6,
        )
        for _ in range(3)
    ]
    collection = penalised_collection(gains)
    assert len(collection) <= 1 + sum(5 for _ in gains)
    for kappa in rng.exponential(2.0, 20):
        best = [np.max(g.loglik - kappa * g.dimension) for g in gains]
        level = [c for c in collection if c.kappa <= kappa][-1]
        found = [
            g.loglik[i] - kappa * g.dimension[i]
            for g, i in zip(gains, level.positions, strict=True)
        ]
        assert found == pytest.approx(best, abs=1e-9)


def test_thinning_keeps_both_ends():
    one = PartitionGains(np.arange(1.0, 31.0), np.sqrt(np.arange(1.0, 31.0)) * 10, 30)
    collection = penalised_collection([one])
    some = thinned(collection, 7)
    assert len(some) == 7
    assert (some[0], some[-1]) == (collection[0], collection[-1])
    assert thinned(collection, 100) == collection
