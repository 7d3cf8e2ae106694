from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing

import pandas as pd
import pytest
from toy_study import toy

from mixexp.simulation import DamagedStoreWarning, ResultStore, run
from mixexp.simulation import _store_layout as layout
from mixexp.simulation import _store_salvage as salvage

PAGE = 4096


def quiet(study, store):
    return run(study, store, n_jobs=1, progress=False)


def assert_same_table(one, other):
    drop = ["wall_seconds"]
    pd.testing.assert_frame_equal(
        one.drop(columns=drop), other.drop(columns=drop), check_exact=True
    )


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    """A closed store of 180 tasks in many pages."""
    path = tmp_path_factory.mktemp("store") / "toy.sqlite"
    quiet(toy(replicates=60), path)
    assert path.stat().st_size > 15 * PAGE
    return path


@pytest.fixture(scope="module")
def undisturbed(original):
    return quiet(toy(replicates=60), original)


@pytest.fixture
def path(original, tmp_path):
    """A copy that a test may damage."""
    return shutil.copy(original, tmp_path / "toy.sqlite")


@pytest.mark.parametrize(
    "change",
    [
        "content = replace(content, 'mean', 'moan')",
        "content = substr(content, 1, 20)",
        "content = CAST(x'5bff5d' AS TEXT)",
        "wall_seconds = wall_seconds + 1",
        "replicate = 70",
        "error = 'none'",
        "checksum = ''",
    ],
)
def test_a_changed_record_is_left_out_and_computed_again(path, undisturbed, change):
    study = toy(replicates=60)
    with ResultStore(path) as store:
        store._db.execute(f"UPDATE result SET {change} WHERE n = 200 AND replicate = 59")
        with pytest.warns(DamagedStoreWarning, match="1 of 180 records"):
            assert len(store.finished(study)) == 179
        with pytest.warns(DamagedStoreWarning, match="1 of 180 records"):
            assert len(store.to_frame(study)) == 2 * 179
        assert store.status(study).done == 179
    if change == "replicate = 70":
        return  # under this key nothing is declared, and so nothing replaces it
    with pytest.warns(DamagedStoreWarning):
        assert_same_table(quiet(study, path), undisturbed)
    assert_same_table(quiet(study, path), undisturbed)


def cut_short(path):
    with path.open("r+b") as stream:
        stream.truncate(path.stat().st_size * 2 // 3 // PAGE * PAGE + 100)


def overwrite(path, first, last):
    with path.open("r+b") as stream:
        stream.seek(first)
        stream.write(b"\xa5" * (last - first))


@pytest.mark.parametrize(
    ("damage", "at_least"),
    [
        (cut_short, 60),
        (lambda path: overwrite(path, 9 * PAGE, 10 * PAGE), 150),
        (lambda path: overwrite(path, 9 * PAGE + 10, 14 * PAGE - 10), 80),
        (lambda path: overwrite(path, path.stat().st_size - 2 * PAGE, path.stat().st_size), 150),
        (lambda path: overwrite(path, 100, PAGE), 0),
    ],
    ids=["truncated", "a page", "five pages", "the last pages", "the schema"],
)
def test_readable_records_of_a_damaged_file_are_saved(path, undisturbed, damage, at_least):
    study = toy(replicates=60)
    damage(path)
    bytes_before = path.read_bytes()
    with pytest.warns(DamagedStoreWarning, match=r"damaged-1"), ResultStore(path) as store:
        status = store.status(study)
    assert at_least <= status.done <= 180 and status.damaged == 0
    assert path.with_name("toy.sqlite.damaged-1").read_bytes() == bytes_before
    assert_same_table(quiet(study, path), undisturbed)
    damage(path)
    with pytest.warns(DamagedStoreWarning, match=r"damaged-2"):
        ResultStore(path).close()


def test_what_is_still_in_the_log_is_saved_too(path, tmp_path):
    """A killed runner leaves a log; damage to the file itself must not cost its records."""
    study = toy(replicates=62)
    with ResultStore(path) as store:
        quiet(study, store)
        copy = tmp_path / "copy" / "toy.sqlite"
        copy.parent.mkdir()
        for side in ("", "-wal"):
            shutil.copy(f"{path}{side}", f"{copy}{side}")
    overwrite(copy, 9 * PAGE, 10 * PAGE)
    with pytest.warns(DamagedStoreWarning), ResultStore(copy) as store:
        finished = store.finished(study)
    assert {(n, r) for n in study.sizes for r in (60, 61)} <= finished
    assert len(finished) > 150


def test_damaged_files_of_other_programs_are_left_alone(tmp_path):
    path = tmp_path / "other.sqlite"
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE something (x)")
        other.executemany("INSERT INTO something VALUES (?)", [("y" * 500,)] * 100)
        other.commit()
    overwrite(path, 2 * PAGE, 3 * PAGE)
    before = path.read_bytes()
    assert not salvage.is_damaged(path)
    with pytest.raises((ValueError, sqlite3.DatabaseError)):
        ResultStore(path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["other.sqlite"]
    assert path.read_bytes() == before


LAYOUT_1 = """
CREATE TABLE configuration (
    study TEXT, config TEXT, description TEXT NOT NULL, PRIMARY KEY (study, config)
);
CREATE TABLE result (
    study TEXT, config TEXT, n INTEGER, replicate INTEGER, part INTEGER,
    seed_key TEXT NOT NULL, mixexp_version TEXT NOT NULL, wall_seconds REAL NOT NULL, error TEXT,
    content TEXT NOT NULL,
    PRIMARY KEY (study, config, n, replicate, part)
);
PRAGMA user_version = 1;
"""


def as_layout_1(path, frame):
    """Write a table as the first version of the store did."""
    own = ["which", "loss", "certified"]
    with closing(sqlite3.connect(path)) as db:
        db.executescript(LAYOUT_1)
        for row in frame.astype(object).where(frame.notna(), None).to_dict("records"):
            content = json.dumps({name: row[name] for name in own if row[name] is not None})
            fixed = [row[name] for name in layout.LAYOUT_1_COLUMNS.split(", ")[:-1]]
            db.execute(f"INSERT INTO result VALUES ({', '.join('?' * 10)})", (*fixed, content))
        db.commit()


def test_a_store_of_the_first_layout_is_migrated_in_place(tmp_path, undisturbed):
    path = tmp_path / "old.sqlite"
    as_layout_1(path, undisturbed)
    with ResultStore(path) as store:
        pd.testing.assert_frame_equal(store.to_frame(toy(replicates=60)), undisturbed)
        store._db.execute("UPDATE result SET content = '[{}]' WHERE replicate = 3")
        assert store.status(toy(replicates=60)).damaged == 3
    assert [entry.name for entry in tmp_path.iterdir()] == ["old.sqlite"]


def test_a_task_without_its_first_part_is_not_migrated(tmp_path, undisturbed):
    path = tmp_path / "old.sqlite"
    as_layout_1(path, undisturbed)
    with closing(sqlite3.connect(path)) as db:
        db.execute("DELETE FROM result WHERE replicate = 0 AND part = 0")
        db.execute("UPDATE result SET content = '{' WHERE replicate = 1 AND part = 1")
        db.commit()
    with ResultStore(path) as store:
        assert store.status(toy(replicates=60)).done == 180 - 6


def test_a_damaged_store_of_the_first_layout_is_saved_as_far_as_it_can_be_read(
    tmp_path, undisturbed
):
    path = tmp_path / "old.sqlite"
    as_layout_1(path, undisturbed)
    overwrite(path, 9 * PAGE, 14 * PAGE)
    with pytest.warns(DamagedStoreWarning), ResultStore(path) as store:
        assert 60 < store.status(toy(replicates=60)).done < 180
    with ResultStore(path) as store:
        assert store.status(toy(replicates=60)).damaged == 0


def test_a_later_layout_is_refused(path):
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version = 3")
    with pytest.raises(ValueError, match="layout 3"):
        ResultStore(path)
