"""The figures that are compared with their baselines, one function each."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from mixexp import (
    GaussianMoE,
    GLoME,
    MultinomialMoE,
    PoissonMoE,
    datasets,
    plotting,
)
from mixexp.selection import Candidates
from mixexp.selection.heuristics import slope_heuristics
from mixexp.simulation import Expectation, plot_rates, report_rates

DPI = 64
# Bottom, height, and left and right of one panel or of two, as shares of the figure.
_BOTTOM, _HEIGHT = 0.16, 0.66
_ACROSS = {1: [(0.16, 0.6)], 2: [(0.12, 0.35), (0.62, 0.35)]}
_BESIDE_BAR, _BAR = (0.14, 0.66), (0.83, 0.03)

FIGURES: dict[str, Callable[[], Figure]] = {}


def figure(function: Callable[[], Any]) -> Callable[[], Any]:
    """Register a function that draws; its name is that of the baseline."""

    def draw() -> Figure:
        found = function()
        first = np.ravel(found)[0]
        return first if isinstance(first, Figure) else first.figure

    FIGURES[function.__name__] = draw
    return function


@contextmanager
def drawn(name: str) -> Iterator[Figure]:
    """The figure of this name in matplotlib's own style, without a screen."""
    import matplotlib
    from matplotlib import pyplot as plt

    matplotlib.use("Agg")
    # Glyphs as they were designed: hinting moves them by what the version of FreeType thinks best.
    with plt.style.context(["default", {"text.hinting": "none"}]):
        found = FIGURES[name]()
        _fix_layout(found)
        yield found
    plt.close("all")


def _fix_layout(drawing: Figure) -> None:
    """Put the panels where no text can move them: sizes of texts depend on the fonts' renderer."""
    drawing.set_layout_engine("none")
    bars = [axes for axes in drawing.axes if axes.get_label() == "<colorbar>"]
    panels = [axes for axes in drawing.axes if axes not in bars]
    across = [_BESIDE_BAR] if bars else _ACROSS[len(panels)]
    for axes, (left, width) in zip([*panels, *bars], [*across, _BAR][: len(drawing.axes)],
                                   strict=True):  # fmt: skip
        axes.set_position((left, _BOTTOM, width, _HEIGHT))


def save(drawing: Figure, path: Any) -> None:
    """Write an image with neither date nor version: equal figures are equal files."""
    drawing.savefig(path, dpi=DPI, metadata={"Software": None})


@cache
def faithful() -> tuple[GaussianMoE, pd.DataFrame, pd.Series]:
    data = datasets.load_faithful()
    X, y = data[["eruptions"]], data["waiting"]
    return GaussianMoE(2, n_init=4, random_state=0).fit(X, y), X, y


@cache
def ethanol() -> tuple[GaussianMoE, pd.DataFrame, pd.Series]:
    data = datasets.load_ethanol()
    X, y = data[["C", "E"]], data["NOx"]
    # Without the ridge the branches separate: a step, which no picture needs to show.
    return GaussianMoE(2, n_init=4, gate_penalty=0.1, random_state=0).fit(X, y), X, y


@cache
def mcycle() -> tuple[GaussianMoE, pd.DataFrame, pd.Series]:
    data = datasets.load_mcycle()
    X, y = data[["times"]], data["accel"]
    return GaussianMoE(4, n_init=4, gate_penalty=0.1, random_state=0).fit(X, y), X, y


@cache
def tonedata() -> tuple[GaussianMoE, pd.DataFrame, pd.Series]:
    data = datasets.load_tonedata()
    X, y = data[["stretchratio"]], data["tuned"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return GaussianMoE(2, random_state=0).fit(X, y), X, y


@cache
def counts() -> tuple[PoissonMoE, pd.DataFrame, pd.Series]:
    data = datasets.load_npreg()
    X, y = data[["x"]], data["yp"]
    return PoissonMoE(2, n_init=4, random_state=0).fit(X, y), X, y


@cache
def classes() -> tuple[MultinomialMoE, pd.DataFrame, np.ndarray]:
    data = datasets.load_faithful()
    X, names = data[["eruptions"]], np.array(["short", "middle", "long"])
    y = names[np.digitize(data["waiting"], [60, 80])]
    return MultinomialMoE(2, n_init=2, expert_penalty=1.0, random_state=0).fit(X, y), X, y


@cache
def selection() -> Any:
    k = np.arange(1, 16)
    table = Candidates.from_arrays(6 * k - 1, 1000.0 / k**4 - 3.0 * k + 0.3 * np.sin(k**2))
    return slope_heuristics(table)


@figure
def experts():
    return plotting.plot_experts(*faithful())


@figure
def experts_of_two_columns():
    return plotting.plot_experts(*ethanol(), x="E", at={"C": 12.0})


@figure
def experts_of_counts():
    return plotting.plot_experts(*counts())


@figure
def gate():
    data = datasets.load_npreg()
    X, y = data[["x"]], data["yn"]
    fit = GaussianMoE(2, degree=2, n_init=4, random_state=0).fit(X, y)
    return plotting.plot_gate(fit, X, results=fit.results(X, y))


@figure
def gate_stacked():
    fit, X, _ = mcycle()
    return plotting.plot_gate(fit, X, kind="stacked")


@figure
def class_probabilities():
    fit, X, y = classes()
    return plotting.plot_classes(fit, X, y)


@figure
def bands():
    return plotting.plot_bands(*mcycle())


@figure
def bands_of_counts():
    return plotting.plot_bands(*counts(), levels=(0.5, 0.9))


@figure
def residuals():
    return plotting.plot_residuals(*mcycle())


@figure
def residuals_of_counts():
    return plotting.plot_residuals(*counts())


@figure
def pit():
    return plotting.plot_pit(*faithful())


@figure
def pit_of_classes():
    return plotting.plot_pit(*classes(), bins=10)


@figure
def responsibilities():
    return plotting.plot_responsibilities(*tonedata())


@figure
def responsibilities_histogram():
    return plotting.plot_responsibilities(*counts(), kind="histogram")


@figure
def starts():
    return plotting.plot_starts(tonedata()[0])


@figure
def starts_of_three_optima():
    return plotting.plot_starts(faithful()[0])


@figure
def profile():
    grid = np.linspace(-2.0, 2.5, 19)
    loglik = -851.3 - 0.5 * grid**2 / (1.0 + 0.15 * grid)
    law = SimpleNamespace(name="gate[0] eruptions", grid=grid, loglik=loglik, estimate=0.0,
                          interval=(-1.69, 2.27), cutoff=-851.3 - 1.92)  # fmt: skip
    return plotting.plot_profile(law)


@figure
def bootstrap():
    draws = np.random.default_rng(0).normal(size=(200, 2)) * [1.0, 0.2] + [33.0, 2.4]
    frame = pd.DataFrame(draws, columns=["mean[0] 1", "log variance[0]"])
    ends = frame.quantile([0.025, 0.975]).T.set_axis(["lower", "upper"], axis=1)
    return plotting.plot_bootstrap(SimpleNamespace(replicates=frame, conf_int=lambda alpha: ends))


@figure
def dendrogram():
    merges = [((2,), (3,), 0.5), ((0,), (1,), 1.0), ((0, 1), (2, 3), 3.0)]
    return plotting.plot_dendrogram(
        merges, labels=["a", "b", "c", "d"], criterion={2: -1.5, 3: -2.0, 4: -1.0}, selected=3
    )


@figure
def contrast():
    return plotting.plot_contrast(selection())


@figure
def dimension_path():
    return plotting.plot_dimension_path(selection())


@figure
def selection_path():
    return plotting.plot_selection_path(selection())


@figure
def partition():
    return plotting.plot_partition([[0, 0, 1, 1, 2], [0, 1, 0, 1, 0]], names=list("abcde"))


@figure
def forward_density():
    _, X, y = faithful()
    fit = GLoME(2, n_init=2, random_state=0).fit(X, y)
    x, up = np.linspace(1.4, 5.3, 60), np.linspace(40.0, 100.0, 70)
    return plotting.plot_forward_density(fit, x, up, data=(X, y), y_label="waiting")


@figure
def forward_density_contours():
    fit, X, y = faithful()
    x, up = np.linspace(1.4, 5.3, 60), np.linspace(40.0, 100.0, 70)
    return plotting.plot_forward_density(fit, x, up, data=(X, y), kind="contours")


@figure
def rates():
    rng = np.random.default_rng(12)
    n, replicate = (grid.ravel() for grid in np.meshgrid((100, 1000, 10_000), range(12)))
    noise = np.exp(0.3 * rng.normal(size=n.size))
    frame = pd.DataFrame({"n": n, "replicate": replicate, "loss": n**-0.4 * noise, "zero": 0.0})
    quantities = [
        ("loss", "D1", Expectation(-0.5)),
        ("loss", "D1", Expectation(-0.25, kind="derived here")),
        ("zero", "stuck", Expectation(None)),
    ]
    return plot_rates(report_rates(frame, quantities), title="a study")
