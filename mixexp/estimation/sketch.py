"""A small weighted sample of the distinct rows, from which starts are made."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Hashes = NDArray[np.uint64]

_BLOCK = 65_536
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


class Sketch(NamedTuple):
    """Positions of distinct rows (m,), and the total weight of each of them in the data (m,)."""

    rows: NDArray[np.intp]
    weight: Array


class Smallest(NamedTuple):
    """The smallest of some hashes, sorted: ``hashes``, where each was first, and its weight."""

    hashes: Hashes
    first: NDArray[np.intp]
    weight: Array


def smallest(hashes: Hashes, weight: Array, size: int) -> Smallest:
    """The ``size`` smallest distinct hashes, each with the sum of the weights of its copies."""
    kept, first, inverse = np.unique(hashes, return_index=True, return_inverse=True)
    total = np.asarray(np.bincount(inverse, weights=weight)[:size], dtype=float)
    return Smallest(kept[:size], first[:size], total)


def sketch_rows(x: Array, y: Array, weight: Array | None, size: int, seed: int) -> Sketch:
    """The ``size`` distinct rows with the smallest hashes, in the order of their hashes.

    A row's hash depends on its content and the seed alone, so the sketch is a function of the
    weighted distribution of the data: neither the order of the rows, nor writing a weight of two as
    two rows, nor rows of weight zero change it. Rows are read in blocks and only ``size`` of them
    are held.

    Parameters
    ----------
    x, y : arrays (n, n_columns) and (n,) or (n_responses, n)
        Rows on the user's scale: rounding in a standardisation must not change the hashes.
    weight : array (n,) or None
    size : int
    seed : int
    """
    y = np.atleast_2d(y)
    kept = Smallest(np.empty(0, dtype=np.uint64), np.empty(0, dtype=np.intp), np.empty(0))
    kept_row: NDArray[np.intp] = np.empty(0, dtype=np.intp)
    for start in range(0, len(x), _BLOCK):
        stop = min(start + _BLOCK, len(x))
        hashes = hash_rows(x[start:stop], y[:, start:stop], seed)
        rows: NDArray[np.intp] = np.arange(start, stop)
        mass: Array = np.ones(len(rows)) if weight is None else weight[start:stop]
        if len(kept.hashes) == size:
            near = hashes <= kept.hashes[-1]
            hashes, rows, mass = hashes[near], rows[near], mass[near]
        rows = np.concatenate([kept_row, rows])
        kept = smallest(
            np.concatenate([kept.hashes, hashes]), np.concatenate([kept.weight, mass]), size
        )
        kept_row = rows[kept.first]
    return Sketch(kept_row, kept.weight)


def hash_rows(x: Array, y: Array, seed: int) -> Hashes:
    """One 64-bit hash for each row of x (m, n_columns) and y (n_responses, m).

    Splitmix64 of its columns, chained.
    """
    state = np.full(len(x), np.uint64(seed), dtype=np.uint64)
    for column in [*x.T, *y]:
        # Adding zero turns -0.0 into 0.0: they are the same number with two bit patterns.
        bits = np.ascontiguousarray(column + 0.0).view(np.uint64)
        state = _mix(state * _GOLDEN + bits)
    return state


def _mix(x: Hashes) -> Hashes:
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))
