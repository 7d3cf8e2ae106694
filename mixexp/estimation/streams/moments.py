"""Weighted means, spreads and ranges of columns, merged from those of parts of the rows."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class Moments(NamedTuple):
    """μ = Σ wᵢvᵢ / W and Σ wᵢ(vᵢ - μ)² = ``squares`` · ``unit``² of p columns, all (p,).

    ``unit`` is a power of two of the order of the largest distance from the mean, so that squares
    of neither 1e200 nor 1e-200 leave the range of the numbers; ``low`` and ``high`` are the
    extremes.

    References
    ----------
    Chan, Golub & LeVeque (1983), Algorithms for computing the sample variance, Am. Stat. 37.
    """

    weight: float
    mean: Array
    squares: Array
    unit: Array
    low: Array
    high: Array

    @classmethod
    def of(cls, values: Array, weight: Array | None) -> Moments:
        """Moments of values (p, m), m > 0."""
        low, high = values.min(axis=1), values.max(axis=1)
        total = float(values.shape[1] if weight is None else weight.sum())
        # A large mean must not cancel: distances from one of the values first.
        shifted = values - low[:, None]
        offset = shifted.mean(axis=1) if weight is None else shifted @ weight / total
        shifted -= offset[:, None]
        unit = _power_of_two(np.maximum(offset, high - low - offset))
        shifted /= unit[:, None]
        if weight is None:
            squares = np.einsum("ij,ij->i", shifted, shifted)
        else:
            squares = np.einsum("j,ij,ij->i", weight, shifted, shifted)
        return cls(total, low + offset, squares, unit, low, high)

    def merge(self, other: Moments) -> Moments:
        """Moments of both parts together."""
        total = self.weight + other.weight
        low, high = np.minimum(self.low, other.low), np.maximum(self.high, other.high)
        delta = other.mean - self.mean
        unit = np.maximum(np.maximum(self.unit, other.unit), _power_of_two(np.abs(delta)))
        squares = self.squares * (self.unit / unit) ** 2 + other.squares * (other.unit / unit) ** 2
        squares += self.weight * (other.weight / total) * (delta / unit) ** 2
        mean = self.mean + delta * (other.weight / total)
        return Moments(total, np.clip(mean, low, high), squares, unit, low, high)

    @property
    def deviation(self) -> Array:
        """Standard deviations, (p,)."""
        return self.unit * np.sqrt(self.squares / self.weight)

    @property
    def constant(self) -> NDArray[np.bool_]:
        """Which columns hold one value, up to a few units in its last place."""
        reach = np.maximum(self.high - self.mean, self.mean - self.low)
        return reach <= 8.0 * np.finfo(float).eps * np.abs(self.mean)


def _power_of_two(size: Array) -> Array:
    """The power of two above each size; 1 for zero."""
    return np.where(size > 0.0, np.ldexp(1.0, np.frexp(size)[1]), 1.0)
