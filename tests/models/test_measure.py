"""Mixing measures: validation, and the operations on atoms."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixexp.models.measure import MixingMeasure

G = MixingMeasure(
    np.array([1.0, 3.0, 2.0]),
    {
        "gate_coef": np.array([[2.0, 0.0], [0.0, 1.0], [0.5, 0.5]]),
        "intercept": np.array([0.1, 4.0, -2.0]),
        "covariance": np.arange(12.0).reshape(3, 2, 2),
    },
)


def test_arrays_are_copies_that_cannot_be_written() -> None:
    weight = np.ones(2)
    measure = MixingMeasure(weight, {"intercept": [0.0, 1.0]})
    weight[0] = 5.0
    assert measure.weight[0] == 1
    for array in (measure.weight, measure["intercept"]):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 2.0
    with pytest.raises(TypeError):
        measure.atoms["intercept"] = np.zeros(2)  # type: ignore[index]


@pytest.mark.parametrize(
    ("weight", "atoms", "message"),
    [
        ([], {}, r"weight has shape \(0,\)"),
        ([[1.0]], {}, r"weight has shape \(1, 1\)"),
        ([1.0, 0.0], {}, "weight must be positive"),
        ([1.0, np.nan], {}, "weight holds values that are not finite"),
        ([1.0, np.inf], {}, "weight holds values that are not finite"),
        ([1.0], {"coef": [np.nan]}, "coef holds values that are not finite"),
        ([1.0, 1.0], {"coef": [1.0]}, r"atoms\['coef'\] has shape \(1,\).*2 atoms"),
        ([1.0], {"coef": 1.0}, r"atoms\['coef'\] has shape \(\)"),
        ([1.0], {"weight": [1.0]}, "reserved name"),
    ],
)
def test_malformed_measures_are_refused(weight: list, atoms: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        MixingMeasure(weight, atoms)


@pytest.mark.parametrize(
    "clone", [copy.copy, copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))]
)
def test_clones_are_equal_and_still_read_only(clone: object) -> None:
    other = clone(G)
    assert other == G
    assert not other["covariance"].flags.writeable


def test_equality() -> None:
    assert MixingMeasure(G.weight, G.atoms) == G
    assert G.take([1, 0, 2]) != G
    assert G.translate(0.0, 1e-9) != G
    assert G.allclose(G.translate(0.0, 1e-13))
    assert G.take([0, 1]) != G
    assert (G == "G") is False
    with pytest.raises(TypeError):
        hash(G)


def test_unknown_block() -> None:
    with pytest.raises(KeyError, match="no block 'coef'"):
        G["coef"]


def test_normalized_keeps_the_ratios() -> None:
    assert G.normalized().weight.tolist() == [1 / 6, 1 / 2, 1 / 3]


def test_flat_puts_rows_side_by_side() -> None:
    assert G.flat(["intercept", "covariance"])[1].tolist() == [4, 4, 5, 6, 7]
    assert G.flat([]).shape == (3, 0)
    assert G.expert_blocks == ("intercept", "covariance")


def test_take_with_a_mask_and_with_a_single_index() -> None:
    assert G.take([True, False, True]) == G.take([0, 2])
    assert G.take([-1])["intercept"].tolist() == [-2]


def test_merge_adds_weights_and_averages_atoms() -> None:
    merged = G.merge([[2], [1, 0]])
    assert merged.weight.tolist() == [2, 4]
    np.testing.assert_allclose(merged["intercept"], [-2, (0.1 + 12) / 4])
    np.testing.assert_allclose(merged["covariance"][1], [[3, 4], [5, 6]])


@pytest.mark.parametrize("groups", [[[0, 1]], [[0, 1, 2], []], [[0, 1], [1, 2]], [[0, 1, 2, 3]]])
def test_merge_wants_a_partition(groups: list) -> None:
    with pytest.raises(ValueError, match=r"groups must hold each of 0\.\.2 once"):
        G.merge(groups)


@given(st.integers(-3, 2), st.lists(st.floats(0.01, 1), min_size=1, max_size=4))
def test_merge_undoes_split_exactly(index: int, parts: list[float]) -> None:
    split = G.split(index, np.array(parts) / sum(parts))
    assert split.n_atoms == 2 + len(parts)
    place = index % 3
    copies = list(range(place, place + len(parts)))
    groups = [[i] for i in range(place)] + [copies]
    groups += [[i] for i in range(place + len(parts), split.n_atoms)]
    merged = split.merge(groups)
    np.testing.assert_allclose(merged.weight, G.weight, rtol=1e-15 * 8)
    for name in G.atoms:
        assert np.array_equal(merged[name], G[name])


@pytest.mark.parametrize("fractions", [[0.5, 0.6], [1.5, -0.5], [], [[1.0]]])
def test_split_wants_fractions(fractions: list) -> None:
    with pytest.raises(ValueError, match="fractions must be positive and sum to one"):
        G.split(0, fractions)


def test_translate_moves_the_gate_only() -> None:
    moved = G.translate(np.log(2.0), [1.0, -1.0])
    np.testing.assert_allclose(moved.weight, 2 * G.weight)
    np.testing.assert_allclose(moved["gate_coef"] - G["gate_coef"], [[1, -1]] * 3)
    assert np.array_equal(moved["intercept"], G["intercept"])


@given(st.permutations(range(3)))
def test_align_undoes_a_permutation(order: list[int]) -> None:
    assert G.take(order).translate(1.0, 50.0).align(G) == G.translate(1.0, 50.0)


def test_align_does_not_look_at_the_gate() -> None:
    other = MixingMeasure(G.weight, {**G.atoms, "gate_coef": 1e4 * G["gate_coef"][::-1]})
    assert G.take([2, 0, 1]).align(other) == G


def test_align_wants_equally_many_atoms() -> None:
    with pytest.raises(ValueError, match="other has 2 atoms, this measure 3"):
        G.align(G.take([0, 1]))


def test_frame_has_a_row_per_atom() -> None:
    frame = G.to_frame()
    assert frame.shape == (3, 1 + 2 + 1 + 4)
    assert frame.loc[1, "intercept"] == 4
    assert frame.loc[2, "covariance[1,0]"] == 10
    assert frame.loc[0, "gate_coef[0]"] == 2
