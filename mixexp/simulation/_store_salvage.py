"""Save the readable records of a damaged store file."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, NamedTuple

from mixexp.simulation._store_layout import (
    APPLICATION_ID,
    LAYOUT_1_COLUMNS,
    connect,
    create,
    insert,
    transaction,
)
from mixexp.simulation._store_records import COLUMNS, Record, records_of_layout_1

_CORRUPT, _NOT_A_DATABASE = 11, 26  # primary result codes of SQLite
_SIDES = ("-wal", "-shm")


class Salvage(NamedTuple):
    """How many records were saved, and where the damaged file is now."""

    n_records: int
    damaged: Path


def is_damaged(path: Path) -> bool:
    """Whether a file is a store of ours in which SQLite finds damage.

    Files of other programs are not looked into: nothing is to be done to them.
    """
    if not _is_ours(path):
        return False
    try:
        with closing(connect(os.fspath(path))) as db:
            return [tuple(row) for row in db.execute("PRAGMA quick_check(1)")] != [("ok",)]
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode & 0xFF in (_CORRUPT, _NOT_A_DATABASE):
            return True
        raise


def salvage(path: Path) -> Salvage:
    """Put a fresh file with every readable record in the place of a damaged one.

    Damage in a page costs the records of that page, and damage in the first page of the table costs
    all of them. The damaged file stays beside it as ``<name>.damaged-1`` (or -2, ...), with its
    write-ahead log.
    """
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as folder:
        # SQLite may change a file while it reads it, and the damaged one is evidence.
        copy, fresh = Path(folder) / "copy", Path(folder) / "fresh"
        shutil.copyfile(path, copy)
        with suppress(FileNotFoundError):
            shutil.copyfile(f"{path}-wal", f"{copy}-wal")
        with closing(connect(os.fspath(copy))) as source, closing(connect(str(fresh))) as target:
            # Without it SQLite refuses every read from a file that was cut short.
            source.execute("PRAGMA writable_schema = ON")
            records = [record for record in _records(source, copy) if record.is_sound]
            target.execute("PRAGMA journal_mode = WAL")
            with transaction(target):
                create(target)
                described = _readable(source, copy, "configuration", "study, config, description")
                target.executemany(
                    "INSERT OR IGNORE INTO configuration VALUES (?, ?, ?)", described
                )
                insert(target, records)
        damaged = _free_name(path)
        # A log left beside the fresh file would be played into it.
        for side in _SIDES:
            with suppress(FileNotFoundError):
                os.replace(f"{path}{side}", f"{damaged}{side}")
        os.replace(path, damaged)
        os.replace(fresh, path)
    return Salvage(len(records), damaged)


def _is_ours(path: Path) -> bool:
    with path.open("rb") as stream:
        page = stream.read(4096)
    # The first page holds the application id at byte 68 and the text of the schema.
    named = page[68:72] == APPLICATION_ID.to_bytes(4, "big") or b"CREATE TABLE result" in page
    return page.startswith(b"SQLite format 3\0") and named


def _records(db: sqlite3.Connection, path: Path) -> Iterator[Record]:
    layout = 0
    with suppress(sqlite3.DatabaseError):
        (layout,) = db.execute("PRAGMA user_version").fetchone()
    if layout == 1:
        yield from records_of_layout_1(_readable(db, path, "result", LAYOUT_1_COLUMNS))
    else:
        yield from (Record(*row) for row in _readable(db, path, "result", COLUMNS))


def _readable(
    db: sqlite3.Connection, path: Path, table: str, columns: str
) -> Iterator[tuple[Any, ...]]:
    """Rows looked up one by one: damage in one page costs the rows of that page only."""
    for rowid in range(1, _last_rowid(db, path, table) + 1):
        with suppress(sqlite3.DatabaseError):
            query = f"SELECT {columns} FROM {table} WHERE rowid = ?"
            yield from db.execute(query, (rowid,)).fetchall()


def _last_rowid(db: sqlite3.Connection, path: Path, table: str) -> int:
    try:
        (last,) = db.execute(f"SELECT max(rowid) FROM {table}").fetchone()
        return last or 0
    except sqlite3.DatabaseError:
        # The page of the last rows is gone; no record is shorter than this.
        return path.stat().st_size // 64


def _free_name(path: Path) -> Path:
    number = 1
    while (name := path.with_name(f"{path.name}.damaged-{number}")).exists():
        number += 1
    return name
