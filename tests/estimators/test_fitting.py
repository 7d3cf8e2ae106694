"""Starts, seeds, threads, progress and warnings of a fit, and its table of optima."""

from __future__ import annotations

import os
import warnings

import numpy as np
import pytest
from sklearn import config_context
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from mixexp import GaussianMoE
from mixexp.datasets import load_tonedata
from mixexp.estimators._inputs import n_threads
from tests.estimators.problems import identical, quick, two_lines

X, Y = two_lines()


@pytest.fixture(scope="module")
def moe():
    return quick().fit(X, Y)


@pytest.fixture
def tones():
    """A fit with several optima of which two are regular."""
    frame = load_tonedata()
    return GaussianMoE(random_state=0).fit(frame[["stretchratio"]], frame["tuned"])


def responsibilities(moe: GaussianMoE) -> np.ndarray:
    return moe.responsibilities(X, Y)


@pytest.mark.parametrize(
    "start",
    [
        lambda moe: moe.measure_,
        lambda moe: moe.params_,
        responsibilities,
        lambda moe: responsibilities(moe).tolist(),
        lambda moe: np.where(X[:, 0] < Y, [[7.0], [0.0]], [[0.0], [7.0]]).T,
    ],
    ids=["measure", "params", "responsibilities", "list of rows", "labels"],
)
def test_a_start_of_ones_own(moe, start):
    other = quick(init=start(moe)).fit(X, Y)
    assert list(other.optima_["start"]) == ["given"]
    assert other.certificate_.n_starts == 1
    assert other.converged_
    assert other.loglik_ == pytest.approx(moe.loglik_, abs=1e-7)
    found, known = other.measure_.align(moe.measure_), moe.measure_
    np.testing.assert_allclose(found["coef"], known["coef"], rtol=1e-5)
    np.testing.assert_allclose(found["variance"], known["variance"], rtol=1e-5)


def test_several_starts_come_first_and_count(moe):
    init = [moe.measure_, moe.params_, responsibilities(moe)]
    assert quick(init=init).fit(X, Y).certificate_.n_starts == 3
    more = quick(init=init, n_init=4).fit(X, Y)
    assert more.certificate_.n_starts > 3
    assert more.optima_["start"][0] == "given"
    assert identical(quick(init=[]).fit(X, Y), moe)


def test_starts_of_rows_without_weight_are_ignored(moe):
    weight = np.r_[0.0, 0.0, np.ones(len(Y) - 2)]
    start = responsibilities(moe)
    start[:2] = start[:2, ::-1]
    fit = quick(init=start).fit(X, Y, weight)
    assert identical(fit, quick(init=start[2:]).fit(X[2:], Y[2:], weight[2:]))


@pytest.mark.parametrize(
    ("init", "message"),
    [
        (lambda moe: moe.measure_.take([0]), "init has 1 atoms, but n_experts=2"),
        (lambda moe: quick(degree=2, n_experts=2).fit(X, Y).params_, "init has coefficients"),
        (lambda moe: type(moe.measure_)([1, 1], {"coef": [[0], [1]]}), "'gate_coef' is missing"),
        (lambda moe: np.ones((5, 2)), r"init has shape \(5, 2\); responsibilities are"),
        (lambda moe: np.ones(len(Y)), "init has shape"),
        (lambda moe: -np.ones((len(Y), 2)), "negative, not finite, or zero"),
        (lambda moe: np.full((len(Y), 2), np.nan), "negative, not finite, or zero"),
        (lambda moe: np.full((len(Y), 2), np.inf), "negative, not finite, or zero"),
        (lambda moe: np.zeros((len(Y), 2)), "negative, not finite, or zero"),
        (lambda moe: "k-means", "The 'init' parameter"),
    ],
)
def test_starts_that_do_not_fit(moe, init, message):
    with pytest.raises(ValueError, match=message):
        quick(init=init(moe)).fit(X, Y)


def test_warm_start(moe):
    again = quick(warm_start=True, max_iter=1, init=np.full((len(Y), 2), 0.5))
    with pytest.warns(ConvergenceWarning):
        again.fit(X, Y)
    first = again.loglik_
    again.set_params(max_iter=500, init=None).fit(X, Y)
    assert list(again.optima_["start"]) == ["given"]
    assert again.loglik_ > first
    assert again.loglik_ == pytest.approx(moe.loglik_, abs=1e-7)
    # Another number of experts cannot start there, and does not.
    again.set_params(n_experts=1).fit(X, Y)
    assert identical(again, quick(n_experts=1).fit(X, Y))
    assert identical(quick().fit(X[:90], Y[:90]).fit(X, Y), moe)


def test_seeds(moe):
    assert identical(quick().fit(X, Y), moe)
    for seed in (np.random.RandomState(0), None, 12345):
        other = quick(random_state=seed).fit(X, Y)
        assert other.loglik_ == pytest.approx(moe.loglik_, abs=1e-7)
    assert identical(
        quick(random_state=np.random.RandomState(3)).fit(X, Y),
        quick(random_state=np.random.RandomState(3)).fit(X, Y),
    )


def test_threads_change_no_bit():
    x, y = two_lines(50_000)
    one, two = (quick(n_jobs=n, max_iter=20).fit(x, y) for n in (1, 2))
    assert identical(one, two)
    assert one.certificate_ == two.certificate_


@pytest.mark.parametrize("verbose", [0, 1, 2])
def test_progress_goes_to_standard_error(verbose, capfd):
    moe = quick(verbose=verbose).fit(X, Y)
    out, err = capfd.readouterr()
    assert out == ""
    assert ("starts on the sketch" in err) == (verbose > 0)
    assert ("starts on the data" in err) == (verbose > 0)
    assert ("data start 1 (" in err) == (verbose > 1)
    assert identical(moe, quick().fit(X, Y))


def test_a_fit_that_is_not_certified_warns_once_and_says_what_to_do():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        moe = quick(max_iter=1, init=np.full((len(Y), 2), 0.5)).fit(X, Y)
    assert [w.category for w in caught] == [ConvergenceWarning]
    assert caught[0].filename == __file__
    message = str(caught[0].message)
    for advice in ("remaining gain", "max_iter", "n_init", "gate_penalty=", "summary()"):
        assert advice in message
    assert not moe.converged_
    assert not moe.certificate_.holds
    assert "certified optimum: NO" in moe.certificate_.summary()
    assert "not certified" in moe.optima_["flags"][0]
    assert not moe.optima_["certified"][0]


@pytest.mark.parametrize("solver", ["em", "newton", "lbfgs"])
def test_solvers_agree(moe, solver):
    other = quick(solver=solver, max_iter=5000).fit(X, Y)
    assert other.converged_
    assert other.loglik_ == pytest.approx(moe.loglik_, abs=1e-6)


def test_use_optimum_switches_everything(tones):
    best, table = tones.loglik_, tones.optima_
    assert len(table) >= 2
    assert list(table.columns) == [
        "loglik", "certified", "remaining_gain", "shares", "scales", "flags", "n_hits", "start",
        "n_iter",
    ]  # fmt: skip
    certificates = []
    for index in table.index:
        assert tones.use_optimum(index) is tones
        assert tones.loglik_ == table["loglik"][index]
        assert tones.converged_ == table["certified"][index]
        assert tones.certificate_.remaining_gain == table["remaining_gain"][index]
        assert tones.certificate_.n_hits == table["n_hits"][index]
        scales = np.sqrt(tones.params_.expert.variance)
        np.testing.assert_allclose(scales, table["scales"][index], rtol=1e-5)
        np.testing.assert_allclose(sum(table["shares"][index]), 1.0, atol=1e-3)
        certificates.append(tones.certificate_)
    assert len({id(c) for c in certificates}) == len(table)
    assert tones.use_optimum(0).loglik_ == best
    for index in (-1, len(table)):
        with pytest.raises(IndexError, match=f"index={index}: the fit found {len(table)} distinct"):
            tones.use_optimum(index)
    assert tones.loglik_ == best


def test_default_answer_is_the_best_admissible_optimum(tones):
    table = tones.optima_
    admissible = ~table["flags"].str.contains("thin|floor")
    assert admissible[0]
    ranked = table["loglik"][admissible & table["certified"]]
    assert ranked.is_monotonic_decreasing
    # Where no expert may hold less than half, every optimum is thin: the highest is still returned.
    strict = GaussianMoE(random_state=0, n_init=2, min_share=0.51).fit(X, Y)
    assert strict.optima_["flags"].str.contains("thin expert").all()
    assert any("thin experts" in finding for finding in strict.certificate_.findings)
    assert strict.loglik_ == strict.optima_["loglik"].max()


def test_spikes_are_kept_but_are_not_the_answer():
    rng = np.random.default_rng(3)
    x = rng.normal(size=(60, 1))
    y = np.where(np.arange(60) < 20, 3.0 + x[:, 0], x[:, 0] + rng.normal(size=60))
    moe = GaussianMoE(random_state=0, n_init=4).fit(x, y)
    on_floor = moe.optima_["flags"].str.contains("scale on floor")
    assert not on_floor[0]
    assert moe.optima_["loglik"][on_floor].max() > moe.loglik_ + 50.0
    assert min(moe.optima_["scales"][on_floor.idxmax()]) < 1e-5


def test_bounds_hold_and_are_reported():
    tight = quick(bounds={"gate": 0.3, "scale": (0.4, 10.0)}).fit(X, Y)
    assert {"gate[0] x0", "log-variance[0]"} & set(tight.certificate_.active_bounds)
    assert "on bound" in tight.optima_["flags"][0]
    slopes = tight.params_.gate.coef * X.std(axis=0)
    assert np.abs(slopes).max() == pytest.approx(0.3)
    assert np.sqrt(tight.params_.expert.variance).min() >= 0.4 * Y.std() * (1 - 1e-12)


def test_standardising_is_only_a_matter_of_scale(moe):
    other = quick(standardize=False).fit(X, Y)
    assert other.loglik_ == pytest.approx(moe.loglik_, abs=1e-7)
    np.testing.assert_allclose(other.predict(X), moe.predict(X), rtol=1e-4)


def test_weights_are_routed_through_a_pipeline_and_a_search():
    weight = np.random.default_rng(0).exponential(size=len(Y))
    with config_context(enable_metadata_routing=True):
        inner = quick().set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        steps = Pipeline([("scale", StandardScaler().set_fit_request(sample_weight=False)),
                          ("moe", inner)])  # fmt: skip
        search = GridSearchCV(steps, {"moe__variance": ["expert", "shared"]}, cv=2)
        search.fit(X, Y, sample_weight=weight)
        best = search.best_estimator_[-1]
        scaled = search.best_estimator_[0].transform(X)
        assert identical(best, quick(**best.get_params()).fit(scaled, Y, weight))
        assert search.score(X, Y, sample_weight=weight) == best.score(scaled, Y, weight)
        assert best.score(scaled, Y, weight) != best.score(scaled, Y)


def test_number_of_threads():
    every = os.cpu_count()
    assert [n_threads(n) for n in (None, 1, 3, -1, -every, -1000)] == [1, 1, 3, every, 1, 1]
