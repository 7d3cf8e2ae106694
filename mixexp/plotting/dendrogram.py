"""The tree of merges of experts, and the criterion beside its levels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_TREE = "#0072B2"
_CUT = "#D55E00"
# Least distance of two values of the criterion, as a share of the height of the axes.
_GAP = 0.05


def plot_dendrogram(
    merges: Any,
    ax: Axes | None = None,
    *,
    labels: Sequence[str] | None = None,
    criterion: Mapping[int, float] | None = None,
    selected: int | None = None,
) -> Axes:
    """Experts as leaves, joined at the dissimilarity of the groups that are merged.

    The dashed line separates merges that are made from those that are not. On the right stand the
    values of the criterion for each number of experts, smaller being better, beside the merge that
    leaves it. If heights differ by more than a factor of 100, their axis is linear up to the
    smallest positive one and logarithmic above.

    Parameters
    ----------
    merges : sequence of (first, second, height), or object with ``merges``
        From first to last. Groups are an atom, or a tuple of atoms, counted from 0; an atom stands
        for the group it has been merged into. A :class:`~mixexp.selection.dendrogram.Dendrogram`
        brings its ``criterion`` and ``selected`` along.
    ax : Axes, optional
        By default that of a new figure.
    labels : sequence of str, optional
        Of the K atoms; by default their numbers.
    criterion : mapping of int to float, optional
        Number of experts to value of the criterion.
    selected : int, optional
        Number of experts selected.

    Returns
    -------
    Axes

    Raises
    ------
    ValueError
        If merges do not join K atoms into one, labels are not K, or `selected` is not in 1, ..., K.
    TypeError
        If `merges` is an estimator or anything else without merges.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> ax = plot_dendrogram([(0, 2, 0.1), (0, 1, 3.0)], labels=["a", "b", "c"], selected=2)
    >>> [tick.get_text() for tick in ax.get_xticklabels()]
    ['a', 'c', 'b']
    >>> plt.close(ax.figure)
    """
    if not hasattr(merges, "merges") and not np.iterable(merges):
        raise TypeError(
            f"merges is a {type(merges).__name__}, which holds no merges; of a fitted estimator, "
            "give mixexp.selection.dendrogram_of(estimator, X, y)"
        )
    if criterion is None:
        criterion = getattr(merges, "criterion", None)
    if selected is None:
        selected = getattr(merges, "selected", None)
    steps = [_step(*step) for step in getattr(merges, "merges", merges)]
    k = len(steps) + 1
    order = _leaves(steps)
    names = [str(i) for i in range(k)] if labels is None else [str(label) for label in labels]
    if len(names) != k:
        raise ValueError(f"labels holds {len(names)} labels for {k} atoms")
    if selected is not None and not 1 <= selected <= k:
        raise ValueError(f"selected is {selected!r}; give a number of experts from 1 to {k}")
    if ax is None:
        from matplotlib import pyplot as plt

        ax = plt.subplots(figsize=(5.6, 4.2), layout="constrained")[1]
    heights = np.array([height for _, _, height in steps])
    _set_scale(ax, heights)
    _draw_tree(ax, steps, order)
    ax.set_xticks(range(k), [names[i] for i in order])
    ax.set_xlabel("expert of the fit")
    ax.set_ylabel("dissimilarity of the groups merged")
    if selected is not None:
        _draw_cut(ax, heights, selected)
    if criterion is not None:
        _write_criterion(ax, heights, criterion, selected)
    return ax


def _step(first: Any, second: Any, height: float) -> tuple[int, int, float]:
    """A merge by one atom of each group."""
    one, other = (int(np.ravel(group)[0]) for group in (first, second))
    if not np.isfinite(height):
        raise ValueError(f"the height of merging {first!r} and {second!r} is {height!r}")
    return one, other, float(height)


def _leaves(steps: Sequence[tuple[int, int, float]]) -> list[int]:
    """Atoms in an order in which no two merges cross."""
    group = {i: [i] for i in range(len(steps) + 1)}
    for first, second, _ in steps:
        if not {first, second} <= group.keys() or group[first] is group[second]:
            raise ValueError(
                f"merges join {first} and {second}, which must be atoms 0, ..., {len(steps)} of "
                "different groups: K - 1 merges join K atoms"
            )
        joined = group[first] + group[second]
        group.update(dict.fromkeys(joined, joined))
    return group[0]


def _draw_tree(ax: Axes, steps: Sequence[tuple[int, int, float]], order: list[int]) -> None:
    top = {atom: (frozenset([atom]), float(x), 0.0) for x, atom in enumerate(order)}
    for first, second, height in steps:
        (left, x1, y1), (right, x2, y2) = top[first], top[second]
        ax.plot([x1, x1, x2, x2], [y1, height, height, y2], color=_TREE, lw=1.6)
        top.update(dict.fromkeys(left | right, (left | right, 0.5 * (x1 + x2), height)))


def _set_scale(ax: Axes, heights: np.ndarray) -> None:
    positive = heights[heights > 0]
    if not positive.size:
        return
    if positive.max() > 100.0 * positive.min():
        ax.set_yscale("symlog", linthresh=float(positive.min()))
    ax.set_ylim(0.0, 1.25 * float(positive.max()))


def _draw_cut(ax: Axes, heights: np.ndarray, selected: int) -> None:
    levels = [0.0, *heights]
    made = levels[len(heights) + 1 - selected]
    # Nothing lies above the last merge: the line goes between it and the edge.
    kept = levels[len(heights) + 2 - selected] if selected > 1 else ax.get_ylim()[1]
    between = ax.transData.inverted().transform(
        0.5 * (ax.transData.transform((0, made)) + ax.transData.transform((0, kept)))
    )[1]
    ax.axhline(between, color=_CUT, ls="--", lw=1.2)
    ax.set_title(f"{selected} of {len(heights) + 1} experts selected")


def _write_criterion(
    ax: Axes, heights: np.ndarray, criterion: Mapping[int, float], selected: int | None
) -> None:
    """Values on the right, at the heights of the merges but never on top of each other."""
    k = len(heights) + 1
    sizes = [size for size in range(k, 1, -1) if size in criterion]
    inside = ax.transAxes.inverted()
    lowest = 0.0
    for size in sizes:
        at = inside.transform(ax.transData.transform((0.0, heights[k - size])))[1]
        lowest = max(float(at), lowest)
        ax.text(1.02, lowest, f"{size}: {criterion[size]:.6g}", transform=ax.transAxes, fontsize=8,
                va="center", color=_CUT if size == selected else "0.2")  # fmt: skip
        lowest += _GAP
    ax.text(1.02, max(1.02, lowest), "experts: criterion", transform=ax.transAxes, fontsize=8,
            color="0.2", va="bottom")  # fmt: skip
