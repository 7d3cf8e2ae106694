"""Partitions of coordinates as block matrices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

# More names than this cannot be read beside a panel.
_MOST_NAMES = 30


def plot_partition(
    partitions: Any,
    ax: Any = None,
    *,
    names: Sequence[str] | None = None,
    sort: bool = False,
) -> Any:
    """One panel an expert: cell (i, j) is coloured if coordinates i and j are in one block.

    Blocks have a colour each; coordinates alone in their block are grey.

    Parameters
    ----------
    partitions : sequence of labels, or of groups; one of these for each expert; or fitted BLoME
        ``[0, 0, 1]`` and ``[[0, 1], [2]]`` are the same partition of three coordinates. Of an
        estimator, its ``partitions_``.
    ax : Axes, or one for each expert, optional
        By default a new figure of a row of panels.
    names : sequence of str, optional
        Of the coordinates; by default those of the columns that an estimator partitions, if it
        knows any, else their numbers from 0.
    sort : bool
        Bring the coordinates of each block together, panel by panel.

    Returns
    -------
    Axes, or array of K Axes
        A single one for a single partition.

    Raises
    ------
    ValueError
        If groups do not hold every coordinate once, or partitions, names and Axes do not fit.
    TypeError
        If `partitions` is an estimator without ``partitions_``, or no sequence.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> panel = plot_partition([[0, 2], [1]])
    >>> panel.images[0].get_array().tolist()
    [[1, None, 1], [None, 0, None], [1, None, 1]]
    >>> plt.close(panel.figure)
    """
    blocks = _partitions(_given(partitions))
    if names is None:
        names = _column_names(partitions)
    n_experts, dim = len(blocks), sum(map(len, blocks[0]))
    names = [str(i) for i in range(dim)] if names is None else [str(name) for name in names]
    if len(names) != dim:
        raise ValueError(f"names holds {len(names)} names for {dim} coordinates")
    panels = _panels(ax, n_experts)
    for k, (panel, groups) in enumerate(zip(panels, blocks, strict=True)):
        order = [i for group in groups for i in group] if sort else list(range(dim))
        _draw(panel, groups, order, names)
        panel.set_title(
            f"expert {k}: {_count(len(groups))}" if n_experts > 1 else _count(len(groups))
        )
    if n_experts == 1:
        return panels[0]
    array = np.empty(n_experts, dtype=object)
    array[:] = panels
    return array


def _draw(
    panel: Any, groups: Sequence[Sequence[int]], order: list[int], names: Sequence[str]
) -> None:
    """Numbers of blocks from 1, 0 for coordinates on their own, nothing between blocks."""
    from matplotlib.colors import ListedColormap

    dim = len(order)
    matrix = np.ma.masked_all((dim, dim), dtype=int)
    number = 0
    for group in groups:
        number += len(group) > 1
        matrix[np.ix_(group, group)] = number if len(group) > 1 else 0
    palette = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442")
    colours = ["0.6", *(palette[i % len(palette)] for i in range(number))]
    panel.imshow(matrix[np.ix_(order, order)], cmap=ListedColormap(colours), vmin=-0.5,
                 vmax=number + 0.5, interpolation="nearest")  # fmt: skip
    panel.set_xlabel("coordinate")
    panel.set_ylabel("coordinate")
    if dim <= _MOST_NAMES:
        shown = [names[i] for i in order]
        turn = 90 if max(map(len, shown)) > 2 else 0
        panel.set_xticks(range(dim), shown, rotation=turn, fontsize=8)
        panel.set_yticks(range(dim), shown, fontsize=8)
    panel.set_xticks(np.arange(dim + 1) - 0.5, minor=True)
    panel.set_yticks(np.arange(dim + 1) - 0.5, minor=True)
    panel.tick_params(which="minor", length=0)
    panel.grid(which="minor", color="0.9", lw=0.5)


def _given(partitions: Any) -> Any:
    """What was given, or the partitions of an estimator or of the best one of a selection."""
    best = getattr(partitions, "best_estimator_", partitions)
    found = getattr(best, "partitions_", best)
    if not np.iterable(found):
        raise TypeError(
            f"partitions is a {type(partitions).__name__} without partitions_; give a fitted "
            "BLoME, or labels or groups of the coordinates"
        )
    return found


def _column_names(partitions: Any) -> Sequence[str] | None:
    """Names of the columns of X, where these are what an estimator partitions."""
    best = getattr(partitions, "best_estimator_", partitions)
    if getattr(best, "direction", None) != "inverse":
        return None
    return getattr(best, "feature_names_in_", None)


def _partitions(given: Any) -> list[list[list[int]]]:
    """The groups of each partition."""
    entries = list(given)
    if not entries:
        raise ValueError("partitions is empty; give a label for each coordinate, or groups")
    if all(map(np.isscalar, entries)) or _holds_each_once(entries):
        return [_groups(entries)]
    if any(map(np.isscalar, entries)):
        raise ValueError(f"partitions={given!r} mixes labels and groups; give one or the other")
    found = [_groups(list(entry)) for entry in entries]
    sizes = [sum(map(len, groups)) for groups in found]
    if len(set(sizes)) > 1:
        raise ValueError(
            f"partitions={given!r} is neither one partition, whose groups hold every coordinate "
            f"once, nor one for each expert, which would be of {sizes} coordinates"
        )
    return found


def _groups(entries: list[Any]) -> list[list[int]]:
    """Groups of one partition, from labels or from groups."""
    if all(map(np.isscalar, entries)):
        labels = dict.fromkeys(entries)
        return [[i for i, each in enumerate(entries) if each == label] for label in labels]
    if not _holds_each_once(entries):
        raise ValueError(
            f"the groups {entries!r} do not hold each of the coordinates 0, 1, ... once"
        )
    return [[int(i) for i in group] for group in entries]


def _holds_each_once(entries: list[Any]) -> bool:
    if any(map(np.isscalar, entries)) or not all(np.isscalar(i) for e in entries for i in e):
        return False
    members = [i for entry in entries for i in entry]
    return set(members) == set(range(len(members)))


def _panels(ax: Any, count: int) -> list[Any]:
    if ax is None:
        from matplotlib import pyplot as plt

        size = (3.6 * count + 0.4, 4.4)
        return list(plt.subplots(1, count, figsize=size, layout="constrained", squeeze=False)[1][0])
    panels = [ax] if np.ndim(ax) == 0 else list(np.ravel(ax))
    if len(panels) != count:
        raise ValueError(f"ax holds {len(panels)} Axes for {count} partitions; give one each")
    return panels


def _count(blocks: int) -> str:
    return f"{blocks} block" if blocks == 1 else f"{blocks} blocks"
