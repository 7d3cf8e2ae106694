"""Axes, colours and legends that the figures share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

# Okabe and Ito (2008): told apart with every common colour vision; yellow is left out on white.
# Grey, brown and violet follow for fits with more than seven experts.
PALETTE = (
    "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000",
    "#999999", "#8C510A", "#6A3D9A",
)  # fmt: skip
DATA = "0.2"
_POINTS = 10_000
LINE = "#1A1A1A"
ACCENT = "#D55E00"


def axes_for(ax: Axes | None, size: tuple[float, float] = (5.6, 4.2)) -> Axes:
    """The Axes that were given, or those of a new figure."""
    if ax is not None:
        return ax
    from matplotlib import pyplot as plt

    return plt.subplots(figsize=size, layout="constrained")[1]


def panels_for(ax: Any, count: int, size: tuple[float, float]) -> list[Axes]:
    """``count`` Axes: those that were given, or a row in a new figure.

    Raises
    ------
    ValueError
        If another number of them was given.
    """
    if ax is None:
        from matplotlib import pyplot as plt

        return list(plt.subplots(1, count, figsize=size, layout="constrained", squeeze=False)[1][0])
    panels = [ax] if np.ndim(ax) == 0 else list(np.ravel(ax))
    if len(panels) != count:
        raise ValueError(f"ax holds {len(panels)} Axes; give {count}, one for each panel, or None")
    return panels


def as_array(panels: list[Axes]) -> NDArray[np.object_]:
    """Several Axes as one array of objects."""
    array = np.empty(len(panels), dtype=object)
    array[:] = panels
    return array


def colour(number: int) -> str:
    """Colour of an expert or a class; beyond ten they come again."""
    return PALETTE[number % len(PALETTE)]


def colours(count: int) -> NDArray[np.float64]:
    """Red, green and blue of ``count`` experts, (count, 3)."""
    from matplotlib.colors import to_rgb

    return np.array([to_rgb(colour(k)) for k in range(count)])


def legend_above(ax: Axes, handles: Any = None, n_columns: int = 4) -> None:
    """A legend over the top edge, where it cannot lie on data."""
    options: dict[str, Any] = {} if handles is None else {"handles": handles}
    ax.legend(
        loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=n_columns, fontsize=8, frameon=False,
        borderaxespad=0.2, columnspacing=1.2, handlelength=1.6, **options,
    )  # fmt: skip


def as_picture(count: int) -> bool:
    """Whether so many points are one picture in vector files, which would be large and slow."""
    return count > _POINTS


def whole_numbers(axis: Axis) -> None:
    """Ticks at whole numbers only."""
    from matplotlib.ticker import MaxNLocator

    axis.set_major_locator(MaxNLocator("auto", steps=[1, 2, 5, 10], integer=True))


def label_slice(ax: Axes, name: str, held: str) -> None:
    """Name of the column drawn along, and where the other columns are held."""
    ax.set_xlabel(f"{name}   (at {held})" if held else name)
