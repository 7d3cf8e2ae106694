"""Partitions, dendrograms and densities: the right data are on labelled axes."""

from __future__ import annotations

from types import SimpleNamespace

import matplotlib

matplotlib.use("Agg")

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from scipy import stats

from mixexp import BLoME, GaussianMoE, GLoME
from mixexp.plotting import plot_dendrogram, plot_forward_density, plot_partition


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def matrix(panel):
    """1 where two coordinates share a block, 0 elsewhere."""
    return (~np.ma.getmaskarray(panel.images[0].get_array())).astype(int)


BLOCKS = np.array([[1, 0, 1], [0, 1, 0], [1, 0, 1]])


@pytest.mark.parametrize(
    "partition", [[0, 1, 0], "aba", np.array([5, 2, 5]), [[0, 2], [1]], [(1,), (2, 0)]]
)
def test_one_partition_is_one_matrix(partition):
    panel = plot_partition(list(partition) if isinstance(partition, str) else partition)
    np.testing.assert_array_equal(matrix(panel), BLOCKS)
    assert panel.get_title() == "2 blocks"
    assert panel.get_xlabel() == "coordinate"


@pytest.mark.parametrize(
    "partitions",
    [
        [[0, 1, 0], [0, 0, 0]],
        [[[0, 2], [1]], [[0, 1, 2]]],
        [[0, 1, 0], [[0, 1, 2]]],
        np.array([[0, 1, 0], [3, 3, 3]]),
    ],
)
def test_one_panel_an_expert(partitions):
    panels = plot_partition(partitions)
    np.testing.assert_array_equal(matrix(panels[0]), BLOCKS)
    np.testing.assert_array_equal(matrix(panels[1]), np.ones((3, 3)))
    assert [panel.get_title() for panel in panels] == ["expert 0: 2 blocks", "expert 1: 1 block"]


def test_sorting_brings_blocks_together_and_names_along():
    panel = plot_partition([0, 1, 0], names=["a", "b", "c"], sort=True)
    np.testing.assert_array_equal(matrix(panel), [[1, 1, 0], [1, 1, 0], [0, 0, 1]])
    assert [tick.get_text() for tick in panel.get_xticklabels()] == ["a", "c", "b"]


def test_blocks_have_different_colours():
    panel = plot_partition([0, 0, 1, 1, 2])
    image = panel.images[0]
    colours = image.cmap(image.norm(np.ma.diag(image.get_array())))
    assert len(np.unique(colours, axis=0)) == 3
    assert (colours[0] == colours[1]).all() and (colours[2] == colours[3]).all()


@pytest.mark.parametrize(
    ("partitions", "options", "words"),
    [
        ([], {}, "partitions is empty"),
        ([0, [1]], {}, "mixes labels and groups"),
        ([[0, 1, 0], [0, 1]], {}, "neither one partition"),
        ([[[0, 0], [1]], [[0], [1]]], {}, "do not hold each"),
        ([0, 1], {"names": ["a"]}, "names holds 1 names for 2"),
        ([0, 1], {"ax": [None, None]}, "ax holds 2 Axes for 1"),
    ],
)
def test_bad_partitions_are_named(partitions, options, words):
    with pytest.raises(ValueError, match=words):
        plot_partition(partitions, **options)


def joined(ax):
    """Heights of the horizontal bars, from the branches drawn."""
    return [line.get_ydata()[1] for line in ax.get_lines() if len(line.get_xdata()) == 4]


TREE = [((2,), (3,), 0.5), ((0,), (1,), 1.0), ((0, 1), (2, 3), 3.0)]


def test_tree_has_merges_at_their_heights():
    ax = plot_dendrogram(TREE, labels=["a", "b", "c", "d"])
    assert joined(ax) == [0.5, 1.0, 3.0]
    leaves = [tick.get_text() for tick in ax.get_xticklabels()]
    assert sorted(leaves) == ["a", "b", "c", "d"]
    assert abs(leaves.index("c") - leaves.index("d")) == 1
    last = [line for line in ax.get_lines() if len(line.get_xdata()) == 4][-1]
    assert sorted(last.get_ydata()[[0, 3]]) == [0.5, 1.0]
    assert ax.get_ylabel() == "dissimilarity of the groups merged"


def test_atoms_stand_for_the_groups_they_are_in():
    groups, atoms = plot_dendrogram(TREE), plot_dendrogram([(2, 3, 0.5), (0, 1, 1.0), (1, 2, 3.0)])
    for one, other in zip(groups.get_lines(), atoms.get_lines(), strict=True):
        np.testing.assert_array_equal(one.get_xydata(), other.get_xydata())


@pytest.mark.parametrize(("selected", "between"), [(4, (0, 0.5)), (3, (0.5, 1)), (2, (1, 3))])
def test_cut_lies_between_merges_made_and_not_made(selected, between):
    tree = SimpleNamespace(merges=TREE, criterion={2: -1.5, 3: -2.0, 4: -1.0}, selected=selected)
    ax = plot_dendrogram(tree)
    (cut,) = (line for line in ax.get_lines() if len(line.get_xdata()) == 2)
    assert between[0] < cut.get_ydata()[0] < between[1]
    assert ax.get_title() == f"{selected} of 4 experts selected"
    texts = [text.get_text() for text in ax.texts]
    assert texts == ["4: -1", "3: -2", "2: -1.5", "experts: criterion"]


def test_values_of_the_criterion_do_not_overlap():
    merges = [(0, 1, 1.0), (0, 2, 1.0001), (0, 3, 1.0002), (0, 4, 1.0003)]
    ax = plot_dendrogram(merges, criterion=dict.fromkeys(range(2, 6), 0.0))
    heights = [text.get_position()[1] for text in ax.texts]
    assert (np.diff(heights) >= 0.0499).all()


def test_heights_of_many_orders_are_on_a_logarithmic_axis():
    ax = plot_dendrogram([(0, 1, 1e-6), (0, 2, 1.0)], selected=1)
    assert ax.get_yscale() == "symlog"
    assert plot_dendrogram([(0, 1, 0.0), (0, 2, 0.0)]).get_yscale() == "linear"


@pytest.mark.parametrize(
    ("merges", "options", "words"),
    [
        ([(0, 1, 1.0), (0, 1, 2.0)], {}, "different groups"),
        ([(0, 5, 1.0)], {}, "must be atoms 0, ..., 1"),
        ([(0, 1, np.nan)], {}, "the height"),
        ([(0, 1, 1.0)], {"labels": ["a"]}, "labels holds 1 labels for 2"),
        ([(0, 1, 1.0)], {"selected": 3}, "selected is 3"),
    ],
)
def test_bad_trees_are_named(merges, options, words):
    with pytest.raises(ValueError, match=words):
        plot_dendrogram(merges, **options)


class Line:
    """y given x is normal around 2x, with standard deviation 1/2."""

    def score_samples(self, X, y):
        return stats.norm(2.0 * X[:, 0], 0.5).logpdf(y)

    def predict(self, X):
        return 2.0 * X[:, 0]


def test_density_is_that_of_the_estimator():
    x, y = np.linspace(-1.0, 1.0, 7), np.linspace(-3.0, 3.0, 9)
    ax = plot_forward_density(Line(), x, y, data=([0.5], [1.5]))
    (mesh,) = ax.collections
    expected = stats.norm(2.0 * x[None, :], 0.5).pdf(y[:, None])
    np.testing.assert_allclose(np.asarray(mesh.get_array()).reshape(9, 7), expected)
    lines = {line.get_label(): line for line in ax.get_lines()}
    np.testing.assert_array_equal(lines["mean E(Y | x)"].get_xydata(), np.c_[x, 2.0 * x])
    np.testing.assert_array_equal(lines["data"].get_xydata(), [[0.5, 1.5]])
    assert ax.figure.axes[1].get_ylabel() == "density p(y | x)"
    assert (ax.get_xlim(), ax.get_ylim()) == ((-1.0, 1.0), (-3.0, 3.0))


def test_density_as_contours_without_the_mean_on_given_axes():
    _, ax = plt.subplots()
    grid = np.linspace(-1.0, 1.0, 6)
    assert plot_forward_density(Line(), grid, grid, ax, kind="contours", mean=False) is ax
    assert not ax.get_lines() and ax.collections


@pytest.mark.parametrize(
    ("arguments", "options", "words"),
    [
        (([1.0, 0.0], [0.0, 1.0]), {}, "x_grid must be increasing"),
        (([0.0, 1.0], [0.0]), {}, "y_grid must be increasing"),
        (([0.0, 1.0], [0.0, 1.0]), {"kind": "surface"}, "kind is 'surface'"),
    ],
)
def test_bad_grids_are_named(arguments, options, words):
    with pytest.raises(ValueError, match=words):
        plot_forward_density(Line(), *arguments, **options)


def test_several_columns_cannot_be_drawn():
    estimator = SimpleNamespace(n_features_in_=2)
    with pytest.raises(ValueError, match="fitted to 2 columns"):
        plot_forward_density(estimator, [0.0, 1.0], [0.0, 1.0])


@pytest.mark.parametrize("kind", [GLoME, GaussianMoE])
def test_names_of_columns_reach_the_estimator_and_the_axis(kind):
    X = pd.DataFrame({"eruptions": np.linspace(-1.0, 1.0, 40)})
    y = X["eruptions"].to_numpy() + 0.1 * np.sin(50.0 * X["eruptions"].to_numpy())
    fit = kind(1, random_state=0).fit(X, y)
    grid = np.linspace(-1.5, 1.5, 9)
    # Every warning is an error here, that of missing names too.
    ax = plot_forward_density(fit, grid, grid, y_label="waiting")
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("eruptions", "waiting")
    (mesh,) = ax.collections
    column = pd.DataFrame({"eruptions": grid})
    expected = [np.exp(fit.score_samples(column, np.full(9, at))) for at in grid]
    np.testing.assert_allclose(np.asarray(mesh.get_array()).reshape(9, 9), expected)
    plain = kind(1, random_state=0).fit(X.to_numpy(), y)
    ax = plot_forward_density(plain, grid, grid)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("x", "y")


@pytest.fixture(scope="module")
def blome():
    rng = np.random.default_rng(0)
    y = rng.normal(size=200)
    noise = rng.normal(size=(200, 3))
    noise[:, 2] += 2.0 * noise[:, 0]
    X = pd.DataFrame(y[:, None] + noise, columns=["a", "b", "c"])
    return BLoME(1, criterion="bic", n_init=1).fit(X, y)


def test_partitions_of_an_estimator_with_the_names_of_its_columns(blome):
    assert blome.partitions_ == [((0, 2), (1,))]
    for given in (blome, SimpleNamespace(best_estimator_=blome)):
        panel = plot_partition(given)
        np.testing.assert_array_equal(matrix(panel), BLOCKS)
        assert [tick.get_text() for tick in panel.get_xticklabels()] == ["a", "b", "c"]
    panel = plot_partition(blome, names=["x", "y", "z"])
    assert [tick.get_text() for tick in panel.get_xticklabels()] == ["x", "y", "z"]


@pytest.mark.parametrize("other", [GLoME(), BLoME(), None, 3])
def test_partitions_of_other_objects_are_refused(other):
    words = f"partitions is a {type(other).__name__} without partitions_; give a fitted BLoME"
    with pytest.raises(TypeError, match=words):
        plot_partition(other)
    assert not plt.get_fignums()


@pytest.mark.parametrize("other", [GLoME(), None])
def test_trees_of_estimators_are_asked_of_dendrogram_of(other):
    with pytest.raises(TypeError, match=r"merges is a .*dendrogram_of\(estimator, X, y\)"):
        plot_dendrogram(other)
    assert not plt.get_fignums()
