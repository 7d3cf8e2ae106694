"""One record of the store: everything a task left, with a checksum over key and content."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

from mixexp.simulation._execute import ADDED_COLUMNS, KEY_COLUMNS, TaskResult
from mixexp.simulation.study import Row, Study, StudyTask

_KEY = itemgetter(0, 1, 2, 3)


class Record(NamedTuple):
    """A task's result as it lies in the file; `content` is the JSON array of its rows."""

    study: str
    config: str
    n: int
    replicate: int
    seed_key: str
    mixexp_version: str
    wall_seconds: float
    error: str | None
    content: str
    checksum: str

    @property
    def is_sound(self) -> bool:
        """Whether the checksum fits the other fields and the content is a JSON array."""
        if self.checksum != checksum(self[:-1]):
            return False
        try:
            return isinstance(json.loads(self.content), list)
        except ValueError:
            return False

    def rows(self) -> list[Row]:
        """The rows with key and added columns, numbered by ``part``."""
        key = self[:4]
        added = dict(zip(ADDED_COLUMNS, self[4:8], strict=True))
        return [
            dict(zip(KEY_COLUMNS, (*key, part), strict=True)) | added | row
            for part, row in enumerate(json.loads(self.content))
        ]


COLUMNS = ", ".join(Record._fields)


def checksum(fields: Iterable[Any]) -> str:
    """First 32 hexadecimal digits of the SHA-256 of the fields as a JSON array.

    Examples
    --------
    >>> checksum(["rates", 100]) == checksum(["rates", 100]) != checksum(["rates", 101])
    True
    """
    return hashlib.sha256(json.dumps(list(fields)).encode()).hexdigest()[:32]


def record_of(study: Study, result: TaskResult) -> Record:
    """The record of a task that has ended."""
    from mixexp import __version__

    seed_key = StudyTask(study, result.n, result.replicate).seed_key
    key = (study.name, study.config, result.n, result.replicate)
    added = (seed_key, __version__, result.wall_seconds, result.error)
    return _signed((*key, *added, json.dumps(result.rows)))


def records_of_layout_1(rows: Iterable[tuple[Any, ...]]) -> list[Record]:
    """Records of a file with one row per part: (study, config, n, replicate, part, ..., content).

    A task is left out if a part before its last is missing or a part is not a JSON object; that
    layout cannot tell whether the last parts are missing.
    """
    records = []
    for _, group in groupby(sorted(rows, key=itemgetter(0, 1, 2, 3, 4)), key=_KEY):
        parts = list(group)
        try:
            contents = [json.loads(part[-1]) for part in parts]
        except ValueError:
            continue
        complete = [part[4] for part in parts] == list(range(len(parts)))
        if complete and all(isinstance(content, dict) for content in contents):
            first = parts[0]
            records.append(_signed((*_KEY(first), *first[5:9], json.dumps(contents))))
    return records


def _signed(fields: tuple[Any, ...]) -> Record:
    return Record._make((*fields, checksum(fields)))
