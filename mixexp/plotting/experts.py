"""Data with the lines of the experts, strong where the gate trusts them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mixexp.plotting._axes import as_picture, axes_for, colour, colours, label_slice, legend_above
from mixexp.plotting._rows import Rows, per_unit, refuse_classes, rows_of
from mixexp.plotting._slice import Slice, slice_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = NDArray[np.float64]

# Opacity and width, in points, of a line where its expert has no weight, and all of it.
_FAINT, _THIN, _THICK = 0.12, 1.0, 3.5


def plot_experts(
    estimator: Any,
    X: Any = None,
    y: Any = None,
    x: str | int | None = None,
    ax: Axes | None = None,
    *,
    at: Mapping[Any, Any] | None = None,
    mean: bool = True,
    response: int | None = None,
    exposure: ArrayLike | None = None,
    trials: ArrayLike | None = None,
) -> Axes:
    """Expert means E_k(y | x) over one column of x, as opaque and wide as the gate's π_k(x).

    Points are the data, their colours those of the experts mixed by the responsibilities: where a
    point has the colour of one line it belongs to that expert. Counts with exposures or trials are
    drawn as rates or proportions. Rows keep their own values of the columns that the lines hold.

    Parameters
    ----------
    estimator : object
        Fitted, of numbers or counts. One that is bound to a formula takes frames of the original
        columns.
    X : array or DataFrame (n, n_features)
        The rows to draw; with a formula, those of the fit if they are left out.
    y : array (n,) or (n, D)
        Their responses; may be left out with a formula.
    x : str or int, optional
        Column of the horizontal axis; needed where there are several.
    ax : Axes, optional
        By default that of a new figure.
    at : mapping, optional
        Columns to the values at which the lines hold them; by default the medians.
    mean : bool
        Whether to draw E(y | x), dashed.
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
        If the responses are classes, a column or response is unknown or has to be chosen.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from mixexp import GaussianMoE
    >>> from mixexp.datasets import load_faithful
    >>> geyser = load_faithful()
    >>> fit = GaussianMoE(n_init=2, random_state=0).fit(geyser[["eruptions"]], geyser["waiting"])
    >>> ax = plot_experts(fit, geyser[["eruptions"]], geyser["waiting"])
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('eruptions', 'waiting')
    >>> plt.close(ax.figure)
    """
    refuse_classes(estimator, "plot_classes")
    rows = rows_of(estimator, X, y, response=response, exposure=exposure, trials=trials)
    along = slice_of(estimator, X, x, at)
    ax = axes_for(ax)
    _draw_rows(ax, estimator, rows, along.data)
    handles = _draw_lines(ax, estimator, along, rows.response)
    if mean:
        height = np.asarray(estimator.predict(along.rows, **per_unit(estimator.predict)))
        height = height if rows.response is None or height.ndim == 1 else height[:, rows.response]
        handles += ax.plot(along.grid, height, "--", color="0.1", lw=1.2, zorder=3, label="mean")
    margin = 0.02 * np.ptp(along.grid)
    ax.set_xlim(along.grid[0] - margin, along.grid[-1] + margin)
    _set_height(ax, rows.drawn)
    label_slice(ax, along.name, along.held)
    ax.set_ylabel(rows.label)
    legend_above(ax, handles)
    return ax


def _draw_rows(ax: Axes, estimator: Any, rows: Rows, across: Array) -> None:
    r = np.asarray(estimator.responsibilities(rows.X, rows.y, **rows.known))
    mixed = np.clip(r @ colours(r.shape[1]), 0.0, 1.0)
    ax.scatter(across, rows.drawn, s=16, c=mixed, alpha=0.75, lw=0.4, edgecolors="white", zorder=2,
               rasterized=as_picture(len(mixed)))  # fmt: skip


def _draw_lines(ax: Axes, estimator: Any, along: Slice, response: int | None) -> list[Any]:
    """A strip of short segments for each expert; returns what the legend shows."""
    from matplotlib.collections import LineCollection
    from matplotlib.lines import Line2D

    means = np.asarray(estimator.predict_expert(along.rows, **per_unit(estimator.predict_expert)))
    means = means if means.ndim == 2 else means[:, :, response]
    gate = np.asarray(estimator.gate_proba(along.rows))
    handles = []
    for k in range(gate.shape[1]):
        points = np.column_stack([along.grid, means[:, k]])
        weight = 0.5 * (gate[1:, k] + gate[:-1, k])
        strip = LineCollection(
            list(np.stack([points[:-1], points[1:]], axis=1)), colors=colour(k),
            linewidths=_THIN + (_THICK - _THIN) * weight, alpha=_FAINT + (1.0 - _FAINT) * weight,
            capstyle="butt", zorder=4, label=f"expert {k}",
        )  # fmt: skip
        ax.add_collection(strip, autolim=False)
        handles.append(Line2D([], [], color=colour(k), lw=_THICK, label=f"expert {k}"))
    return handles


def _set_height(ax: Axes, y: Array) -> None:
    """Limits by the data: lines run off far from where their gate is open."""
    span = float(np.ptp(y)) or 1.0
    ax.set_ylim(float(y.min()) - 0.06 * span, float(y.max()) + 0.06 * span)
