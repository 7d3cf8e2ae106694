"""What one reading tells does not depend on how the rows are cut into partitions."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mixexp.estimation.data import Data
from mixexp.estimation.sketch import sketch_rows
from mixexp.estimation.streams import Chunk, Read, Reader, Survey, scan_arrays
from mixexp.estimation.streams.moments import Moments
from mixexp.models import Gaussian, Multinomial, MultivariateGaussian

QUICK = settings(max_examples=25, deadline=None)


def rows(n: int, seed: int = 0, d: int = 2) -> Read:
    rng = np.random.default_rng(seed)
    y = rng.normal(size=n)
    return Read(rng.normal(size=(n, d)), y, y[None], rng.integers(1, 4, size=n).astype(float))


def cut(read: Read, ends: Sequence[int]) -> list[Read]:
    edges = [0, *sorted(ends), len(read.x)]
    return [
        Read(read.x[a:b], read.coded[a:b], read.y[:, a:b], None if w is None else w[a:b])
        for a, b in pairwise(edges)
        for w in [read.weight]
    ]


def survey_of(parts: Sequence[Read], size: int = 20, seed: int = 3) -> Survey:
    survey = Survey.empty(size, seed)
    for part in parts:
        survey = survey.merge(Survey.of(part, size, seed))
    return survey


@QUICK
@given(ends=st.lists(st.integers(0, 57), max_size=6), repeated=st.booleans())
def test_partitions_do_not_matter(ends: list[int], repeated: bool) -> None:
    """Also where some are empty, and where rows are written several times."""
    read = rows(57)
    if repeated:
        some = np.random.default_rng(1).integers(0, 10, size=57)
        read = Read(read.x[some], read.coded[some], read.y[:, some], read.weight)
    whole, parts = survey_of([read]), survey_of(cut(read, ends))
    assert parts.n_rows == 57 and parts.total_weight == whole.total_weight
    for a, b in ((whole.x, parts.x), (whole.y, parts.y)):
        assert np.allclose(a.mean, b.mean, rtol=1e-13, atol=1e-14)
        assert np.allclose(a.deviation, b.deviation, rtol=1e-14)
        assert np.array_equal(a.low, b.low) and np.array_equal(a.high, b.high)
    for mine, theirs in zip(whole.sample, parts.sample, strict=True):
        assert np.array_equal(mine, theirs)


@QUICK
@given(ends=st.lists(st.integers(0, 40), min_size=2, max_size=2))
def test_merging_is_associative(ends: list[int]) -> None:
    a, b, c = (Survey.of(part, 15, 0) for part in cut(rows(40), ends))
    left, right = a.merge(b).merge(c), a.merge(b.merge(c))
    assert left.sizes == right.sizes and left.marks == right.marks
    assert np.allclose(left.x.deviation, right.x.deviation, rtol=1e-14)
    for mine, theirs in zip(left.sample, right.sample, strict=True):
        assert np.array_equal(mine, theirs)


def test_the_sample_is_the_sketch_of_the_rows_in_memory() -> None:
    read = rows(500)
    sample = survey_of(cut(read, [7, 100, 101, 350]), size=64, seed=5).sample
    sketch = sketch_rows(read.x, read.y, read.weight, 64, 5)
    assert np.array_equal(sample.x, read.x[sketch.rows])
    assert np.array_equal(sample.coded, read.coded[sketch.rows])
    assert np.array_equal(sample.weight, sketch.weight)
    head = sample.head(10)
    small = sketch_rows(read.x, read.y, read.weight, 10, 5)
    assert np.array_equal(head.x, read.x[small.rows]) and np.array_equal(head.weight, small.weight)


@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize("scale", [1.0, 1e200, 1e-200])
@pytest.mark.parametrize("offset", [0.0, 1e9])
def test_moments_do_not_cancel_or_overflow(weighted: bool, scale: float, offset: float) -> None:
    rng = np.random.default_rng(0)
    values = (np.arange(1000.0) + offset) * scale
    rng.shuffle(values)
    weight = rng.integers(1, 3, size=1000).astype(float) if weighted else None
    total = Moments.of(values[None, :100], None if weight is None else weight[:100])
    for a, b in ((100, 101), (101, 640), (640, 1000)):
        part = Moments.of(values[None, a:b], None if weight is None else weight[a:b])
        total = total.merge(part)
    distance, w = values / scale - offset, np.ones(1000) if weight is None else weight
    mean = w @ distance / w.sum()
    deviation = np.sqrt(w @ (distance - mean) ** 2 / w.sum())
    # The values themselves are rounded to parts of 1e-16.
    assert total.mean[0] == pytest.approx((mean + offset) * scale, rel=1e-14)
    assert total.deviation[0] == pytest.approx(deviation * scale, rel=1e-9 if offset else 1e-13)


def test_rows_that_cannot_be_in_the_sample_are_passed_over() -> None:
    """What is sorted gets less, and what is kept stays the same, weights of copies included."""
    some = np.random.default_rng(1).integers(0, 60, size=500)
    read = rows(60)
    read = Read(read.x[some], read.coded[some], read.y[:, some], rows(500).weight)
    # Read once more, so that copies of the last row of the sample come after it.
    parts = [*cut(read, [100, 250]), read]
    survey = Survey.empty(25, 0)
    for part in parts:
        bound, new = survey.below, Survey.of(part, 25, 0, survey.below)
        if bound is not None:
            assert int(new.sample.hashes[-1]) <= bound
        survey = survey.merge(new)
    for mine, expected in zip(survey.sample, survey_of(parts, 25, 0).sample, strict=True):
        assert np.array_equal(mine, expected)


def test_a_constant_column_is_constant_in_many_partitions() -> None:
    parts = [Moments.of(np.full((1, n), 0.1), np.full(n, 1.0 / 3.0)) for n in (1, 7, 1000)]
    assert parts[0].merge(parts[1]).merge(parts[2]).constant.all()
    assert not Moments.of(np.array([[1.0, 1.0 + 1e-12]]), None).constant.any()


@pytest.mark.parametrize("expert", [Gaussian(), MultivariateGaussian(2), Multinomial(3)], ids=repr)
@pytest.mark.parametrize("common_scale", [True, False])
def test_the_scale_is_that_of_data_in_memory(expert, common_scale: bool) -> None:
    rng = np.random.default_rng(2)
    x = np.column_stack([rng.normal(5.0, 3.0, 200), np.full(200, 7.3)])
    y = (
        rng.normal(size=(200, 2)) * [1.0, 40.0]
        if isinstance(expert, MultivariateGaussian)
        else x[:, 0]
    )
    if isinstance(expert, Multinomial):
        y = rng.integers(0, 3, 200).astype(float)
    survey = scan_arrays(x, y, chunk_rows=33).survey(Reader(expert.encode, ("a", "b")), 10, 0)
    affine = survey.affine(
        standardize=True, standardize_y=expert.standardizes, common_scale=common_scale
    )
    data = Data.from_rows(
        x, expert.encode(y), standardize_y=expert.standardizes, common_scale=common_scale
    )
    for name in ("x_center", "x_scale", "y_center", "y_scale"):
        mine, expected = getattr(affine, name), getattr(data.affine, name)
        assert np.shape(mine) == np.shape(expected)
        assert np.allclose(mine, expected, rtol=1e-13, atol=1e-14)
    for mine, expected in zip(survey.spread(affine), data.spread, strict=True):
        assert np.allclose(mine, expected, rtol=1e-12)


def test_a_survey_can_be_pickled_and_its_digest_is_of_the_rows() -> None:
    read = rows(90)
    survey = survey_of(cut(read, [30]))
    assert pickle.loads(pickle.dumps(survey)).digest == survey.digest
    assert survey_of(cut(rows(90), [30])).digest == survey.digest
    changed = read.x.copy()
    changed[89, 1] += 1e-9
    for other in (survey_of(cut(read, [31])), survey_of(cut(read._replace(x=changed), [30]))):
        assert other.digest != survey.digest


def test_no_rows_are_an_error_that_says_so() -> None:
    none = Read(np.empty((0, 2)), np.empty(0), np.empty((0, 0)), None)
    with pytest.raises(ValueError, match="no row of positive weight"):
        _ = survey_of([none]).total_weight


READ = Reader(Gaussian().encode, ("age", "income"))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_named(bad: float) -> None:
    x = np.ones((5, 2))
    x[3, 1] = bad
    with pytest.raises(ValueError, match=rf"X\['income'\] holds {bad} in row 3 of partition 8"):
        READ(Chunk(x, np.ones(5)), "partition 8")
    y = np.ones(5)
    y[2] = bad
    with pytest.raises(ValueError, match=rf"y holds {bad} in row 2 of partition 8"):
        READ(Chunk(np.ones((5, 2)), y), "partition 8")


def test_sums_that_overflow_are_no_error() -> None:
    x = np.full((4, 2), 1e308)
    assert len(READ(Chunk(x, np.ones(4)), "partition 0").x) == 4


@pytest.mark.parametrize("bad", [np.nan, np.inf, -1.0])
def test_weights_that_are_none_are_named(bad: float) -> None:
    weight = np.array([1.0, 0.0, bad])
    with pytest.raises(ValueError, match=f"sample_weight holds {bad} in row 2 of partition 0"):
        READ(Chunk(np.ones((3, 2)), np.ones(3), weight), "partition 0")


def test_rows_of_weight_zero_are_dropped_before_anything_is_checked() -> None:
    chunk = Chunk(np.array([[np.nan, 1.0], [1.0, 2.0]]), np.array([np.inf, 3.0]), np.array([0, 2]))
    read = READ(chunk, "partition 0")
    assert read.x.tolist() == [[1.0, 2.0]] and read.y.tolist() == [[3.0]]
    assert read.weight is not None and read.weight.tolist() == [2.0]


@pytest.mark.parametrize(
    ("chunk", "message"),
    [
        (Chunk(np.ones((3, 1)), np.ones(3)), r"X of here has shape \(3, 1\).*age, income"),
        (Chunk(np.ones((3, 2)), np.ones(2)), "y of here has shape"),
        (Chunk(np.ones((3, 2)), np.ones(3), np.ones(4)), "sample_weight of here has shape"),
        (Chunk(np.ones((3, 2)), np.ones(3), np.ones((3, 1))), r"it is \(n,\)"),
        (Chunk(np.ones((3, 2)), np.array(["a", "b", "c"])), "y of here cannot be read"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(chunk: Chunk, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        READ(chunk, "here")


def test_what_the_family_refuses_is_told_with_the_place() -> None:
    reader = Reader(Multinomial(3).encode, ("a",))
    with pytest.raises(ValueError, match="in partition 4: "):
        reader(Chunk(np.ones((2, 1)), np.array([1.0, 7.0])), "partition 4")
