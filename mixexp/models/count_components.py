"""Laws on 0, 1, 2, ...: what is common to all of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri

from mixexp.models.components import FloatArray
from mixexp.models.discrete_quantile import reaches, smallest_integer

# Below this a tail is close to underflow, and its logarithm comes from elsewhere.
_TINY = 1e-200


class CountComponents(ABC):
    """Laws on 0, 1, ..., last from their mass and their tails as functions of arrays of one shape.

    Mass and tails outside of the support, quantiles and shapes are done here, once.
    """

    discrete: ClassVar[bool] = True

    def __init__(self, *params: FloatArray) -> None:
        self._params = params

    @abstractmethod
    def _last(self) -> FloatArray:
        """Largest possible value, (n, K)."""

    @staticmethod
    @abstractmethod
    def _log_mass(k: FloatArray, *params: FloatArray) -> FloatArray:
        """log P(Y = k) for k in the support."""

    @staticmethod
    @abstractmethod
    def _tails(k: FloatArray, *params: FloatArray) -> tuple[FloatArray, FloatArray]:
        """P(Y <= k) and P(Y > k) for 0 <= k < last."""

    @staticmethod
    @abstractmethod
    def _log_tiny(k: FloatArray, upper: bool, *params: FloatArray) -> FloatArray:
        """log P(Y > k) if ``upper``, else log P(Y <= k), where that is below 1e-200; k is (m,)."""

    @abstractmethod
    def mean(self) -> FloatArray:
        """Return the means, shape (n, K)."""

    @abstractmethod
    def variance(self) -> FloatArray:
        """Return the variances, shape (n, K)."""

    @property
    def shape(self) -> tuple[int, int]:
        """Number of rows and of experts, ``(n, K)``."""
        n, n_experts = self._params[0].shape
        return n, n_experts

    def __getitem__(self, rows: Any) -> Self:
        """Return the laws of a selection of rows (slice, mask or array of positions)."""
        chosen = object.__new__(type(self))
        chosen._params = tuple(p[rows] for p in self._params)
        return chosen

    def __repr__(self) -> str:
        return f"{type(self).__name__}(n={self.shape[0]}, K={self.shape[1]})"

    def logpdf(self, y: ArrayLike) -> FloatArray:
        r"""Return :math:`\log P(Y = y)`, minus infinity for what is not a possible count."""
        k = np.asarray(y, dtype=np.float64)[..., None]
        possible = (k >= 0.0) & (k <= self._last()) & (k == np.floor(k)) & np.isfinite(k)
        mass = self._log_mass(np.where(possible, k, 0.0), *self._params)
        return np.where(possible, mass, np.where(np.isnan(k), np.nan, -np.inf))

    def cdf(self, y: ArrayLike) -> FloatArray:
        r"""Return :math:`P(Y \le y)`; (..., n) to (..., n, K)."""
        return self._both_tails(y)[0]

    def ccdf(self, y: ArrayLike) -> FloatArray:
        r"""Return :math:`P(Y > y)`, relatively accurate; (..., n) to (..., n, K)."""
        return self._both_tails(y)[1]

    def logcdf(self, y: ArrayLike) -> FloatArray:
        r"""Return :math:`\log P(Y \le y)`, finite far below the mean."""
        below, above, k = self._both_tails(y)
        return self._log(below, above, k, upper=False)

    def logccdf(self, y: ArrayLike) -> FloatArray:
        r"""Return :math:`\log P(Y > y)`, finite far above the mean."""
        below, above, k = self._both_tails(y)
        return self._log(above, below, k, upper=True)

    def icdf(self, p: ArrayLike) -> FloatArray:
        r"""Return the smallest y with :math:`P(Y \le y) \ge p`; p = 0 and 1 give the support."""
        return self._quantile(p, upper=False)

    def iccdf(self, p: ArrayLike) -> FloatArray:
        r"""Return the smallest y with :math:`P(Y > y) \le p`; p = 1 and 0 give the support."""
        return self._quantile(p, upper=True)

    def support(self, tail: float) -> tuple[FloatArray, FloatArray]:
        """Return a first and a last value beyond which at most ``tail`` is left, both (n, K)."""
        p = np.full(self.shape[0], tail)
        return self.icdf(p), self.iccdf(p)

    def _both_tails(self, y: ArrayLike) -> tuple[FloatArray, FloatArray, FloatArray]:
        """P(Y <= y), P(Y > y) and the integer part of y."""
        k, last = np.broadcast_arrays(np.floor(np.asarray(y, float))[..., None], self._last())
        inside = (k >= 0.0) & (k < last)
        below, above = self._tails(np.where(inside, k, 0.0), *self._params)
        beyond = np.where(np.isnan(k), np.nan, k >= last)
        return np.where(inside, below, beyond), np.where(inside, above, 1.0 - beyond), k

    def _log(self, tail: FloatArray, other: FloatArray, k: FloatArray, upper: bool) -> FloatArray:
        with np.errstate(divide="ignore"):
            value = np.where(other < 0.5, np.log1p(-np.minimum(other, 0.5)), np.log(tail))
        tiny = (tail < _TINY) & (k >= 0.0) & (k < self._last())
        params = [np.broadcast_to(p, k.shape)[tiny] for p in self._params]
        value[tiny] = self._log_tiny(k[tiny], upper, *params)
        return value

    def _quantile(self, p: ArrayLike, upper: bool) -> FloatArray:
        prob = np.asarray(p, dtype=np.float64)[..., None]
        with np.errstate(invalid="ignore"):
            # Not beyond 40 standard deviations, where probabilities end.
            z = np.clip(-ndtri(prob) if upper else ndtri(prob), -40.0, 40.0)
        guess = self.mean() + z * np.sqrt(self.variance())
        level, last, *params = (
            np.broadcast_to(a, guess.shape).ravel() for a in (prob, self._last(), *self._params)
        )
        # All of the probability: the end of the support, not where the sum rounds to one.
        first = np.where(level == (0.0 if upper else 1.0), last, 0.0)

        def holds(y: FloatArray, which: NDArray[np.intp]) -> NDArray[np.bool_]:
            below, above = self._tails(y, *(q[which] for q in params))
            return reaches(below, above, level[which], upper)

        return smallest_integer(holds, guess.ravel(), first, last).reshape(guess.shape)
