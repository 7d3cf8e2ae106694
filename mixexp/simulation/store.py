"""SQLite store of result rows: survives a kill, finds damage, never mixes configurations."""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Literal, NamedTuple

from mixexp.simulation._execute import TaskResult
from mixexp.simulation._store_layout import connect, insert, prepare, transaction
from mixexp.simulation._store_leases import Lease, new_lease
from mixexp.simulation._store_records import COLUMNS, Record, record_of
from mixexp.simulation._store_salvage import is_damaged, salvage
from mixexp.simulation._table import columns_of, columns_to_frame, columns_to_table
from mixexp.simulation.study import Row, Study, StudyTask

if TYPE_CHECKING:
    import pandas as pd

_OF_STUDY = " WHERE study = ? AND config = ?"
_OF_TASK = _OF_STUDY + " AND n = ? AND replicate = ?"


class DamagedStoreWarning(UserWarning):
    """Records of a store were damaged; `run` computes their tasks again."""


class StudyStatus(NamedTuple):
    """How far a study is: ``done + failed`` of `total` tasks are stored.

    `damaged` records count as not stored, `leased` tasks are under way in some process, and
    `seconds` is the computing time of what is stored.
    """

    done: int
    failed: int
    damaged: int
    leased: int
    total: int
    seconds: float


class ResultStore:
    """Rows of studies in one SQLite file, keyed by (study, config, n, replicate, part).

    All rows of a task are one record, committed at once (write-ahead log) with a checksum over key
    and content: after a kill at any moment a task is either there as a whole or not at all, and a
    record that was damaged later is found when it is read, left out and computed again. Tables of
    other configurations stay in the file but are never returned for a study whose hash differs.

    Any number of processes may read and write at the same time; `claim` shares the tasks among
    them. On a network file system this needs working SQLite locks and shared memory, which many do
    not offer between machines: there use one runner, with a Dask cluster for more machines.

    A file in which SQLite finds damage is replaced, when it is opened, by a fresh one with every
    record that can be read; it stays beside it as ``<name>.damaged-1``. Stop other runners of the
    file before that. Files of the earlier layout are brought to the present one in place.

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

    Warns
    -----
    DamagedStoreWarning
        If records or the file are damaged; says how many records and what became of them.

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
            self._repair(Path(self.path))
        self._db = connect(self.path)
        try:
            prepare(self._db, self.path)
            # A killed process loses nothing with NORMAL; a power cut may lose the last records,
            # which are then computed again.
            self._db.execute("PRAGMA synchronous = NORMAL")
        except BaseException:
            self._db.close()
            raise

    def finished(self, study: Study, *, with_failed: bool = True) -> set[tuple[int, int]]:
        """Pairs (n, replicate) that need not be run again.

        Parameters
        ----------
        study : Study
            Only records with its name and configuration count, and only undamaged ones.
        with_failed : bool
            Whether a failed task counts as finished.
        """
        records = self._sound(study)
        return {(r.n, r.replicate) for r in records if with_failed or r.error is None}

    def status(self, study: Study) -> StudyStatus:
        """Counts of the tasks that `study` declares, also while runners are at work.

        Examples
        --------
        >>> study = Study("demo", sizes=(10, 20), replicates=3, run=dict)
        >>> with ResultStore(":memory:") as store:
        ...     store.claim(study.tasks()[0])
        ...     store.status(study)
        'taken'
        StudyStatus(done=0, failed=0, damaged=0, leased=1, total=6, seconds=0.0)
        """
        declared = {(task.n, task.replicate) for task in study.tasks()}
        records = [r for r in self._records(study) if (r.n, r.replicate) in declared]
        sound = [r for r in records if r.is_sound]
        failed = sum(r.error is not None for r in sound)
        query = "SELECT n, replicate, host, pid, born, taken FROM lease" + _OF_STUDY
        leases = self._db.execute(query, (study.name, study.config)).fetchall()
        leased = sum(tuple(row[:2]) in declared and not Lease(*row[2:]).is_stale for row in leases)
        return StudyStatus(
            done=len(sound) - failed,
            failed=failed,
            damaged=len(records) - len(sound),
            leased=leased,
            total=len(declared),
            seconds=math.fsum(r.wall_seconds for r in sound),
        )

    def claim(
        self, task: StudyTask, *, retry_failed: bool = False
    ) -> Literal["taken", "done", "leased"]:
        """Take a task for this process, unless it is done or another process computes it.

        A lease names host and process. It ends when the task is stored or released, or when its
        process on this host no longer exists. Where that cannot be told (another host, no
        ``/proc``) it ends after an hour: a longer task may be computed twice by two runners, which
        changes nothing in the table but ``wall_seconds``.

        Parameters
        ----------
        task : StudyTask
            The task.
        retry_failed : bool
            Whether a task that failed may be taken again.

        Returns
        -------
        {"taken", "done", "leased"}
        """
        key = _key(task)
        with transaction(self._db):
            found = self._db.execute(f"SELECT {COLUMNS} FROM result" + _OF_TASK, key).fetchone()
            record = None if found is None else Record(*found)
            if record and record.is_sound and (record.error is None or not retry_failed):
                return "done"
            query = "SELECT host, pid, born, taken FROM lease" + _OF_TASK
            found = self._db.execute(query, key).fetchone()
            if found and not (Lease(*found).is_mine or Lease(*found).is_stale):
                return "leased"
            self._db.execute(
                "INSERT OR REPLACE INTO lease VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (*key, *new_lease()),
            )
        return "taken"

    def release(self, tasks: Iterable[StudyTask]) -> None:
        """Give up the leases of this process on tasks that it will not compute."""
        mine = new_lease()[:3]
        query = "DELETE FROM lease" + _OF_TASK + " AND host = ? AND pid = ? AND born = ?"
        with transaction(self._db):
            self._db.executemany(query, [(*_key(task), *mine) for task in tasks])

    def put(self, study: Study, result: TaskResult) -> None:
        """Write all rows of a task in one transaction, replacing what the task left before."""
        record = record_of(study, result)
        with transaction(self._db):
            self._db.execute(
                "INSERT OR IGNORE INTO configuration VALUES (?, ?, ?)",
                (study.name, study.config, study.description),
            )
            insert(self._db, [record])
            self._db.execute("DELETE FROM lease" + _OF_TASK, record[:4])

    def rows(self, study: Study | None = None) -> list[Row]:
        """Rows sorted by key: of the tasks that `study` declares, or everything in the file."""
        records = self._sound(study)
        if study is not None:
            records = [r for r in records if r.replicate < study.replicates_of(r.n)]
        return [row for record in records for row in record.rows()]

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

    def _records(self, study: Study | None) -> list[Record]:
        where, values = ("", ()) if study is None else (_OF_STUDY, (study.name, study.config))
        # By position, not through the index: that may be damaged where the table is not.
        query = f"SELECT {COLUMNS} FROM result NOT INDEXED{where}"
        return [Record(*row) for row in self._db.execute(query, values)]

    def _sound(self, study: Study | None) -> list[Record]:
        records = self._records(study)
        sound = [record for record in records if record.is_sound]
        if len(sound) < len(records):
            warnings.warn(
                f"{len(records) - len(sound)} of {len(records)} records in {self.path} are damaged "
                "(their checksum is wrong); they are left out, and run computes them again",
                DamagedStoreWarning,
                stacklevel=3,
            )
        return sorted(sound)

    @staticmethod
    def _repair(path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and is_damaged(path):
            saved = salvage(path)
            warnings.warn(
                f"{path} was damaged: {saved.n_records} records could be read and are kept, run "
                f"computes the others again; the damaged file is now {saved.damaged}",
                DamagedStoreWarning,
                stacklevel=3,
            )


def _key(task: StudyTask) -> tuple[str, str, int, int]:
    return task.study.name, task.study.config, task.n, task.replicate
