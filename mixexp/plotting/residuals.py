"""Randomised quantile residuals: against the fitted means, and against normal quantiles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mixexp.plotting._axes import ACCENT, LINE, PALETTE, as_array, as_picture, panels_for
from mixexp.plotting._pit import transform
from mixexp.plotting._rows import Rows, rows_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = NDArray[np.float64]

_LEVEL = 0.95


def quantile_residuals(
    estimator: Any,
    X: Any = None,
    y: Any = None,
    *,
    response: int | None = None,
    exposure: ArrayLike | None = None,
    trials: ArrayLike | None = None,
    random_state: Any = 0,
) -> Array:
    r"""Randomised quantile residuals :math:`r_i = \Phi^{-1}(F(y_i \mid x_i))`, shape (n,).

    Standard normal if the fit is the truth, whatever the family: of counts and classes, F is drawn
    uniformly between its values before and after the step at y_i.

    Parameters
    ----------
    estimator : object
        Fitted.
    X, y : as the estimator takes them
        Both may be left out with a formula.
    response : int, optional
        Which of several responses.
    exposure, trials : array (n,) or number, optional
        Of the rows, for estimators of counts.
    random_state : int, Generator or None
        Of the draws between steps.

    Raises
    ------
    ValueError
        If p(y | x) has no distribution function, or a response has to be chosen.

    References
    ----------
    Dunn & Smyth (1996), Randomized quantile residuals, Journal of Computational and Graphical
    Statistics 5.

    Examples
    --------
    >>> from mixexp import PoissonMoE
    >>> from mixexp.datasets import load_npreg
    >>> data = load_npreg()
    >>> fit = PoissonMoE(n_init=2, random_state=0).fit(data[["x"]], data["yp"])
    >>> residuals = quantile_residuals(fit, data[["x"]], data["yp"])
    >>> residuals.shape, bool(abs(residuals.mean()) < 0.1)
    ((200,), True)
    """
    rows = rows_of(estimator, X, y, response=response, exposure=exposure, trials=trials)
    return transform(estimator, rows, random_state).normal()


def plot_residuals(
    estimator: Any,
    X: Any = None,
    y: Any = None,
    ax: Any = None,
    *,
    response: int | None = None,
    exposure: ArrayLike | None = None,
    trials: ArrayLike | None = None,
    random_state: Any = 0,
) -> NDArray[np.object_]:
    """Randomised quantile residuals against the fitted mean, and their normal QQ plot.

    The band of the QQ plot holds each ordered residual with probability 95 % if the residuals are
    independent standard normal: the exact laws of order statistics, each on its own. Parameters
    that were fitted to the same rows make the points hug the line a little more than that.

    Parameters
    ----------
    estimator, X, y, response, exposure, trials, random_state
        As for :func:`quantile_residuals`.
    ax : two Axes, optional
        By default those of a new figure.

    Returns
    -------
    array of two Axes

    Raises
    ------
    ValueError
        As :func:`quantile_residuals`, or if `ax` does not hold two Axes.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from mixexp import GaussianMoE
    >>> from mixexp.datasets import load_faithful
    >>> geyser = load_faithful()
    >>> fit = GaussianMoE(n_init=2, random_state=0).fit(geyser[["eruptions"]], geyser["waiting"])
    >>> left, right = plot_residuals(fit, geyser[["eruptions"]], geyser["waiting"])
    >>> left.get_ylabel(), right.get_xlabel()
    ('quantile residual', 'standard normal quantile')
    >>> plt.close(left.figure)
    """
    rows = rows_of(estimator, X, y, response=response, exposure=exposure, trials=trials)
    residuals = transform(estimator, rows, random_state).normal()
    left, right = panels_for(ax, 2, (9.0, 4.0))
    _draw_against_mean(left, estimator, rows, residuals)
    _draw_normal(right, residuals)
    return as_array([left, right])


def _draw_against_mean(ax: Axes, estimator: Any, rows: Rows, residuals: Array) -> None:
    if hasattr(estimator, "classes_"):
        fitted = estimator.predict_proba(rows.X).max(axis=1)
        label = "largest class probability"
    else:
        fitted, label = rows.law(estimator).mean(), f"fitted mean of {rows.name}"
    for height, dashes in ((0.0, "-"), (-1.96, ":"), (1.96, ":")):
        ax.axhline(height, color=LINE, lw=0.9, ls=dashes, zorder=1)
    ax.plot(fitted, residuals, ".", ms=5, color=PALETTE[0], alpha=0.7, zorder=2,
            rasterized=as_picture(len(residuals)))  # fmt: skip
    ax.set_xlabel(label)
    ax.set_ylabel("quantile residual")
    reach = 1.1 * max(3.0, float(np.abs(residuals[np.isfinite(residuals)]).max(initial=0.0)))
    ax.set_ylim(-reach, reach)


def _draw_normal(ax: Axes, residuals: Array) -> None:
    from scipy.special import ndtri
    from scipy.stats import beta

    n = len(residuals)
    rank = np.arange(1, n + 1)
    expected = ndtri((rank - 0.5) / n)
    tails = 0.5 * (1.0 - _LEVEL), 0.5 * (1.0 + _LEVEL)
    low, high = (ndtri(beta.ppf(tail, rank, n + 1 - rank)) for tail in tails)
    ax.fill_between(expected, low, high, color="0.85", lw=0, zorder=1,
                    label=f"{100 * _LEVEL:g} % pointwise")  # fmt: skip
    ax.plot(expected[[0, -1]], expected[[0, -1]], color=ACCENT, lw=1.2, zorder=2, label="normal")
    ax.plot(expected, np.sort(residuals), ".", ms=5, color=PALETTE[0], zorder=3,
            label="residuals", rasterized=as_picture(n))  # fmt: skip
    ax.set_xlabel("standard normal quantile")
    ax.set_ylabel("ordered quantile residual")
    ax.legend(loc="upper left", fontsize=8, frameon=False)
