"""Predictive quantile bands over x."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from mixexp.plotting._axes import ACCENT, DATA, as_picture, axes_for, label_slice, legend_above
from mixexp.plotting._rows import law_of, refuse_classes, rows_of
from mixexp.plotting._slice import slice_of, typical

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SHADES = ("#3182BD", "#9ECAE1", "#DEEBF7")


def plot_bands(
    estimator: Any,
    X: Any = None,
    y: Any = None,
    x: str | int | None = None,
    ax: Axes | None = None,
    *,
    levels: Sequence[float] = (0.5, 0.8, 0.95),
    at: Mapping[Any, Any] | None = None,
    response: int | None = None,
    exposure: ArrayLike | None = None,
    trials: ArrayLike | None = None,
) -> Axes:
    """Equal-tailed predictive bands [q_(1-ℓ)/2(x), q_(1+ℓ)/2(x)] with the median and the data.

    The law is that of the fit: its own error is not in the bands. Counts are drawn as rates or
    proportions; their bands are those of the median exposure or number of trials.

    Parameters
    ----------
    estimator : object
        Fitted, of numbers or counts. One that is bound to a formula takes frames of the original
        columns.
    X : array or DataFrame (n, n_features)
    y : array (n,) or (n, D)
        Both may be left out with a formula.
    x : str or int, optional
        Column of the horizontal axis; needed where there are several.
    ax : Axes, optional
        By default that of a new figure.
    levels : sequence of float
        Probabilities of the bands.
    at : mapping, optional
        Columns to the values at which the bands hold them; by default the medians. Points keep
        their own values: with several columns the bands need not cover them.
    response : int, optional
        Which of several responses.
    exposure, trials : array (n,) or number, optional
        Of the rows, for estimators of counts.

    Returns
    -------
    Axes

    Raises
    ------
    ValueError
        If the responses are classes, a level is outside (0, 1), or a column or response has to be
        chosen.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from mixexp import GaussianMoE
    >>> from mixexp.datasets import load_faithful
    >>> geyser = load_faithful()
    >>> fit = GaussianMoE(n_init=2, random_state=0).fit(geyser[["eruptions"]], geyser["waiting"])
    >>> ax = plot_bands(fit, geyser[["eruptions"]], geyser["waiting"], levels=[0.9])
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['90 %', 'median', 'data']
    >>> plt.close(ax.figure)
    """
    refuse_classes(estimator, "plot_classes")
    if not len(levels) or not all(0.0 < level < 1.0 for level in levels):
        raise ValueError(f"levels={levels!r} must be probabilities above 0 and below 1")
    rows = rows_of(estimator, X, y, response=response, exposure=exposure, trials=trials)
    along = slice_of(estimator, X, x, at)
    known = {name: np.full(len(along.grid), typical(v)) for name, v in rows.known.items()}
    law = law_of(estimator, along.rows, rows.response, known)
    unit = next(iter(known.values()), np.ones(len(along.grid)))
    ax = axes_for(ax)
    ordered = sorted(levels)
    for depth, level in reversed(list(enumerate(ordered))):
        low, high = law.interval(level)
        ax.fill_between(
            along.grid, low / unit, high / unit, lw=0, color=_shade(depth, len(ordered)),
            label=f"{100 * level:g} %", zorder=1,
        )  # fmt: skip
    ax.plot(along.grid, law.icdf(0.5) / unit, color=ACCENT, lw=1.6, label="median", zorder=3)
    ax.plot(along.data, rows.drawn, "o", ms=3.6, color=DATA, mec="white", mew=0.4, label="data",
            zorder=2, rasterized=as_picture(len(along.data)))  # fmt: skip
    ax.set_xlim(along.grid[0], along.grid[-1])
    held = [along.held] if along.held else []
    held += [f"{name} = {values[0]:.4g}" for name, values in known.items()]
    label_slice(ax, along.name, ", ".join(held))
    ax.set_ylabel(rows.label)
    legend_above(ax, n_columns=5)
    return ax


def _shade(depth: int, count: int) -> Any:
    """Blues from strong (narrow bands) to pale (wide ones)."""
    if count == len(_SHADES):
        return _SHADES[depth]
    from matplotlib import colormaps

    return colormaps["Blues"](0.6 - 0.4 * depth / max(1, count - 1))
