from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import mixexp
from mixexp.simulation import Expectation, plot_rates, report_rates, save_figure


@pytest.fixture(scope="module")
def report():
    rng = np.random.default_rng(12)
    n, replicate = (grid.ravel() for grid in np.meshgrid((100, 1000, 10_000), range(12)))
    frame = pd.DataFrame(
        {
            "n": n,
            "replicate": replicate,
            "loss": n**-0.4 * np.exp(0.3 * rng.normal(size=n.size)),
            "zero": 0.0,
        }
    )
    quantities = [
        ("loss", "D1", Expectation(-0.5)),
        ("loss", "D1", Expectation(-0.25, kind="derived here")),
        ("zero", "stuck", Expectation(None)),
    ]
    return report_rates(frame, quantities)


@pytest.fixture(scope="module")
def figure(report):
    return plot_rates(report, title="a study")


def lines(axes):
    return {line.get_label(): line for line in axes.get_lines()}


def exponent(line):
    return np.diff(np.log(line.get_ydata()))[0] / np.diff(np.log(line.get_xdata()))[0]


def test_axes_are_labelled_and_logarithmic(figure):
    loss, stuck = figure.axes
    assert [axes.get_title() for axes in figure.axes] == ["D1", "stuck"]
    assert {axes.get_xlabel() for axes in figure.axes} == {"sample size n"}
    assert loss.get_ylabel() == "error"
    assert (loss.get_xscale(), loss.get_yscale()) == ("log", "log")
    assert figure.get_suptitle() == "a study"
    assert "geometric mean" in figure.get_supxlabel()
    assert [text.get_text() for text in stuck.texts] == ["no usable error"]


def test_lines_have_the_slopes_their_labels_say(report, figure):
    slope = report.rates[0].all_sizes
    drawn = lines(figure.axes[0])
    fitted = f"slope {slope.estimate:.2f} [{slope.low:.2f}, {slope.high:.2f}]"
    expected = {fitted: slope.estimate, "theory -1/2": -0.5, "theory -1/4 (derived here)": -0.25}
    for label, value in expected.items():
        assert exponent(drawn[label]) == pytest.approx(value, abs=1e-12)
    legend = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert legend == list(expected)
    # The theory lines cross the fitted line at its centre.
    for label in expected:
        x, y = np.log(drawn[label].get_xdata()), np.log(drawn[label].get_ydata())
        assert np.interp(slope.centre[0], x, y) == pytest.approx(slope.centre[1], abs=1e-12)
    assert drawn["theory -1/2"].get_linestyle() == "--"


def test_every_replicate_is_a_point_and_dots_are_geometric_means(report, figure):
    axes, errors = figure.axes[0], report.rates[0].errors.by_size
    points = [collection.get_offsets() for collection in axes.collections]
    assert [len(part) for part in points] == [12, 12, 12]
    dots = [line for line in axes.get_lines() if line.get_marker() == "o"]
    for dot, (n, values) in zip(dots, errors.items(), strict=True):
        assert dot.get_xdata()[0] == n
        assert dot.get_ydata()[0] == pytest.approx(np.exp(np.log(values).mean()))
    low, high = axes.get_ylim()
    assert (
        low < min(v.min() for v in errors.values()) and max(v.max() for v in errors.values()) < high
    )


@pytest.mark.parametrize(
    ("statistic", "middle"), [("median", np.median), ("mean", np.mean)], ids=["median", "mean"]
)
def test_dots_are_the_summary_of_the_report(report, statistic, middle):
    figure = plot_rates(replace(report, statistic=statistic))
    dots = [line for line in figure.axes[0].get_lines() if line.get_marker() == "o"]
    expected = [middle(values) for values in report.rates[0].errors.by_size.values()]
    assert [dot.get_ydata()[0] for dot in dots] == pytest.approx(expected)
    assert f"dots: {statistic};" in figure.get_supxlabel()


def test_files_are_saved_and_reproducible(report, tmp_path):
    one_panel = replace(report, rates=report.rates[2:])
    figure = plot_rates(one_panel, tmp_path / "new" / "rates", also=["svg"])
    assert sorted(file.name for file in (tmp_path / "new").iterdir()) == ["rates.png", "rates.svg"]
    assert (tmp_path / "new" / "rates.png").read_bytes().startswith(b"\x89PNG")
    (again,) = save_figure(figure, tmp_path / "again.svg")
    assert again.read_bytes() == (tmp_path / "new" / "rates.svg").read_bytes()


def test_a_report_without_quantities_is_refused(report):
    with pytest.raises(ValueError, match="no quantity"):
        plot_rates(replace(report, rates=()))


def test_importing_the_package_imports_nothing_heavy_and_no_model():
    # A bare parent package, since the real one needs scikit-learn, which brings pandas along.
    code = f"""
import sys, types
parent = types.ModuleType("mixexp")
parent.__path__ = {[str(Path(mixexp.__file__).parent)]!r}
sys.modules["mixexp"] = parent
import mixexp.simulation
heavy = {{"pandas", "matplotlib", "pyarrow", "joblib", "tqdm", "scipy", "numba", "sklearn"}}
units = {{name for name in sys.modules if name.startswith("mixexp.")}}
others = {{name for name in units if not name.startswith("mixexp.simulation")}}
sys.exit(" ".join(others | heavy & set(sys.modules)) or 0)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
