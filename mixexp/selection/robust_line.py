r"""A straight line fitted so that single points far away do not matter (M-estimation)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]
Loss = Literal["bisquare", "huber", "ols"]

_STEPS = 20
_TOLERANCE = 1e-4
# Residuals below this multiple of the largest y are rounding, not scatter.
_ROUNDING = 16.0 * np.finfo(float).eps


class Line(NamedTuple):
    """A fitted line ``intercept + slope · x``, and whether the iteration settled."""

    intercept: float
    slope: float
    converged: bool


def robust_line(x: ArrayLike, y: ArrayLike, loss: Loss = "bisquare") -> Line:
    r"""The line that solves :math:`\sum_i w(r_i/s)\,r_i\,(1,x_i)=0`, residuals :math:`r_i`.

    With :math:`s=\operatorname{med}|r_i|/0.6745` and the weights
    :math:`w(u)=(1-\min(1,|u/4.685|)^2)^2` ("bisquare"), :math:`w(u)=\min(1,1.345/|u|)` ("huber")
    or :math:`w=1` ("ols"). Weighted least squares are repeated from ordinary ones, at most
    20 times, until :math:`\|r^{new}-r\|\le10^{-4}\|r\|` or s is zero to rounding (more than half of
    the points on one line).

    Parameters
    ----------
    x, y : array (n,)
        At least two points at different x.
    loss : {"bisquare", "huber", "ols"}

    Returns
    -------
    Line
        ``converged`` is False if 20 steps were not enough; the last line is returned.

    Raises
    ------
    ValueError
        If the loss is unknown, or no line is determined.

    References
    ----------
    Huber, P. J. and Ronchetti, E. M. (2009). Robust Statistics, 2nd edition, chapter 7. Wiley.

    Examples
    --------
    >>> x = np.arange(8.0)
    >>> y = 1.0 + 2.0 * x + np.array([0.1, -0.1, 0.0, 0.1, 0.0, -0.1, 0.1, 50.0])
    >>> print(f"{robust_line(x, y).slope:.2f} {robust_line(x, y, 'ols').slope:.2f}")
    2.00 6.17
    """
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    if x.ndim != 1 or x.shape != y.shape or np.ptp(x) == 0.0:
        raise ValueError(
            f"x and y must be two points or more at different x; shapes are {x.shape}, {y.shape}"
        )
    if loss not in _WEIGHTS:
        raise ValueError(f"loss is {loss!r}; use one of {tuple(_WEIGHTS)}")
    weigh = _WEIGHTS[loss]
    line = _weighted_line(x, y, np.ones_like(x))
    if weigh is None:
        return line
    rounding = _ROUNDING * np.abs(y).max()
    residual = _residual(line, x, y)
    for _ in range(_STEPS):
        scale = float(np.median(np.abs(residual))) / 0.6745
        if scale <= rounding:
            return line
        line = _weighted_line(x, y, weigh(residual / scale))
        previous, residual = residual, _residual(line, x, y)
        change = np.square(residual - previous).sum()
        if np.sqrt(change / max(1e-20, float(np.square(previous).sum()))) <= _TOLERANCE:
            return line
    return line._replace(converged=False)


def _residual(line: Line, x: Array, y: Array) -> Array:
    return y - line.intercept - line.slope * x


def _weighted_line(x: Array, y: Array, weight: Array) -> Line:
    # Centring first: the products of large numbers would eat the digits of the slope.
    x_mean, y_mean = np.average(x, weights=weight), np.average(y, weights=weight)
    away = x - x_mean
    slope = float((weight * away) @ (y - y_mean) / ((weight * away) @ away))
    return Line(float(y_mean - slope * x_mean), slope, True)


def _bisquare(u: Array) -> Array:
    return np.square(1.0 - np.square(np.minimum(1.0, np.abs(u) / 4.685)))


def _huber(u: Array) -> Array:
    return 1.345 / np.maximum(1.345, np.abs(u))


_WEIGHTS: dict[str, Callable[[Array], Array] | None] = {
    "bisquare": _bisquare,
    "huber": _huber,
    "ols": None,
}
