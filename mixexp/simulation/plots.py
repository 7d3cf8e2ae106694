"""Log-log figure of errors against sample size, with fitted and theoretical lines."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mixexp.simulation._lines import Statistic, summary
from mixexp.simulation.rate import Rate
from mixexp.simulation.report import RateReport
from mixexp.simulation.slopes import Slope

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_DATA = "#0072B2"
_FIT = "#1A1A1A"
_THEORY = ("#D55E00", "#009E73", "#CC79A7")
_DASHES = ("--", ":", "-.")


def plot_rates(
    report: RateReport,
    path: str | os.PathLike[str] | None = None,
    *,
    title: str | None = None,
    n_columns: int | None = None,
    also: Sequence[str] = (),
) -> Figure:
    """One log-log panel per column of errors.

    Faint points are replicates, bars run from the 10 % to the 90 % quantile, dots are the summary
    the slope is fitted to (geometric mean, median or mean). The solid line is the fit over all
    usable sizes; dashed lines have the theoretical slopes and pass through the centre of the fitted
    line. Quantities that share a column share a panel.

    Parameters
    ----------
    report : RateReport
        Result of `report_rates`.
    path : str or path, optional
        Where to save the figure; the suffix names the format.
    title : str, optional
        Title of the figure.
    n_columns : int, optional
        Panels in a row (default: at most 4, as square a grid as possible).
    also : sequence of str
        More formats to save beside `path`, for instance ``("pdf", "svg")``.

    Returns
    -------
    matplotlib.figure.Figure
        Not attached to pyplot, so nothing needs closing.

    Raises
    ------
    ValueError
        If the report has no quantity.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from mixexp.simulation import Expectation, report_rates
    >>> n, replicate = np.meshgrid([100, 1000, 10_000], np.arange(5))
    >>> frame = pd.DataFrame({"n": n.ravel(), "replicate": replicate.ravel(),
    ...                       "loss": ((1 + replicate) * n**-0.5).ravel()})
    >>> report = report_rates(frame, [("loss", "D1", Expectation(-0.5))])
    >>> axes, = plot_rates(report).axes
    >>> axes.get_xlabel(), axes.get_ylabel()
    ('sample size n', 'error')
    """
    from matplotlib.figure import Figure

    panels: dict[str, list[Rate]] = {}
    for rate in report.rates:
        panels.setdefault(rate.quantity.column, []).append(rate)
    if not panels:
        raise ValueError("the report has no quantity: give report_rates at least one")
    across = n_columns or min(4, math.ceil(math.sqrt(len(panels))))
    down = math.ceil(len(panels) / across)
    figure = Figure(figsize=(3.9 * across + 0.3, 3.4 * down + 0.4), layout="constrained")
    for position, rates in enumerate(panels.values()):
        axes = figure.add_subplot(down, across, position + 1)
        _draw_panel(axes, rates, report)
        axes.set_xlabel("sample size n")
        axes.set_ylabel("error" if position % across == 0 else "")
    figure.supxlabel(_key_text(report.statistic), fontsize=8, color="0.35")
    if title:
        figure.suptitle(title)
    if path is not None:
        save_figure(figure, path, also=also)
    return figure


def save_figure(
    figure: Figure, path: str | os.PathLike[str], *, also: Sequence[str] = ()
) -> list[Path]:
    """Save a figure at 150 dots per inch, undated: equal figures give equal files.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        The figure.
    path : str or path
        File; its folder is made if missing, a missing suffix becomes ``.png``.
    also : sequence of str
        More formats to save under the same name.

    Returns
    -------
    list of Path
        The files.
    """
    from matplotlib import rc_context

    first = Path(path)
    first = first if first.suffix else first.with_suffix(".png")
    first.parent.mkdir(parents=True, exist_ok=True)
    files = [first, *(first.with_suffix("." + name.lstrip(".")) for name in also)]
    dates = {".pdf": {"CreationDate": None}, ".svg": {"Date": None}}
    # Without a fixed salt the names inside an SVG file are random.
    with rc_context({"svg.hashsalt": "mixexp"}):
        for file in files:
            figure.savefig(file, dpi=150, metadata=dates.get(file.suffix))
    return files


def _key_text(statistic: Statistic) -> str:
    summary = {"mean_log": "geometric mean", "median": "median", "mean": "mean"}[statistic]
    return f"points: replicates; bars: 10 % to 90 % of them; dots: {summary}; solid line: fit"


def _draw_panel(axes: Axes, rates: list[Rate], report: RateReport) -> None:
    first = rates[0]
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_title(first.quantity.label)
    sizes = [n for n, values in first.errors.by_size.items() if len(values)]
    for n in sizes:
        _draw_size(axes, n, first.errors.by_size[n], report.statistic)
    slope = first.all_sizes
    if slope is not None:
        ends = np.array([slope.sizes[0], slope.sizes[-1]], dtype=float)
        label = f"slope {slope.estimate:.2f} [{slope.low:.2f}, {slope.high:.2f}]"
        axes.plot(ends, _line(slope, slope.estimate, ends), color=_FIT, lw=1.8, label=label)
        _draw_theory(axes, rates, slope, ends)
        axes.legend(fontsize=8, loc="upper right", framealpha=0.85, edgecolor="none")
    if not sizes:
        axes.text(0.5, 0.5, "no usable error", ha="center", va="center", transform=axes.transAxes)
    _set_limits(axes, first, lines_of_legend=1 + len(rates))
    _label_sizes(axes, sizes)
    axes.grid(True, which="major", color="0.9", lw=0.6)
    axes.set_axisbelow(True)


def _draw_size(axes: Axes, n: int, errors: np.ndarray, statistic: Statistic) -> None:
    # A fixed spread instead of a random one: the same report gives the same file.
    spread = np.linspace(-0.1, 0.1, errors.size) if errors.size > 1 else np.zeros(1)
    axes.scatter(n * np.exp(spread), errors, s=5, color=_DATA, alpha=0.3, lw=0, zorder=2)
    low, high = np.quantile(errors, [0.1, 0.9])
    axes.plot([n, n], [low, high], color=_DATA, lw=1.6, solid_capstyle="butt", zorder=3)
    axes.plot(
        [n],
        [np.exp(summary(errors, statistic))],
        "o",
        ms=6,
        color=_DATA,
        mec="white",
        mew=0.8,
        zorder=4,
    )


def _draw_theory(axes: Axes, rates: list[Rate], slope: Slope, ends: np.ndarray) -> None:
    for rate, color, dashes in zip(rates, cycle(_THEORY), cycle(_DASHES), strict=False):
        expectation = rate.quantity.expectation
        if expectation.slope is None:
            axes.plot([], [], " ", label="theory: no exponent")
            continue
        label = f"theory {expectation}"
        heights = _line(slope, expectation.slope, ends)
        axes.plot(ends, heights, dashes, color=color, lw=1.6, label=label)


def _set_limits(axes: Axes, rate: Rate, *, lines_of_legend: int) -> None:
    """Limits around all points, with room above them for the legend."""
    errors = {n: values for n, values in rate.errors.by_size.items() if len(values)}
    if not errors:
        return
    axes.set_xlim(min(errors) / 1.35, max(errors) * 1.35)
    values = np.concatenate(list(errors.values()))
    low, high = values.min(), values.max()
    # A log axis without extent would have no ticks.
    span = max(high / low, 2.0)
    axes.set_ylim(low / span**0.06, low * span ** (1.1 + 0.075 * lines_of_legend))


def _line(slope: Slope, exponent: float, n: np.ndarray) -> np.ndarray:
    log_n, log_error = slope.centre
    return np.exp(log_error + exponent * (np.log(n) - log_n))


def _label_sizes(axes: Axes, sizes: list[int]) -> None:
    """Write the sizes themselves under the axis while there is room for them."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter, NullLocator

    if 0 < len(sizes) <= 7:
        axes.xaxis.set_major_locator(FixedLocator(sizes))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(FuncFormatter(lambda n, _: _short(n)))
    else:
        axes.xaxis.set_minor_formatter(NullFormatter())


def _short(n: float) -> str:
    for unit, name in ((1e6, "M"), (1e3, "k")):
        if n >= unit:
            return f"{n / unit:.3g}{name}"
    return f"{n:.0f}"
