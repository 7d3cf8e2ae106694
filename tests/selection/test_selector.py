"""ModelSelector: what it selects, its table, and its manners as a scikit-learn estimator."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import KFold

from mixexp import GaussianMoE, GLoME, MultinomialMoE, PoissonMoE, Softmax, TopK
from mixexp.selection.candidates import Candidates, UnreliableSelectionWarning
from mixexp.selection.criteria import entropy_of
from mixexp.selection.dendrogram import dendrogram_of
from mixexp.selection.grid import expand
from mixexp.selection.heuristics import slope_heuristics
from mixexp.selection.jump import dimension_jump
from mixexp.selection.selector import ModelSelector
from mixexp.selection.selector_rules import choose
from mixexp.selection.slope import slope_estimation
from tests.selection.selecting import Stub, quick, two_lines

COLUMNS = [
    "n_experts", "likelihood", "n_parameters", "loglik", "aic", "bic", "icl", "criterion",
    "certified", "remaining_gain", "n_restarts", "seconds", "flags", "findings", "error", "rank",
    "selected",
]  # fmt: skip


@pytest.fixture(scope="module")
def selected():
    return ModelSelector(quick(), {"n_experts": [3, 1, 2]}, random_state=0).fit(*two_lines())


def test_bic_finds_two_lines(selected):
    assert selected.best_params_ == {"n_experts": 2} and selected.best_index_ == 2
    table = selected.table_
    assert list(table.columns) == COLUMNS
    assert table["n_experts"].tolist() == [3, 1, 2]
    assert table["n_parameters"].tolist() == [13, 3, 8]
    assert table["rank"].tolist().index(1) == 2
    assert table["selected"].tolist() == [False, False, True]
    assert table["certified"].all() and (table["remaining_gain"] < 1e-6).all()
    assert (table["bic"] == table["criterion"]).all()


def test_the_criteria_are_those_of_the_estimators(selected):
    X, y = two_lines()
    for row, moe in zip(selected.table_.itertuples(), selected.estimators_, strict=True):
        assert row.loglik == moe.loglik_
        assert row.aic == pytest.approx(moe.aic(X, y))
        assert row.bic == pytest.approx(moe.bic(X, y))
        entropy = entropy_of(moe.responsibilities(X, y))
        assert row.icl == pytest.approx(moe.bic(X, y) + 2.0 * entropy)


def test_predictions_are_those_of_the_best_estimator(selected):
    X, y = two_lines()
    best = selected.best_estimator_
    assert np.array_equal(selected.predict(X), best.predict(X))
    assert np.array_equal(selected.score_samples(X, y), best.score_samples(X, y))
    assert selected.score(X, y) == best.score(X, y)
    assert np.array_equal(selected.predict_dist(X).mean(), best.predict(X))
    assert selected.sample(X, n_samples=2, random_state=0).shape == (2, len(X))
    assert selected.n_features_in_ == 1
    assert not hasattr(selected, "predict_proba") and not hasattr(selected, "classes_")


def test_the_best_estimator_keeps_the_parameters_of_its_candidate(selected):
    assert selected.best_estimator_.init is None and selected.best_estimator_.n_init == 1


def test_the_summary_says_what_decided(selected):
    text = selected.summary()
    assert "selected: n_experts=2, by bic among 3 candidates" in text and "log p(y | x)" in text


def test_it_is_cloned_with_all_parameters():
    selector = ModelSelector(quick(), {"n_experts": [1, 2]}, "icl", cv=3, restarts=1, store="x")
    copy = clone(selector)
    assert copy.get_params(deep=False).keys() == selector.get_params(deep=False).keys()
    assert copy.criterion == "icl" and copy.restarts == 1 and copy.store == "x"
    assert copy.set_params(estimator__degree=2).estimator.degree == 2
    assert selector.estimator.degree == 1
    assert is_regressor(selector) and not is_classifier(selector)
    assert is_classifier(ModelSelector(MultinomialMoE(), {"n_experts": [1]}))
    with pytest.raises(NotFittedError):
        selector.predict(np.zeros((1, 1)))


def test_the_template_is_left_as_it_was():
    moe = quick(gate=TopK(1))
    before = repr(moe)
    grid = [{"gate": [TopK(1), Softmax()], "n_experts": 2}, {"gate__n_active": [2], "n_experts": 2}]
    selector = ModelSelector(moe, grid, restarts=0).fit(*two_lines())
    assert repr(moe) == before
    assert [m.gate.n_active for m in (selector.estimators_[0], selector.estimators_[2])] == [1, 2]
    # Of laws that are the same, the first one is taken.
    assert selector.best_index_ == 1


def test_candidates_do_not_share_a_gate():
    gate = TopK(2)
    points = expand(quick(n_experts=3), {"gate": [gate], "gate__n_active": [1, 2]})
    assert [point.estimator.gate.n_active for point in points] == [1, 2]
    assert gate.n_active == 2


def test_gates_and_degrees_are_compared():
    grid = {"gate": [Softmax(), TopK(2)], "degree": [0, 1], "n_experts": [2]}
    selector = ModelSelector(quick(), grid, restarts=0).fit(*two_lines())
    assert selector.best_params_["degree"] == 1
    assert set(selector.table_["gate"]) == {"Softmax()", "TopK()"}


def test_estimators_may_be_the_candidates():
    candidates = [quick(n_experts=1), quick(n_experts=2)]
    selector = ModelSelector(None, candidates).fit(*two_lines())
    assert selector.best_estimator_.n_experts == 2
    assert selector.best_params_["estimator"] is candidates[1]


def test_frames_and_weights_go_through():
    X, y = two_lines()
    frame, weight = pd.DataFrame(X, columns=["speed"]), np.repeat([2.0, 1.0], len(y) // 2)
    cv = KFold(2)
    selector = ModelSelector(quick(), {"n_experts": [1, 2]}, "cv", cv=cv, random_state=0)
    selector.fit(frame, y, sample_weight=weight)
    held_out = np.concatenate(
        [
            quick(n_experts=1).fit(X[a], y[a], sample_weight=weight[a]).score_samples(X[b], y[b])
            for a, b in cv.split(X)
        ]
    )
    expected = weight @ held_out / weight.sum()
    assert selector.table_["cv_mean"][0] == pytest.approx(expected)
    assert list(selector.feature_names_in_) == ["speed"]
    row, best = selector.table_.loc[selector.best_index_], selector.best_estimator_
    assert row["loglik"] == pytest.approx(weight @ best.score_samples(frame, y))
    assert row["bic"] == pytest.approx(best.bic(frame, y, sample_weight=weight))


def test_classes_are_selected_among():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(150, 1))
    y = np.where(rng.random(150) < 1.0 / (1.0 + np.exp(-2.0 * X[:, 0])), "ash", "oak")
    moe = MultinomialMoE(n_init=1, gate_penalty=None, expert_penalty=None)
    selector = ModelSelector(moe, {"n_experts": [1, 2]}, "cv", cv=3, random_state=0, restarts=0)
    with np.errstate(all="ignore"):
        selector.fit(X, y)
    assert selector.table_["cv_mean"].notna().all()
    assert list(selector.classes_) == ["ash", "oak"]
    assert selector.predict_proba(X).shape == (150, 2)


def test_counts_are_selected_among_with_their_exposure():
    rng = np.random.default_rng(0)
    X, exposure = rng.normal(size=(120, 1)), rng.uniform(0.5, 5.0, size=120)
    rate = np.exp(np.where(rng.random(120) < 0.5, 2.0 + 0.5 * X[:, 0], -X[:, 0]))
    y = rng.poisson(rate * exposure).astype(float)
    moe = PoissonMoE(n_init=1, gate_features=[])
    cv = KFold(3)
    selector = ModelSelector(moe, {"n_experts": [1, 2]}, "cv", cv=cv, random_state=0)
    selector.fit(X, y, exposure=exposure)
    assert selector.best_params_ == {"n_experts": 2}
    fits = [
        PoissonMoE(1, gate_features=[])
        .fit(X[a], y[a], exposure=exposure[a])
        .score_samples(X[b], y[b], exposure=exposure[b])
        for a, b in cv.split(X)
    ]
    assert selector.table_["cv_mean"][0] == pytest.approx(np.concatenate(fits).mean())


def test_cross_validation_is_what_it_says():
    X, y = two_lines()
    cv = KFold(3, shuffle=True, random_state=1)
    selector = ModelSelector(quick(), {"n_experts": [1, 2]}, "cv", cv=cv).fit(X, y)
    held_out = np.concatenate(
        [quick(n_experts=1).fit(X[a], y[a]).score_samples(X[b], y[b]) for a, b in cv.split(X)]
    )
    row = selector.table_.loc[0]
    assert row["cv_mean"] == pytest.approx(held_out.mean())
    error = held_out.std(ddof=1) / np.sqrt(len(y))
    assert row["cv_standard_error"] == pytest.approx(error)
    assert selector.best_params_ == {"n_experts": 2}


def test_rules_of_slopes_take_the_dimension_and_the_contrast():
    experts = np.arange(1, 16)
    logliks = [float(v) for v in -1000.0 / experts**4 + 3.0 * experts - 0.3 * np.sin(experts**2)]
    grid = {"n_experts": experts.tolist()}
    candidates = Candidates(tuple(experts.tolist()), 5 * experts - 2, -np.array(logliks))
    expected = {"slope": slope_heuristics, "jump": dimension_jump, "ddse": slope_estimation}
    by = {}
    for rule, direct in expected.items():
        by[rule] = ModelSelector(Stub(logliks=logliks), grid, rule, restarts=0).fit(*two_lines())
        assert by[rule].best_params_ == {"n_experts": direct(candidates).selected}
        assert by[rule].selection_.kappa == direct(candidates).kappa
    dim, kappa = by["jump"].table_["n_parameters"].astype(float), by["jump"].selection_.kappa
    assert np.allclose(by["jump"].table_["criterion"], kappa * dim - np.array(logliks))
    assert "dimension jump" in by["slope"].summary()


def test_what_a_slope_heuristic_doubts_is_told():
    logliks = [-100.0, -50.0, *(-50.0 - k for k in range(10))]
    stub, grid = Stub(logliks=logliks), {"n_experts": list(range(1, 13))}
    selector = ModelSelector(stub, grid, "slope", restarts=0)
    with pytest.warns(UnreliableSelectionWarning):
        selector.fit(*two_lines())
    assert any("[NOT OK]" in finding for finding in selector.findings_)


def test_the_smallest_model_within_a_standard_error_is_an_option():
    table = pd.DataFrame(
        {
            "n_parameters": [18, 13, 8, 3],
            "cv_mean": [-1.05, -1.0, -1.08, -2.0],
            "cv_standard_error": [0.5, 0.1, 0.01, 0.01],
        }
    )
    labels = ["K=4", "K=3", "K=2", "K=1"]
    assert choose("cv", table, labels).best == 1
    assert choose("cv_1se", table, labels).best == 2


def test_a_function_may_decide():
    X, y = two_lines()
    grid = {"n_experts": [1, 2, 3]}
    selector = ModelSelector(quick(), grid, lambda moe, X, y: -moe.n_experts).fit(X, y)
    assert selector.best_params_ == {"n_experts": 3}
    assert selector.table_["criterion"].tolist() == [-1.0, -2.0, -3.0]
    assert any("largest one offered" in finding for finding in selector.findings_)


def test_workers_give_the_bits_of_one_process():
    one, two = (
        ModelSelector(quick(), {"n_experts": [1, 2]}, "cv", cv=2, random_state=0, n_jobs=n).fit(
            *two_lines(60)
        )
        for n in (1, 2)
    )
    drop = "seconds"
    pd.testing.assert_frame_equal(
        one.table_.drop(columns=drop), two.table_.drop(columns=drop), check_exact=True
    )


def test_a_seed_does_not_depend_on_the_other_candidates():
    X, y = two_lines()
    settings = {"random_state": 3, "warm_starts": False}
    alone = ModelSelector(GaussianMoE(n_init=1), {"n_experts": [3]}, **settings).fit(X, y)
    among = ModelSelector(GaussianMoE(n_init=1), {"n_experts": [1, 3]}, **settings).fit(X, y)
    assert alone.best_estimator_.random_state == among.estimators_[1].random_state


@pytest.mark.parametrize("verbose", [1, 2])
def test_progress_goes_to_standard_error(capsys, verbose):
    ModelSelector(Stub(), {"n_experts": [1, 2]}, verbose=verbose).fit(*two_lines())
    printed = capsys.readouterr()
    assert "2/2" in printed.err and printed.out == ""
    assert ("n_experts=1: -100.000000 nats, certified" in printed.err) == (verbose > 1)


def test_generative_models_are_selected_by_the_law_of_both():
    X, y = two_lines(80)
    glome = GLoME(n_init=2, random_state=0)
    selector = ModelSelector(glome, {"n_experts": [1, 2]}, "bic").fit(X, y)
    table, best = selector.table_, selector.best_estimator_
    assert best.n_experts == 2 and set(table["likelihood"]) == {"joint"}
    assert table["loglik"][1] == best.joint_loglik_
    assert table["n_parameters"].tolist() == [5, 11]


def test_dendrogram_criterion_chooses_the_number_of_experts():
    data = np.random.default_rng(5)
    x = data.uniform(-2.0, 2.0, 800)
    first = data.random(800) < 1.0 / (1.0 + np.exp(4.0 * x))
    y = np.where(first, 1.0 + x, -1.0 - 0.5 * x) + 0.3 * data.normal(size=800)
    selector = ModelSelector(
        GaussianMoE(n_init=3), {"n_experts": [1, 2, 3]}, "dsc", random_state=0
    ).fit(x[:, None], y)
    assert selector.best_params_ == {"n_experts": 2}
    assert np.isnan(selector.table_["dsc"][0])
    tree = dendrogram_of(selector.estimators_[2], x[:, None], y)
    assert selector.table_["dsc"][1] == pytest.approx(tree.criterion[2])
    assert selector.best_estimator_.n_experts == 2
