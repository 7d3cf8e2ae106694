"""Where rows come from that are not in memory: chunks that are read again in every pass."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from mixexp.estimation.rows import Rows
    from mixexp.estimation.streams.reading import Reader
    from mixexp.estimation.streams.survey import Survey
    from mixexp.models.basis import Affine

Array = NDArray[np.float64]

_MOST_LABELS = 10_000


class Chunk(NamedTuple):
    """Some rows as the user has them.

    ``x`` (m, d), ``y`` (m,) or (m, D) of numbers or labels, and ``weight`` (m,) or None for ones.
    """

    x: Array
    y: Any
    weight: Array | None = None


class Source(ABC):
    """Rows x_i, y_i, w_i in partitions that are read when they are needed, as often as they are.

    Every reading gives the same rows in the same order. A fit surveys them once, then passes over
    them with one set of parameters after the other; it never holds more than two partitions.

    Attributes
    ----------
    columns : tuple of str or None
        Names of the columns of X; None where they have none.
    n_partitions : int or None
        Number of partitions; None while it is not known.
    """

    columns: tuple[str, ...] | None = None
    n_partitions: int | None = None

    @abstractmethod
    def chunks(self) -> Iterator[Chunk]:
        """The partitions, one after the other, from the first."""

    def read(self, index: int) -> Chunk:
        """One partition, where they can be read in any order.

        Raises
        ------
        TypeError
            Where partitions can only be read one after the other.
        """
        raise TypeError(
            f"partitions of a {type(self).__name__} can only be read in their order; use chunks(), "
            "or scan_parquet, scan_arrays or scan_dask for rows that are read in any order"
        )

    def place(self, index: int) -> str:
        """Words that lead a reader of an error message to a partition."""
        return f"partition {index}"

    def labels(self) -> NDArray[Any]:
        """The sorted distinct responses of the rows that carry weight.

        Raises
        ------
        ValueError
            If one is missing, if they cannot be sorted, as numbers beside words, or if they are too
            many to be classes.
        """
        return union(distinct(chunk, self.place(i)) for i, chunk in enumerate(self.chunks()))

    @abstractmethod
    def survey(
        self, reader: Reader, size: int, seed: int, heard: Callable[[int], None] | None = None
    ) -> Survey:
        """What one reading of all rows tells; ``size`` and ``seed`` are those of the sample.

        ``heard`` is called with the number of rows of each partition, when it has been read.
        """

    @abstractmethod
    def rows(
        self,
        reader: Reader,
        survey: Survey,
        affine: Affine,
        heard: Callable[[int], None] | None = None,
    ) -> Rows:
        """The rows on the scale of the solver, to sum over; ``heard`` as in :meth:`survey`."""


def union(parts: Iterable[NDArray[Any]]) -> NDArray[Any]:
    """The sorted distinct labels of several parts.

    Raises
    ------
    ValueError
        As :meth:`Source.labels` does.
    """
    seen: NDArray[Any] = np.empty(0)
    for part in parts:
        if not len(seen) or not len(part):
            seen = part if len(part) else seen
        # Numpy would make words of the numbers.
        elif _are_words(seen) != _are_words(part):
            one, other = seen[:1].tolist()[0], part[:1].tolist()[0]
            raise _unsorted(f"{one!r} of one partition beside {other!r} of another")
        else:
            try:
                seen = np.union1d(seen, part)
            except TypeError as error:
                raise _unsorted(str(error)) from error
        if len(seen) > _MOST_LABELS:
            raise ValueError(
                f"y has more than {_MOST_LABELS} distinct values, such as {seen[0]!r} and "
                f"{seen[-1]!r}: not classes; fit a regression, or name another column"
            )
    return seen


def distinct(chunk: Chunk, place: str) -> NDArray[Any]:
    """The sorted distinct responses of a chunk; those of rows without weight do not count.

    Raises
    ------
    ValueError
        If one is missing, or they cannot be sorted.
    """
    y = np.asarray(chunk.y)
    used = slice(None) if chunk.weight is None else np.asarray(chunk.weight) > 0.0
    try:
        found = np.unique(y[used])
    except TypeError as error:
        raise _unsorted(f"{error}, in {place}") from error
    # What is missing sorts last, and does not equal itself.
    if len(found) and found[-1] != found[-1]:
        missing = (y != y).reshape(len(y), -1).any(axis=1)
        row = np.flatnonzero(missing if chunk.weight is None else missing & used)[0]
        raise ValueError(
            f"y holds {found[-1]} in row {row} of {place}; drop such rows or fill them in before "
            "the fit"
        )
    return found


def _are_words(labels: NDArray[Any]) -> bool:
    return labels.dtype.kind in "US" or isinstance(labels[0], str)


def _unsorted(why: str) -> ValueError:
    return ValueError(
        f"y has class labels that cannot be sorted ({why}); make them all words or all numbers, "
        "and drop rows without a label"
    )
