"""Arrays, and chunks that the user's code makes, as sources."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from mixexp import GaussianMoE, MultinomialMoE, scan_arrays, scan_chunks
from mixexp.estimation.known import rows_of
from mixexp.estimation.streams import Reader, Source
from mixexp.models import Gaussian, MixtureOfExperts, Softmax
from mixexp.models.basis import Affine

RNG = np.random.default_rng(0)
FRAME = pd.DataFrame(
    {"a": RNG.normal(size=20), "b": np.arange(20), "y": RNG.normal(size=20), "w": np.ones(20)}
)


def parts_of(source: Source, columns: tuple[str, ...] = ("a", "b")) -> list[np.ndarray]:
    """Covariates, part by part, as a sum would see them."""
    model = MixtureOfExperts(Softmax(), Gaussian(), 1, len(columns))
    rows = rows_of(model, source, Affine.identity(len(columns)), columns=columns)
    return [part.z.T for part in rows.parts()]


def test_a_memory_map_is_read_slice_by_slice(tmp_path) -> None:
    path = tmp_path / "x.npy"
    np.save(path, FRAME[["a", "b"]].to_numpy().astype(np.float32))
    mapped = np.load(path, mmap_mode="r")
    source = scan_arrays(mapped, FRAME["y"].to_numpy(), chunk_rows=7)
    assert source.n_partitions == 3 and source.columns is None
    sizes = [chunk.x.shape for chunk in source.chunks()]
    assert sizes == [(7, 2), (7, 2), (6, 2)]
    assert source.read(2).x.dtype == np.float64
    assert np.array_equal(source.read(1).x, mapped[7:14])


def test_slices_are_copies_in_which_nothing_of_the_users_can_be_changed() -> None:
    x, y = np.zeros((4, 1)), np.zeros(4)
    chunk = scan_arrays(x, y).read(0)
    chunk.x[0], chunk.y[0] = 1.0, 1.0
    assert x[0] == 0.0 and y[0] == 0.0


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ((np.ones(3), np.ones(3)), r"X has shape \(3,\)"),
        ((np.ones((3, 1)), [1.0, 2.0, 3.0]), "y has shape None"),
        ((np.ones((3, 1)), np.ones(2)), "y has 2 rows, but X has 3"),
        ((np.ones((3, 1)), np.ones(3), np.ones(4)), "sample_weight has 4 rows"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(arrays, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        scan_arrays(*arrays)


def test_slices_have_rows() -> None:
    with pytest.raises(ValueError, match="chunk_rows=0 must be at least 1"):
        scan_arrays(np.ones((3, 1)), np.ones(3), chunk_rows=0)


def as_tuples(frames: list[pd.DataFrame]) -> list[Any]:
    return [(f[["a", "b"]].to_numpy(), f["y"].to_numpy(), f["w"].to_numpy()) for f in frames]


MAKES: dict[str, Callable[[list[pd.DataFrame]], list[Any]]] = {
    "pandas": lambda frames: frames,
    "tables": lambda frames: [pa.Table.from_pandas(frame) for frame in frames],
    "batches": lambda frames: [pa.RecordBatch.from_pandas(frame) for frame in frames],
    "polars": lambda frames: [pl.from_pandas(frame) for frame in frames],
    "tuples": as_tuples,
}


@pytest.mark.parametrize("kind", MAKES)
def test_chunks_of_every_kind_are_read(kind: str) -> None:
    """With an empty one and one of one row between them."""
    frames = [FRAME[:9], FRAME[9:9], FRAME[9:10], FRAME[10:]]
    chunks = MAKES[kind](frames)
    names = {} if kind == "tuples" else {"X": ["a", "b"], "y": "y", "sample_weight": "w"}
    source = scan_chunks(lambda: iter(chunks), **names)
    parts = parts_of(source)
    assert [len(part) for part in parts] == [9, 1, 10]
    assert np.array_equal(np.concatenate(parts), FRAME[["a", "b"]])
    assert np.concatenate([c.y for c in source.chunks()]).tolist() == FRAME["y"].tolist()
    assert np.concatenate([c.weight for c in source.chunks()]).sum() == 20.0


def test_several_responses_are_columns() -> None:
    source = scan_chunks([FRAME], X="a", y=["y", "b"])
    (chunk,) = source.chunks()
    assert np.array_equal(chunk.y, FRAME[["y", "b"]])


def test_labels_are_the_distinct_responses_that_carry_weight() -> None:
    frames = [
        pd.DataFrame({"a": [1.0, 2.0, 3.0], "y": ["no", "yes", "?"], "w": [1.0, 1.0, 0.0]}),
        pd.DataFrame({"a": [1.0], "y": ["maybe"], "w": [2.0]}),
    ]
    source = scan_chunks(frames, X="a", y="y", sample_weight="w")
    assert source.labels().tolist() == ["maybe", "no", "yes"]
    assert scan_chunks(frames, X="a", y="y").labels().tolist() == ["?", "maybe", "no", "yes"]
    categories = [frame.astype({"y": "category"}) for frame in frames]
    assert scan_chunks(categories, X="a", y="y").labels().tolist() == ["?", "maybe", "no", "yes"]


def test_responses_that_are_no_classes_have_no_labels() -> None:
    y = np.arange(10_001.0)
    assert len(scan_arrays(np.ones((10_000, 1)), y[:-1], chunk_rows=3000).labels()) == 10_000
    with pytest.raises(ValueError, match="more than 10000 distinct values"):
        scan_arrays(np.ones((10_001, 1)), y, chunk_rows=3000).labels()


@pytest.mark.parametrize(
    ("second", "message"),
    [
        ([1.0, np.nan, 0.0], "y holds nan in row 1 of chunk 1"),
        ([1, 0, 1], "1 of one partition beside 'no' of another|'no' of one partition beside 0"),
        (np.array(["no", None, "yes"], dtype=object), "cannot be sorted .* in chunk 1"),
    ],
)
def test_labels_that_are_missing_or_of_two_kinds_are_named(second: Any, message: str) -> None:
    words = isinstance(second, np.ndarray) or second == [1, 0, 1]
    first = np.array(["no", "yes", "no"]) if words else np.zeros(3)
    source = scan_chunks([(np.ones((3, 1)), first), (np.ones((3, 1)), np.asarray(second))])
    with pytest.raises(ValueError, match=message):
        source.labels()


def test_labels_without_weight_may_be_missing() -> None:
    weight, labels = np.array([1.0, 0.0, 1.0]), np.array(["no", None, "yes"], dtype=object)
    assert scan_chunks([(np.ones((3, 1)), labels, weight)]).labels().tolist() == ["no", "yes"]


def test_labels_of_no_row_are_none() -> None:
    source = scan_chunks([(np.ones((3, 1)), np.array(["a", "b", "a"]), np.zeros(3))])
    assert not len(source.labels())
    with pytest.raises(ValueError, match="no row of positive weight"):
        MultinomialMoE(n_experts=1).fit(source)


def test_chunks_of_wide_rows_are_shorter() -> None:
    for n_columns, expected in ((1, 262_144), (510, 8192), (10**6, 4096)):
        x = np.broadcast_to(0.0, (300_000, n_columns))
        source = scan_arrays(x, np.broadcast_to(0.0, 300_000))
        assert source.n_partitions == -(-300_000 // expected)


def test_a_generator_is_refused_with_the_remedy() -> None:
    def chunks() -> Iterator[pd.DataFrame]:
        yield FRAME

    with pytest.raises(TypeError, match="pass a function that makes a new iterator"):
        scan_chunks(chunks(), X="a", y="y")
    used_up = chunks()
    source = scan_chunks(lambda: used_up, X="a", y="y")
    assert len(list(source.chunks())) == 1
    with pytest.raises(TypeError, match="cannot be begun again"):
        list(source.chunks())
    assert len(parts_of(scan_chunks(chunks, X=["a", "b"], y="y"))) == 1


def test_a_reading_that_goes_on_where_another_was_left_is_noticed() -> None:
    """As of one reader behind a function: a fit would miss the chunk that told the columns."""
    for frames, message in ([FRAME[:10], FRAME[10:]], "another first row"), ([FRAME], "no chunk"):
        one = iter(frames)
        source = scan_chunks(lambda one=one: (frame for frame in one), X=["a", "b"], y="y")
        with pytest.raises(RuntimeError, match=message):
            GaussianMoE(n_experts=1).fit(source)


def test_sums_that_differ_by_rounding_are_of_the_same_rows() -> None:
    """Numbers that a data base or another machine has computed anew."""
    again = FRAME.assign(y=FRAME["y"].where(FRAME.index == 0, FRAME["y"] * (1.0 + 1e-14)))
    assert again["y"].sum() != FRAME["y"].sum()
    assert len(parts_of(scan_chunks(Changing([FRAME], [again]), X=["a", "b"], y="y"))) == 1


def test_weights_at_one_reading_only_are_noticed() -> None:
    x, y = FRAME[["a", "b"]].to_numpy(), FRAME["y"].to_numpy()
    source = scan_chunks(Changing([(x, y)], [(x, y, np.ones(20))]))
    with pytest.raises(RuntimeError, match=r"another first row|weights at one reading"):
        parts_of(source)


class Changing:
    """Chunks that are others at each reading."""

    def __init__(self, *readings: list[Any]):
        self._readings = iter(readings)

    def __call__(self) -> list[Any]:
        return next(self._readings)


@pytest.mark.parametrize(
    ("second", "message"),
    [
        ([FRAME[:10]], "1 partitions, not 2"),
        ([FRAME[:10], FRAME[10:], FRAME], "more than 2 partitions"),
        ([FRAME[:10], FRAME[10:15]], "5 rows in chunk 1, not 10"),
        ([FRAME[10:], FRAME[:10]], "another first row in chunk 0"),
        ([FRAME[:10], FRAME[10:][::-1]], "another first row in chunk 1"),
        (
            [FRAME[:10], FRAME[10:].assign(y=FRAME["y"].where(FRAME.index < 19, 7.0))],
            "other values",
        ),
        ([], "no chunk"),
    ],
)
def test_other_rows_at_a_second_reading_are_noticed(second, message: str) -> None:
    source = scan_chunks(Changing([FRAME[:10], FRAME[10:]], second), X=["a", "b"], y="y")
    with pytest.raises(RuntimeError, match=message):
        parts_of(source)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"a": "word"}, "column 'a' of chunk 0 holds"),
        ({"a": pd.Timestamp("2020-01-01")}, "column 'a' of chunk 0 holds datetime64.*not numbers"),
        ({"y": None}, "column 'y' is missing in row 0 of chunk 0"),
    ],
)
def test_columns_that_hold_no_numbers_are_refused_by_name(changes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parts_of(scan_chunks([FRAME.assign(**changes)], X=["a", "b"], y="y"))


def test_missing_values_of_any_type_are_named() -> None:
    for kind in ("float64", "Float64", "Int64"):
        frame = FRAME.assign(b=FRAME["b"].astype(kind).where(FRAME["b"] != 4))
        with pytest.raises(ValueError, match=r"X\['b'\] holds nan in row 4 of chunk 0"):
            parts_of(scan_chunks([frame], X=["a", "b"], y="y"))
    table = pa.table({"a": [1.0, 2.0], "y": [1.0, None]})
    with pytest.raises(ValueError, match="column 'y' is null in row 1 of chunk 0"):
        list(scan_chunks([table], X="a", y="y").chunks())


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"X": "a"}, ValueError, "X and y name columns together"),
        ({"X": ["a", "a"], "y": "y"}, ValueError, "named twice"),
        ({"X": [], "y": "y"}, ValueError, "must name columns"),
        ({"X": [1], "y": "y"}, ValueError, "must name columns"),
        ({}, ValueError, "name its columns"),
        ({"X": "c", "y": "y"}, ValueError, "chunk 0 has no column 'c'; its columns are 'a', 'b'"),
    ],
)
def test_names_that_do_not_fit_are_refused(arguments, error, message: str) -> None:
    with pytest.raises(error, match=message):
        list(scan_chunks([FRAME], **arguments).chunks())


def test_chunks_of_other_kinds_are_refused() -> None:
    with pytest.raises(TypeError, match="chunk 0 is a list"):
        list(scan_chunks([[1.0]], X="a", y="y").chunks())
    with pytest.raises(ValueError, match="a tuple of 1"):
        list(scan_chunks([(np.ones((2, 1)),)]).chunks())
    with pytest.raises(ValueError, match=r"chunk 0 has X of shape \(2,\)"):
        list(scan_chunks([(np.ones(2), np.ones(2))]).chunks())
    twice = pd.concat([FRAME, FRAME[["a"]]], axis=1)
    with pytest.raises(ValueError, match=r"several columns \['a'\]"):
        list(scan_chunks([twice], X=["a", "b"], y="y").chunks())
    with pytest.raises(ValueError, match="no column 'a', '0'; its columns are 0, 1"):
        list(scan_chunks([pd.DataFrame(np.ones((2, 2)))], X="a", y="0").chunks())


def test_partitions_of_chunks_are_read_in_order_only() -> None:
    with pytest.raises(TypeError, match="can only be read in their order"):
        scan_chunks([FRAME], X="a", y="y").read(0)


def test_an_error_of_the_users_code_ends_the_pass() -> None:
    def chunks() -> Iterator[pd.DataFrame]:
        yield FRAME
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        parts_of(scan_chunks(chunks, X=["a", "b"], y="y"))


def test_a_pass_that_is_left_early_leaves_no_thread() -> None:
    import threading

    source = scan_arrays(FRAME[["a", "b"]].to_numpy(), FRAME["y"].to_numpy(), chunk_rows=2)
    reader = Reader(Gaussian().encode, ("a", "b"))
    rows = source.rows(reader, source.survey(reader, 5, 0), Affine.identity(2))
    parts = rows.parts()
    next(parts)
    parts.close()  # type: ignore[attr-defined]
    assert not [t for t in threading.enumerate() if t.name.startswith("mixexp-read-ahead")]
