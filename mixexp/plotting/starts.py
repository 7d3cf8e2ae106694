"""The likelihood on the way of every start, and where each of them ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mixexp.plotting._axes import LINE, PALETTE, axes_for, legend_above, whole_numbers

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from pandas import DataFrame

_SPOILT = ("thin expert", "scale on floor")
_GROUPS = {
    "answer": ("ended in the answer", PALETTE[0], "o"),
    "other": ("in another optimum", PALETTE[4], "s"),
    "spoilt": ("in one that is thin or on its floor", PALETTE[1], "^"),
    "left": ("not continued", "0.6", "x"),
}
# Of the spread of what starts reached, how much of the climbs below it is shown.
_BELOW = 0.6
# Penalties, in nats, that a figure cannot show.
_VISIBLE = 1e-3


def plot_starts(estimator: Any, ax: Axes | None = None, *, phase: str | None = None) -> Axes:
    """Log-likelihood after each step, in nats, of every start, by the optimum it ended in.

    The dotted line is the likelihood of the answer. Starts may end above it: an optimum with a thin
    expert or a scale on its floor is not the answer however high it is. Of penalised fits the
    penalised likelihood is drawn. Climbs begin far below; the axis starts not far below the lowest
    end.

    Parameters
    ----------
    estimator : object
        Fitted, with ``starts_`` and ``optima_``. If it has lost the starts, its optima alone are
        drawn, at the numbers of their steps.
    ax : Axes, optional
        By default that of a new figure.
    phase : {"sketch", "data"}, optional
        Which starts. By default all of those whose likelihood is that of the data: starts on the
        sketch of at most 1024 distinct rows only if it holds all of them, and then not the last
        steps that they make on the data.

    Returns
    -------
    Axes

    Raises
    ------
    ValueError
        If there are no starts of this phase.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from mixexp import GaussianMoE
    >>> from mixexp.datasets import load_faithful
    >>> geyser = load_faithful()
    >>> fit = GaussianMoE(n_init=2, random_state=0).fit(geyser[["eruptions"]], geyser["waiting"])
    >>> ax = plot_starts(fit)
    >>> ax.get_xlabel()
    'step of the solver'
    >>> plt.close(ax.figure)
    """
    optima = estimator.optima_
    runs = _runs(estimator, optima, phase)
    groups = [_group(run.optimum, optima) for run in runs.itertuples()]
    ax = axes_for(ax, (5.8, 3.8))
    for name, style in _GROUPS.items():
        traces = [t for t, group in zip(runs["trace"], groups, strict=True) if group == name]
        if traces:
            _draw(ax, traces, *style)
    reached = np.array([trace[-1] for trace in runs["trace"]])
    best = [end for end, group in zip(reached, groups, strict=True) if group == "answer"]
    if best:
        ax.axhline(max(best), color=LINE, lw=0.9, ls=":", zorder=1, label="the answer")
    _set_limits(ax, reached[np.isfinite(reached)])
    ax.set_xlabel("step of the solver")
    ax.set_ylabel(f"{_kind(runs)}log-likelihood (nats)")
    ax.ticklabel_format(useOffset=False, axis="y")
    whole_numbers(ax.xaxis)
    legend_above(ax, n_columns=2)
    return ax


def _runs(estimator: Any, optima: DataFrame, phase: str | None) -> DataFrame:
    """The starts of a phase; of a fit that has lost them, its optima as if they were starts."""
    runs = getattr(estimator, "starts_", None)
    if runs is None or not len(runs):
        value = "joint_loglik" if "joint_loglik" in optima else "loglik"
        rows = optima[[value, "n_iter"]].assign(optimum=range(len(optima)))
        # Where they came from is not known: nothing but the last step is drawn.
        traces = [(np.nan,) * n + (v,) for n, v in zip(rows["n_iter"], rows[value], strict=True)]
        return rows.assign(trace=traces)
    if phase is None:
        data = runs[runs["phase"] == "data"]
        sketch = runs[(runs["phase"] == "sketch") & runs["weight"].isin(data["weight"])]
        if not len(sketch):
            return data
        return runs[runs.index.isin(sketch.index) | (runs["kind"] == "given")]
    chosen = runs[runs["phase"] == phase]
    if not len(chosen):
        raise ValueError(f"phase={phase!r} has no starts; starts_ has {sorted(set(runs['phase']))}")
    return chosen


def _kind(runs: DataFrame) -> str:
    if "joint_loglik" in runs:
        return "joint "
    penalty = runs["loglik"].to_numpy() - [trace[-1] for trace in runs["trace"]]
    return "penalised " if np.abs(penalty).max(initial=0.0) > _VISIBLE else ""


def _group(optimum: int, optima: DataFrame) -> str:
    if optimum < 0:
        return "left"
    if optimum == 0:
        return "answer"
    flags = optima["flags"].iloc[optimum]
    return "spoilt" if any(flag in flags for flag in _SPOILT) else "other"


def _draw(ax: Axes, traces: list[tuple[float, ...]], words: str, shade: str, marker: str) -> None:
    for trace in traces:
        ax.plot(trace, color=shade, lw=0.9, alpha=0.5, zorder=2)
    steps, ends = [len(trace) - 1 for trace in traces], [trace[-1] for trace in traces]
    # A white edge would hide a marker that is nothing but lines.
    edge = shade if marker == "x" else "white"
    ax.plot(steps, ends, marker, ms=6, color=shade, mec=edge, mew=0.8, ls="", zorder=4,
            label=f"{len(traces)} {words}")  # fmt: skip


def _set_limits(ax: Axes, reached: np.ndarray) -> None:
    """All ends, and the climb to the lowest of them."""
    low, high = float(reached.min()), float(reached.max())
    span = max(high - low, 1e-6 * abs(high), 1e-3)
    ax.set_ylim(low - _BELOW * span, high + 0.08 * span)
    ax.set_xlim(left=0.0)
