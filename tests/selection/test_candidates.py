"""The table of candidates: order, what is left out, what is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from mixexp.selection import Candidates


def test_sorted_by_penalty_then_contrast():
    table = Candidates("cabd", [20, 10, 10, 30], [5.0, 9.0, 8.0, 4.0])
    assert table.names == ("b", "a", "c", "d")
    assert table.complexity.tolist() == [10, 10, 20, 30]
    assert table.contrast.tolist() == [8.0, 9.0, 5.0, 4.0]
    assert len(table.findings) == 1 and "4 models share 3 penalties" in table.findings[0]


def test_models_with_numbers_that_are_not_finite_are_left_out_and_named():
    table = Candidates("abcd", [1, 2, np.nan, 4], [4.0, np.nan, 2.0, -np.inf])
    assert table.names == ("a",)
    assert table.dropped == ("b", "c", "d")
    assert "3 models are left out" in table.findings[0] and "b, c, d" in table.findings[0]


def test_arrays_are_copied_and_cannot_be_written():
    contrast = np.array([3.0, 2.0])
    table = Candidates.from_arrays([1, 2], contrast)
    contrast[0] = -9.0
    assert table.contrast[0] == 3.0
    with pytest.raises(ValueError, match="read-only"):
        table.contrast[0] = 0.0


def test_frame_and_arrays_make_the_same_table():
    frame = pd.DataFrame({"K": [2, 1], "D": [9, 4], "nll": [7.0, 8.0], "shape": [3.0, 1.0]})
    one = Candidates.from_frame(
        frame, name="K", complexity="D", contrast="nll", penalty_shape="shape"
    )
    other = Candidates.from_arrays([9, 4], [7.0, 8.0], [2, 1], [3.0, 1.0])
    assert one.names == other.names == (1, 2)
    for field in ("complexity", "contrast", "penalty_shape"):
        np.testing.assert_array_equal(getattr(one, field), getattr(other, field))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Candidates("ab", [1, 2, 3], [1.0, 2.0]), r"complexity has shape \(3,\)"),
        (lambda: Candidates("aa", [1, 2], [1.0, 2.0]), "names repeats 'a'"),
        (lambda: Candidates("ab", [1, -2], [1.0, 2.0]), "complexity of 'b' is -2"),
        (lambda: Candidates("ab", [1, 2], ["x", "y"]), "contrast must hold numbers"),
        (lambda: Candidates("ab", [1, 2], [np.nan, np.nan]), "none of the 2 models"),
        (lambda: Candidates("ab", [1, 2], [2.0, 1.0], [5.0, 4.0]), "falls from 5 to 4"),
        (lambda: Candidates("ab", [1, 2], [2.0, 1.0], [-1.0, 4.0]), "penalty_shape of 'a' is -1"),
        (lambda: Candidates((), [], []), "none of the 0 models"),
        (lambda: Candidates.from_frame(pd.DataFrame({"a": [1]})), "no column 'name'"),
    ],
)
def test_bad_input_is_named(make, words):
    with pytest.raises(ValueError, match=words):
        make()
