"""SQLite store of result rows: survives a kill, never mixes configurations."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from mixexp.simulation._execute import ADDED_COLUMNS, KEY_COLUMNS, TaskResult
from mixexp.simulation._table import columns_of, columns_to_frame, columns_to_table
from mixexp.simulation.study import Row, Study, StudyTask

if TYPE_CHECKING:
    import pandas as pd

_LAYOUT = 1
_CREATE = """
CREATE TABLE configuration (
    study TEXT, config TEXT, description TEXT NOT NULL, PRIMARY KEY (study, config)
);
CREATE TABLE result (
    study TEXT, config TEXT, n INTEGER, replicate INTEGER, part INTEGER,
    seed_key TEXT NOT NULL, mixexp_version TEXT NOT NULL, wall_seconds REAL NOT NULL, error TEXT,
    content TEXT NOT NULL,
    PRIMARY KEY (study, config, n, replicate, part)
);
"""
_FIXED = KEY_COLUMNS + ADDED_COLUMNS


class ResultStore:
    """Rows of studies in one SQLite file, keyed by (study, config, n, replicate, part).

    All rows of a task are committed together (write-ahead log), so after a kill at any moment a
    task is either there as a whole or not at all. Tables of other configurations stay in the file
    but are never returned for a study whose hash differs. Only one process should write.

    Parameters
    ----------
    path : str or path
        The file; it and its folder are made if missing. ``":memory:"`` keeps nothing on disk.

    Raises
    ------
    ValueError
        If the file is an SQLite file that was not written by this class.
    sqlite3.DatabaseError
        If the file is not an SQLite file.

    Examples
    --------
    >>> from mixexp.simulation import Study, run
    >>> def mean_error(task):
    ...     return {"error_of_mean": abs(float(task.rng().normal(size=task.n).mean()))}
    >>> study = Study("normal-mean", sizes=(100, 1000), replicates=2, run=mean_error)
    >>> with ResultStore(":memory:") as store:
    ...     frame = run(study, store, n_jobs=1, progress=False)
    ...     sorted(store.finished(study))
    [(100, 0), (100, 1), (1000, 0), (1000, 1)]
    >>> frame[["n", "replicate", "error_of_mean"]].shape
    (4, 3)
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.fspath(path)
        if self.path != ":memory:":
            Path(self.path).parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(self.path, timeout=30.0, isolation_level=None)
        try:
            self._prepare()
        except BaseException:
            self._db.close()
            raise

    def finished(self, study: Study, *, with_failed: bool = True) -> set[tuple[int, int]]:
        """Pairs (n, replicate) that need not be run again.

        Parameters
        ----------
        study : Study
            Only rows with its name and configuration count.
        with_failed : bool
            Whether a failed task counts as finished.
        """
        query = "SELECT DISTINCT n, replicate FROM result WHERE study = ? AND config = ?"
        if not with_failed:
            query += " AND error IS NULL"
        return set(self._db.execute(query, (study.name, study.config)))

    def put(self, study: Study, result: TaskResult) -> None:
        """Write all rows of a task in one transaction, replacing what the task left before."""
        from mixexp import __version__

        key = (study.name, study.config, result.n, result.replicate)
        seed_key = StudyTask(study, result.n, result.replicate).seed_key
        with self._transaction():
            self._db.execute(
                "INSERT OR IGNORE INTO configuration VALUES (?, ?, ?)",
                (*key[:2], study.description),
            )
            self._db.execute(
                "DELETE FROM result WHERE study = ? AND config = ? AND n = ? AND replicate = ?", key
            )
            for part, row in enumerate(result.rows):
                added = (seed_key, __version__, result.wall_seconds, result.error, json.dumps(row))
                self._db.execute(
                    "INSERT INTO result VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", (*key, part, *added)
                )

    def rows(self, study: Study | None = None) -> list[Row]:
        """Rows sorted by key: of the tasks that `study` declares, or everything in the file."""
        query = f"SELECT {', '.join(_FIXED)}, content FROM result"
        values: tuple[str, ...] = ()
        if study is not None:
            query += " WHERE study = ? AND config = ?"
            values = (study.name, study.config)
        found = self._db.execute(query + " ORDER BY study, config, n, replicate, part", values)
        rows = [
            dict(zip(_FIXED, fixed, strict=True)) | json.loads(content) for *fixed, content in found
        ]
        if study is None:
            return rows
        return [row for row in rows if row["replicate"] < study.replicates_of(row["n"])]

    def to_frame(self, study: Study | None = None) -> pd.DataFrame:
        """The rows as a data frame of nullable columns, sorted by key.

        Parameters
        ----------
        study : Study, optional
            Restrict to the tasks it declares under its configuration; None: the whole file.
        """
        return columns_to_frame(columns_of(self.rows(study)))

    def to_parquet(self, path: str | os.PathLike[str], study: Study | None = None) -> None:
        """Write the rows as a Parquet file, sorted by key; missing values are nulls.

        The file is replaced at once, never half written. Two stores of the same study give the
        same file except for the column ``wall_seconds``.
        """
        import pyarrow.parquet

        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = target.with_name(f".{target.name}.{os.getpid()}.part")
        table = columns_to_table(columns_of(self.rows(study)))
        try:
            pyarrow.parquet.write_table(table, draft)
            os.replace(draft, target)
        finally:
            draft.unlink(missing_ok=True)

    def close(self) -> None:
        """Close the file; the store cannot be used afterwards."""
        self._db.close()

    def __enter__(self) -> ResultStore:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _prepare(self) -> None:
        self._db.execute("PRAGMA journal_mode = WAL")
        # A killed process loses nothing with NORMAL; a power cut may lose the last rows, which
        # are then run again.
        self._db.execute("PRAGMA synchronous = NORMAL")
        with self._transaction():
            (layout,) = self._db.execute("PRAGMA user_version").fetchone()
            (tables,) = self._db.execute("SELECT count(*) FROM sqlite_schema").fetchone()
            if tables == 0:
                for statement in _CREATE.split(";")[:-1]:
                    self._db.execute(statement)
                self._db.execute(f"PRAGMA user_version = {_LAYOUT}")
            elif layout != _LAYOUT or not self._is_ours():
                raise ValueError(
                    f"path={self.path!r} is an SQLite file of another program or of layout "
                    f"{layout} instead of {_LAYOUT}: choose another file"
                )

    def _is_ours(self) -> bool:
        names = {name for (name,) in self._db.execute("SELECT name FROM sqlite_schema")}
        return {"configuration", "result"} <= names

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")
