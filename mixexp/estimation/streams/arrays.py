"""A source of arrays that may be larger than memory: memory-mapped files above all."""

from __future__ import annotations

from collections.abc import Iterator
from operator import index as as_integer
from typing import Any

import numpy as np

from mixexp.estimation.streams._base import Chunk
from mixexp.estimation.streams.local import LocalSource

_CHUNK_ROWS = 262_144
# Numbers in a chunk of wide rows, 32 MB, and the rows it has all the same.
_CHUNK_NUMBERS = 4_194_304
_LEAST_ROWS = 4096


class Arrays(LocalSource):
    """Slices of arrays; see :func:`scan_arrays`."""

    def __init__(self, x: Any, y: Any, weight: Any, chunk_rows: int):
        self._x, self._y, self._weight, self._chunk_rows = x, y, weight, chunk_rows
        self.n_partitions = -(-len(x) // chunk_rows)

    def chunks(self) -> Iterator[Chunk]:
        for index in range(self.n_partitions or 0):
            yield self.read(index)

    def read(self, index: int) -> Chunk:
        rows = slice(index * self._chunk_rows, (index + 1) * self._chunk_rows)
        x = np.array(self._x[rows], dtype=np.float64, order="C")
        weight = None if self._weight is None else np.array(self._weight[rows], dtype=np.float64)
        return Chunk(x, np.array(self._y[rows]), weight)

    def place(self, index: int) -> str:
        first = index * self._chunk_rows
        return f"partition {index}, which begins at row {first} of the arrays"


def size_of_chunks(chunk_rows: int | None, n_columns: int) -> int:
    """Rows of a chunk, by default what keeps two of them small beside everything else.

    Raises
    ------
    ValueError
        If they are less than one.
    """
    if chunk_rows is None:
        return max(_LEAST_ROWS, min(_CHUNK_ROWS, _CHUNK_NUMBERS // n_columns))
    chunk_rows = as_integer(chunk_rows)
    if chunk_rows < 1:
        raise ValueError(f"chunk_rows={chunk_rows} must be at least 1")
    return chunk_rows


def scan_arrays(
    X: Any, y: Any, sample_weight: Any = None, *, chunk_rows: int | None = None
) -> Arrays:
    """A source of the rows of X (n, d), y (n,) or (n, D) and weights (n,), read slice by slice.

    Made for ``np.memmap`` and other arrays that read what is asked of them when it is asked (HDF5,
    Zarr): no more than two slices are in memory.

    Parameters
    ----------
    X : array-like (n, d)
        Anything with ``shape`` whose slices of rows convert to numpy arrays.
    y : array-like (n,) or (n, D)
    sample_weight : array-like (n,), optional
    chunk_rows : int, optional
        Rows of a slice; by default 262,144, or fewer where they are wide.

    Returns
    -------
    Source

    Raises
    ------
    ValueError
        If the arrays do not have the same number of rows.

    Examples
    --------
    >>> import numpy as np
    >>> from mixexp.estimation.streams import scan_arrays
    >>> source = scan_arrays(np.zeros((10, 2)), np.arange(10.0), chunk_rows=4)
    >>> [len(chunk.x) for chunk in source.chunks()]
    [4, 4, 2]
    """
    for name, values, forms in (
        ("X", X, {2}), ("y", y, {1, 2}), ("sample_weight", sample_weight, {1}),
    ):  # fmt: skip
        if values is None and name == "sample_weight":
            continue
        shape = getattr(values, "shape", None)
        if shape is None or len(shape) not in forms:
            raise ValueError(
                f"{name} has shape {shape}; X is an array (n, d), y (n,) or (n, D), and "
                "sample_weight (n,)"
            )
        if shape[0] != X.shape[0]:
            raise ValueError(f"{name} has {shape[0]} rows, but X has {X.shape[0]}")
    chunk_rows = size_of_chunks(chunk_rows, X.shape[1] + 2)
    return Arrays(X, y, sample_weight, chunk_rows)
