"""Confidence limits of functions that have a range of their own."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from scipy.stats import norm

Array = NDArray[np.float64]


def quantile(level: Any) -> float:
    """The z with P(|Z| ≤ z) = ``level`` for a standard normal Z.

    Raises
    ------
    ValueError
        If ``level`` is not in (0, 1).

    Examples
    --------
    >>> quantile(0.95)
    1.959964
    """
    if not 0.0 < level < 1.0:
        raise ValueError(f"level={level!r} must be in (0, 1); 0.95 gives 95 % intervals")
    return float(norm.ppf(0.5 + 0.5 * level))


def plain(value: Array, error: Array, z: float) -> tuple[Array, Array]:
    """Limits v ± z s, for functions of any value."""
    return value - z * error, value + z * error


def positive(value: Array, error: Array, z: float) -> tuple[Array, Array]:
    """Limits v exp(± z s / v), symmetric in log v; v itself where it is zero.

    Examples
    --------
    >>> low, high = positive(np.array([2.0]), np.array([1.0]), 2.0)
    >>> low.round(3), high.round(3)
    (array([0.736]), array([5.437]))
    """
    ratio = np.exp(z * _part(error, value))
    with np.errstate(over="ignore"):
        return value / ratio, np.where(value == 0.0, value + 0.0 * error, value * ratio)


def within(
    value: Array, error: Array, z: float, top: float | Array = 1.0, rest: Array | None = None
) -> tuple[Array, Array]:
    r"""Limits of v in (0, t), symmetric in :math:`\log\{v/(t-v)\}`; v where that is infinite.

    Parameters
    ----------
    value, error : arrays (n,)
    z : float
    top : float or array (n,)
        t.
    rest : array (n,), optional
        t - v, for callers who know it better than the subtraction.

    Examples
    --------
    >>> low, high = within(np.array([0.9, 0.0]), np.array([0.1, 0.0]), 1.96)
    >>> low.round(3), high.round(3)
    (array([0.505, 0.   ]), array([0.988, 0.   ]))
    """
    left = np.asarray(top - value if rest is None else rest, dtype=float)
    half = z * _part(error, value * left) * top
    inside = (value > 0.0) & (left > 0.0)
    logit = np.log(np.where(inside, value, 1.0)) - np.log(np.where(inside, left, 1.0))
    still = value + 0.0 * error
    low, high = (np.where(inside, top * expit(logit + side), still) for side in (-half, half))
    return low, high


def _part(error: Array, value: Array) -> Array:
    """error / value, zero where the value is."""
    zero = value == 0.0
    with np.errstate(over="ignore"):
        return np.where(zero, 0.0 * error, error / np.where(zero, 1.0, value))
