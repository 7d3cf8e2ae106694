"""Splits of a fit as starts for one expert more: what they split, and that nothing is lost."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mixexp import BinomialMoE, GaussianMoE, MultinomialMoE, Transformed
from mixexp.models import MixingMeasure
from mixexp.selection.fingerprint import fingerprint
from mixexp.selection.selector import ModelSelector
from mixexp.selection.warm_starts import split_measures, split_responsibilities, starts_from
from tests.selection.selecting import Stub, quick, two_lines


def test_the_component_with_two_clusters_is_split_between_them():
    rng = np.random.default_rng(0)
    centers = np.repeat([0.0, 10.0, 14.0], 50)
    points = np.column_stack([centers, np.zeros(150)]) + rng.normal(scale=0.3, size=(150, 2))
    r = np.column_stack([centers == 0.0, centers > 0.0]).astype(float)
    best = split_responsibilities(r, points, n_splits=1)[0]
    assert np.array_equal(best[:, 0], r[:, 0])
    assert {tuple(row) for row in best[centers == 10.0]} != {
        tuple(row) for row in best[centers == 14.0]
    }
    assert (best[centers == 10.0] == best[centers == 10.0][0]).all()


def test_splits_are_laws_and_keep_what_is_not_split():
    rng = np.random.default_rng(1)
    r = rng.dirichlet(np.ones(3), size=40)
    splits = split_responsibilities(r, rng.normal(size=(40, 3, 2)), n_splits=10)
    # Two directions for each of three components.
    assert len(splits) == 6
    for split in splits:
        assert split.shape == (40, 4) and np.allclose(split.sum(axis=1), 1.0)
        changed = np.flatnonzero((split[:, :3] != r).any(axis=0))
        assert len(changed) == 1
        assert np.allclose(split[:, changed[0]] + split[:, 3], r[:, changed[0]])


def test_units_of_the_points_do_not_matter():
    rng = np.random.default_rng(2)
    r, points = rng.dirichlet(np.ones(2), size=30), rng.normal(size=(30, 2))
    for a, b in zip(
        split_responsibilities(r, points, 4),
        split_responsibilities(r, points * [1000.0, 0.01] + [5.0, -3.0], 4),
        strict=True,
    ):
        # A direction has no sign: the halves may change places.
        k = int(np.flatnonzero((a[:, :2] != r).any(axis=0))[0])
        assert np.allclose(a, b) or np.allclose(a[:, k], b[:, 2])


def test_points_without_spread_give_no_split():
    assert split_responsibilities(np.ones((5, 1)), np.zeros((5, 2))) == []


@pytest.mark.parametrize(
    ("r", "points", "n_splits"),
    [
        (np.ones(4), np.ones((4, 1)), 1),
        (np.ones((4, 1)), np.ones((3, 1)), 1),
        (np.ones((4, 1)), np.ones((4, 2, 1)), 1),
        (np.ones((4, 1)), np.ones((4, 1)), 0),
    ],
)
def test_shapes_that_do_not_fit_are_refused(r, points, n_splits):
    with pytest.raises(ValueError, match=r"give|of|use"):
        split_responsibilities(r, points, n_splits)


@pytest.mark.parametrize("gate", [None, Transformed()])
def test_a_split_measure_is_the_same_law(gate):
    X, y = two_lines()
    moe = GaussianMoE(2, gate, n_init=2, random_state=0).fit(X, y)
    for measure in split_measures(moe.measure_, [0.3, 0.7]):
        model = replace(moe.model_, n_experts=3)
        law = model.log_prob(model.from_measure(measure), X, y)
        assert law.sum() == pytest.approx(moe.loglik_, abs=1e-8)


def nested(**settings):
    X, y = two_lines(60, seed=36)
    grid = {"n_experts": [1, 2, 3, 4]}
    return ModelSelector(quick(random_state=36), grid, **settings).fit(X, y).table_


def test_nested_contrasts_do_not_rise_with_warm_starts():
    cold, warm = (nested(warm_starts=w, restarts=0) for w in (False, True))
    # Here one start of four experts misses what three have.
    assert np.diff(cold["loglik"]).min() < -1.0
    assert cold["flags"].tolist() == ["", "", "", "contrast rises"]
    assert np.diff(warm["loglik"]).min() > 0.0
    assert warm["flags"].tolist() == ["", "", "", ""]


def test_a_contrast_that_rises_is_mended_from_splits():
    table = nested(warm_starts=False, restarts=1)
    assert np.diff(table["loglik"]).min() > 0.0
    assert table["n_restarts"].tolist() == [0, 0, 0, 1]


def test_every_kind_of_response_has_starts():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(80, 2))
    trials = rng.integers(5, 20, size=80).astype(float)
    successes = rng.binomial(trials.astype(int), 0.4).astype(float)
    classes = np.array(["a", "b", "c"])[rng.integers(0, 3, size=80)]
    binomial = BinomialMoE(1, n_init=1).fit(X, successes, trials=trials)
    multinomial = MultinomialMoE(1, n_init=1).fit(X, classes)
    for moe, y, known in ((binomial, successes, {"trials": trials}), (multinomial, classes, {})):
        starts = starts_from(moe, X, y, known)
        arrays = [start for start in starts if not isinstance(start, MixingMeasure)]
        assert len(arrays) == 2 and {a.shape for a in arrays} == {(80, 2)}
        assert [m.n_atoms for m in starts if isinstance(m, MixingMeasure)] == [2]
        type(moe)(2, n_init=5, init=starts).fit(X, y, **known)


class OwnSplits(Stub):
    """Says itself what to start a larger fit from, and which starts it was given."""

    def __init__(self, n_experts=1, n_init=1, init=None):
        super().__init__(n_experts, n_init)
        self.init = init

    def fit(self, X, y, sample_weight=None):
        self.given_ = self.init, self.n_init
        if self.n_experts == 3 and self.init is not None:
            raise ValueError("no such starts")
        return super().fit(X, y, sample_weight)

    def split_starts(self, X, y):
        return [f"split of {self.n_experts}", "another"]


def test_own_splits_of_an_estimator_come_first_and_on_top_of_its_starts():
    selector = ModelSelector(OwnSplits(init="mine", n_init=4), {"n_experts": [1, 2]})
    first, second = selector.fit(*two_lines()).estimators_
    assert first.given_ == ("mine", 4)
    assert second.given_ == (["split of 1", "another", "mine"], 6)
    assert second.init == "mine" and second.n_init == 4


def test_starts_that_are_refused_are_told_and_left_out():
    selector = ModelSelector(OwnSplits(), {"n_experts": [1, 2, 3]}).fit(*two_lines())
    assert "no starts by splitting: ValueError: no such starts" in selector.table_["findings"][2]
    assert selector.estimators_[2].given_ == (None, 1)


def test_splits_that_raise_are_told_and_left_out():
    class Broken(OwnSplits):
        def split_starts(self, X, y):
            raise ArithmeticError("no luck")

    selector = ModelSelector(Broken(), {"n_experts": [1, 2]}).fit(*two_lines())
    assert "no starts by splitting: ArithmeticError" in selector.table_["findings"][1]


def test_fingerprints_tell_contents_apart():
    x = np.arange(6.0)
    same = [(x, x.copy()), (x[::2], x[::2].copy()), ({1, 2}, {2, 1}), (quick(), quick())]
    assert all(fingerprint(a) == fingerprint(b) for a, b in same)
    different = [
        (x, x.reshape(2, 3)),
        (x, x.astype("f4")),
        (["ab"], ["a", "b"]),
        ([["a"], "b"], [["a", "b"]]),
        (quick(), quick(degree=2)),
        (lambda v: v + 1, lambda v: v + 2),
        (np.random.RandomState(0), np.random.RandomState(1)),
        (True, 1),
    ]
    assert all(fingerprint(a) != fingerprint(b) for a, b in different)
