"""What one reading of all rows tells of them: how many, how they spread, and a sample."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mixexp.estimation.sketch import Hashes, hash_rows, smallest
from mixexp.estimation.streams.moments import Moments
from mixexp.estimation.streams.reading import Read
from mixexp.models.basis import Affine

Array = NDArray[np.float64]

# By how much of the sum of its absolute values a sum may differ between two readings.
_ROUNDING = 1e-9


class Sample(NamedTuple):
    """The distinct rows with the smallest hashes, in the order of their hashes.

    Attributes
    ----------
    hashes : array (m,)
    x : array (m, n_columns)
    coded : array (m,) or (m, D')
        Responses as the experts read them.
    weight : array (m,)
        Total weight of each of them in the data.
    """

    hashes: Hashes
    x: Array
    coded: Array
    weight: Array

    @classmethod
    def of(cls, rows: Read, size: int, seed: int, below: int | None = None) -> Sample:
        """At most ``size`` of some rows, of those whose hashes are at most ``below``."""
        weight = np.ones(len(rows.x)) if rows.weight is None else rows.weight
        hashes, x, coded = hash_rows(rows.x, rows.y, seed), rows.x, rows.coded
        if below is not None:
            near = np.flatnonzero(hashes <= np.uint64(below))
            hashes, x, coded, weight = hashes[near], x[near], coded[near], weight[near]
        kept = smallest(hashes, weight, size)
        return cls(kept.hashes, x[kept.first], coded[kept.first], kept.weight)

    def merge(self, other: Sample, size: int) -> Sample:
        """At most ``size`` of the rows of both."""
        weight = np.concatenate([self.weight, other.weight])
        kept = smallest(np.concatenate([self.hashes, other.hashes]), weight, size)
        x, coded = (
            np.concatenate(pair)[kept.first]
            for pair in ((self.x, other.x), (self.coded, other.coded))
        )
        return Sample(kept.hashes, x, coded, kept.weight)

    def head(self, size: int) -> Sample:
        """The first ``size`` rows: the sample one would have drawn of that size."""
        return Sample(self.hashes[:size], self.x[:size], self.coded[:size], self.weight[:size])


class Mark(NamedTuple):
    """What a partition is recognised by when it is read again.

    Attributes
    ----------
    first : int
        Hash of the first row; 0 where there is none.
    totals : tuple of float
        Sums of all its numbers in x, in y and in the weights.
    """

    first: int
    totals: tuple[float, ...]

    @classmethod
    def of(cls, rows: Read) -> Mark:
        """Of one partition."""
        if not len(rows.x):
            return cls(0, ())
        first = int(hash_rows(rows.x[:1], rows.y[:, :1], 0)[0])
        with np.errstate(over="ignore", invalid="ignore"):
            return cls(first, tuple(float(values.sum()) for values in _numbers(rows)))

    def differs(self, rows: Read) -> str:
        """In what a partition differs from the one that was marked, in words; empty if in nothing.

        Another machine may round the numbers that it computes in another way.
        """
        other = Mark.of(rows)
        if other.first != self.first:
            return "another first row"
        if len(other.totals) != len(self.totals):
            return "weights at one reading only"
        for total, again, values in zip(self.totals, other.totals, _numbers(rows), strict=False):
            with np.errstate(over="ignore"):
                if abs(again - total) > _ROUNDING * np.abs(values).sum():
                    return "other values"
        return ""


def _numbers(rows: Read) -> list[Array]:
    return [rows.x, rows.y, *([] if rows.weight is None else [rows.weight])]


class Seen(NamedTuple):
    """Spreads of covariates and responses, and the sample, of a part with at least one row."""

    x: Moments
    y: Moments
    sample: Sample


class Survey(NamedTuple):
    """One reading of all rows, merged from partitions in their order. Can be pickled.

    Attributes
    ----------
    sizes : tuple of int
        Rows of positive weight in each partition.
    marks : tuple of Mark
        By which a reading of other rows, or in another order, is noticed.
    size, seed : int
        Of the sample.
    weighted : bool
        Whether any row has a weight.
    seen : Seen or None
        None as long as no row has been seen.
    """

    sizes: tuple[int, ...]
    marks: tuple[Mark, ...]
    size: int
    seed: int
    weighted: bool
    seen: Seen | None

    @classmethod
    def empty(cls, size: int, seed: int) -> Survey:
        """Of no partition."""
        return cls((), (), size, seed, False, None)

    @classmethod
    def of(cls, rows: Read, size: int, seed: int, below: int | None = None) -> Survey:
        """Of one partition, whose rows with hashes beyond ``below`` cannot be in the sample."""
        n = len(rows.x)
        if not n:
            return cls((0,), (Mark.of(rows),), size, seed, rows.weight is not None, None)
        seen = Seen(
            Moments.of(rows.x.T, rows.weight),
            Moments.of(rows.y, rows.weight),
            Sample.of(rows, size, seed, below),
        )
        return cls((n,), (Mark.of(rows),), size, seed, rows.weight is not None, seen)

    def merge(self, other: Survey) -> Survey:
        """Of the partitions of both, those of ``self`` first."""
        seen = self.seen or other.seen
        if self.seen is not None and other.seen is not None:
            seen = Seen(
                self.seen.x.merge(other.seen.x),
                self.seen.y.merge(other.seen.y),
                self.seen.sample.merge(other.seen.sample, self.size),
            )
        return Survey(
            self.sizes + other.sizes, self.marks + other.marks, self.size, self.seed,
            self.weighted or other.weighted, seen,
        )  # fmt: skip

    @property
    def below(self) -> int | None:
        """The largest hash that a further row in the sample can have; None for any."""
        if self.seen is None or len(self.seen.sample.hashes) < self.size:
            return None
        return int(self.seen.sample.hashes[-1])

    @property
    def n_rows(self) -> int:
        """Number of rows of positive weight."""
        return sum(self.sizes)

    @property
    def x(self) -> Moments:
        """Spreads of the columns of X."""
        return self._all.x

    @property
    def y(self) -> Moments:
        """Spreads of the responses as the experts made them, (D,)."""
        return self._all.y

    @property
    def sample(self) -> Sample:
        """The sample."""
        return self._all.sample

    @property
    def total_weight(self) -> float:
        """Sum of the weights."""
        return self._all.x.weight

    def spread(self, affine: Affine) -> tuple[Array, Array]:
        """:attr:`Rows.spread` of the rows standardised by ``affine``."""
        of_x, of_y = (np.where(m.constant, 0.0, m.high - m.low) for m in (self.x, self.y))
        return of_x / affine.x_scale, of_y / affine.y_scale

    @property
    def digest(self) -> str:
        """A hash of all of it: the same for the same rows in the same partitions."""
        digest = hashlib.sha256(repr((self.sizes, self.marks, self.size, self.seed)).encode())
        for part in self._all:
            for values in part:
                digest.update(np.ascontiguousarray(values).tobytes())
        return digest.hexdigest()

    @property
    def _all(self) -> Seen:
        if self.seen is None:
            raise ValueError(
                "the source has no row of positive weight; check its path, its filter and its "
                "weights"
            )
        return self.seen

    def affine(
        self, *, standardize: bool, standardize_y: bool = True, common_scale: bool = False
    ) -> Affine:
        """The map that standardises, as :meth:`Data.from_rows` finds it."""
        d = len(self.x.mean)
        if not standardize:
            return Affine.identity(d)
        center, scale = _standards(self.x)
        if not standardize_y:
            return Affine(center, scale)
        y_center, y_scale = _standards(self.y)
        if len(y_center) == 1:
            return Affine(center, scale, float(y_center[0]), float(y_scale[0]))
        if common_scale:
            varies = ~self.y.constant
            largest = float(y_scale[varies].max(initial=0.0)) or 1.0
            ratio = np.where(varies, y_scale / largest, 0.0)
            y_scale = np.full(len(y_scale), largest * (float(np.sqrt(np.mean(ratio**2))) or 1.0))
        return Affine(center, scale, y_center, y_scale)


def _standards(of: Moments) -> tuple[Array, Array]:
    """Centres and scales; a constant column keeps its scale."""
    return of.mean, np.where(of.constant, 1.0, of.deviation)
