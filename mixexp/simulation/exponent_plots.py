"""Log-log figure of Hellinger distances along directions, with their exponents."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import TYPE_CHECKING

import numpy as np

from mixexp.simulation.plots import save_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from mixexp.theory import LocalExponents

_COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
_MARKERS = ("o", "s", "^", "D", "v", "P")
_FLOOR = 1e-17


def plot_exponents(
    panels: Mapping[str, Sequence[LocalExponents]],
    path: str | os.PathLike[str] | None = None,
    *,
    title: str | None = None,
) -> Figure:
    """One panel a model: distance against how far the parameters were moved, everything else free.

    Steeper lines are directions that data hardly tell; those of parameters that are not identified
    lie at rounding. A direction has one colour in all panels. ε is divided by its largest value, so
    that blocks with different units share an axis.

    Parameters
    ----------
    panels : mapping of str to sequence of LocalExponents
        Title of a panel to its directions.
    path : str or path, optional
        Where to save the figure.
    title : str, optional

    Returns
    -------
    matplotlib.figure.Figure
        Not attached to pyplot, so nothing needs closing.

    Raises
    ------
    ValueError
        If there is no panel.

    Examples
    --------
    >>> from mixexp.theory import Move, TRUTHS, local_exponents
    >>> found = local_exponents(TRUTHS["balanced"], Move("intercept"), n_starts=1)
    >>> plot_exponents({"softmax": [found]}).axes[0].get_ylabel()
    'Hellinger distance'
    """
    from matplotlib.figure import Figure

    if not panels:
        raise ValueError("panels is empty; give at least one model with its directions")
    across = min(4, len(panels))
    down = math.ceil(len(panels) / across)
    figure = Figure(figsize=(4.1 * across + 0.3, 4.3 * down + 0.4), layout="constrained")
    directions = dict.fromkeys(one.direction for found in panels.values() for one in found)
    styles = dict(zip(directions, cycle(zip(_COLORS, _MARKERS, strict=True)), strict=False))
    for position, (name, found) in enumerate(panels.items()):
        axes = figure.add_subplot(down, across, position + 1)
        _draw(axes, found, styles)
        axes.set_title(name)
        axes.set_xlabel("ε / largest ε")
        axes.set_ylabel("Hellinger distance" if position % across == 0 else "")
    if title:
        figure.suptitle(title)
    if path is not None:
        save_figure(figure, path)
    return figure


def _draw(
    axes: Axes, found: Sequence[LocalExponents], styles: Mapping[str, tuple[str, str]]
) -> None:
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    for one in found:
        color, marker = styles[one.direction]
        x = one.epsilon / one.epsilon[0]
        label = one.direction + (
            ": not identified" if one.flat else f": {one.exponent:.2f} ± {one.half_width:.2f}"
        )
        axes.plot(x, np.maximum(one.distance, _FLOOR), marker=marker, ms=4, color=color, lw=1.4,
                  label=label)  # fmt: skip
    axes.grid(True, which="major", color="0.9", lw=0.6)
    axes.set_axisbelow(True)
    axes.legend(fontsize=7, loc="upper center", bbox_to_anchor=(0.5, -0.17), frameon=False)
