"""Where results are: one folder a level, and what was asked for there."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mixexp.simulation.claims.claim import Claim, Level
from mixexp.simulation.store import ResultStore

RESULTS = Path(__file__).parent / "results"
# Results of the full level are committed, so smaller ones must not replace them.
FOLDERS: dict[Level, Path] = {
    "quick": RESULTS / "quick",
    "default": RESULTS / "default",
    "full": RESULTS / "claims",
}
_REMEDY = "remove it and use run, which computes no finished cell again"


def store_path(folder: Path, claim: Claim) -> Path:
    """The store of a claim, a working file; its exported table stands beside it."""
    return folder / f"{claim.name}.sqlite"


@contextmanager
def open_store(folder: Path, claim: Claim) -> Iterator[ResultStore]:
    """The store of a claim, closed at the end.

    Raises
    ------
    ValueError
        If the file is that of another program.
    sqlite3.DatabaseError
        Of SQLite, at any time while it is open, with the path.
    """
    path = store_path(folder, claim)
    try:
        with ResultStore(path) as store:
            yield store
    except sqlite3.DatabaseError as error:
        raise sqlite3.DatabaseError(
            f"the store {path} cannot be used ({error}): make room on the disk, stop what locks "
            "the file, or move it away and run again"
        ) from error


def remember(folder: Path, claims: list[Claim]) -> None:
    """Add the claims to those asked for in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    names = sorted({*asked(folder), *(claim.name for claim in claims)})
    # Two runners may begin at once in one folder.
    draft = folder / f".asked.{os.getpid()}.part"
    draft.write_text(json.dumps(names))
    draft.replace(folder / "asked.json")


def asked(folder: Path) -> list[str]:
    """Names of the claims that were asked for in a folder.

    Raises
    ------
    ValueError
        If they cannot be read.
    """
    path = folder / "asked.json"
    try:
        names = json.loads(path.read_text()) if path.exists() else []
    except ValueError as error:
        raise ValueError(f"{path} cannot be read ({error}): {_REMEDY}") from error
    if not (isinstance(names, list) and all(isinstance(name, str) for name in names)):
        raise ValueError(f"{path} is not a list of names: {_REMEDY}")
    return names
