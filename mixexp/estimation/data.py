"""The data of a fit, on the scale the solver works with, handed out in blocks of rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mixexp.estimation.blocks import Sums
from mixexp.estimation.rows import Rows
from mixexp.models.basis import Affine

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Data(Rows):
    """Rows in memory, in one part: z (n_columns, n), responses y (n_responses, n), weights (n,).

    Stored with the rows of the data last, so that a block of rows is a block of memory. This is the
    one copy of the data that a fit makes.

    Parameters
    ----------
    z, y : arrays, standardised by ``affine``
    weight : array or None
        Row weights; None stands for ones.
    affine : Affine
        How z and y came from the user's columns.
    """

    z: Array
    y: Array
    weight: Array | None
    affine: Affine

    @classmethod
    def from_rows(
        cls,
        x: Array,
        y: Array,
        weight: Array | None = None,
        *,
        standardize: bool = True,
        standardize_y: bool = True,
        common_scale: bool = False,
        take_y: bool = False,
    ) -> Data:
        """Standardise by weighted means and standard deviations.

        A constant column keeps its scale: it is only centred. Responses (n,) or (n_responses, n)
        of families without a scale, such as counts, are left alone by ``standardize_y=False``; with
        ``common_scale`` all of them are divided by one number, the root of their mean variance.
        With ``take_y`` a response (n_responses, n) is not copied, and is standardised where it is.
        """
        z = np.empty((x.shape[1], len(x)))
        for j in range(x.shape[1]):
            z[j] = x[:, j]
        response = y if take_y else np.array(y, dtype=float, ndmin=2)
        affine = Affine.identity(x.shape[1])
        if standardize:
            moments = [_standardize(row, weight) for row in z]
            center, scale = np.array(moments).reshape(-1, 2).T
            of_y = (
                _standardize_responses(response, weight, common_scale)
                if standardize_y
                else (0.0, 1.0)
            )
            affine = Affine(center, scale, *of_y)
        return cls(z, response, weight, affine)

    def take(self, rows: NDArray[np.intp], weight: Array) -> Data:
        """Some rows, with weights of their own."""
        return Data(self.z[:, rows].copy(), self.y[:, rows].copy(), weight, self.affine)

    @property
    def n_rows(self) -> int:
        return self.z.shape[1]

    @property
    def total_weight(self) -> float:
        return float(self.n_rows if self.weight is None else self.weight.sum())

    @property
    def spread(self) -> tuple[Array, Array]:
        return np.ptp(self.z, axis=1), np.ptp(self.y, axis=1)

    def parts(self) -> Iterator[Data]:
        """These rows."""
        yield self

    def sum(self, task: Callable[[Data], Sums]) -> Sums:
        """``task`` of these rows."""
        return task(self)


def _standardize_responses(
    response: Array, weight: Array | None, common_scale: bool
) -> tuple[float | Array, float | Array]:
    """Centre and scale responses (D, n) in place; numbers for one response, arrays for several."""
    if len(response) == 1:
        return _standardize(response[0], weight)
    moments = [_standardize(row, weight) for row in response]
    center, scale = np.array(moments).T
    if common_scale:
        # A constant response has no scale to give.
        varies = np.ptp(response, axis=1) > 0.0
        largest = float(scale[varies].max(initial=0.0)) or 1.0
        ratio = np.where(varies, scale / largest, 0.0)
        # The root of the mean of the squares, none of which can overflow.
        mean = float(np.sqrt(np.mean(ratio**2))) or 1.0
        response *= (ratio / mean)[:, None]
        scale = np.full(len(response), largest * mean)
    return center, scale


def _standardize(row: Array, weight: Array | None) -> tuple[float, float]:
    """Centre and scale ``row`` in place; return its weighted mean and standard deviation."""
    # A large mean must not cancel, nor a scale of 1e-200 underflow when it is squared.
    reference = float(row[0])
    row -= reference
    mean = float(row.mean() if weight is None else weight @ row / weight.sum())
    row -= mean
    size = float(max(row.max(), -row.min()))
    center = reference + mean
    # Rounding of the mean leaves a constant column with differences of a few ulp of its value.
    if size <= 8.0 * np.finfo(float).eps * abs(center):
        row[...] = 0.0
        return center, 1.0
    row /= size
    spread = float(np.sqrt(_second_moment(row, weight)))
    row /= spread
    return center, size * spread


def _second_moment(row: Array, weight: Array | None) -> float:
    if weight is None:
        return float(row @ row) / len(row)
    return float(np.einsum("i,i,i->", weight, row, row) / weight.sum())
