"""How clearly rows belong to experts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mixexp.plotting._axes import LINE, as_array, axes_for, colour, legend_above, panels_for
from mixexp.plotting._rows import given, known_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = NDArray[np.float64]

_BINS = 20


def plot_responsibilities(
    estimator: Any,
    X: Any = None,
    y: Any = None,
    ax: Any = None,
    *,
    kind: str = "bars",
    exposure: ArrayLike | None = None,
    trials: ArrayLike | None = None,
) -> Any:
    r"""Responsibilities :math:`r_{ik} = P(\text{expert } k \mid x_i, y_i)` of all rows.

    ``"bars"``: one thin stacked bar for each row, sorted by the most probable expert and by how
    probable it is, with the row's entropy :math:`-\sum_k r_{ik} \log r_{ik}` as a share of its
    largest value log K. ``"histogram"``: for each expert the rows with r_ik > 0.001, by r_ik, on a
    square-root scale: well-separated experts have their rows at one.

    Parameters
    ----------
    estimator : object
        Fitted, with ``responsibilities(X, y)``.
    X, y : as the estimator takes them
        Both may be left out with a formula.
    ax : Axes, or one for each expert with ``kind="histogram"``, optional
        By default those of a new figure.
    kind : {"bars", "histogram"}
    exposure, trials : array (n,) or number, optional
        Of the rows, for estimators of counts.

    Returns
    -------
    Axes, or array of K Axes

    Raises
    ------
    ValueError
        If `kind` is unknown, or `ax` holds another number of Axes.

    References
    ----------
    Leisch (2004), FlexMix, Journal of Statistical Software 11 (8): rootograms of responsibilities.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from mixexp import GaussianMoE
    >>> from mixexp.datasets import load_faithful
    >>> geyser = load_faithful()
    >>> fit = GaussianMoE(n_init=2, random_state=0).fit(geyser[["eruptions"]], geyser["waiting"])
    >>> ax = plot_responsibilities(fit, geyser[["eruptions"]], geyser["waiting"])
    >>> ax.get_xlabel()
    '272 rows, sorted by their most probable expert'
    >>> plt.close(ax.figure)
    """
    if kind not in ("bars", "histogram"):
        raise ValueError(f"kind is {kind!r}; use 'bars' or 'histogram'")
    X, y, told = given(estimator, X, y, {"exposure": exposure, "trials": trials})
    known = known_of(estimator, len(y), told)
    r = np.asarray(estimator.responsibilities(X, y, **known))
    if kind == "bars":
        return _draw_bars(axes_for(ax, (6.4, 3.6)), r)
    n_experts = r.shape[1]
    panels = panels_for(ax, n_experts, (3.0 * n_experts + 0.6, 3.2))
    _draw_histograms(panels, r)
    return as_array(panels)


def relative_entropy(r: Array) -> Array:
    """Entropy of each row as a share of log K, (n,); zero where there is one expert only."""
    from scipy.special import entr

    return entr(r).sum(axis=1) / np.log(max(2, r.shape[1]))


def _draw_bars(ax: Axes, r: Array) -> Axes:
    n, n_experts = r.shape
    best = r.argmax(axis=1)
    sorted_rows = r[np.lexsort((-r.max(axis=1), best))]
    steps = np.arange(n + 1) - 0.5
    bottom = np.zeros(n)
    for k in range(n_experts):
        top = bottom + sorted_rows[:, k]
        # The last value is repeated: a step ends where the next one would begin.
        low, high = (np.append(v, v[-1]) for v in (bottom, top))
        ax.fill_between(steps, low, high, step="post", color=colour(k), alpha=0.75, lw=0,
                        label=f"expert {k}: {100 * r[:, k].mean():.0f} % of rows")  # fmt: skip
        bottom = top
    entropy = relative_entropy(sorted_rows)
    ax.step(steps, np.append(entropy, entropy[-1]), where="post", color=LINE, lw=1.2,
            label=f"entropy / log K: mean {entropy.mean():.2f}")  # fmt: skip
    ax.set_xlim(-0.5, n - 0.5)
    ax.set_ylim(0.0, 1.0)
    ax.set_xlabel(f"{n} rows, sorted by their most probable expert")
    ax.set_ylabel("responsibility")
    legend_above(ax, n_columns=3)
    return ax


def _draw_histograms(panels: list[Axes], r: Array) -> None:
    edges = np.linspace(0.0, 1.0, _BINS + 1)
    for k, panel in enumerate(panels):
        counted, _ = np.histogram(r[r[:, k] > 1e-3, k], edges)
        panel.bar(edges[:-1], np.sqrt(counted), width=1.0 / _BINS, align="edge", color=colour(k),
                  alpha=0.75, ec="white", lw=0.6)  # fmt: skip
        panel.set_title(f"expert {k}: {100 * r[:, k].mean():.0f} % of rows", fontsize=10)
        panel.set_xlim(0.0, 1.0)
        panel.set_xlabel("responsibility")
    top = max(panel.get_ylim()[1] for panel in panels)
    for panel in panels:
        panel.set_ylim(0.0, top)
        _label_counts(panel, top)
    panels[0].set_ylabel("rows (square-root scale)")


def _label_counts(panel: Axes, top: float) -> None:
    """Counts themselves beside a square-root axis."""
    ticks = np.array([0, 1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 100_000])
    ticks = ticks[np.sqrt(ticks) <= top]
    kept = [ticks[0]]
    for tick in ticks[1:]:
        if np.sqrt(tick) - np.sqrt(kept[-1]) > 0.09 * top:
            kept.append(tick)
    panel.set_yticks(np.sqrt(kept), [str(tick) for tick in kept])
