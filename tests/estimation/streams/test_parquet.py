"""Parquet files as sources: the rows of the file, in pieces of a useful size, and nothing else."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mixexp import scan_parquet
from mixexp.estimation.fit import Options, fit
from mixexp.estimation.streams import Streamed
from mixexp.models import Gaussian, MixtureOfExperts, Softmax
from tests.instances import problem


def table_of(n: int, seed: int = 0) -> pa.Table:
    rng = np.random.default_rng(seed)
    return pa.table(
        {
            "unused": ["words"] * n,
            "a": rng.normal(size=n),
            "b": np.arange(n),
            "y": rng.normal(size=n),
            "w": rng.uniform(1.0, 2.0, size=n),
        }
    )


def write(folder: Path, table: pa.Table, row_group_size: int, name: str = "a.parquet") -> Path:
    path = folder / name
    pq.write_table(table, path, row_group_size=row_group_size)
    return path


@pytest.mark.parametrize("group", [1, 10, 33, 100, 1000])
@pytest.mark.parametrize("chunk_rows", [10, 40, 70, 500])
def test_pieces_hold_the_rows_in_their_order(tmp_path: Path, group: int, chunk_rows: int) -> None:
    table = table_of(333)
    path = write(tmp_path, table, group)
    source = scan_parquet(path, X=["b", "a"], y="y", sample_weight="w", chunk_rows=chunk_rows)
    chunks = list(source.chunks())
    assert len(chunks) == source.n_partitions and source.columns == ("b", "a")
    sizes = [len(chunk.x) for chunk in chunks]
    # Small row groups together, large ones in parts.
    assert max(sizes) < 2 * max(chunk_rows, 1) + min(group, chunk_rows)
    assert min(sizes[:-1], default=chunk_rows) >= min(chunk_rows, 333)
    x = np.concatenate([chunk.x for chunk in chunks])
    assert np.array_equal(x[:, 0], np.arange(333.0)) and x.flags.c_contiguous
    assert np.array_equal(x[:, 1], table["a"].to_numpy())
    assert np.concatenate([c.y for c in chunks]).tolist() == table["y"].to_pylist()
    assert np.concatenate([c.weight for c in chunks]).tolist() == table["w"].to_pylist()
    for index in range(len(chunks)):
        assert np.array_equal(source.read(index).x, chunks[index].x)


def test_a_folder_is_read_in_the_order_of_its_names(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    write(tmp_path, table_of(5, 1), 100, "z.parquet")
    write(tmp_path / "b", table_of(4, 2), 100)
    write(tmp_path, table_of(3, 3).slice(0, 0), 100, "empty.parquet")
    write(tmp_path, table_of(7, 4), 100, "_hidden.parquet")
    (tmp_path / "_SUCCESS").touch()
    source = scan_parquet(tmp_path, X="a", y="y")
    assert [len(chunk.x) for chunk in source.chunks()] == [4, 5]
    listed = scan_parquet([tmp_path / "z.parquet", tmp_path / "b" / "a.parquet"], X="a", y="y")
    assert [len(chunk.x) for chunk in listed.chunks()] == [5, 4]


def test_numbers_of_every_type_are_floats(tmp_path: Path) -> None:
    values = [1, 0, 1, 1]
    columns = {
        "float32": pa.array(values, pa.float32()),
        "float16": pa.array(np.array(values, np.float16)),
        "int8": pa.array(values, pa.int8()),
        "uint64": pa.array(values, pa.uint64()),
        "bool": pa.array([bool(v) for v in values]),
        "decimal": pa.array([Decimal(v) for v in values], pa.decimal128(9, 2)),
        "dictionary": pa.array(values).dictionary_encode(),
    }
    path = write(tmp_path, pa.table({**columns, "y": values}), 10)
    (chunk,) = scan_parquet(path, X=list(columns), y="y").chunks()
    assert chunk.x.dtype == np.float64
    assert np.array_equal(chunk.x, np.tile(np.array(values, float)[:, None], len(columns)))


def test_responses_keep_their_labels(tmp_path: Path) -> None:
    words = pa.array(["no", "yes", "no"])
    table = pa.table({"a": [1.0, 2.0, 3.0], "word": words, "code": words.dictionary_encode()})
    path = write(tmp_path, table, 2)
    for name in ("word", "code"):
        assert scan_parquet(path, X="a", y=name).labels().tolist() == ["no", "yes"]


@pytest.mark.parametrize(
    ("column", "kind"),
    [
        (pa.array(["a", "b", "c"]), "string"),
        (pa.array(["a", "b", "c"]).dictionary_encode(), "string"),
        (pa.array([0, 1, 2], pa.timestamp("us")), "timestamp"),
        (pa.array([0, 1, 2], pa.date32()), "date32"),
        (pa.array([[0.0], [1.0], [2.0]]), "list"),
    ],
    ids=str,
)
def test_other_types_are_refused_by_name_before_anything_is_read(
    tmp_path: Path, column: pa.Array, kind: str
) -> None:
    path = write(tmp_path, pa.table({"a": column, "y": [1.0, 2.0, 3.0]}), 10)
    with pytest.raises(ValueError, match=rf"column 'a' of .*a\.parquet holds {kind}.*not numbers"):
        scan_parquet(path, X="a", y="y")


def test_nulls_are_named_with_their_file_row_group_and_row(tmp_path: Path) -> None:
    for name in ("a", "y", "w"):
        table = table_of(30)
        values = table[name].to_pylist()
        values[17] = None
        where = table.column_names.index(name)
        path = write(tmp_path, table.set_column(where, name, pa.array(values)), 10)
        source = scan_parquet(path, X="a", y="y", sample_weight="w", chunk_rows=10)
        message = rf"column '{name}' is null in row 7 of partition 1 .*row group 1 of .*a\.parquet"
        with pytest.raises(ValueError, match=message):
            list(source.chunks())


def test_paths_and_columns_that_are_not_there_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="neither a file nor a folder"):
        scan_parquet(tmp_path / "none.parquet", X="a", y="y")
    with pytest.raises(FileNotFoundError, match="holds no file"):
        scan_parquet(tmp_path, X="a", y="y")
    path = write(tmp_path, table_of(3), 10)
    with pytest.raises(ValueError, match="has no column 'z'; its columns are 'unused', 'a'"):
        scan_parquet(path, X=["a", "z"], y="y")


def test_a_file_that_changes_between_passes_is_noticed(tmp_path: Path) -> None:
    path = write(tmp_path, table_of(3000), 1000)
    source = scan_parquet(path, X="a", y="y", chunk_rows=1000)
    model = MixtureOfExperts(Softmax(), Gaussian(), 2, 1)

    def change(*told: object) -> None:
        write(tmp_path, table_of(3000, seed=9), 1000)

    with pytest.raises(RuntimeError, match="another first row in partition 0"):
        fit(model, source, options=Options(n_init=1, sample_rows=1024), report=change)


@pytest.mark.parametrize("kind", [pa.float64(), pa.float32()], ids=str)
def test_a_fit_from_parquet_is_the_fit_in_memory(tmp_path: Path, kind: pa.DataType) -> None:
    case = problem(Softmax(), Gaussian(), n_columns=2, n_rows=2500, max_logit=2.0)
    columns = [pa.array(column).cast(kind) for column in [*case.x.T, case.y, case.weight]]
    table = pa.table(columns, names=["a", "b", "y", "w"])
    path = write(tmp_path, table, 700)
    source = scan_parquet(path, X=["a", "b"], y="y", sample_weight="w", chunk_rows=600)
    options = Options(n_init=4, sample_rows=1024)
    streamed = fit(case.model, source, options=options)
    a, b, y, w = (column.to_numpy().astype(float) for column in table.columns)
    whole = fit(case.model, np.column_stack([a, b]), y, w, options=options)
    assert isinstance(streamed.objective.data, Streamed)
    gain = streamed.loglik(streamed.optima[0]) - whole.loglik(whole.optima[0])
    assert abs(gain) / 2500 < 1e-9 and streamed.optima[0].certified
