"""What a fit to rows outside memory tells of its passes, and which of them it need not make."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from mixexp.estimation.blocks import Sums
from mixexp.estimation.passes import Passes
from mixexp.estimation.rows import Rows
from mixexp.estimation.streams.canonical import digest
from mixexp.estimation.streams.checkpoint import Checkpoint

if TYPE_CHECKING:
    from mixexp.estimation.data import Data
    from mixexp.estimation.streams.survey import Survey


Array = NDArray[np.float64]

# Bytes of the sums of the last passes that are kept.
_REMEMBERED = 2**25
# What a pass sums, for readers.
_KINDS = {
    "": "log-likelihood",
    "gradient": "score",
    "hessian": "information",
    "em_statistics": "EM",
    "mass": "shares",
}


class Pass(NamedTuple):
    """One pass over the rows.

    ``kind`` says what it summed; ``loglik`` is the mean log-likelihood for each unit of weight on
    the user's scale, None where that was not summed; ``noted`` says that the sums were found in a
    checkpoint, and no row was read.
    """

    kind: str
    seconds: float
    loglik: float | None
    noted: bool


class Hears(Protocol):
    """What is told of passes while they are made."""

    def begin(self, kind: str, n_rows: int | None) -> None:
        """A pass over so many rows begins; None where their number is not known yet."""

    def part(self, n_rows: int) -> None:
        """So many rows more have been read."""

    def end(self, made: Pass) -> None:
        """A pass has ended, or was noted and needs not be made."""


class Watch:
    """Follows the passes of one fit: tells of them, and notes them in a checkpoint.

    Parameters
    ----------
    heard : Hears, optional
    checkpoint : Checkpoint, optional
        Open.
    settings : mapping of plain values, optional
        What the fit is a function of, beside the data; may be set until these are surveyed.

    Attributes
    ----------
    passes : list of Pass
        Those that have ended, in their order.
    """

    def __init__(
        self,
        heard: Hears | None = None,
        checkpoint: Checkpoint | None = None,
        settings: Mapping[str, Any] | None = None,
    ):
        self._heard, self._checkpoint = heard, checkpoint
        self.settings: Mapping[str, Any] = settings or {}
        self._survey: Survey | None = None
        self._under_way = False
        self._recent: dict[str, Sums] = {}
        self._size = 0
        self.passes: list[Pass] = []

    @contextmanager
    def passing(self, kind: str, n_rows: int | None = None) -> Iterator[None]:
        """One pass that sums no likelihood, around the code that makes it."""
        begun = self._begin(kind, n_rows)
        try:
            yield
        finally:
            self._under_way = False
        self._end(Pass(kind, time.perf_counter() - begun, None, False))

    def part(self, n_rows: int) -> None:
        """So many rows more have been read."""
        # Some walk along the parts without a pass being announced.
        if self._under_way and self._heard is not None:
            self._heard.part(n_rows)

    def surveyed(self, survey: Survey) -> None:
        """The data are known.

        Raises
        ------
        ValueError
            If the checkpoint is of a fit to other data or with other settings.
        """
        self._survey = survey
        if self._checkpoint is not None:
            data = {
                "n_rows": survey.n_rows,
                "total_weight": survey.total_weight,
                "content": survey.digest,
            }
            self._checkpoint.begin(self.settings, data)

    @property
    def survey(self) -> Survey:
        """What is known of the data, from when it is."""
        if self._survey is None:
            raise RuntimeError("the data have not been surveyed yet; fit to them first")
        return self._survey

    def rows(self, rows: Rows) -> Rows:
        """The same rows, whose sums are watched."""
        return Watched(rows, self)

    def sum(self, rows: Rows, task: Callable[[Data], Sums]) -> Sums:
        """The sum of a task over rows, unless it was made or noted before."""
        try:
            key = digest(task)
        except TypeError:
            # A gate or a function of the user's that cannot be told from others.
            key = ""
        if key and key in self._recent:
            return [values.copy() for values in self._recent[key]]
        kind, coefficients = _of_task(task)
        noted = self._checkpoint.find(key) if key and self._checkpoint is not None else None
        if noted is not None:
            self._end(Pass(kind, 0.0, _mean(rows, noted, coefficients), True))
            return self._remembered(key, noted)
        begun = self._begin(kind, rows.n_rows)
        try:
            sums = rows.sum(task)
        finally:
            self._under_way = False
        made = Pass(kind, time.perf_counter() - begun, _mean(rows, sums, coefficients), False)
        if key and self._checkpoint is not None:
            at = None if coefficients is None else [np.asarray(c).tolist() for c in coefficients]
            loglik = _finite(made.loglik)
            self._checkpoint.note(key, sums, kind=kind, loglik=loglik, coefficients=at)
        self._end(made)
        return self._remembered(key, sums)

    def _remembered(self, key: str, sums: Sums) -> Sums:
        """The sums, kept for who asks for the same again: a certificate does."""
        size = sum(values.nbytes for values in sums)
        if key and size <= _REMEMBERED:
            self._recent[key] = [values.copy() for values in sums]
            self._size += size
            while self._size > _REMEMBERED:
                oldest = self._recent.pop(next(iter(self._recent)))
                self._size -= sum(values.nbytes for values in oldest)
        return sums

    def _begin(self, kind: str, n_rows: int | None) -> float:
        """The time at which a pass begins."""
        self._under_way = True
        if self._heard is not None:
            self._heard.begin(kind, n_rows)
        return time.perf_counter()

    def _end(self, made: Pass) -> None:
        self.passes.append(made)
        if self._heard is not None:
            self._heard.end(made)


class Watched(Rows):
    """Rows whose sums go through a watch.

    Parameters
    ----------
    rows : Rows
    watch : Watch
    """

    def __init__(self, rows: Rows, watch: Watch):
        self.watched, self._watch = rows, watch
        self.affine = rows.affine

    def __getattr__(self, name: str) -> Any:
        if name == "watched":
            # Not set yet: a copy is being made.
            raise AttributeError(name)
        return getattr(self.watched, name)

    @property
    def n_rows(self) -> int:
        return self.watched.n_rows

    @property
    def total_weight(self) -> float:
        return self.watched.total_weight

    @property
    def spread(self) -> tuple[Array, Array]:
        return self.watched.spread

    def parts(self) -> Iterator[Data]:
        """The parts of the rows."""
        return self.watched.parts()

    def sum(self, task: Callable[[Data], Sums]) -> Sums:
        """The sum of ``task``, which may have been noted."""
        return self._watch.sum(self.watched, task)


def _of_task(task: Callable[[Data], Sums]) -> tuple[str, list[Any] | None]:
    """What a task sums, in a word, and its coefficients if it begins with the log-likelihood."""
    if not isinstance(task, partial):
        return getattr(task, "__name__", "sum"), None
    name = getattr(task.func, "__name__", "sum")
    if isinstance(getattr(task.func, "__self__", None), Passes) and name == "sums":
        part = task.keywords["part"]
        return _KINDS.get(part, part), task.keywords["coefficients"]
    return name, None


def _mean(rows: Rows, sums: Sums, coefficients: list[Any] | None) -> float | None:
    """The mean log-likelihood on the user's scale, if the sums begin with the log-likelihood."""
    if coefficients is None:
        return None
    return (float(sums[0]) - rows.log_scale) / rows.total_weight


def _finite(value: float | None) -> float | None:
    """What JSON can keep."""
    return value if value is not None and math.isfinite(value) else None
