"""Selection paths: the right data are on labelled axes."""

from __future__ import annotations

import matplotlib

matplotlib.use("Agg")

import numpy as np
import pytest
from matplotlib import pyplot as plt

from mixexp import BLoME, GaussianMoE, ModelSelector
from mixexp.plotting import plot_contrast, plot_dimension_path, plot_selection_path
from mixexp.selection import Candidates, hull_path
from mixexp.selection.heuristics import slope_heuristics
from mixexp.selection.jump import find_jump
from mixexp.selection.slope import find_slope


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def table():
    k = np.arange(1, 16)
    return Candidates.from_arrays(6 * k - 1, 1000.0 / k**4 - 3.0 * k + 0.3 * np.sin(k**2))


@pytest.fixture(scope="module")
def both(table):
    return slope_heuristics(table)


def drawn(axes):
    return {line.get_label(): line for line in axes.get_lines()}


def starting(axes, words):
    (line,) = (line for label, line in drawn(axes).items() if label.startswith(words))
    return line


def test_contrast_panel_holds_models_line_hull_and_selection(table, both):
    ax = plot_contrast(both)
    used = starting(ax, "models in the regression").get_xydata()
    others = drawn(ax)["models"].get_xydata()
    assert len(used) == both.slope.n_points
    rows = np.vstack([used, others])
    order = np.argsort(rows[:, 0])
    np.testing.assert_array_equal(rows[order], np.c_[table.complexity, table.contrast])
    line = starting(ax, "fitted line").get_xydata()
    assert np.diff(line[:, 1]) / np.diff(line[:, 0]) == pytest.approx(-both.slope.kappa_hat)
    np.testing.assert_allclose(line[:, 0], used[[0, -1], 0])
    star = starting(ax, "selected: 4").get_xydata()
    np.testing.assert_array_equal(star, [[table.complexity[3], table.contrast[3]]])
    path, _ = hull_path(table)
    np.testing.assert_array_equal(
        drawn(ax)["lower convex hull"].get_xydata(),
        np.c_[table.complexity[path], table.contrast[path]],
    )
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("dimension (free parameters)", "contrast (nats)")


def test_models_above_the_axis_are_marked_on_its_edge(both):
    ax = plot_contrast(both)
    above = starting(ax, "above the axis").get_xydata()
    top = ax.get_ylim()[1]
    assert (above[:, 1] == top).all() and above[0, 0] == 5
    assert (both.candidates.contrast > top).sum() == len(above)


def test_dimension_panel_is_the_path_with_the_jump(both):
    ax = plot_dimension_path(both)
    step = drawn(ax)["dimension selected"]
    np.testing.assert_allclose(step.get_xdata()[:-1], both.jump.kappas)
    sizes = both.candidates.complexity[both.jump.path]
    np.testing.assert_array_equal(step.get_ydata()[:-1], sizes)
    assert step.get_drawstyle() == "steps-post"
    jump = starting(ax, "jump at")
    assert set(jump.get_xdata()) == {both.jump.kappa_hat}
    assert jump.get_ydata()[0] - jump.get_ydata()[1] == both.jump.jumps.max()
    assert starting(ax, "slope κ").get_xdata()[0] == both.slope.kappa_hat
    assert starting(ax, "applied κ").get_xdata()[0] == both.kappa
    low, high = ax.get_xlim()
    assert low <= 0 < both.kappa < high
    assert "nats per free parameter" in ax.get_xlabel()


@pytest.mark.parametrize("rule", [find_jump, find_slope])
def test_single_rules_draw_what_they_have(table, rule):
    left, right = plot_selection_path(rule(table))
    labels = {*drawn(left), *drawn(right)}
    assert any(x.startswith("jump") for x in labels) == (rule is find_jump)
    assert any(x.startswith("fitted line") for x in labels) == (rule is find_slope)
    assert any(x.startswith("applied") for x in labels)


def test_given_axes_are_used(both):
    _, (left, right) = plt.subplots(1, 2)
    found = plot_selection_path(both, [left, right])
    assert found[0] is left and found[1] is right
    assert plot_selection_path(both, left) is left
    with pytest.raises(ValueError, match="ax holds 3 Axes"):
        plot_selection_path(both, [left, right, left])


def test_table_without_a_jump_and_with_another_shape():
    table = Candidates.from_arrays(
        np.arange(1, 13), np.arange(12.0), penalty_shape=np.arange(1, 13) / 10
    )
    with pytest.warns(UserWarning, match="not reliably"):
        result = slope_heuristics(table)
    left, right = plot_selection_path(result)
    assert left.get_xlabel() == "penalty shape"
    assert "nats per unit shape" in right.get_xlabel()
    assert not any(label.startswith(("jump", "applied")) for label in drawn(right))
    left.figure.canvas.draw()


def test_other_objects_are_refused():
    for other in ({}, None, BLoME()):
        with pytest.raises(TypeError, match=f"selection is a {type(other).__name__}"):
            plot_contrast(other)
    assert not plt.get_fignums()


PLOTS = (plot_contrast, plot_dimension_path, plot_selection_path)


class Chosen:
    """A fitted selection, as far as figures see it."""

    def __init__(self, criterion, selection):
        self.criterion, self.selection_ = criterion, selection


@pytest.mark.parametrize("plot", PLOTS)
def test_estimators_are_drawn_by_what_selected(plot, both):
    of_estimator, of_result = plot(Chosen("slope", both)), plot(both)
    for one, other in zip(np.ravel([of_estimator]), np.ravel([of_result]), strict=True):
        lines, expected = drawn(one), drawn(other)
        assert lines.keys() == expected.keys()
        for label, line in lines.items():
            np.testing.assert_array_equal(line.get_xydata(), expected[label].get_xydata())


@pytest.mark.parametrize("plot", PLOTS)
@pytest.mark.parametrize(
    ("criterion", "words"),
    [
        ("bic", "criterion='bic', which has no path to draw; fit with criterion='slope'"),
        (np.mean, "has no path to draw"),
        ("slope", "criterion='slope' had too few models"),
    ],
)
def test_choices_without_a_path_say_how_they_were_made(plot, criterion, words):
    with pytest.raises(ValueError, match=words):
        plot(Chosen(criterion, None))
    assert not plt.get_fignums()


@pytest.mark.filterwarnings("ignore::mixexp.selection.UnreliableSelectionWarning")
def test_blome_is_drawn_or_says_why_not():
    rng = np.random.default_rng(0)
    label = rng.integers(2, size=400)
    y = rng.normal(4.0 * label, 0.5)
    slopes, centres = rng.normal(size=(2, 10)), 2.0 * rng.normal(size=(2, 10))
    pairs = np.kron(np.eye(5), [[1.0, 0.0], [0.7, 0.7]])
    X = centres[label] + y[:, None] * slopes[label] + rng.normal(size=(400, 10)) @ pairs
    blome = BLoME(2, n_init=1, random_state=0).fit(X, y)
    left, _ = plot_selection_path(blome)
    assert any(label.startswith("selected: ") for label in drawn(left))
    with pytest.raises(ValueError, match=r"selection_ of this BLoME is None.*'bic'"):
        plot_selection_path(BLoME(1, criterion="bic", n_init=1).fit(X[:, :3], y))
    with pytest.raises(ValueError, match="criterion='slope' had too few models"):
        plot_selection_path(BLoME(1, n_init=1).fit(X[:, :3], y))


@pytest.mark.filterwarnings("ignore::mixexp.selection.UnreliableSelectionWarning")
def test_model_selector_is_drawn_by_its_selection():
    rng = np.random.default_rng(1)
    X = rng.normal(size=(60, 12))
    y = X[:, 0] + rng.normal(size=60)
    grid = [GaussianMoE(1, n_init=1, random_state=0, expert_features=list(range(j))) for j in
            range(1, 13)]  # fmt: skip
    selector = ModelSelector(None, grid, criterion="slope").fit(X, y)
    assert drawn(plot_contrast(selector)).keys() == drawn(plot_contrast(selector.selection_)).keys()
