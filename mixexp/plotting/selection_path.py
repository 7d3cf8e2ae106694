"""How a model was selected: the contrast with its line, and the dimension as the penalty grows."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING, Any

import numpy as np

from mixexp.selection.candidates import Candidates
from mixexp.selection.heuristics import SlopeHeuristics
from mixexp.selection.jump import DimensionJump, hull_path
from mixexp.selection.slope import SlopeEstimate

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Selection = SlopeHeuristics | DimensionJump | SlopeEstimate

_POINT = "#0072B2"
_LINE = "#1A1A1A"
_SELECTED = "#D55E00"
_HULL = "0.65"
_JUMP = "#009E73"
_RULES = ("slope", "jump", "ddse")
# Of the contrast's fall beyond the selected model, how much is shown above that model.
_HEADROOM = 0.5


def plot_selection_path(selection: Any, ax: Any = None) -> Any:
    """Both panels of a selection: :func:`plot_contrast` and :func:`plot_dimension_path`.

    Parameters
    ----------
    selection : SlopeHeuristics, DimensionJump, SlopeEstimate, or fitted ModelSelector or BLoME
    ax : Axes, or two of them, optional
        On a single one only the contrast is drawn. By default a new figure of two panels.

    Returns
    -------
    Axes, or array of two Axes

    Raises
    ------
    ValueError
        If an estimator chose without slope heuristics, or `ax` holds more than two.
    TypeError
        If `selection` is nothing of this kind.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> import numpy as np
    >>> from mixexp.selection import Candidates, dimension_jump
    >>> experts = np.arange(1, 16)
    >>> contrast = 1000.0 / experts**4 - 3.0 * experts + 0.3 * np.sin(experts**2)
    >>> jump = dimension_jump(Candidates.from_arrays(6 * experts - 1, contrast))
    >>> left, right = plot_selection_path(jump)
    >>> left.get_ylabel(), right.get_ylabel()
    ('contrast (nats)', 'selected dimension (free parameters)')
    >>> plt.close(left.figure)
    """
    selection = _selection_of(selection)
    if ax is None:
        from matplotlib import pyplot as plt

        _, ax = plt.subplots(1, 2, figsize=(10.0, 4.2), layout="constrained")
    if np.size(ax) == 1:
        return plot_contrast(selection, np.ravel([ax])[0])
    if np.size(ax) != 2:
        raise ValueError(f"ax holds {np.size(ax)} Axes; give one, two or None")
    left, right = np.ravel(ax)
    plot_contrast(selection, left)
    plot_dimension_path(selection, right)
    return np.array([left, right], dtype=object)


def plot_contrast(selection: Any, ax: Axes | None = None) -> Axes:
    """Contrast, in nats, against the penalty shape, with the fitted line and the selected model.

    Filled points entered the regression of the slope; the line is dashed where it is extrapolated.
    The grey line joins the models that some multiple of the penalty selects. Models far above the
    tail are drawn as triangles on the upper edge.

    Parameters
    ----------
    selection : SlopeHeuristics, DimensionJump, SlopeEstimate, or fitted ModelSelector or BLoME
    ax : Axes, optional
        By default that of a new figure.

    Returns
    -------
    Axes
    """
    selection = _selection_of(selection)
    ax = _axes(ax)
    candidates, _, slope = _parts(selection)
    x, y = candidates.penalty_shape, candidates.contrast
    path, _ = hull_path(candidates)
    ax.plot(x[path], y[path], color=_HULL, lw=1.0, zorder=1, label="lower convex hull")
    used = np.zeros(len(x), dtype=bool)
    if slope is not None:
        names = set(slope.candidates.names[-slope.n_points :])
        used = np.array([name in names for name in candidates.names])
        _draw_line(ax, slope)
    ax.plot(x[~used], y[~used], "o", ms=5, mfc="white", mec=_POINT, zorder=2, label="models")
    if used.any():
        ax.plot(
            x[used], y[used], "o", ms=5, color=_POINT, zorder=2, label="models in the regression"
        )
    row = candidates.names.index(selection.selected)
    ax.plot(x[row], y[row], "*", ms=14, color=_SELECTED, mec="white", zorder=4,
            label=f"selected: {selection.selected}")  # fmt: skip
    _set_height(ax, candidates, row)
    ax.set_xlabel(_shape_label(candidates))
    ax.set_ylabel("contrast (nats)")
    ax.legend(fontsize=8, loc="upper right", framealpha=0.9, edgecolor="none")
    return ax


def plot_dimension_path(selection: Any, ax: Axes | None = None) -> Axes:
    """Dimension of the selected model against the multiple κ of the penalty, with the jump.

    Dashed lines are the minimal penalties of the rules, the dotted line is the multiple applied.

    Parameters
    ----------
    selection : SlopeHeuristics, DimensionJump, SlopeEstimate, or fitted ModelSelector or BLoME
    ax : Axes, optional
        By default that of a new figure.

    Returns
    -------
    Axes
    """
    selection = _selection_of(selection)
    ax = _axes(ax)
    candidates, jump, slope = _parts(selection)
    path, kappas = hull_path(candidates)
    dimension = candidates.complexity[path]
    marks = [kappa for kappa in (selection.kappa, *(r.kappa for r in (jump, slope) if r))
             if np.isfinite(kappa)]  # fmt: skip
    end = max([1.25 * max(marks, default=0.0), 1.5 * float(kappas[1:2].sum()), 1e-300])
    ax.step([*kappas, max(end, 1.1 * kappas[-1])], [*dimension, dimension[-1]], where="post",
            color=_POINT, lw=1.6, label="dimension selected")  # fmt: skip
    if jump is not None and jump.at is not None and jump.at > 0:
        ends = dimension[jump.at - 1 : jump.at + 1]
        ax.plot([jump.kappa_hat] * 2, ends, color=_JUMP, lw=4.0, solid_capstyle="butt",
                label=f"jump at κ = {jump.kappa_hat:.3g}")  # fmt: skip
        ax.axvline(jump.kappa_hat, color=_JUMP, ls="--", lw=1.0)
    if slope is not None:
        label = f"slope κ = {slope.kappa_hat:.3g}"
        ax.axvline(slope.kappa_hat, color=_LINE, ls="--", lw=1.0, label=label)
    if np.isfinite(selection.kappa):
        label = f"applied κ = {selection.kappa:.3g}, selects {selection.selected}"
        ax.axvline(selection.kappa, color=_SELECTED, ls=":", lw=1.6, label=label)
    ax.set_xlim(min(0.0, *(1.25 * kappa for kappa in marks)) if marks else 0.0, end)
    ax.set_ylim(0.0, 1.08 * float(dimension.max()))
    unit = "nats per free parameter" if _shape_is_dimension(candidates) else "nats per unit shape"
    ax.set_xlabel(f"multiple κ of the penalty shape ({unit})")
    ax.set_ylabel("selected dimension (free parameters)")
    ax.legend(fontsize=8, loc="upper right", framealpha=0.9, edgecolor="none")
    return ax


def _axes(ax: Axes | None) -> Axes:
    if ax is not None:
        return ax
    from matplotlib import pyplot as plt

    return plt.subplots(figsize=(5.6, 4.2), layout="constrained")[1]


def _selection_of(given: Any) -> Selection:
    """The result of a slope heuristic, or that of the estimator that used one."""
    found = given if isinstance(given, Selection) else getattr(given, "selection_", given)
    if isinstance(found, Selection):
        return found
    name = type(given).__name__
    if found is not None or given is None:
        raise TypeError(
            f"selection is a {name}; give the result of slope_heuristics, dimension_jump or "
            "slope_estimation, or a fitted ModelSelector or BLoME that chose by one of them"
        )
    criterion = getattr(given, "criterion", None)
    if criterion in _RULES:
        raise ValueError(
            f"selection_ of this {name} is None: criterion={criterion!r} had too few models and "
            "another criterion chose, see its findings; there is no path to draw without more "
            "models"
        )
    raise ValueError(
        f"selection_ of this {name} is None: it chose by criterion={criterion!r}, which has no "
        "path to draw; fit with criterion='slope', 'jump' or 'ddse'"
    )


def _parts(
    selection: Selection,
) -> tuple[Candidates, DimensionJump | None, SlopeEstimate | None]:
    if isinstance(selection, SlopeHeuristics):
        return selection.candidates, selection.jump, selection.slope
    if isinstance(selection, DimensionJump):
        return selection.candidates, selection, None
    return selection.candidates, None, selection


def _draw_line(ax: Axes, slope: SlopeEstimate) -> None:
    x = slope.candidates.penalty_shape
    ends = np.array([x[-slope.n_points], x[-1]])
    beyond = np.array([x[0], ends[0]])
    height = [-(slope.line.intercept + slope.line.slope * at) for at in (ends, beyond)]
    ax.plot(ends, height[0], color=_LINE, lw=1.6, zorder=3,
            label=f"fitted line, slope {-slope.kappa_hat:.3g} nats per unit")  # fmt: skip
    ax.plot(beyond, height[1], color=_LINE, lw=1.2, ls="--", zorder=3)


def _set_height(ax: Axes, candidates: Candidates, row: int) -> None:
    """Show the tail; what lies far above it is marked on the edge."""
    x, y = candidates.penalty_shape, candidates.contrast
    low, high = float(y.min()), float(y[x >= x[row]].max())
    span = (high - low) or 1.0
    top = high + _HEADROOM * span
    above = y > top
    if above.any():
        ax.plot(x[above], np.full(above.sum(), top), "^", ms=7, color=_POINT, clip_on=False,
                zorder=5, label=f"above the axis: {_listed(candidates, above)}")  # fmt: skip
        ax.set_ylim(low - 0.08 * span, top)


def _listed(candidates: Candidates, rows: np.ndarray) -> str:
    names: list[Hashable] = [candidates.names[i] for i in np.flatnonzero(rows)]
    return ", ".join(map(str, names)) if len(names) <= 3 else f"{names[0]}, …, {names[-1]}"


def _shape_is_dimension(candidates: Candidates) -> bool:
    return bool(np.array_equal(candidates.penalty_shape, candidates.complexity))


def _shape_label(candidates: Candidates) -> str:
    if _shape_is_dimension(candidates):
        return "dimension (free parameters)"
    return "penalty shape"
