"""The figure of a claim: its rates, and in muted colours the other arms and published curves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mixexp.simulation._lines import summary
from mixexp.simulation.claims.judging.results import ClaimResult
from mixexp.simulation.claims.report.arm_words import arm_labels
from mixexp.simulation.claims.report.layout import arrange
from mixexp.simulation.claims.report.published import PUBLISHED, read_published
from mixexp.simulation.plots import plot_rates
from mixexp.simulation.slopes import ErrorsBySize

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

# An arm is drawn where its geometric mean differs by a tenth from that of the first.
_DIFFERS = 0.1
_FIRST = "#0072B2"
_ARMS = (("#8A8A8A", "s"), ("#B07AA1", "^"), ("#B99B3F", "D"), ("#7A9E7E", "v"), ("#9C755F", "P"))
_READ = "#5B3A8E"
_DPI, _COLORS = 110, 96


def save_claim_figure(result: ClaimResult, path: Path) -> Path:
    """Draw a claim into a PNG file of few colours, a third of the usual size.

    Equal results give equal files.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from PIL import Image

    figure = draw_claim(result)
    figure.set_dpi(_DPI)
    # savefig would draw twice and encode the many colours first.
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    image = Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3])
    few = image.quantize(_COLORS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    path.parent.mkdir(parents=True, exist_ok=True)
    few.save(path, optimize=True)
    return path


def draw_claim(result: ClaimResult) -> Figure:
    """One log-log panel a column of ``claim.figure``, by default of all quantities.

    As `plot_rates` draws it, for the first arm. Lines with open marks are the geometric means of
    other arms where they differ by more than a tenth at some size; a band and a line are the 5 % to
    95 % range and the median of a published study.
    """
    from matplotlib.lines import Line2D

    chosen = panels(result)
    rates = tuple(rate for rate in result.rates if rate.quantity.column in chosen)
    order = sorted(rates, key=lambda rate: chosen.index(rate.quantity.column))
    across = min(3, len(chosen))
    figure = plot_rates(replace(result.report, rates=tuple(order)), n_columns=across)
    labels = arm_labels(result.claim)
    first, *others = labels.values()
    shown = {first: Line2D([], [], marker="o", color=_FIRST, lw=0, ms=6)}
    for column, axes in zip(
        dict.fromkeys(r.quantity.column for r in order), figure.axes, strict=True
    ):
        drawn = _draw_arms(axes, column, result.errors, labels)
        drawn |= _draw_published(axes, result.claim.published.get(column))
        shown |= {name: line for name, line in drawn.items() if name not in shown}
        _make_room(axes)
    legend = [name for name in (first, *others, PUBLISHED) if name in shown]
    arrange(figure, across, {name: shown[name] for name in legend})
    return figure


def panels(result: ClaimResult) -> list[str]:
    """Columns with a quantity that the figure shows, in its order."""
    own = dict.fromkeys(rate.quantity.column for rate in result.rates)
    asked = [column for column in result.claim.figure if column in own]
    return asked or list(own)


def differing(
    first: ErrorsBySize, other: ErrorsBySize
) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """Sizes and geometric means of another arm, None if it hardly differs from the first.

    Examples
    --------
    >>> arm = {10: np.array([1.0, 4.0]), 100: np.array([0.5])}
    >>> differing(arm, arm) is None
    True
    >>> differing(arm, {10: np.array([3.0])})
    (array([10.]), array([3.]))
    """
    sizes = [n for n, values in sorted(other.items()) if len(values)]
    middle = {n: float(np.exp(summary(other[n], "mean_log"))) for n in sizes}
    far = [
        abs(np.log(middle[n]) - summary(first[n], "mean_log")) > _DIFFERS
        for n in sizes
        if len(first.get(n, ()))
    ]
    if not sizes or (far and not any(far)):
        return None
    return np.array(sizes, dtype=float), np.array([middle[n] for n in sizes])


def _draw_arms(
    axes: Axes,
    column: str,
    errors: Mapping[str, Mapping[str, ErrorsBySize]],
    labels: Mapping[str, str],
) -> dict[str, Line2D]:
    drawn: dict[str, Line2D] = {}
    first, *others = errors
    for i, arm in enumerate(others):
        found = differing(errors[first][column], errors[arm][column])
        if found is None:
            continue
        color, mark = _ARMS[i % len(_ARMS)]
        (drawn[labels[arm]],) = axes.plot(
            *found, mark + "-", color=color, ms=4.5, mfc="white", lw=1.1, zorder=1.5
        )
    return drawn


def _draw_published(axes: Axes, path: str | None) -> dict[str, Line2D]:
    if path is None:
        return {}
    curve = read_published(Path(path))
    n = curve["n"]
    left, right = axes.get_xlim()
    axes.fill_between(n, curve["q05"], curve["q95"], color=_READ, alpha=0.12, lw=0, zorder=1)
    (line,) = axes.plot(n, curve["median"], color=_READ, lw=1.3, zorder=1.6)
    axes.set_xlim(min(left, n.min() / 1.2), max(right, n.max() * 1.2))
    _include(axes, curve["q05"], curve["q95"])
    return {PUBLISHED: line}


def _make_room(axes: Axes) -> None:
    """Widen the limits to all lines, and leave room above them for the legend."""
    for line in axes.get_lines():
        _include(axes, np.asarray(line.get_ydata(), dtype=float))
    if (legend := axes.get_legend()) is not None:
        part = 0.04 + 0.07 * len(legend.get_texts())
        low, high = axes.get_ylim()
        axes.set_ylim(low, low * (high / low) ** (1.0 / (1.0 - part)))


def _include(axes: Axes, *values: NDArray[np.float64]) -> None:
    every = np.concatenate(values)
    every = every[np.isfinite(every) & (every > 0)]
    if len(every):
        low, high = axes.get_ylim()
        axes.set_ylim(min(low, every.min() / 1.2), max(high, every.max() * 1.2))
