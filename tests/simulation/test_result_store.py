from __future__ import annotations

import math
import sqlite3

import numpy as np
import pandas as pd
import pyarrow.parquet
import pytest
from toy_study import toy

import mixexp
from mixexp.simulation import ResultStore, Study, run, store
from mixexp.simulation._execute import TaskResult, clean_rows

MIXED_ROWS = (
    {"loss": 0.1, "ok": True, "count": 3, "note": "fine"},
    {"loss": math.nan, "ok": None, "count": None},
    {"loss": None, "ok": False, "note": None, "count": -1},
    {"loss": math.inf},
)


def study(**changes):
    return Study(**({"name": "s", "sizes": (10, 20), "replicates": 4, "run": dict} | changes))


def result(n, replicate, *rows, error=None):
    return TaskResult(n, replicate, rows or ({"loss": n + replicate},), 0.5, error)


def filled(order):
    opened = ResultStore(":memory:")
    for replicate in order:
        opened.put(study(), result(10, replicate, MIXED_ROWS[replicate]))
    return opened


def test_a_task_is_written_as_a_whole_or_not_at_all(monkeypatch):
    def killed_after_writing(db, records):
        insert(db, records)
        raise KeyboardInterrupt

    insert = store.insert
    with ResultStore(":memory:") as opened:
        monkeypatch.setattr(store, "insert", killed_after_writing)
        with pytest.raises(KeyboardInterrupt):
            opened.put(study(), result(10, 0, {"part": "first"}, {"part": "second"}))
        monkeypatch.undo()
        assert opened.finished(study()) == set()
        opened.put(study(), result(10, 0, {"part": "first"}))
        assert opened.finished(study()) == {(10, 0)}


def test_a_store_can_be_read_while_another_writes(tmp_path):
    with ResultStore(tmp_path / "s.sqlite") as writer, ResultStore(tmp_path / "s.sqlite") as reader:
        writer.put(study(), result(10, 0))
        with store.transaction(writer._db):
            writer._db.execute("DELETE FROM result")
            assert reader.status(study()).done == 1


def test_status_counts_the_declared_tasks():
    with ResultStore(":memory:") as opened:
        opened.put(study(), result(10, 0))
        opened.put(study(), result(10, 1, error="no luck"))
        opened.put(study(), result(10, 7))
        opened.claim(study().tasks()[2])
        assert opened.status(study()) == (1, 1, 0, 1, 8, 1.0)


def test_rows_reach_the_file_at_once(tmp_path):
    with ResultStore(tmp_path / "new" / "s.sqlite") as opened:
        opened.put(study(), result(10, 0))
        with ResultStore(tmp_path / "new" / "s.sqlite") as reader:
            assert reader.finished(study()) == {(10, 0)}


def test_configurations_and_versions_do_not_mix(monkeypatch):
    with ResultStore(":memory:") as opened:
        opened.put(study(), result(10, 0))
        opened.put(study(params={"k": 3}), result(10, 1))
        assert opened.finished(study()) == {(10, 0)}
        assert len(opened.to_frame(study())) == 1
        monkeypatch.setattr(mixexp, "__version__", "99")
        assert opened.finished(study()) == set()
        assert opened.to_frame(study()).empty
        assert len(opened.to_frame()) == 2


def test_table_holds_the_declared_tasks_only():
    with ResultStore(":memory:") as opened:
        for replicate in range(4):
            opened.put(study(), result(10, replicate))
        fewer = study(replicates={10: 2, 20: 1})
        assert opened.to_frame(fewer)["replicate"].tolist() == [0, 1]
        assert opened.to_frame(study(sizes=(20,))).empty


def test_a_new_result_replaces_all_rows_of_the_old():
    with ResultStore(":memory:") as opened:
        opened.put(study(), result(10, 0, {"a": 1}, {"a": 2}))
        opened.put(study(), result(10, 0, {"a": 3}))
        assert opened.to_frame(study())["a"].tolist() == [3]


def test_table_does_not_depend_on_the_order_of_writing():
    with filled([3, 1, 0, 2]) as one, filled([0, 1, 2, 3]) as other:
        pd.testing.assert_frame_equal(one.to_frame(study()), other.to_frame(study()))


def test_columns_are_nullable_and_typed():
    with filled(range(4)) as opened:
        frame = opened.to_frame(study())
    kinds = {name: str(frame[name].dtype) for name in ("loss", "ok", "count", "note", "error")}
    assert kinds == {
        "loss": "Float64",
        "ok": "boolean",
        "count": "Int64",
        "note": "string",
        "error": "string",
    }
    assert frame["count"].tolist()[0] == 3
    assert frame["count"].isna().tolist() == [False, True, False, True]
    # NaN is a computation that failed, NA a value that was never given.
    assert frame["loss"].isna().tolist() == [False, False, True, False]
    assert np.isnan(frame["loss"][1])
    assert list(frame)[:5] == ["study", "config", "n", "replicate", "part"]


def test_parquet_round_trip(tmp_path):
    with filled([2, 0, 3, 1]) as opened:
        opened.to_parquet(tmp_path / "out" / "s.parquet", study())
        frame = opened.to_frame(study())
    table = pyarrow.parquet.read_table(tmp_path / "out" / "s.parquet")
    assert table.column_names == list(frame)
    loss = table["loss"].to_pylist()
    assert (loss[0], loss[2], loss[3]) == (0.1, None, math.inf)
    assert math.isnan(loss[1])
    assert table["ok"].to_pylist() == [True, None, False, None]
    assert table["note"].to_pylist() == ["fine", None, None, None]
    assert table["count"].to_pylist() == [3, None, -1, None]
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["s.parquet"]


def test_parquet_of_two_runs_differs_in_wall_time_only(tmp_path):
    tables = []
    for name in ("one", "two"):
        with ResultStore(tmp_path / f"{name}.sqlite") as opened:
            run(toy(), opened, n_jobs=1, progress=False)
            opened.to_parquet(tmp_path / f"{name}.parquet", toy())
        tables.append(pyarrow.parquet.read_table(tmp_path / f"{name}.parquet"))
    one, two = (table.drop_columns("wall_seconds") for table in tables)
    assert one.equals(two)
    assert one.num_rows == 72


def test_numbers_come_back_bit_by_bit():
    values = np.random.default_rng(0).normal(size=50) * 10.0 ** np.arange(-300, 200, 10)
    rows = clean_rows([{"loss": value} for value in values])
    with ResultStore(":memory:") as opened:
        opened.put(study(), result(10, 0, *rows))
        assert opened.to_frame(study())["loss"].to_numpy().tolist() == values.tolist()


def test_an_empty_table_has_the_fixed_columns():
    with ResultStore(":memory:") as opened:
        frame = opened.to_frame(study())
    assert frame.empty
    assert {"n", "replicate", "error", "wall_seconds"} <= set(frame)


def test_a_file_of_another_program_is_refused(tmp_path):
    path = tmp_path / "other.sqlite"
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE something (x)")
    other.close()
    with pytest.raises(ValueError, match="another program"):
        ResultStore(path)
    text = tmp_path / "text.sqlite"
    text.write_text("not a database, but long enough to look like one " * 30)
    with pytest.raises(sqlite3.DatabaseError):
        ResultStore(text)


@pytest.mark.parametrize(
    ("returned", "error", "words"),
    [
        (None, TypeError, "dict"),
        ([], ValueError, "empty"),
        ({"n": 3}, ValueError, "rename"),
        ({3: 3}, TypeError, "strings"),
        ({"x": [1, 2]}, TypeError, "'x'"),
        ({"x": np.ones(2)}, TypeError, "'x'"),
        ({"x": 2**63}, ValueError, "64 bits"),
    ],
)
def test_rows_that_are_not_flat_are_refused(returned, error, words):
    with pytest.raises(error, match=words):
        clean_rows(returned)


def test_numpy_scalars_become_python_scalars():
    (row,) = clean_rows({"a": np.float32(0.5), "b": np.int8(3), "c": np.bool_(1), "d": np.array(2)})
    assert [type(value) for value in row.values()] == [float, int, bool, int]
