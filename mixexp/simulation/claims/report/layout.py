"""Places and ticks in the figure of a claim: fixed, since measuring texts takes seconds."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

# Inches.
_PANEL = (3.25, 2.7)
_GAP = (0.75, 0.85)
_LEFT, _RIGHT, _BOTTOM, _TOP = 0.75, 0.2, 0.75, 0.35
_LEGEND_LINE, _LEGEND_ENTRY = 0.24, 2.7
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def arrange(figure: Figure, across: int, legend: Mapping[str, Line2D]) -> None:
    """Panels of one size in a grid, `across` in a row, with the legend above and room for titles.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        Its axes are log-log panels, placed in a grid of `across` columns.
    across : int
    legend : mapping from text to line
    """
    down = math.ceil(len(figure.axes) / across)
    width = _LEFT + across * _PANEL[0] + (across - 1) * _GAP[0] + _RIGHT
    per_line = max(1, int(width / _LEGEND_ENTRY))
    above = _TOP + _LEGEND_LINE * math.ceil(len(legend) / per_line)
    height = _BOTTOM + down * _PANEL[1] + (down - 1) * _GAP[1] + above
    # With "none" the engine leaves a placeholder that refuses to be adjusted.
    figure.set_layout_engine(None)
    figure.set_size_inches(width, height)
    figure.subplots_adjust(
        left=_LEFT / width, right=1 - _RIGHT / width, bottom=_BOTTOM / height,
        top=1 - above / height, wspace=_GAP[0] / _PANEL[0], hspace=_GAP[1] / _PANEL[1],
    )  # fmt: skip
    for axes in figure.axes:
        _fix(axes)
    figure.legend(
        list(legend.values()), list(legend), loc="upper center", ncols=per_line, fontsize=9,
        frameon=False, borderaxespad=0.2, bbox_to_anchor=(0.5, 1.0),
    )  # fmt: skip


def decades(low: float, high: float) -> list[float]:
    """Ticks between two positive numbers: powers of ten, with their 2 and 5 if these are few.

    Examples
    --------
    >>> decades(0.005, 20.0)
    [0.01, 0.1, 1.0, 10.0]
    >>> decades(0.03, 0.3)
    [0.05, 0.1, 0.2]
    """
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for factors in ((1,), (1, 2, 5), (1, 1.5, 2, 3, 4, 5, 6, 7, 8, 9)):
        ticks = [float(f"{factor}e{power}") for power in powers for factor in factors]
        ticks = [tick for tick in ticks if low <= tick <= high]
        if len(ticks) >= 3:
            break
    return ticks[:: math.ceil(len(ticks) / 8)] if len(ticks) > 8 else ticks


def tick_text(value: float) -> str:
    """A tick as a short number, or as a power of ten.

    Examples
    --------
    >>> tick_text(0.05), tick_text(1e-5), tick_text(2e6)
    ('0.05', '10⁻⁵', '2·10⁶')
    """
    if 1e-3 <= value < 1e4:
        return f"{value:g}"
    factor, power = f"{value:.1e}".split("e")
    text = "10" + str(int(power)).translate(_SUPERSCRIPTS)
    return text if float(factor) == 1 else f"{float(factor):g}·{text}"


def _fix(axes: Axes) -> None:
    """Ticks, title and labels at given places."""
    from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator

    axes.set_title(axes.get_title(), fontsize=10, y=1.0)
    ticks = decades(*axes.get_ylim())
    axes.yaxis.set_major_locator(FixedLocator(ticks))
    axes.yaxis.set_major_formatter(FixedFormatter([tick_text(tick) for tick in ticks]))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_minor_locator(NullLocator())
    axes.xaxis.set_label_coords(0.5, -0.3 / _PANEL[1])
    axes.yaxis.set_label_coords(-0.5 / _PANEL[0], 0.5)
