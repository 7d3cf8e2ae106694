"""What is done with one partition in a worker: read, surveyed, standardised, summed over."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from pickle import loads
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixexp.estimation.blocks import Sums
from mixexp.estimation.cluster.worker import one_blas_thread
from mixexp.estimation.data import Data
from mixexp.estimation.streams import Chunk, Reader, Standardizer, Survey, check_replay
from mixexp.estimation.streams._base import distinct

# Settings of passes whose work space a worker keeps: those of one fit, and of the smaller models
# that its starts are split from.
_KEPT = 8


def labels_of(place: str, chunk: Chunk) -> NDArray[Any]:
    """The distinct responses of a partition."""
    return distinct(chunk, place)


def survey_of(reader: Reader, place: str, size: int, seed: int, chunk: Chunk) -> Survey:
    """The survey of a partition."""
    with one_blas_thread():
        return Survey.of(reader(chunk, place), size, seed)


def size_of(survey: Survey) -> int:
    """Rows of a partition."""
    return survey.n_rows


def prepare(
    reader: Reader, standardize: Standardizer, survey: Survey, place: str, chunk: Chunk
) -> Data:
    """A partition on the solver's scale, if it is the one of which this is the survey."""
    rows = reader(chunk, place)
    check_replay(survey, 0, rows, place)
    return standardize(rows)


def sums_of(
    function: bytes, arguments: tuple[Any, ...], keywords: dict[str, Any], data: Data
) -> Sums:
    """A task of a pass, whose function comes pickled: what it works with is kept for the next."""
    with one_blas_thread():
        sums = partial(_unpickled(function), *arguments, **keywords)(data)
    return [np.asarray(each) for each in sums]


def itself(data: Data) -> Data:
    """The rows, to send them."""
    return data


@lru_cache(maxsize=_KEPT)
def _unpickled(function: bytes) -> Callable[..., Sums]:
    return loads(function)
