"""The histogram of the probability integral transform."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from mixexp.plotting._axes import ACCENT, PALETTE, axes_for, legend_above, whole_numbers
from mixexp.plotting._pit import transform
from mixexp.plotting._rows import rows_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_pit(
    estimator: Any,
    X: Any = None,
    y: Any = None,
    ax: Axes | None = None,
    *,
    bins: int = 20,
    level: float = 0.95,
    response: int | None = None,
    exposure: ArrayLike | None = None,
    trials: ArrayLike | None = None,
    random_state: Any = 0,
) -> Axes:
    r"""Histogram of :math:`F(y_i \mid x_i)`, flat if the predictive laws are right.

    A hump in the middle means that the laws are too wide, raised ends too narrow, a slope biased.
    Counts and classes get a uniform draw between the values of F before and after their step, as in
    :func:`~mixexp.plotting.quantile_residuals`. The band holds the count of a bin with probability
    at least `level` if the transform is uniform: quantiles of the binomial law of n trials, each
    bin on its own.

    Parameters
    ----------
    estimator : object
        Fitted.
    X, y : as the estimator takes them
        Both may be left out with a formula. Rows that the fit has not seen make the sharper check.
    ax : Axes, optional
        By default that of a new figure.
    bins : int
        Bins of equal width on [0, 1].
    level : float
        Probability of the band.
    response : int, optional
        Which of several responses.
    exposure, trials : array (n,) or number, optional
        Of the rows, for estimators of counts.
    random_state : int, Generator or None
        Of the draws between steps.

    Returns
    -------
    Axes

    Raises
    ------
    ValueError
        If `bins` or `level` is out of range, p(y | x) has no distribution function, or a response
        has to be chosen.

    References
    ----------
    Czado, Gneiting & Held (2009), Predictive model assessment for count data, Biometrics 65.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from mixexp import GaussianMoE
    >>> from mixexp.datasets import load_faithful
    >>> geyser = load_faithful()
    >>> fit = GaussianMoE(n_init=2, random_state=0).fit(geyser[["eruptions"]], geyser["waiting"])
    >>> ax = plot_pit(fit, geyser[["eruptions"]], geyser["waiting"], bins=10)
    >>> int(sum(bar.get_height() for bar in ax.patches)), len(geyser)
    (272, 272)
    >>> plt.close(ax.figure)
    """
    if not isinstance(bins, int | np.integer) or bins < 1:
        raise ValueError(f"bins={bins!r} must be a whole number of at least 1")
    if not 0.0 < level < 1.0:
        raise ValueError(f"level={level!r} must be a probability above 0 and below 1")
    rows = rows_of(estimator, X, y, response=response, exposure=exposure, trials=trials)
    below = transform(estimator, rows, random_state).below
    counted, edges = np.histogram(np.clip(below, 0.0, 1.0), bins=bins, range=(0.0, 1.0))
    low, high = _band(len(below), bins, level)
    ax = axes_for(ax, (5.6, 3.6))
    ax.bar(edges[:-1], counted, width=1.0 / bins, align="edge", color=PALETTE[5], ec="white",
           lw=0.8, zorder=2, label="rows")  # fmt: skip
    ax.fill_between([0.0, 1.0], low, high, color=ACCENT, alpha=0.15, lw=0, zorder=1,
                    label=f"{100 * level:g} % of uniform, each bin")  # fmt: skip
    for height, dashes, label in ((low, ":", None), (high, ":", None),
                                  (len(below) / bins, "--", "expected")):  # fmt: skip
        ax.plot([0.0, 1.0], [height] * 2, dashes, color=ACCENT, lw=1.2, zorder=4, label=label)
    ax.set_xlim(0.0, 1.0)
    ax.set_ylim(0.0, 1.08 * max(float(counted.max()), high))
    ax.set_xlabel(f"probability integral transform of {rows.name}")
    ax.set_ylabel("rows in the bin")
    whole_numbers(ax.yaxis)
    legend_above(ax)
    return ax


def _band(n: int, bins: int, level: float) -> tuple[float, float]:
    from scipy.stats import binom

    low, high = binom.ppf([0.5 * (1.0 - level), 0.5 * (1.0 + level)], n, 1.0 / bins)
    return float(low), float(high)
