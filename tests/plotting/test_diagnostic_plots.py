"""Diagnostics draw what the laws say, and would show a law that is wrong."""

from __future__ import annotations

from types import SimpleNamespace

import matplotlib

matplotlib.use("Agg")

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from scipy import stats

from mixexp import GaussianMoE, GLoME, MultinomialMoE, PoissonMoE, datasets
from mixexp.inference.bootstrap_table import Bootstrap
from mixexp.plotting import (
    plot_bootstrap,
    plot_pit,
    plot_profile,
    plot_residuals,
    plot_responsibilities,
    plot_starts,
    quantile_residuals,
)


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def geyser():
    data = datasets.load_faithful()
    X, y = data[["eruptions"]], data["waiting"]
    return GaussianMoE(2, n_init=4, random_state=0).fit(X, y), X, y


@pytest.fixture(scope="module")
def counted():
    data = datasets.load_npreg()
    X, y = data[["x"]], data["yp"]
    return PoissonMoE(2, n_init=2, random_state=0).fit(X, y), X, y


def lines(ax):
    return {line.get_label(): line for line in ax.get_lines()}


def test_residuals_of_one_normal_expert_are_those_of_least_squares():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(50, 1))
    y = x[:, 0] + rng.normal(size=50)
    fit = GaussianMoE(1, random_state=0).fit(x, y)
    expected = (y - fit.predict(x)) / np.sqrt(fit.params_.expert.variance[0])
    np.testing.assert_allclose(quantile_residuals(fit, x, y), expected, atol=1e-9)
    # So far out the distribution function is one; its complement is not zero.
    far = fit.predict(x[:2]) + np.array([-30.0, 30.0]) * np.sqrt(fit.params_.expert.variance[0])
    np.testing.assert_allclose(quantile_residuals(fit, x[:2], far), [-30.0, 30.0], rtol=1e-9)


def test_residuals_of_counts_lie_between_the_steps(counted):
    fit, X, y = counted
    law = fit.predict_dist(X)
    low, high = stats.norm.ppf(law.cdf(y - 1)), stats.norm.ppf(law.cdf(y))
    for seed in (0, 1):
        residuals = quantile_residuals(fit, X, y, random_state=seed)
        assert ((low <= residuals + 1e-9) & (residuals <= high + 1e-9)).all()
    assert not np.array_equal(residuals, quantile_residuals(fit, X, y))
    np.testing.assert_array_equal(residuals, quantile_residuals(fit, X, y, random_state=1))


@pytest.mark.parametrize("family", ["counts", "classes"])
def test_residuals_under_the_truth_are_standard_normal(counted, family):
    if family == "counts":
        fit, X, _ = counted
    else:
        data = datasets.load_npreg()
        X = data[["x"]]
        fit = MultinomialMoE(2, n_init=2, random_state=0).fit(X, data["yp"].clip(upper=3))
    many = pd.concat([X] * 20, ignore_index=True)
    y = fit.sample(many, random_state=3)
    residuals = quantile_residuals(fit, many, y)
    assert stats.kstest(residuals, "norm").pvalue > 0.01
    # Twice as many events as predicted are far from it.
    if family == "counts":
        assert stats.kstest(quantile_residuals(fit, many, 2 * y), "norm").pvalue < 1e-6


def test_panels_of_residuals(geyser):
    fit, X, y = geyser
    left, right = plot_residuals(fit, X, y)
    residuals = quantile_residuals(fit, X, y)
    points = left.get_lines()[-1]
    np.testing.assert_allclose(points.get_xydata(), np.c_[fit.predict(X), residuals])
    drawn = lines(right)["residuals"]
    np.testing.assert_allclose(drawn.get_ydata(), np.sort(residuals))
    n = len(y)
    np.testing.assert_allclose(drawn.get_xdata(), stats.norm.ppf((np.arange(n) + 0.5) / n))
    # The smallest of n: 1 - (1 - F)^n is uniform.
    path = right.collections[0].get_paths()[0].vertices
    first = path[path[:, 0] == drawn.get_xdata()[0], 1]
    ends = stats.norm.ppf(1.0 - (1.0 - np.array([0.025, 0.975])) ** (1.0 / n))
    np.testing.assert_allclose([first.min(), first.max()], ends, rtol=1e-9)
    assert left.get_xlabel() == "fitted mean of waiting"
    with pytest.raises(ValueError, match="ax holds 1 Axes; give 2"):
        plot_residuals(fit, X, y, left)


def test_bars_and_band_of_the_transform(geyser):
    fit, X, y = geyser
    ax = plot_pit(fit, X, y, bins=8, level=0.9)
    bars = [bar.get_height() for bar in ax.patches]
    expected, _ = np.histogram(fit.predict_dist(X).cdf(y), 8, (0.0, 1.0))
    np.testing.assert_array_equal(bars, expected)
    heights = sorted(line.get_ydata()[0] for line in ax.get_lines())
    assert heights == [*sorted([*stats.binom.ppf([0.05, 0.95], 272, 1 / 8), 272 / 8])]
    for bad, words in (({"bins": 0}, "bins=0"), ({"level": 1.0}, "level=1.0")):
        with pytest.raises(ValueError, match=words):
            plot_pit(fit, X, y, **bad)


def test_a_law_too_wide_makes_a_hump(geyser):
    fit, X, _ = geyser
    narrow = fit.predict_quantile(X, 0.5) + 0.2 * (fit.sample(X, random_state=0) - fit.predict(X))
    bars = [bar.get_height() for bar in plot_pit(fit, X, narrow, bins=5).patches]
    assert bars[2] > 3 * max(bars[0], bars[-1])


def test_tabulated_laws_have_no_transform(geyser):
    _, X, y = geyser
    fit = GLoME(1, degree=2, random_state=0).fit(X, y)
    with pytest.raises(ValueError, match="tabulated and has no distribution function"):
        plot_pit(fit, X, y)


def test_responsibilities_are_stacked_in_order(geyser):
    fit, X, y = geyser
    ax = plot_responsibilities(fit, X, y)
    r = fit.responsibilities(X, y)
    order = np.lexsort((-r.max(axis=1), r.argmax(axis=1)))
    (entropy,) = (line for line in ax.get_lines() if line.get_label().startswith("entropy"))
    expected = stats.entropy(r[order], axis=1) / np.log(2.0)
    np.testing.assert_allclose(entropy.get_ydata()[:-1], expected, atol=1e-12)
    heights = ax.collections[0].get_paths()[0].get_extents()
    assert heights.ymax == pytest.approx(r[order][0, 0])
    words = [part.get_label() for part in ax.collections]
    assert words == [f"expert {k}: {100 * r[:, k].mean():.0f} % of rows" for k in range(2)]


def test_histograms_of_responsibilities_count_rows(counted):
    fit, X, y = counted
    panels = plot_responsibilities(fit, X, y, kind="histogram")
    r = fit.responsibilities(X, y)
    for k, panel in enumerate(panels):
        rows = sum(round(bar.get_height() ** 2) for bar in panel.patches)
        assert rows == (r[:, k] > 1e-3).sum()
    with pytest.raises(ValueError, match="kind is 'heat'"):
        plot_responsibilities(fit, X, y, kind="heat")


def test_every_start_is_drawn_with_its_trace(geyser):
    fit, _, _ = geyser
    ax = plot_starts(fit)
    runs = fit.starts_[fit.starts_["phase"] == "sketch"]
    traces = [line.get_ydata() for line in ax.get_lines() if line.get_linestyle() == "-"]
    assert len(traces) == len(runs)
    assert {len(trace) for trace in traces} == {len(trace) for trace in runs["trace"]}
    answer = lines(ax)["the answer"].get_ydata()[0]
    assert answer == pytest.approx(fit.loglik_, abs=1e-4)
    n_answer = int((runs["optimum"] == 0).sum())
    assert len(lines(ax)[f"{n_answer} ended in the answer"].get_xdata()) == n_answer
    assert ax.get_ylabel() == "log-likelihood (nats)"
    assert plot_starts(fit, phase="data").get_lines()
    with pytest.raises(ValueError, match="phase='warm' has no starts"):
        plot_starts(fit, phase="warm")


def test_ends_of_starts_are_told_apart():
    optima = pd.DataFrame({"loglik": [1.0, 3.0, 0.5], "flags": ["", "scale on floor", ""]})
    runs = pd.DataFrame({
        "phase": "data", "kind": "given", "weight": 9.0, "loglik": [1.0, 3.0, 0.5, 0.2],
        "optimum": [0, 1, 2, -1], "trace": [(0.0, 1.0), (0.0, 3.0), (0.0, 0.1, 0.5), (0.1, 0.2)],
    })  # fmt: skip
    drawn = lines(plot_starts(SimpleNamespace(starts_=runs, optima_=optima)))
    expected = {
        "1 ended in the answer": (1, 1.0), "1 in another optimum": (2, 0.5),
        "1 in one that is thin or on its floor": (1, 3.0), "1 not continued": (1, 0.2),
    }  # fmt: skip
    for label, end in expected.items():
        np.testing.assert_array_equal(drawn[label].get_xydata(), [end])


def test_optima_stand_in_for_starts_that_are_lost(geyser):
    fit, _, _ = geyser
    ax = plot_starts(SimpleNamespace(optima_=fit.optima_))
    ends = lines(ax)["1 ended in the answer"].get_xydata()
    np.testing.assert_allclose(ends, [[fit.optima_["n_iter"][0], fit.loglik_]])


def test_penalised_and_joint_likelihoods_are_called_so(geyser):
    _, X, y = geyser
    ridge = GaussianMoE(2, n_init=1, gate_penalty=1.0, random_state=0).fit(X, y)
    assert plot_starts(ridge).get_ylabel() == "penalised log-likelihood (nats)"
    joint = GLoME(2, n_init=2, random_state=0).fit(X, y)
    ax = plot_starts(joint)
    assert ax.get_ylabel() == "joint log-likelihood (nats)"
    assert lines(ax)["the answer"].get_ydata()[0] == pytest.approx(joint.joint_loglik_, abs=1e-6)


def test_profile_of_a_fit(geyser):
    fit, X, y = geyser
    results = fit.results(X, y)
    name = results.params.index[2]
    profile = results.profile(name)
    ax = plot_profile(profile)
    drawn = lines(ax)
    np.testing.assert_array_equal(
        drawn["profile"].get_xydata(), np.c_[profile.grid, profile.loglik]
    )
    assert drawn["cutoff"].get_ydata()[0] == profile.cutoff
    (span,) = ax.patches
    ends = span.get_x(), span.get_x() + span.get_width()
    np.testing.assert_allclose(ends, np.clip(profile.interval, *profile.grid[[0, -1]]))
    assert ax.get_xlabel() == name


def test_intervals_without_an_end_are_shaded_to_the_edge():
    grid = np.linspace(0.0, 4.0, 9)
    profile = SimpleNamespace(name="slope", grid=grid, loglik=-np.exp(-grid), estimate=4.0,
                              interval=(0.5, np.inf), cutoff=-0.6)  # fmt: skip
    (span,) = plot_profile(profile).patches
    assert (span.get_x(), span.get_width()) == (0.5, 3.5)


def test_replicates_of_a_bootstrap():
    names = ["slope", "free"]
    draws = pd.DataFrame(np.random.default_rng(0).normal(size=(100, 2)), columns=names)
    fits = pd.DataFrame({"loglik": 0.0, "regular": True, "flags": "", "seconds": 0.1}, range(100))
    found = Bootstrap("case", 100, pd.Series(0.0, names), draws, fits, np.array([False, True]))
    slope, free = plot_bootstrap(found)
    ends = [line.get_xdata()[0] for line in slope.get_lines()]
    np.testing.assert_allclose(ends, found.conf_int(0.05).loc["slope"])
    assert sum(bar.get_height() for bar in slope.patches) == 100
    # What the data do not determine has no interval.
    assert not free.get_lines() and free.get_xlabel() == "free"
    with pytest.raises(ValueError, match="names holds 'width'"):
        plot_bootstrap(found, ["width"])
