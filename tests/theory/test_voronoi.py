"""Voronoi cells of a fitted measure around the atoms of a true one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mixexp.models.measure import MixingMeasure
from mixexp.theory.voronoi.cells import distinct, voronoi_partition
from tests.theory.strategies import pairs

TRUTH = MixingMeasure(
    [1.0, 3.0],
    {
        "gate_coef": [[2.0], [0.0]],
        "coef": [[2.0], [-1.5]],
        "intercept": [2.0, -2.0],
        "variance": [0.25, 0.25],
    },
)


def test_cells_ignore_the_gate() -> None:
    fitted = TRUTH.take([1, 0, 1]).translate(2.0, [100.0])
    assert [c.tolist() for c in voronoi_partition(fitted, TRUTH).cells] == [[1], [0, 2]]


def test_every_expert_block_counts() -> None:
    atoms = {name: np.zeros_like(block) for name, block in TRUTH.atoms.items()}
    for name in TRUTH.expert_blocks:
        block = np.array(atoms[name])
        block[1] += 1.0
        truth = MixingMeasure([1.0, 1.0], {**atoms, name: block})
        fitted = MixingMeasure([1.0, 1.0], {**atoms, name: block[::-1] * 0.8 + 0.1})
        assert [c.tolist() for c in voronoi_partition(fitted, truth).cells] == [[1], [0]]


def test_gate_counts_if_a_slope_is_given() -> None:
    fitted = MixingMeasure(
        [1.0], {**TRUTH.take([0]).atoms, "intercept": [-0.5], "coef": [[0.0]], "gate_coef": [[9.0]]}
    )
    assert voronoi_partition(fitted, TRUTH).label.tolist() == [1]
    assert voronoi_partition(fitted, TRUTH, slope=[2.0]).label.tolist() == [0]
    assert voronoi_partition(fitted, TRUTH, slope=[9.0]).label.tolist() == [1]


def test_equal_atoms_are_one_point() -> None:
    fitted = TRUTH.split(1, [0.5, 0.25, 0.25])
    partition = voronoi_partition(fitted, TRUTH)
    assert partition.size.tolist() == [1, 1]
    assert [c.tolist() for c in partition.cells] == [[0], [1, 2, 3]]
    np.testing.assert_allclose(partition.mass, [0.25, 0.75])
    assert partition.distance(("coef", "intercept")).tolist() == [0.0, 0.0]


def test_minus_zero_is_zero() -> None:
    measure = MixingMeasure([1.0, 1.0], {"intercept": [0.0, -0.0]})
    assert distinct(measure)[0].n_atoms == 1


@settings(max_examples=50)
@given(pair=pairs(), data=st.data())
def test_cells_follow_the_labels(
    pair: tuple[MixingMeasure, MixingMeasure], data: st.DataObject
) -> None:
    fitted, truth = pair
    order = data.draw(st.permutations(range(fitted.n_atoms)))
    before = voronoi_partition(fitted, truth)
    after = voronoi_partition(fitted.take(order).translate(1.0, 0.5), truth)
    for old, new in zip(before.cells, after.cells, strict=True):
        assert sorted(np.asarray(order)[new]) == old.tolist()
    np.testing.assert_allclose(after.mass, before.mass, rtol=1e-12)


@settings(max_examples=50)
@given(pair=pairs())
def test_differences_are_fitted_minus_true(pair: tuple[MixingMeasure, MixingMeasure]) -> None:
    partition = voronoi_partition(*pair).aligned(1.5)
    for i, j in enumerate(partition.label):
        for name in pair[1].atoms:
            shift = 1.5 if name == "gate_coef" else 0.0
            original = np.flatnonzero(partition.point == i)[0]
            expected = np.ravel(pair[0][name][original] - shift - pair[1][name][j])
            np.testing.assert_allclose(partition.difference[name][i], expected, atol=1e-14)


def test_true_atoms_with_equal_experts_have_no_cells() -> None:
    truth = MixingMeasure(
        [1.0, 1.0], {**TRUTH.take([0, 0]).atoms, "gate_coef": np.array([[0.0], [1.0]])}
    )
    with pytest.raises(ValueError, match="equal expert parameters"):
        voronoi_partition(TRUTH, truth)
