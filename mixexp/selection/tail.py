r"""Is the tail of the contrast a straight line? Curvature against the noise."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Array = NDArray[np.float64]


class Curvature(NamedTuple):
    """How a slope changes over a range of x, and how surprising that would be on a line.

    Attributes
    ----------
    change : float
        Slope at the largest x minus that at the smallest, divided by the mean slope.
    p_value : float
        The larger of two: for independent errors and for independent increments.
    """

    change: float
    p_value: float


def curvature(x: Array, y: Array) -> Curvature:
    r"""Change of the slope in :math:`y=a+bx+cx^2`, tested against the scatter.

    Two t tests of a trend of the slope are made, and the larger p-value counts. One is the test of
    c = 0 by least squares; it is exact for independent normal errors, such as the noise of local
    optima. Contrasts of *nested* models err otherwise: their increments are independent, the errors
    add up, and that test would see curvature in every random walk. So the other test regresses the
    slopes between neighbours, :math:`(y_{i+1}-y_i)/(x_{i+1}-x_i)`, on their midpoints.

    Parameters
    ----------
    x : array (n,)
        Increasing.
    y : array (n,)
        At least 5 values.

    Returns
    -------
    Curvature
        The p-value is 1 on an exact line.

    Raises
    ------
    ValueError
        If there are fewer than 5 points.

    Examples
    --------
    >>> x = np.arange(10.0)
    >>> noise = 0.1 * np.array([1, -1, 1, 1, -1, 1, -1, -1, 1, -1])
    >>> curvature(x, x + noise).p_value > 0.05
    True
    >>> curvature(x, x**2 + noise).p_value < 0.01
    True
    """
    if x.size < 5:
        raise ValueError(f"x has {x.size} points; curvature can be tested with 5 or more")
    x, y = (x - x[0]) / np.ptp(x), y - y[0]
    size = np.abs(y).max()
    if size == 0.0:
        return Curvature(0.0, 1.0)
    y = y / size
    mean_slope = float(np.polyfit(x, y, 1)[0])
    second, errors_p = _t_test(np.column_stack([x**0, x, x**2]), y)
    middle = (x[1:] + x[:-1]) / 2.0
    _, increments_p = _t_test(np.column_stack([middle**0, middle]), np.diff(y) / np.diff(x))
    change = 2.0 * second / mean_slope if mean_slope else np.inf
    return Curvature(change, max(errors_p, increments_p))


def _t_test(design: Array, y: Array) -> tuple[float, float]:
    """The last coefficient of a least-squares fit, and the p-value of its being zero."""
    n, q = design.shape
    coef = np.linalg.lstsq(design, y)[0]
    residual = y - design @ coef
    inverse = np.linalg.inv(design.T @ design)
    error = np.sqrt(residual @ residual / (n - q) * inverse[-1, -1])
    # Scatter of the order of rounding cannot be tested against.
    if error < 1e-12:
        return float(coef[-1]), 1.0 if abs(coef[-1]) < 1e-10 else 0.0
    return float(coef[-1]), float(2.0 * stats.t.sf(abs(coef[-1]) / error, n - q))
