"""Rows that are read again in every pass, the next partition while the present one is computed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from mixexp.estimation.blocks import Sums, add_into
from mixexp.estimation.data import Data
from mixexp.estimation.streams._base import Chunk, Source
from mixexp.estimation.streams.reading import Read, Reader
from mixexp.estimation.streams.survey import Survey
from mixexp.estimation.streams.surveyed import Surveyed
from mixexp.models.basis import Affine

Array = NDArray[np.float64]
Heard = Callable[[int], None]


class Standardizer:
    """z = (x - x_center) / x_scale and the same for y, of one partition. Can be pickled.

    Parameters
    ----------
    survey : Survey
    affine : Affine
    """

    def __init__(self, survey: Survey, affine: Affine):
        self.affine = affine
        self.weighted = survey.weighted
        # Centring leaves rounding of the mean in columns that hold one value.
        still = affine.x_center != 0.0
        self._still_x = survey.x.constant & still
        self._still_y = survey.y.constant & (np.asarray(affine.y_center) != 0.0)

    def __call__(self, rows: Read) -> Data:
        """The rows as a fit sums over them."""
        affine = self.affine
        if not len(rows.x):
            return Data(rows.x.T, np.empty((len(self._still_y), 0)), rows.weight, affine)
        z = np.empty(rows.x.shape[::-1])
        np.subtract(rows.x.T, affine.x_center[:, None], out=z)
        z /= affine.x_scale[:, None]
        z[self._still_x] = 0.0
        y = (rows.y - np.reshape(affine.y_center, (-1, 1))) / np.reshape(affine.y_scale, (-1, 1))
        y[self._still_y] = 0.0
        weight = np.ones(len(rows.x)) if rows.weight is None and self.weighted else rows.weight
        return Data(z, np.ascontiguousarray(y), weight, affine)


class Streamed(Surveyed):
    """Rows of a source, standardised; two partitions at most are in memory.

    Parameters
    ----------
    source : Source
    reader : Reader
    survey : Survey
        Of the same source.
    affine : Affine
    heard : callable, optional
        Called with the number of rows of each partition that a sum has gone over.
    """

    def __init__(
        self,
        source: Source,
        reader: Reader,
        survey: Survey,
        affine: Affine,
        heard: Heard | None = None,
    ):
        super().__init__(survey, affine)
        self.source, self.reader = source, reader
        self._standardize, self._heard = Standardizer(survey, affine), heard

    def parts(self) -> Iterator[Data]:
        """The partitions with rows, in their order.

        Raises
        ------
        RuntimeError
            If the source gives other rows than when it was surveyed.
        """
        chunks = enumerate(self.source.chunks())

        def load() -> Data | None:
            item = next(chunks, None)
            if item is None:
                return None
            return self._data(*item)

        n_read = 0
        with ThreadPoolExecutor(1, thread_name_prefix="mixexp-read-ahead") as ahead:
            coming = ahead.submit(load)
            while (part := coming.result()) is not None:
                n_read += 1
                coming = ahead.submit(load)
                if part.n_rows:
                    yield part
                    if self._heard is not None:
                        self._heard(part.n_rows)
        if n_read != len(self.survey.sizes):
            raise other_rows(f"{n_read} partitions, not {len(self.survey.sizes)}")

    def sum(self, task: Callable[[Data], Sums]) -> Sums:
        total: Sums = []
        for part in self.parts():
            add_into(total, task(part))
        return total

    def _data(self, index: int, chunk: Chunk) -> Data:
        place = self.source.place(index)
        rows = self.reader(chunk, place)
        check_replay(self.survey, index, rows, place)
        return self._standardize(rows)


def check_replay(survey: Survey, index: int, rows: Read, place: str) -> None:
    """Refuse a partition that is not the one that was surveyed.

    Raises
    ------
    RuntimeError
    """
    if index >= len(survey.sizes):
        raise other_rows(f"more than {len(survey.sizes)} partitions")
    if len(rows.x) != survey.sizes[index]:
        raise other_rows(f"{len(rows.x)} rows in {place}, not {survey.sizes[index]}")
    if differs := survey.marks[index].differs(rows):
        raise other_rows(f"{differs} in {place}")


def other_rows(what: str) -> RuntimeError:
    """The error of a source that cannot be read again, with what was found."""
    return RuntimeError(
        f"the source gave other rows than when it was first read: {what}. Every reading must begin "
        "anew and give the same rows in the same order; fix the seed of what shuffles or draws "
        "them, or write them to a file first"
    )
