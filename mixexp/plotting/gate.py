"""Probabilities over x: those of the gate, and those of classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mixexp.plotting._axes import as_picture, axes_for, colour, label_slice, legend_above
from mixexp.plotting._slice import Slice, slice_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = NDArray[np.float64]


def plot_gate(
    estimator: Any,
    X: Any = None,
    x: str | int | None = None,
    ax: Axes | None = None,
    *,
    at: Mapping[Any, Any] | None = None,
    kind: str = "lines",
    results: Any = None,
    level: float = 0.95,
) -> Axes:
    """Gate probabilities π_k(x) over one column of x, with pointwise intervals if there are any.

    Ticks on the lower edge are the rows of X.

    Parameters
    ----------
    estimator : object
        Fitted, with ``gate_proba``. One that is bound to a formula takes frames of the original
        columns.
    X : array or DataFrame (n, n_features)
        Rows whose range is drawn; with a formula, those of the fit if they are left out.
    x : str or int, optional
        Column of the horizontal axis; needed where there are several.
    ax : Axes, optional
        By default that of a new figure.
    at : mapping, optional
        Columns to the values at which they are held; by default the medians.
    kind : {"lines", "stacked"}
        A line for each expert, or layers that sum to one.
    results : MoEResults, optional
        Of ``estimator.results(...)``: bands of its ``gate_proba(rows, level)``. Where a probability
        is not identified there is no band.
    level : float
        Probability of an interval at each x on its own.

    Returns
    -------
    Axes

    Raises
    ------
    ValueError
        If `kind` is unknown, intervals are asked of layers, or a column has to be chosen.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from mixexp import GaussianMoE
    >>> from mixexp.datasets import load_faithful
    >>> geyser = load_faithful()
    >>> fit = GaussianMoE(n_init=2, random_state=0).fit(geyser[["eruptions"]], geyser["waiting"])
    >>> ax = plot_gate(fit, geyser[["eruptions"]])
    >>> ax.get_ylabel(), len(ax.get_lines())
    ('gate probability', 3)
    >>> plt.close(ax.figure)
    """
    _check(kind, results)
    along = slice_of(estimator, X, x, at)
    ax = axes_for(ax, (5.6, 3.6))
    values = np.asarray(estimator.gate_proba(along.rows))
    names = [f"expert {k}" for k in range(values.shape[1])]
    bands = (
        None
        if results is None
        else _bands(results.gate_proba(_with_known(estimator, along.rows), level), "expert")
    )
    _draw(ax, along, values, names, kind, bands, level)
    _draw_rug(ax, along.data)
    ax.set_ylabel("gate probability")
    return ax


def plot_classes(
    estimator: Any,
    X: Any = None,
    y: ArrayLike | None = None,
    x: str | int | None = None,
    ax: Axes | None = None,
    *,
    at: Mapping[Any, Any] | None = None,
    kind: str = "lines",
    results: Any = None,
    level: float = 0.95,
) -> Axes:
    """Class probabilities P(y = j | x) over one column of x, with pointwise intervals if given.

    With y, every row is a tick in the colour of its class, the classes one below the other.

    Parameters
    ----------
    estimator : object
        Fitted, with ``predict_proba`` and ``classes_``.
    X : array or DataFrame (n, n_features)
    y : array (n,), optional
        Labels of the rows, to draw them.
    x, ax, at, kind, level
        As for :func:`plot_gate`.
    results : MoEResults, optional
        Bands of its ``class_proba(rows, level)``.

    Returns
    -------
    Axes

    Raises
    ------
    ValueError
        As :func:`plot_gate`, or if the estimator does not predict classes.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from mixexp import MultinomialMoE
    >>> from mixexp.datasets import load_npreg
    >>> data = load_npreg()
    >>> fit = MultinomialMoE(1, random_state=0).fit(data[["x"]], data["yb"])
    >>> ax = plot_classes(fit, data[["x"]], data["yb"])
    >>> ax.get_ylabel()
    'class probability'
    >>> plt.close(ax.figure)
    """
    _check(kind, results)
    if not hasattr(estimator, "classes_"):
        raise ValueError(
            f"a {type(estimator).__name__} does not predict classes; use plot_experts or plot_bands"
        )
    along = slice_of(estimator, X, x, at)
    ax = axes_for(ax, (5.6, 3.6))
    names = [str(label) for label in estimator.classes_.tolist()]
    bands = None if results is None else _bands(results.class_proba(along.rows, level), "class")
    _draw(ax, along, estimator.predict_proba(along.rows), names, kind, bands, level)
    if y is not None:
        _draw_classes(ax, along.data, np.asarray(y), estimator.classes_)
    ax.set_ylabel("class probability")
    return ax


def _check(kind: str, results: Any) -> None:
    if kind not in ("lines", "stacked"):
        raise ValueError(f"kind is {kind!r}; use 'lines' or 'stacked'")
    if kind == "stacked" and results is not None:
        raise ValueError("kind='stacked' has no room for intervals; use kind='lines' with results=")


def _with_known(estimator: Any, rows: Any) -> Any:
    """Rows with the exposures or trials a formula names, on which no gate depends."""
    bound = getattr(estimator, "_bound", None)
    name = None if bound is None else bound.told.known
    return rows.assign(**{name: 1.0}) if isinstance(name, str) and name not in rows else rows


def _bands(frame: Any, key: str) -> list[tuple[Array, Array]]:
    """Lower and upper ends of each expert or class, in their order."""
    # Each group keeps the order of the rows; unsorted groups keep that of the experts or classes.
    groups = frame.groupby(frame[key].astype(str), sort=False)
    return [(g["lower"].to_numpy(float), g["upper"].to_numpy(float)) for _, g in groups]


def _draw(
    ax: Axes,
    along: Slice,
    values: Array,
    names: Sequence[str],
    kind: str,
    bands: list[tuple[Array, Array]] | None,
    level: float,
) -> None:
    from matplotlib.patches import Patch

    shades = [colour(k) for k in range(len(names))]
    if kind == "stacked":
        ax.stackplot(along.grid, values.T, colors=shades, labels=names, alpha=0.85, lw=0)
    else:
        for k, name in enumerate(names):
            ax.plot(along.grid, values[:, k], color=shades[k], lw=1.8, label=name, zorder=3)
            if bands is not None:
                ax.fill_between(along.grid, *bands[k], color=shades[k], alpha=0.2, lw=0, zorder=2)
    ax.set_xlim(along.grid[0], along.grid[-1])
    ax.set_ylim((0.0, 1.0) if kind == "stacked" else (-0.03, 1.03))
    label_slice(ax, along.name, along.held)
    handles = ax.get_legend_handles_labels()[0]
    if bands is not None:
        handles.append(Patch(color="0.5", alpha=0.3, lw=0, label=f"{100 * level:g} % pointwise"))
    legend_above(ax, handles)


def _draw_rug(ax: Axes, data: Array) -> None:
    ax.plot(data, np.zeros(len(data)), "|", transform=ax.get_xaxis_transform(), color="0.2", ms=7,
            mew=0.6, alpha=0.5, clip_on=False, zorder=5,
            rasterized=as_picture(len(data)))  # fmt: skip


def _draw_classes(ax: Axes, data: Array, labels: NDArray[Any], classes: NDArray[Any]) -> None:
    """One strip of ticks for each class, below the probabilities."""
    low = -0.06 * (len(classes) + 0.5)
    ax.set_ylim(low, 1.03)
    for j, label in enumerate(classes):
        here = data[labels == label]
        ax.plot(here, np.full(len(here), -0.06 * (j + 1)), "|", color=colour(j), ms=6, mew=0.8,
                alpha=0.7, zorder=5, rasterized=as_picture(len(data)))  # fmt: skip
    ax.set_yticks(np.linspace(0.0, 1.0, 6))
    ax.axhline(0.0, color="0.7", lw=0.6, zorder=1)
