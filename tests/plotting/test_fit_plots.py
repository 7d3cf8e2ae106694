"""Figures of fits draw what the estimators say, on labelled axes."""

from __future__ import annotations

import matplotlib

matplotlib.use("Agg")

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from matplotlib.colors import to_rgb

from mixexp import BinomialMoE, GaussianMoE, GLoME, MultinomialMoE, PoissonMoE, datasets
from mixexp.plotting import (
    plot_bands,
    plot_classes,
    plot_experts,
    plot_gate,
    plot_responsibilities,
)
from mixexp.plotting._axes import PALETTE, colour


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def ethanol():
    data = datasets.load_ethanol()
    fit = GaussianMoE(2, n_init=2, gate_penalty=0.1, random_state=0)
    return fit.fit(data[["C", "E"]], data["NOx"]), data


@pytest.fixture(scope="module")
def exposed():
    rng = np.random.default_rng(0)
    data = pd.DataFrame({"x": rng.uniform(0.0, 1.0, 120), "time": rng.integers(1, 5, 120)})
    data["events"] = rng.poisson(data["time"] * np.exp(1.0 + data["x"]))
    fit = PoissonMoE(1, random_state=0)
    return fit.fit(data[["x"]], data["events"], exposure=data["time"]), data


def lines(ax):
    return {line.get_label(): line for line in ax.get_lines()}


def band(part):
    """Abscissae, lower and upper ends of a filled band."""
    low, high = {}, {}
    for x, y in part.get_paths()[0].vertices:
        low[x], high[x] = min(y, low.get(x, np.inf)), max(y, high.get(x, -np.inf))
    return np.array([(x, low[x], high[x]) for x in sorted(low)]).T


def test_lines_are_the_experts_and_as_strong_as_the_gate(ethanol):
    fit, data = ethanol
    ax = plot_experts(fit, data[["C", "E"]], data["NOx"], "E", at={"C": 9.0})
    points, *strips = ax.collections
    grid = lines(ax)["mean"].get_xdata()
    rows = pd.DataFrame({"C": 9.0, "E": grid})
    means, gate = fit.predict_expert(rows), fit.gate_proba(rows)
    assert len(strips) == 2
    for k, strip in enumerate(strips):
        segments = np.array(strip.get_segments())
        np.testing.assert_allclose(segments[:, 0], np.c_[grid, means[:, k]][:-1])
        np.testing.assert_allclose(segments[:, 1], np.c_[grid, means[:, k]][1:])
        between = 0.5 * (gate[1:, k] + gate[:-1, k])
        np.testing.assert_allclose(strip.get_alpha(), 0.12 + 0.88 * between)
        np.testing.assert_allclose(strip.get_linewidths(), 1.0 + 2.5 * between)
    np.testing.assert_allclose(lines(ax)["mean"].get_ydata(), fit.predict(rows))
    np.testing.assert_array_equal(points.get_offsets(), data[["E", "NOx"]])
    assert ax.get_xlabel() == "E   (at C = 9)" and ax.get_ylabel() == "NOx"


def test_points_have_the_colours_of_their_responsibilities(ethanol):
    fit, data = ethanol
    ax = plot_experts(fit, data[["C", "E"]], data["NOx"], "E")
    r = fit.responsibilities(data[["C", "E"]], data["NOx"])
    expected = r @ [to_rgb(shade) for shade in PALETTE[:2]]
    np.testing.assert_allclose(ax.collections[0].get_facecolors()[:, :3], expected)


def test_other_columns_are_held_at_values_they_can_have(ethanol):
    fit, data = ethanol
    assert plot_gate(fit, data[["C", "E"]], "E").get_xlabel() == "E   (at C = 12)"
    X = pd.DataFrame({"x": np.linspace(-1.0, 1.0, 40), "z": np.arange(40) % 2})
    noisy = GaussianMoE(1, random_state=0).fit(X, X["x"] + 0.1 * np.sin(50.0 * X["x"]))
    assert plot_gate(noisy, X, "x").get_xlabel() == "x   (at z = 0)"


def test_gate_and_its_intervals(ethanol):
    fit, data = ethanol
    X = data[["C", "E"]]
    results = fit.results(X, data["NOx"])
    ax = plot_gate(fit, X, "E", results=results, level=0.8)
    grid = lines(ax)["expert 0"].get_xdata()
    rows = pd.DataFrame({"C": 12.0, "E": grid})
    table = results.gate_proba(rows, 0.8)
    for k, part in enumerate(ax.collections):
        own = table[table["expert"] == k]
        drawn = lines(ax)[f"expert {k}"]
        np.testing.assert_allclose(drawn.get_ydata(), fit.gate_proba(rows)[:, k])
        np.testing.assert_allclose(own["estimate"], drawn.get_ydata())
        np.testing.assert_allclose(band(part)[1:], own[["lower", "upper"]].T, atol=1e-12)
    assert "80 % pointwise" in [text.get_text() for text in ax.get_legend().get_texts()]


def test_layers_of_the_gate_sum_to_one(ethanol):
    fit, data = ethanol
    first, second = plot_gate(fit, data[["C", "E"]], "E", kind="stacked").collections
    grid, low, high = band(second)
    np.testing.assert_allclose(high, 1.0)
    rows = pd.DataFrame({"C": 12.0, "E": grid})
    np.testing.assert_allclose(low, fit.gate_proba(rows)[:, 0])
    np.testing.assert_allclose(band(first)[2], low)


def test_bands_are_predictive_intervals():
    data = datasets.load_faithful()
    X, y = data[["eruptions"]], data["waiting"]
    fit = GLoME(2, n_init=2, random_state=0).fit(X, y)
    ax = plot_bands(fit, X, y, levels=[0.9, 0.5])
    grid = lines(ax)["median"].get_xdata()
    rows = pd.DataFrame({"eruptions": grid})
    np.testing.assert_allclose(lines(ax)["median"].get_ydata(), fit.predict_quantile(rows))
    parts = {part.get_label(): part for part in ax.collections}
    for level in (0.5, 0.9):
        expected = fit.predict_interval(rows, level).T
        np.testing.assert_allclose(band(parts[f"{100 * level:g} %"])[1:], expected)
    np.testing.assert_array_equal(lines(ax)["data"].get_xydata(), np.c_[X, y])
    assert parts["90 %"].get_zorder() <= parts["50 %"].get_zorder()
    assert ax.collections[0] is parts["90 %"]


def test_counts_are_drawn_as_rates_of_their_exposures(exposed):
    fit, data = exposed
    known = {"exposure": data["time"]}
    ax = plot_experts(fit, data[["x"]], data["events"], **known)
    rates = data["events"] / data["time"]
    np.testing.assert_allclose(ax.collections[0].get_offsets(), np.c_[data["x"], rates])
    grid = pd.DataFrame({"x": lines(ax)["mean"].get_xdata()})
    np.testing.assert_allclose(lines(ax)["mean"].get_ydata(), fit.predict(grid))
    assert ax.get_ylabel() == "events / exposure"
    ax = plot_bands(fit, data[["x"]], data["events"], levels=[0.8], **known)
    typical = np.quantile(data["time"], 0.5, method="lower")
    expected = fit.predict_interval(grid, 0.8, exposure=typical).T / typical
    np.testing.assert_allclose(band(ax.collections[0])[1:], expected)
    assert ax.get_xlabel() == f"x   (at exposure = {typical})"


def test_columns_and_exposures_come_with_a_formula(exposed):
    plain, data = exposed
    bound = PoissonMoE.from_formula("events ~ x", data, exposure="time", n_experts=1).fit()
    for plot in (plot_experts, plot_bands):
        own = plot(bound)
        given = plot(plain, data[["x"]], data["events"], exposure=data["time"])
        assert own.get_xlabel() == given.get_xlabel()
        assert own.get_ylabel() == given.get_ylabel()
        for label, line in lines(given).items():
            one, other = lines(own)[label].get_xydata(), line.get_xydata()
            np.testing.assert_allclose(one, other, rtol=1e-6)
    assert len(plot_responsibilities(bound).collections) == 1
    with pytest.raises(ValueError, match="x"):
        plot_gate(bound, data[["time"]])


def test_proportions_of_trials():
    rng = np.random.default_rng(1)
    X, trials = pd.DataFrame({"dose": rng.uniform(-1.0, 1.0, 80)}), np.full(80, 20)
    y = rng.binomial(20, 1.0 / (1.0 + np.exp(-2.0 * X["dose"])))
    fit = BinomialMoE(1, random_state=0).fit(X, y, trials=trials)
    ax = plot_experts(fit, X, y, trials=trials)
    np.testing.assert_allclose(ax.collections[0].get_offsets()[:, 1], y / 20)
    assert ax.get_ylabel() == "y / trials"
    top = band(plot_bands(fit, X, y, trials=trials, levels=[0.95]).collections[0])[2]
    assert 0.5 < top.max() <= 1.0


def test_one_of_several_responses():
    rng = np.random.default_rng(2)
    x = rng.uniform(-1.0, 1.0, (60, 1))
    y = np.c_[x, -2.0 * x] + 0.1 * rng.normal(size=(60, 2))
    for fit in (GaussianMoE(1, random_state=0).fit(x, y), GLoME(1, random_state=0).fit(x, y)):
        ax = plot_experts(fit, x, y, response=1)
        grid = lines(ax)["mean"].get_xdata()[:, None]
        np.testing.assert_allclose(lines(ax)["mean"].get_ydata(), fit.predict(grid)[:, 1])
        assert (ax.get_xlabel(), ax.get_ylabel()) == ("x0", "y1")
        part = band(plot_bands(fit, x, y, response=0, levels=[0.9]).collections[0])
        np.testing.assert_allclose(part[1:], fit.predict_interval(grid, 0.9)[:, 0].T)
        with pytest.raises(ValueError, match="2 responses; choose one by response=0 to response=1"):
            plot_bands(fit, x, y)


def test_classes_and_where_they_are(ethanol):
    data = datasets.load_faithful()
    X, y = data[["eruptions"]], np.where(data["waiting"] > 65, "long", "short")
    fit = MultinomialMoE(2, n_init=2, random_state=0).fit(X, y)
    ax = plot_classes(fit, X, y, results=fit.results(X, y))
    grid = lines(ax)["long"].get_xdata()
    proba = fit.predict_proba(pd.DataFrame({"eruptions": grid}))
    np.testing.assert_allclose(lines(ax)["long"].get_ydata(), proba[:, 0])
    np.testing.assert_allclose(lines(ax)["short"].get_ydata(), proba[:, 1])
    ticks = [line.get_xdata() for line in ax.get_lines() if line.get_marker() == "|"]
    for here, label in zip(ticks, ("long", "short"), strict=True):
        np.testing.assert_array_equal(here, X["eruptions"][y == label])
    low, high = band(ax.collections[1])[1:]
    assert ((low <= proba[:, 1] + 1e-9) & (proba[:, 1] <= high + 1e-9)).all()
    for plot in (plot_experts, plot_bands):
        with pytest.raises(ValueError, match=r"are classes.*use plot_classes"):
            plot(fit, X, y)
    with pytest.raises(ValueError, match="does not predict classes; use plot_experts"):
        plot_classes(ethanol[0], ethanol[1][["C", "E"]])


def test_frames_of_experts_are_drawn_too(ethanol):
    fit, data = ethanol
    rows = data[["C", "E"]], data["NOx"]
    expected = plot_experts(fit, *rows, "E").collections[1].get_segments()
    fit.set_output(transform="pandas")
    try:
        drawn = plot_experts(fit, *rows, "E").collections[1].get_segments()
    finally:
        fit.set_output(transform="default")
    np.testing.assert_array_equal(drawn, expected)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({}, r"x is None, but there are several columns; give one of \['C', 'E'\]"),
        ({"x": "NOx"}, "x='NOx' is not one of the columns"),
        ({"x": "E", "at": {"E": 1.0}}, "at holds 'E', which is not one of the columns held"),
        ({"x": "E", "kind": "bars"}, "kind is 'bars'"),
        ({"x": "E", "kind": "stacked", "results": object()}, "no room for intervals"),
        ({"X": None, "x": "E"}, "X is None; give rows, or make the estimator by from_formula"),
    ],
)
def test_bad_columns_are_named(ethanol, change, words):
    fit, data = ethanol
    with pytest.raises(ValueError, match=words):
        plot_gate(fit, **{"X": data[["C", "E"]], **change})
    assert not plt.get_fignums()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"y": None}, "y is None; give the responses"),
        ({"levels": [1.0]}, r"levels=\[1.0\] must be probabilities"),
        ({"exposure": 1.0}, "exposure= means nothing to a GaussianMoE"),
        ({"response": 0}, "response=0 is not a column of y"),
    ],
)
def test_bad_rows_are_named(ethanol, change, words):
    fit, data = ethanol
    given = {"X": data[["C", "E"]], "y": data["NOx"], "x": "E", **change}
    with pytest.raises(ValueError, match=words):
        plot_bands(fit, **given)
    assert not plt.get_fignums()


def test_intervals_of_a_gate_beside_exposures():
    data = datasets.load_npreg().assign(hours=2.0)
    moe = PoissonMoE.from_formula("yp ~ x", data, exposure="hours", n_init=1, random_state=0).fit()
    results = moe.results()
    ax = plot_gate(moe, results=results)
    lower = results.gate_proba(data, 0.95)["lower"]
    drawn = np.concatenate([path.vertices[:, 1] for c in ax.collections for path in c.get_paths()])
    assert drawn.min() == pytest.approx(lower.min(), abs=1e-6)


def test_a_fit_without_columns_has_nothing_to_draw_along():
    data = datasets.load_ethanol()
    moe = GaussianMoE.from_formula("NOx ~ 1", data, n_init=1, random_state=0).fit()
    for draw in (plot_gate, plot_experts, plot_bands):
        with pytest.raises(ValueError, match="depends on no column of X"):
            draw(moe)


def test_ten_experts_have_colours_of_their_own():
    assert len({to_rgb(colour(k)) for k in range(10)}) == 10


def test_many_points_are_one_picture_in_vector_files():
    x = np.linspace(0.0, 1.0, 12_000)
    y = np.sin(6.0 * x)
    moe = GaussianMoE(1, n_init=1, random_state=0).fit(x[:, None], y)
    for n, expected in ((12_000, True), (500, False)):
        ax = plot_experts(moe, x[:n, None], y[:n])
        assert bool(ax.collections[0].get_rasterized()) is expected
        line = plot_bands(moe, x[:n, None], y[:n]).get_lines()[-1]
        assert bool(line.get_rasterized()) is expected
