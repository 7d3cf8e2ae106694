"""A parameter's profile likelihood, and its bootstrap distribution."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mixexp.plotting._axes import ACCENT, LINE, PALETTE, as_array, axes_for, legend_above

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COLUMNS = 3


def plot_profile(profile: Any, ax: Axes | None = None) -> Axes:
    """Profile log-likelihood of a parameter, nats, with the cutoff that makes the interval.

    Dots are the values at which the rest was maximised. An end of the interval that is infinite is
    not drawn: the profile stays above the cutoff on that side.

    Parameters
    ----------
    profile : Profile
        Of ``results.profile(name)``: its ``grid``, ``loglik``, ``estimate``, ``interval``,
        ``cutoff`` and ``name`` are drawn.
    ax : Axes, optional
        By default that of a new figure.

    Returns
    -------
    Axes

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from types import SimpleNamespace
    >>> grid = np.linspace(-3.0, 3.0, 13)
    >>> profile = SimpleNamespace(name="slope", grid=grid, loglik=-0.5 * grid**2, estimate=0.0,
    ...                           interval=(-1.96, 1.96), cutoff=-1.92)
    >>> ax = plot_profile(profile)
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('slope', 'profile log-likelihood (nats)')
    >>> plt.close(ax.figure)
    """
    ax = axes_for(ax, (5.6, 3.6))
    grid, height = np.asarray(profile.grid, float), np.asarray(profile.loglik, float)
    order = np.argsort(grid)
    grid, height = grid[order], height[order]
    ax.plot(grid, height, "-o", color=PALETTE[0], lw=1.6, ms=4, mec="white", mew=0.5, zorder=3,
            label="profile")  # fmt: skip
    ax.axhline(profile.cutoff, color=ACCENT, lw=1.2, ls="--", zorder=2, label="cutoff")
    ax.axvline(profile.estimate, color=LINE, lw=1.0, ls=":", zorder=2,
               label=f"estimate {profile.estimate:.4g}")  # fmt: skip
    low, high = profile.interval
    for end in (low, high):
        if np.isfinite(end):
            ax.axvline(end, color=ACCENT, lw=1.0, ls=":", zorder=2)
    # Without an end the interval goes on; where none was found there is nothing to shade.
    shown = [profile.estimate if np.isnan(end) else float(np.clip(end, grid[0], grid[-1]))
             for end in (low, high)]  # fmt: skip
    ax.axvspan(*shown, color=ACCENT, alpha=0.1, lw=0, zorder=0,
               label=f"interval [{low:.4g}, {high:.4g}]")  # fmt: skip
    top = float(height.max())
    drop = max(top - float(profile.cutoff), 1e-12)
    ax.set_ylim(max(float(height.min()), top - 3.0 * drop) - 0.1 * drop, top + 0.15 * drop)
    ax.set_xlabel(str(getattr(profile, "name", "parameter")))
    ax.set_ylabel("profile log-likelihood (nats)")
    ax.ticklabel_format(useOffset=False, axis="y")
    legend_above(ax, n_columns=2)
    return ax


def plot_bootstrap(
    bootstrap: Any, names: Sequence[str] | None = None, ax: Any = None, *, alpha: float = 0.05
) -> NDArray[np.object_]:
    """Replicates of each parameter as a histogram, with the interval of the bootstrap.

    Parameters that the data do not determine have replicates, but no interval.

    Parameters
    ----------
    bootstrap : Bootstrap
        Of ``results.bootstrap()``: its ``replicates`` and ``conf_int(alpha)`` are drawn.
    names : sequence of str, optional
        Columns of the replicates; by default all.
    ax : Axes, one for each of them, optional
        By default those of a new figure, three in a row.
    alpha : float
        One minus the level of the interval.

    Returns
    -------
    array of Axes

    Raises
    ------
    ValueError
        If a name is unknown, or `ax` holds another number of Axes.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> import pandas as pd
    >>> from types import SimpleNamespace
    >>> draws = pd.DataFrame({"slope": np.random.default_rng(0).normal(size=200)})
    >>> ends = draws.quantile([0.025, 0.975]).T.set_axis(["lower", "upper"], axis=1)
    >>> bootstrap = SimpleNamespace(replicates=draws, conf_int=lambda alpha: ends)
    >>> panel, = plot_bootstrap(bootstrap)
    >>> panel.get_xlabel(), panel.get_ylabel()
    ('slope', 'replicates')
    >>> plt.close(panel.figure)
    """
    frame = bootstrap.replicates
    names = list(frame.columns) if names is None else list(names)
    for name in names:
        if name not in frame:
            raise ValueError(f"names holds {name!r}, which is not one of {list(frame.columns)}")
    panels = _grid_of_panels(ax, len(names))
    ends = bootstrap.conf_int(alpha)
    for name, panel in zip(names, panels, strict=True):
        values = frame[name].to_numpy(float)
        values = values[np.isfinite(values)]
        panel.hist(values, bins=25, color=PALETTE[5], ec="white", lw=0.6, label="replicates")
        for side, words in (("lower", f"{100 * (1 - alpha):g} %"), ("upper", None)):
            end = float(ends.loc[name, side])
            if np.isfinite(end):
                panel.axvline(end, color=ACCENT, lw=1.4, ls="--", label=words)
        panel.set_xlabel(str(name))
        panel.set_ylabel("replicates")
    legend_above(panels[0])
    return as_array(panels)


def _grid_of_panels(ax: Any, count: int) -> list[Axes]:
    if ax is not None:
        panels = list(np.ravel(np.asarray(ax, dtype=object)))
        if len(panels) != count:
            raise ValueError(f"ax holds {len(panels)} Axes for {count} parameters; give one each")
        return panels
    from matplotlib import pyplot as plt

    across = min(_COLUMNS, count)
    down = -(-count // across)
    size = (3.4 * across + 0.3, 2.7 * down + 0.3)
    found = plt.subplots(down, across, figsize=size, layout="constrained", squeeze=False)[1]
    panels = list(found.ravel())
    for extra in panels[count:]:
        extra.remove()
    return panels[:count]
