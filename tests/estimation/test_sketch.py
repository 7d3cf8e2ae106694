"""The sketch is a function of the weighted distribution of the rows, and of nothing else."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mixexp.estimation import sketch as module
from mixexp.estimation.sketch import sketch_rows
from tests.instances import generator


def rows(n: int = 400, distinct: int = 150, seed: int = 0) -> tuple[np.ndarray, ...]:
    """Rows with many repetitions, and whole-number weights, whose sums are exact."""
    rng = generator("sketch", n, seed)
    table = rng.normal(size=(distinct, 3)).round(1)
    chosen = table[rng.integers(0, distinct, size=n)]
    return chosen[:, :2], chosen[:, 2], rng.integers(1, 5, size=n).astype(float)


def content(x: np.ndarray, y: np.ndarray, w: np.ndarray | None, size: int = 50, seed: int = 3):  # type: ignore[no-untyped-def]
    """The rows of the sketch themselves, in its order, and their weights."""
    sketch = sketch_rows(x, y, w, size, seed)
    return np.column_stack([x[sketch.rows], y[sketch.rows]]) + 0.0, sketch.weight


@settings(max_examples=20, derandomize=True)
@given(seed=st.integers(0, 1000), size=st.sampled_from([1, 7, 50, 1000]))
def test_order_of_the_rows_does_not_matter(seed: int, size: int) -> None:
    x, y, w = rows(seed=seed)
    order = generator("order", seed).permutation(len(x))
    for a, b in zip(
        content(x, y, w, size), content(x[order], y[order], w[order], size), strict=True
    ):
        assert np.array_equal(a, b)


def test_weight_of_two_is_two_rows() -> None:
    x, y, w = rows()
    copies = w.astype(int)
    written = content(np.repeat(x, copies, axis=0), np.repeat(y, copies), None)
    for a, b in zip(content(x, y, w), written, strict=True):
        assert np.array_equal(a, b)


def test_rows_are_distinct_and_hold_all_their_weight() -> None:
    x, y, w = rows()
    table, weight = content(x, y, w, size=1000)
    everything = np.column_stack([x, y]) + 0.0
    expected = np.unique(everything, axis=0)
    assert len(table) == len(expected)
    assert np.array_equal(np.unique(table, axis=0), expected)
    for row, mass in zip(table, weight, strict=True):
        assert mass == w[np.all(everything == row, axis=1)].sum()


@pytest.mark.parametrize(("size", "expected"), [(1, 1), (50, 50), (10_000, 150)])
def test_size(size: int, expected: int) -> None:
    rng = generator("size")
    x, y = rng.normal(size=(150, 2)), rng.normal(size=150)
    sketch = sketch_rows(np.repeat(x, 3, axis=0), np.repeat(y, 3), None, size, 0)
    assert len(sketch.rows) == len(sketch.weight) == expected
    assert np.all(sketch.weight == 3.0)


def test_a_smaller_sketch_is_the_beginning_of_a_larger_one() -> None:
    x, y, w = rows()
    small, large = content(x, y, w, size=20), content(x, y, w, size=60)
    assert np.array_equal(small[0], large[0][:20])
    assert np.array_equal(small[1], large[1][:20])


def test_the_seed_draws_another_sketch() -> None:
    x, y, w = rows()
    assert not np.array_equal(content(x, y, w, seed=3)[0], content(x, y, w, seed=4)[0])


def test_negative_zero_is_zero() -> None:
    x = np.array([[0.0, 1.0], [-0.0, 1.0], [2.0, -0.0], [2.0, 0.0]])
    y = np.array([-0.0, 0.0, 1.0, 1.0])
    sketch = sketch_rows(x, y, None, 10, 0)
    assert sorted(sketch.weight) == [2.0, 2.0]


def test_columns_are_not_interchangeable() -> None:
    """A row and its mirror image are two rows."""
    sketch = sketch_rows(np.array([[1.0], [2.0]]), np.array([2.0, 1.0]), None, 10, 0)
    assert sketch.weight.tolist() == [1.0, 1.0]


@pytest.mark.parametrize("size", [1, 2, 7, 20, 50, 1000])
def test_blocks_of_reading_do_not_matter(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    x, y, w = rows()
    whole = content(x, y, w, size)
    for block in (1, 37):
        monkeypatch.setattr(module, "_BLOCK", block)
        for a, b in zip(whole, content(x, y, w, size), strict=True):
            assert np.array_equal(a, b)


def test_rows_are_drawn_evenly() -> None:
    """A sketch of a tenth of equidistant rows has their mean and spread."""
    x = np.linspace(0.0, 1.0, 10_000)[:, None]
    drawn = x[sketch_rows(x, np.zeros(10_000), None, 1000, 0).rows, 0]
    assert drawn.mean() == pytest.approx(0.5, abs=0.03)
    assert np.histogram(drawn, bins=10, range=(0, 1))[0].min() > 60
