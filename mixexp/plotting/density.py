"""The fitted conditional density over a plane of x and y."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_forward_density(
    estimator: Any,
    x_grid: ArrayLike,
    y_grid: ArrayLike,
    ax: Axes | None = None,
    *,
    data: tuple[ArrayLike, ArrayLike] | None = None,
    kind: str = "image",
    mean: bool = True,
    y_label: str = "y",
) -> Axes:
    """The conditional density p(y | x) as an image or contours, with the line E(Y | x).

    Parameters
    ----------
    estimator : object
        Fitted, with ``score_samples(X, y)``, the log-density of each row, and ``predict(X)``. The
        name of its column, if it was fitted to a data frame, labels the axis of x.
    x_grid : array (a,)
        Increasing values of the single covariate.
    y_grid : array (b,)
        Increasing values of the response.
    ax : Axes, optional
        By default that of a new figure.
    data : tuple (x, y), optional
        Observations to draw on top.
    kind : {"image", "contours"}
    mean : bool
        Whether to draw the mean.
    y_label : str
        Name of the response.

    Returns
    -------
    Axes

    Raises
    ------
    ValueError
        If a grid is not increasing, `kind` is unknown, or the estimator was fitted to several
        columns.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from mixexp import GaussianMoE
    >>> x = np.linspace(-1.0, 1.0, 40)
    >>> fit = GaussianMoE(n_experts=1).fit(x[:, None], x + 0.1 * np.sin(50.0 * x))
    >>> ax = plot_forward_density(fit, x, np.linspace(-1.5, 1.5, 50))
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('x', 'y')
    >>> plt.close(ax.figure)
    """
    x, y = _grid("x_grid", x_grid), _grid("y_grid", y_grid)
    if kind not in ("image", "contours"):
        raise ValueError(f"kind is {kind!r}; use 'image' or 'contours'")
    columns = getattr(estimator, "n_features_in_", 1)
    if columns != 1:
        raise ValueError(f"the estimator was fitted to {columns} columns; only one can be drawn")
    across, up = np.meshgrid(x, y)
    names = getattr(estimator, "feature_names_in_", None)
    log_p = np.asarray(estimator.score_samples(_column(across.ravel(), names), up.ravel()))
    density = np.exp(log_p.reshape(across.shape))
    if ax is None:
        from matplotlib import pyplot as plt

        ax = plt.subplots(figsize=(6.0, 4.4), layout="constrained")[1]
    drawn: Any
    if kind == "image":
        drawn = ax.pcolormesh(x, y, density, shading="nearest", cmap="Blues", rasterized=True)
    else:
        drawn = ax.contourf(x, y, density, levels=10, cmap="Blues")
    ax.figure.colorbar(drawn, ax=ax, label="density p(y | x)")
    if data is not None:
        ax.plot(np.ravel(data[0]), np.ravel(data[1]), ".", ms=3, color="0.25", alpha=0.6,
                label="data")  # fmt: skip
    if mean:
        centre = np.ravel(estimator.predict(_column(x, names)))
        ax.plot(x, centre, color="#D55E00", lw=1.8, label="mean E(Y | x)")
    ax.set_xlim(x[0], x[-1])
    ax.set_ylim(y[0], y[-1])
    ax.set_xlabel("x" if names is None else str(names[0]))
    ax.set_ylabel(y_label)
    if mean or data is not None:
        ax.legend(fontsize=8, loc="best", framealpha=0.9, edgecolor="none")
    return ax


def _column(values: np.ndarray, names: Any) -> Any:
    """One covariate as the estimator was given it: an array, or a data frame."""
    if names is None:
        return values[:, None]
    from pandas import DataFrame

    return DataFrame({names[0]: values})


def _grid(name: str, values: ArrayLike) -> np.ndarray:
    grid = np.asarray(values, dtype=float)
    if grid.ndim != 1 or grid.size < 2 or not (np.diff(grid) > 0).all():
        raise ValueError(
            f"{name} must be increasing numbers, at least 2; its shape is {grid.shape}"
        )
    return grid
