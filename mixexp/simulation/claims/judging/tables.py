"""Tables of results that are small enough to be committed."""

from __future__ import annotations

import hashlib
import json
import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mixexp.simulation._table import columns_of, columns_to_frame, columns_to_table
from mixexp.simulation.claims.claim import Claim
from mixexp.simulation.claims.judging.exponent_study import exponent_study
from mixexp.simulation.store import ResultStore
from mixexp.simulation.study import Row, Study

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

# 2^-21 relative error: six significant digits.
_BITS = 20
_PACKAGES = ("mixexp", "numpy", "scipy", "numba")


def export(claim: Claim, store: ResultStore, folder: str | os.PathLike[str]) -> list[Path]:
    """Write ``<claim>.parquet``, and ``<claim>_exponents.parquet`` if there are exponents.

    All rows of the full study that the store has, of any level, and the rows that the file there
    holds of other cells (n, replicate) of the same configuration: a store that is begun afresh and
    stopped early replaces the cells it has and loses none. Where both have a cell, the store's rows
    count. Rows of another configuration, an older declaration, are dropped.

    Numbers are rounded to 20 binary digits behind the leading one (6 significant decimal digits),
    of an error only the last line is kept. The files say with which versions and on which day they
    were written, and what `predictions_of` the claim was when the file was first written, which
    later exports keep; delete the file to start again. The same rows give the same bytes, and a
    file that holds them already is left as it is.

    Parameters
    ----------
    claim : Claim
    store : ResultStore
    folder : path
        Made if missing.

    Returns
    -------
    list of Path
        Files that are up to date; none of a study without rows in the store, whose file, if there
        is one, is left as it is.
    """
    files = []
    for study in _studies(claim):
        rows = [_small(row) for row in store.rows(study)]
        if rows:
            path = _file(folder, study)
            files.append(_write(_with_kept(rows, path), path, predictions_of(claim)))
    return files


def predictions_of(claim: Claim) -> str:
    """SHA-256 of (column, slope, kind, resolution) of all quantities: 16 hexadecimal digits.

    Two declarations share it if and only if, but for collisions, they predict the same of the same
    columns and call it resolved by the same rule. Labels and derivations are free to change.

    Examples
    --------
    >>> from mixexp.simulation.claims.budget import Cost
    >>> from mixexp.simulation.expectation import Expectation, Quantity
    >>> half, third = (
    ...     Claim("demo", "", "", "", None, (10,), 1.0, Cost(1.0, 0.0), (),
    ...           (Quantity("d2", "D2", Expectation(slope)),))
    ...     for slope in (-1 / 2, -1 / 3)
    ... )
    >>> predictions_of(half) == predictions_of(half), predictions_of(half) == predictions_of(third)
    (True, False)
    """
    predicted = [
        (quantity.column, expected.slope, expected.kind, expected.resolution)
        for quantity in claim.quantities
        for expected in [quantity.expectation]
    ]
    return hashlib.sha256(json.dumps(predicted).encode()).hexdigest()[:16]


def read_frame(claim: Claim, folder: str | os.PathLike[str]) -> pd.DataFrame:
    """The exported rows of a claim; no rows if it was never exported.

    Versions, the day and the hash ``predictions`` are in ``frame.attrs``; a table of before there
    was such a hash has none.
    """
    return _read(_file(folder, claim.study("full")))


def read_exponents(claim: Claim, folder: str | os.PathLike[str]) -> pd.DataFrame | None:
    """The exported exponents of a claim, None if there are none."""
    study = exponent_study(claim)
    path = None if study is None else _file(folder, study)
    return _read(path) if path is not None and path.exists() else None


def rounded(value: float, bits: int = _BITS) -> float:
    """The nearest number with that many binary digits behind the leading one.

    Examples
    --------
    >>> f"{rounded(1 / 3):.6g}", rounded(0.75), rounded(float("inf"))
    ('0.333333', 0.75, inf)
    """
    if not np.isfinite(value):
        return value
    mantissa, exponent = np.frexp(value)
    return float(np.ldexp(np.round(mantissa * 2.0 ** (bits + 1)), int(exponent) - bits - 1))


def _studies(claim: Claim) -> Sequence[Study]:
    exponents = exponent_study(claim)
    return [claim.study("full"), *([] if exponents is None else [exponents])]


def _file(folder: str | os.PathLike[str], study: Study) -> Path:
    return Path(folder) / f"{study.name}.parquet"


def _small(row: Row) -> Row:
    small = {key: rounded(v) if isinstance(v, float) else v for key, v in row.items()}
    error = small.get("error")
    if error is not None:
        small["error"] = str(error).strip().splitlines()[-1]
    return small


def _with_kept(rows: list[Row], path: Path) -> list[Row]:
    """The rows, and those of the file of other cells of their configuration, sorted by key."""
    import pyarrow.parquet

    if not path.exists():
        return rows
    config, cells = rows[0]["config"], {(row["n"], row["replicate"]) for row in rows}
    kept = [
        row
        for row in pyarrow.parquet.read_table(path).to_pylist()
        if row["config"] == config and (row["n"], row["replicate"]) not in cells
    ]
    return sorted([*rows, *kept], key=lambda row: (row["n"], row["replicate"], row["part"]))


def _write(rows: list[Row], path: Path, predictions: str) -> Path:
    import pyarrow.parquet

    table = columns_to_table(columns_of(rows))
    if path.exists():
        old = pyarrow.parquet.read_table(path)
        if _same(old, table):
            return path
        predictions = _said(old).get("predictions", predictions)
    table = table.replace_schema_metadata({**_provenance(), "predictions": predictions})
    numbers = [field.name for field in table.schema if pyarrow.types.is_floating(field.type)]
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        # Rounded digits are zeros, which streams of equal bytes compress to nothing.
        pyarrow.parquet.write_table(
            table, draft, compression="zstd", compression_level=19, column_encoding=dict.fromkeys(
                numbers, "BYTE_STREAM_SPLIT"
            ), use_dictionary=[name for name in table.column_names if name not in numbers],
        )  # fmt: skip
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)
    return path


def _same(old: pa.Table, new: pa.Table) -> bool:
    """Whether two tables hold the same rows, undefined numbers counting as equal."""
    columns = [repr(table.to_pydict()) for table in (old, new)]
    return columns[0] == columns[1]


def _provenance() -> dict[str, str]:
    day = datetime.now(UTC).date().isoformat()
    versions = {name: version(name) for name in _PACKAGES}
    return {"date": day, "python": platform.python_version(), **versions}


def _read(path: Path) -> pd.DataFrame:
    import pyarrow.parquet

    if not path.exists():
        return columns_to_frame(columns_of([]))
    table = pyarrow.parquet.read_table(path)
    frame = columns_to_frame(columns_of(table.to_pylist()))
    frame.attrs = dict(_said(table))
    return frame


def _said(table: pa.Table) -> dict[str, str]:
    """The texts that a table carries."""
    said = table.schema.metadata or {}
    return {key.decode(): value.decode() for key, value in said.items()}
