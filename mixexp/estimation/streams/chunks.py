"""A source of chunks that the user's own code makes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixexp.estimation.streams._base import Chunk
from mixexp.estimation.streams.local import LocalSource
from mixexp.estimation.streams.names import Names
from mixexp.estimation.streams.streamed import other_rows
from mixexp.estimation.streams.tables import of_table


class Chunks(LocalSource):
    """Chunks of an iterable that can be begun again; see :func:`scan_chunks`."""

    def __init__(self, make: Callable[[], Iterable[Any]], names: Names | None):
        self.columns = None if names is None else names.x
        self._make, self._names = make, names
        self._last: Iterable[Any] | None = None
        self._first: list[NDArray[Any] | None] | None = None

    def chunks(self) -> Iterator[Chunk]:
        made = self._make()
        if made is self._last and iter(made) is made:
            raise TypeError(
                "make() returned the same iterator as before, which cannot be begun again; it must "
                "make a new one at each call, such as lambda: pandas.read_csv(path, chunksize=...)"
            )
        self._last = made
        index = -1
        for index, item in enumerate(made):
            chunk = self._chunk(item, self.place(index))
            if not index:
                self._check_beginning(chunk)
            yield chunk
        if index < 0 and self._first is not None:
            raise other_rows("no chunk")

    def _check_beginning(self, chunk: Chunk) -> None:
        """Refuse a reading that goes on where another one was left."""
        head = [None if v is None else np.atleast_1d(v)[:1].copy() for v in chunk]
        if self._first is None:
            self._first = head
        elif not all(map(_equal, self._first, head)):
            raise other_rows("another first row in chunk 0")

    def place(self, index: int) -> str:
        return f"chunk {index}"

    def _chunk(self, item: Any, place: str) -> Chunk:
        if isinstance(item, tuple):
            if len(item) not in (2, 3):
                raise ValueError(
                    f"{place} is a tuple of {len(item)}; make it (X, y) or (X, y, sample_weight)"
                )
            x, y, weight = (*item, None)[:3]
            x, y = np.asarray(x, dtype=np.float64), np.asarray(y)
            if x.ndim != 2 or not y.ndim:
                raise ValueError(
                    f"{place} has X of shape {x.shape} and y of shape {y.shape}; X is (m, d), a "
                    "single column x[:, None], and y (m,) or (m, D)"
                )
            return Chunk(x, y, None if weight is None else np.asarray(weight))
        if self._names is None:
            raise ValueError(
                f"{place} is a {type(item).__name__}; name its columns: scan_chunks(make, X=[...], "
                "y=...)"
            )
        return of_table(item, self._names, place)


def _equal(one: Any, other: Any) -> bool:
    if one is None or other is None:
        return one is other
    one, other = np.asarray(one), np.asarray(other)
    # Values that are missing equal none, and are refused elsewhere.
    return one.shape == other.shape and bool(np.all((one == other) | (one != one)))


def scan_chunks(
    make: Callable[[], Iterable[Any]] | Iterable[Any],
    X: str | Sequence[str] | None = None,
    y: str | Sequence[str] | None = None,
    sample_weight: str | None = None,
) -> Chunks:
    """A source of the chunks that ``make()`` gives, the same ones at every call.

    Chunks are pandas frames, Arrow tables or record batches (or what offers Arrow's stream, such as
    polars frames), of which X, y and sample_weight name the columns, or tuples of arrays ``(X, y)``
    or ``(X, y, sample_weight)``, for which they are left out. A fit calls ``make`` for each of its
    readings. Chunks of 10⁵ to 10⁶ rows suit it; each has a price beside that of its rows.

    ``make()`` begins from the first row, and may be called in another thread: it opens what belongs
    to one, such as the connection to a data base, itself.

    Parameters
    ----------
    make : callable, or an iterable that can be begun again
        Returns a new iterator over the chunks. A generator is used up after one reading: pass the
        function that makes it instead.
    X : str or list of str, optional
        Columns of covariates.
    y : str or list of str, optional
        Column of responses, or several.
    sample_weight : str, optional
        Column of weights.

    Returns
    -------
    Source

    Raises
    ------
    TypeError
        If ``make`` is an iterator that cannot be begun again.

    Examples
    --------
    >>> import pandas as pd
    >>> from io import StringIO
    >>> from mixexp.estimation.streams import scan_chunks
    >>> text = "age,cost\\n30,1.5\\n40,2.5\\n50,3.5"
    >>> source = scan_chunks(lambda: pd.read_csv(StringIO(text), chunksize=2), X="age", y="cost")
    >>> [chunk.x.ravel().tolist() for chunk in source.chunks()]
    [[30.0, 40.0], [50.0]]
    """
    if not callable(make):
        if not isinstance(make, Iterable) or iter(make) is make:
            raise TypeError(
                f"make={make!r} can be read once only, and a fit reads its rows many times; pass a "
                "function that makes a new iterator, such as lambda: read_chunks(path)"
            )
        again = make
        make = lambda: again  # noqa: E731
    if (X is None) != (y is None):
        raise ValueError("X and y name columns together, or are both left out for tuples of arrays")
    names = None if X is None or y is None else Names.of(X, y, sample_weight)
    return Chunks(make, names)
