"""A source of Parquet files, of which the row groups are read that a pass needs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby, pairwise
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from mixexp.estimation.streams._base import Chunk
from mixexp.estimation.streams.arrays import size_of_chunks
from mixexp.estimation.streams.local import LocalSource
from mixexp.estimation.streams.names import Names
from mixexp.estimation.streams.tables import check_numbers, of_arrow

if TYPE_CHECKING:
    import pyarrow as pa


class Piece(NamedTuple):
    """Rows of some row groups of a file: ``n_rows`` of them, the first being row ``start``."""

    file: str
    groups: tuple[int, ...]
    start: int
    n_rows: int


class Parquet(LocalSource):
    """Pieces of Parquet files; see :func:`scan_parquet`."""

    def __init__(self, names: Names, pieces: list[Piece]):
        self.columns, self.n_partitions = names.x, len(pieces)
        self._names, self._pieces = names, pieces

    def chunks(self) -> Iterator[Chunk]:
        indexed = enumerate(self._pieces)
        for (file, groups), some in groupby(indexed, key=lambda item: item[1][:2]):
            mine = list(some)
            tables = _cut(file, groups, self._names.every, [piece.n_rows for _, piece in mine])
            for (index, _), table in zip(mine, tables, strict=True):
                yield of_arrow(table, self._names, self.place(index))

    def read(self, index: int) -> Chunk:
        piece = self._pieces[index]
        sizes = [piece.start, piece.n_rows] if piece.start else [piece.n_rows]
        *_, table = _cut(piece.file, piece.groups, self._names.every, sizes)
        return of_arrow(table, self._names, self.place(index))

    def place(self, index: int) -> str:
        file, groups, start, n_rows = self._pieces[index]
        last = f" to {groups[-1]}" if len(groups) > 1 else ""
        return (
            f"partition {index} (rows {start} to {start + n_rows - 1} of row group {groups[0]}"
            f"{last} of {file})"
        )


def scan_parquet(
    path: str | PathLike[str] | Sequence[str | PathLike[str]],
    X: str | Sequence[str],
    y: str | Sequence[str],
    sample_weight: str | None = None,
    *,
    chunk_rows: int | None = None,
) -> Parquet:
    """A source of the rows of Parquet files, read piece by piece, only the columns named.

    Pieces hold ``chunk_rows`` rows or a little more: small row groups are read together, large ones
    in parts. Integers, booleans, decimals and dictionaries of them are read as floats; nulls, dates
    and words in X are refused, by name. Columns that are only in the names of folders are not seen.

    Parameters
    ----------
    path : path or list of paths
        A file, a folder (all files below it whose names end in ``.parquet``, sorted; names that
        begin with ``_`` or ``.`` are passed over), or files in the order of their rows.
    X : str or list of str
        Columns of covariates.
    y : str or list of str
        Column of responses, or several: responses of one law, or counts and their exposures,
        successes and their trials.
    sample_weight : str, optional
        Column of weights.
    chunk_rows : int, optional
        Rows of a piece, two of which are in memory; by default 262,144, or fewer where they are
        wide.

    Returns
    -------
    Source

    Raises
    ------
    FileNotFoundError
        If there is no such file, or none in the folder.
    ValueError
        If a column is missing, or one of X holds no numbers.

    Examples
    --------
    >>> import tempfile
    >>> import pandas as pd
    >>> from mixexp.estimation.streams import scan_parquet
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     pd.DataFrame({"age": [30, 40], "cost": [1.5, 2.5]}).to_parquet(f"{folder}/a.parquet")
    ...     source = scan_parquet(folder, X=["age"], y="cost")
    ...     source.columns, [chunk.y.tolist() for chunk in source.chunks()]
    (('age',), [[1.5, 2.5]])
    """
    names = Names.of(X, y, sample_weight)
    n_rows = size_of_chunks(chunk_rows, len(names.every))
    pieces = [piece for file in _files(path) for piece in _pieces(file, names, n_rows)]
    return Parquet(names, pieces)


def _files(path: str | PathLike[str] | Sequence[str | PathLike[str]]) -> list[str]:
    if not isinstance(path, str | PathLike):
        return [file for one in path for file in _files(one)]
    place = Path(fspath(path))
    if place.is_file():
        return [str(place)]
    if not place.is_dir():
        raise FileNotFoundError(f"path={str(place)!r} is neither a file nor a folder")
    found = sorted(
        file
        for file in place.rglob("*.parquet")
        if not any(part.startswith(("_", ".")) for part in file.relative_to(place).parts)
    )
    if not found:
        raise FileNotFoundError(f"path={str(place)!r} holds no file whose name ends in .parquet")
    return [str(file) for file in found]


def _pieces(file: str, names: Names, chunk_rows: int) -> Iterator[Piece]:
    import pyarrow.parquet as pq

    with pq.ParquetFile(file) as opened:
        schema, metadata = opened.schema_arrow, opened.metadata
        names.check(schema.names, file)
        for name in [*names.x, *([names.weight] if names.weight else [])]:
            check_numbers(schema.field(name).type, name, file)
        sizes = [metadata.row_group(g).num_rows for g in range(metadata.num_row_groups)]
    waiting: list[int] = []
    for group, size in enumerate(sizes):
        if size >= 2 * chunk_rows:
            yield from _together(file, waiting, sizes)
            waiting = []
            yield from _in_parts(file, group, size, chunk_rows)
            continue
        waiting += [group] if size else []
        if sum(sizes[g] for g in waiting) >= chunk_rows:
            yield from _together(file, waiting, sizes)
            waiting = []
    yield from _together(file, waiting, sizes)


def _together(file: str, groups: list[int], sizes: list[int]) -> Iterator[Piece]:
    if groups:
        yield Piece(file, tuple(groups), 0, sum(sizes[group] for group in groups))


def _in_parts(file: str, group: int, size: int, chunk_rows: int) -> Iterator[Piece]:
    """Parts of a row group of about equal size."""
    n_parts = size // chunk_rows
    ends = [size * part // n_parts for part in range(n_parts + 1)]
    for start, stop in pairwise(ends):
        yield Piece(file, (group,), start, stop - start)


def _cut(
    file: str, groups: tuple[int, ...], columns: list[str], sizes: list[int]
) -> Iterator[pa.Table]:
    """The rows of row groups in tables of the given sizes, one after the other."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    # Buffered: a row group is never in memory as a whole.
    with pq.ParquetFile(file, buffer_size=1 << 20) as opened:
        batches = opened.iter_batches(
            batch_size=min(max(sizes), 1 << 16), row_groups=list(groups), columns=columns,
            use_threads=False,
        )  # fmt: skip
        rest = pa.Table.from_batches([], opened.schema_arrow).select(columns)
        for size in sizes:
            have, n_rows = [rest], rest.num_rows
            while n_rows < size and (batch := next(batches, None)) is not None:
                have.append(pa.Table.from_batches([batch]))
                n_rows += batch.num_rows
            table = pa.concat_tables(have, promote_options="permissive")
            yield table.slice(0, size)
            rest = table.slice(size)
