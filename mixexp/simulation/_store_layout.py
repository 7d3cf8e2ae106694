"""Tables of the store's SQLite file, and how files of the earlier layout become this one."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from mixexp.simulation._store_records import Record, records_of_layout_1

LAYOUT = 2
APPLICATION_ID = 0x6D786578  # "mxex": tells a damaged store from the file of another program
LAYOUT_1_COLUMNS = (
    "study, config, n, replicate, part, seed_key, mixexp_version, wall_seconds, error, content"
)
_CREATE = (
    """CREATE TABLE IF NOT EXISTS configuration (
        study TEXT, config TEXT, description TEXT NOT NULL, PRIMARY KEY (study, config)
    )""",
    """CREATE TABLE result (
        study TEXT, config TEXT, n INTEGER, replicate INTEGER,
        seed_key TEXT NOT NULL, mixexp_version TEXT NOT NULL, wall_seconds REAL NOT NULL,
        error TEXT, content TEXT NOT NULL, checksum TEXT NOT NULL,
        PRIMARY KEY (study, config, n, replicate)
    )""",
    """CREATE TABLE lease (
        study TEXT, config TEXT, n INTEGER, replicate INTEGER,
        host TEXT NOT NULL, pid INTEGER NOT NULL, born TEXT NOT NULL, taken REAL NOT NULL,
        PRIMARY KEY (study, config, n, replicate)
    )""",
    f"PRAGMA user_version = {LAYOUT}",
    f"PRAGMA application_id = {APPLICATION_ID}",
)


def connect(path: str) -> sqlite3.Connection:
    """A connection that waits half a minute for a lock and reads any bytes as text."""
    db = sqlite3.connect(path, timeout=30.0, isolation_level=None)
    # Overwritten bytes need not be UTF-8; the checksum finds them, the decoder must not stop there.
    db.text_factory = lambda text: text.decode("utf-8", errors="replace")
    return db


@contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """All statements inside or none of them; the write lock is held from the start."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")


def prepare(db: sqlite3.Connection, path: str) -> None:
    """Make the tables of an empty file, or bring a file of layout 1 to this layout in place.

    Raises
    ------
    ValueError
        If the file belongs to another program or to a later layout; it is not changed.
    """
    if _layout_of_ours(db, path) == LAYOUT:
        return
    # Only now may the file be changed.
    db.execute("PRAGMA journal_mode = WAL")
    with transaction(db):
        # Another process may have been here since.
        layout = _layout_of_ours(db, path)
        if layout == 0:
            create(db)
        elif layout == 1:
            _migrate(db)


def create(db: sqlite3.Connection) -> None:
    """Make the tables of this layout."""
    for statement in _CREATE:
        db.execute(statement)


def insert(db: sqlite3.Connection, records: Iterable[Record]) -> None:
    """Write records, each in the place of what its task left before."""
    marks = ", ".join("?" * len(Record._fields))
    db.executemany(f"INSERT OR REPLACE INTO result VALUES ({marks})", records)


def _layout_of_ours(db: sqlite3.Connection, path: str) -> int:
    """The layout of the file, 0 if it is empty; an error if it is not ours."""
    (layout,) = db.execute("PRAGMA user_version").fetchone()
    names = {name for (name,) in db.execute("SELECT name FROM sqlite_schema")}
    if not names:
        return 0
    if not (1 <= layout <= LAYOUT and {"configuration", "result"} <= names):
        raise ValueError(
            f"path={path!r} is an SQLite file of another program or of layout {layout} instead of "
            f"{LAYOUT}: choose another file"
        )
    return int(layout)


def _migrate(db: sqlite3.Connection) -> None:
    records = records_of_layout_1(db.execute(f"SELECT {LAYOUT_1_COLUMNS} FROM result"))
    db.execute("DROP TABLE result")
    create(db)
    insert(db, records)
