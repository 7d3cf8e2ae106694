"""Figures of the study, each beside the published numbers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from experiments.glome import published
from experiments.glome.decay import Decay
from experiments.glome.selecting import counts
from experiments.glome.studies import ETHANOL_EXPERTS
from mixexp.simulation import save_figure

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

_OWN, _SECOND, _PUBLISHED, _LINE = "#0072B2", "#56B4E9", "#D55E00", "#1A1A1A"
_CONTRASTS = (("conditional", _OWN), ("joint", _SECOND))


def plot_selection(chosen: pd.DataFrame, max_experts: int, path: Path) -> None:
    """Shares of selected K: the jump and the slope on both contrasts, and the published ones."""
    from matplotlib.figure import Figure

    digitised = published.selection_counts()
    figure = Figure(figsize=(15, 7), layout="constrained")
    axes = figure.subplots(2, 4, sharey=True)
    for row, rule in enumerate(published.RULES):
        for column, (name, n) in enumerate(published.CELLS):
            cell = chosen[(chosen["process"] == name) & (chosen["n"] == n)]
            title = f"{name}, n = {n}, {rule} (data sets: {cell['replicate'].nunique()})"
            shown = digitised[name, n, rule][: max_experts - 1]
            _bars(axes[row, column], cell[cell["criterion"] == rule], shown, max_experts)
            axes[row, column].set_title(title, fontsize=9)
    _finish_bars(axes)
    save_figure(figure, path)


def plot_ethanol(chosen: dict[str, pd.DataFrame], path: Path) -> None:
    """The same for the Ethanol data, random starts above and certified paths below."""
    from matplotlib.figure import Figure

    digitised = published.ethanol_counts()
    figure = Figure(figsize=(15, 7), layout="constrained")
    axes = figure.subplots(2, 4, sharey=True)
    for row, title in enumerate(("random starts", "path")):
        panels = [(c, rule) for rule in published.RULES for c in published.COVARIATES]
        for column, (covariate, rule) in enumerate(panels):
            table = chosen[title]
            part = table[(table["covariate"] == covariate) & (table["criterion"] == rule)]
            shown = digitised[covariate, rule] if title == "random starts" else None
            _bars(axes[row, column], part, shown, ETHANOL_EXPERTS)
            axes[row, column].set_title(f"covariate {covariate}, {rule}, {title}", fontsize=9)
    _finish_bars(axes)
    save_figure(figure, path)


def _bars(axes: Axes, part: pd.DataFrame, digitised: list[int] | None, max_experts: int) -> None:
    at, width = np.arange(2, max_experts + 1), 0.28
    for i, (contrast, colour) in enumerate(_CONTRASTS):
        found = part[part["contrast"] == contrast]
        heights = 100.0 * np.array(counts(found, max_experts)) / max(1, len(found))
        axes.bar(at + (i - 1) * width, heights, width, color=colour, label=f"{contrast} contrast")
    if digitised is not None:
        axes.bar(at + width, digitised, width, color=_PUBLISHED, label="published")
    ticks = range(2, max_experts + 1, 2)
    axes.set_xticks(ticks, ["≤2", *map(str, ticks[1:])], fontsize=8)


def _finish_bars(axes: np.ndarray) -> None:
    for panel in axes[-1]:
        panel.set_xlabel("selected number of experts K")
    for panel in axes[:, 0]:
        panel.set_ylabel("share of selections, %")
    axes[0, 0].legend(fontsize=8, frameon=False)


def plot_losses(frame: pd.DataFrame, path: Path) -> None:
    """KL by K in every cell: mean, quartiles, published means and medians."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 8), layout="constrained")
    for i, (name, n) in enumerate(published.CELLS):
        cell = frame[(frame["process"] == name) & (frame["n"] == n) & (frame["experts"] > 1)]
        axes = figure.add_subplot(2, 2, i + 1)
        axes.set_title(f"{name}, n = {n} (data sets: {cell['replicate'].nunique()})", fontsize=10)
        axes.set_yscale("log")
        _loss_lines(axes, cell, name, n)
        axes.set_xlabel("number of experts K")
        axes.set_ylabel("KL(s₀, ŝ), nats")
        axes.set_xticks(range(2, 21, 2))
        axes.legend(fontsize=8, frameon=False)
    save_figure(figure, path)


def _loss_lines(axes: Axes, cell: pd.DataFrame, name: str, n: int) -> None:
    boxes = published.kl_boxes(name, n).drop(index="SK")
    at = boxes.index.astype(int)
    axes.plot(at, boxes["mean"], "o", color=_PUBLISHED, ms=5, label="published mean")
    axes.plot(at, boxes["median"], "_", color=_PUBLISHED, ms=10, label="published median")
    axes.plot(at, (6.0 * at - 3.0) / (2 * n), ":", color="0.5", label="(6K - 3) / 2n")
    if cell.empty:
        return
    by_experts = cell.groupby("experts")["kl"]
    mean = by_experts.mean()
    low, high = by_experts.quantile(0.25), by_experts.quantile(0.75)
    axes.fill_between(mean.index, low, high, color=_OWN, alpha=0.2, label="quartiles")
    axes.plot(mean.index, mean, color=_OWN, label="mean")


def plot_decay(found: list[Decay], path: Path) -> None:
    """KL by n: data sets, means, the fitted line with its interval, published means."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(14, 4.5), layout="constrained")
    for i, each in enumerate(found):
        axes = figure.add_subplot(1, len(found), i + 1)
        axes.set_title(each.label)
        axes.set_xscale("log")
        axes.set_yscale("log")
        for n, values in each.errors.items():
            axes.plot(np.full(len(values), n), values, ".", color=_OWN, alpha=0.3, ms=4)
        means = [values.mean() for values in each.errors.values()]
        axes.plot(list(each.errors), means, "o", color=_OWN, ms=6, label="mean")
        if each.published:
            axes.plot(*zip(*each.published.items(), strict=True), "x", color=_PUBLISHED,
                      label="published means")  # fmt: skip
        if each.slope is not None:
            ends = np.array([each.slope.sizes[0], each.slope.sizes[-1]], dtype=float)
            label = f"slope {each.slope.estimate:.2f} [{each.slope.low:.2f}, {each.slope.high:.2f}]"
            line = np.exp(each.slope.intercept) * ends**each.slope.estimate
            axes.plot(ends, line, color=_LINE, label=label)
            if each.expectation.slope is not None:
                log_n, height = each.slope.centre
                target = np.exp(height + each.expectation.slope * (np.log(ends) - log_n))
                axes.plot(ends, target, "--", color="0.5", label="target, slope -1")
        axes.set_xlabel("sample size n")
        axes.set_ylabel("KL(s₀, ŝ), nats" if i == 0 else "")
        axes.legend(fontsize=8, frameon=False)
    figure.supxlabel("small points: data sets; line: fit to mean log KL", fontsize=8)
    save_figure(figure, path)
