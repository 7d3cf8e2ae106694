"""Callbacks of scikit-learn hear of every start, can score it, and can end the search."""

from __future__ import annotations

import pickle
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from mixexp import (
    BinomialMoE,
    GaussianMoE,
    MultinomialMoE,
    PoissonMoE,
    Softmax,
    Temperature,
    TemperatureSchedule,
    TopK,
)
from mixexp.models import GaussianGate
from tests.estimators.problems import (
    identical,
    quick,
    three_classes,
    two_lines,
    two_proportions,
    two_rates,
)

callback = pytest.importorskip("sklearn.callback", reason="scikit-learn has callbacks since 1.9")

X, Y = two_lines(120)
FAMILIES = {
    "gaussian": (GaussianMoE, (X, Y), {}),
    "top-K": (GaussianMoE, (X, Y), {"gate": TopK(n_active=1)}),
    "temperature": (GaussianMoE, (X, Y), {"gate": Temperature(Softmax())}),
    "gaussian gate": (GaussianMoE, (X, Y), {"gate": GaussianGate()}),
    "several responses": (GaussianMoE, (X, np.column_stack([Y, Y[::-1]])), {}),
    "multinomial": (MultinomialMoE, three_classes(150), {}),
    "poisson": (PoissonMoE, two_rates(120)[:2], {}),
    "binomial": (BinomialMoE, (X, (Y > 0.0) * 1.0), {}),
}


class Recorder:
    """Writes down every task, and ends the search after some starts."""

    def __init__(
        self, ends_after: int = 10_000, fails_after: int = 10_000, ends_phase: str = "none"
    ):
        self.ends_after, self.fails_after = ends_after, fails_after
        self.ends_phase = ends_phase
        self.begun: list[str] = []
        self.ended: list[str] = []
        self.fits: list = []
        self.data: list = []
        self.is_open = False

    def setup(self, estimator, context):
        self.is_open = True

    def teardown(self, estimator, context):
        self.is_open = False

    def on_fit_task_begin(self, estimator, context):
        self.begun.append(context.task_name)

    def on_fit_task_end(self, estimator, context, *, X, y, metadata, fitted_estimator):
        self.ended.append(context.task_name)
        if not context.task_name.startswith("start ("):
            return context.task_name == self.ends_phase
        self.data.append((X, y, metadata))
        self.fits.append(fitted_estimator)
        if len(self.fits) >= self.fails_after:
            raise RuntimeError("a failure of the callback's own")
        return len(self.fits) >= self.ends_after


def test_tasks_are_a_fit_its_phases_and_their_starts():
    heard = Recorder()
    moe = quick(n_init=2).set_callbacks(heard).fit(X, Y)
    starts = [f"start ({kind})" for kind in moe.starts_["kind"]]
    n = (moe.starts_["phase"] == "sketch").sum()
    assert heard.begun == ["fit", "starts on the sketch", *starts[:n], "starts on the data",
                           *starts[n:]]  # fmt: skip
    assert heard.ended == [*starts[:n], "starts on the sketch", *starts[n:],
                           "starts on the data", "fit"]  # fmt: skip
    assert not heard.is_open


def test_starts_of_the_users_need_no_sketch():
    heard = Recorder()
    start = quick().fit(X, Y).measure_
    quick(init=start).set_callbacks(heard).fit(X, Y)
    assert heard.begun == ["fit", "starts on the data", "start (given)"]


@pytest.mark.parametrize("family", FAMILIES)
def test_callbacks_change_nothing(family):
    kind, data, settings = FAMILIES[family]
    plain = kind(n_init=1, random_state=0, **settings).fit(*data)
    heard = Recorder()
    moe = clone(plain).set_callbacks(heard).fit(*data)
    assert heard.fits and moe.loglik_ == plain.loglik_
    np.testing.assert_array_equal(moe.score_samples(*data), plain.score_samples(*data))


@pytest.mark.parametrize("family", FAMILIES)
def test_intermediate_fits_predict_and_know_their_likelihood(family):
    kind, (x, y), settings = FAMILIES[family]
    heard = Recorder()
    moe = kind(n_init=1, random_state=0, **settings).set_callbacks(heard).fit(x, y)
    for fitted in heard.fits:
        assert fitted is not moe and fitted.certificate_ is None and not fitted.converged_
        assert fitted.loglik_ == pytest.approx(fitted.score_samples(x, y).sum(), rel=1e-9)
        assert fitted.predict(x[:2]).shape == y[:2].shape
    assert heard.fits[-1].loglik_ == pytest.approx(moe.loglik_, abs=1e-3)


def test_a_fit_on_a_sketch_knows_its_likelihood_on_all_rows():
    x, y = two_lines(1500, seed=1)
    heard = Recorder()
    moe = quick().set_callbacks(heard).fit(x, y)
    assert (moe.starts_["weight"] > 0).all() and "sketch" in set(moe.starts_["phase"])
    first = heard.fits[0]
    assert first.loglik_ == pytest.approx(first.score_samples(x, y).sum(), rel=1e-9)
    assert first.loglik_ < moe.loglik_ - 1e-4
    assert heard.fits[-1].loglik_ == pytest.approx(moe.loglik_, abs=1e-6)
    np.testing.assert_allclose(first.optima_["shares"][0], first.responsibilities(x, y).mean(0),
                               atol=1e-4)  # fmt: skip


def test_the_best_so_far_never_falls_within_a_phase():
    x, y = two_lines(100, seed=3)
    heard = Recorder()
    moe = quick(n_experts=3, n_init=4).set_callbacks(heard).fit(x, y)
    values = [fitted.loglik_ for fitted in heard.fits]
    n = (moe.starts_["phase"] == "sketch").sum()
    spoilt = {"thin expert", "scale on floor"}
    good = [not spoilt & set(f.optima_["flags"][0].split(", ")) for f in heard.fits]
    for phase in (slice(None, n), slice(n, None)):
        keys = list(zip(good[phase], values[phase], strict=True))
        assert keys == sorted(keys)
    assert len(set(np.round(values, 3))) > 2


@pytest.mark.parametrize("family", FAMILIES)
def test_ending_the_search_certifies_the_best_so_far(family):
    kind, data, settings = FAMILIES[family]
    heard = Recorder(ends_after=3)
    moe = kind(n_init=3, random_state=0, **settings).set_callbacks(heard).fit(*data)
    assert len(heard.fits) == 3 and heard.ended[-1] == "fit" and not heard.is_open
    assert len(moe.starts_) == 1
    assert moe.converged_
    assert moe.loglik_ >= heard.fits[-1].loglik_ - 1e-8
    assert "a callback ended the search after 3 starts" in moe.certificate_.summary()


def test_ending_the_search_on_the_data():
    n_sketch = (quick(n_init=3).fit(X, Y).starts_["phase"] == "sketch").sum()
    heard = Recorder(ends_after=n_sketch + 1)
    moe = quick(n_init=3).set_callbacks(heard).fit(X, Y)
    assert len(heard.fits) == n_sketch + 1 and len(moe.starts_) == 1 and moe.converged_


def test_ending_the_search_after_the_sketch():
    """The end of a phase is known when the next one's first start has ended."""
    plain = quick(n_init=4, n_experts=3).fit(X, Y)
    n_sketch = (plain.starts_["phase"] == "sketch").sum()
    heard = Recorder(ends_phase="starts on the sketch")
    moe = quick(n_init=4, n_experts=3).set_callbacks(heard).fit(X, Y)
    assert len(plain.starts_) > n_sketch + 1 == len(heard.fits)
    assert len(moe.starts_) == 1


def test_ending_the_search_does_not_heat_the_gate_again():
    schedule = TemperatureSchedule(n_steps=30)
    heard = Recorder(ends_after=1)
    moe = quick(n_experts=3, temperature_schedule=schedule).set_callbacks(heard).fit(X, Y)
    trace = moe.starts_["trace"][0]
    assert trace[0] == pytest.approx(heard.fits[0].loglik_, abs=1e-6)


def test_ending_the_search_with_its_last_start_ends_nothing():
    plain = quick(n_init=2).fit(X, Y)
    heard = Recorder(ends_after=len(plain.starts_))
    moe = quick(n_init=2).set_callbacks(heard).fit(X, Y)
    assert identical(moe, plain) and len(moe.starts_) == len(plain.starts_)
    assert "callback" not in moe.certificate_.summary()


def test_errors_of_callbacks_reach_the_user_and_the_estimator_can_be_fitted_again():
    heard = Recorder(fails_after=2)
    moe = quick().set_callbacks(heard)
    with pytest.raises(RuntimeError, match="of the callback's own"):
        moe.fit(X, Y)
    assert not heard.is_open and not hasattr(moe, "_callback_fit_ctx")
    assert identical(moe.set_callbacks().fit(X, Y), quick().fit(X, Y))


def test_a_monitor_scores_every_start():
    monitor = callback.ScoringMonitor(scoring=["r2", "neg_mean_absolute_error"])
    moe = quick().set_callbacks(monitor).fit(X, Y)
    log = monitor.get_logs().data_as_pandas
    assert len(log) == len(moe.starts_) + 1
    assert log["r2"].iloc[0] == moe.score(X, Y)
    assert np.isfinite(log[["r2", "neg_mean_absolute_error"]]).all(axis=None)


def test_scores_see_weights_and_exposures():
    x, counts, exposure = two_rates(120)
    weight = np.linspace(0.0, 2.0, len(counts))
    heard = Recorder()
    moe = PoissonMoE(n_init=1, random_state=0).set_callbacks(heard)
    moe.fit(x, counts, sample_weight=weight, exposure=exposure)
    seen_x, seen_y, metadata = heard.data[0]
    assert seen_x is x and seen_y is counts
    assert set(metadata) == {"sample_weight", "exposure"}
    score = heard.fits[-1].score(seen_x, seen_y, **metadata)
    assert score == pytest.approx(moe.score(x, counts, weight, exposure), abs=1e-4)
    weighted = weight @ heard.fits[-1].score_samples(x, counts, exposure)
    assert heard.fits[-1].loglik_ == pytest.approx(weighted, rel=1e-9)
    monitor = callback.ScoringMonitor(
        scoring=lambda fitted, x, y, **known: {"r2": fitted.score(x, y, **known)}
    )
    moe.set_callbacks(monitor).fit(x, counts, sample_weight=weight, exposure=exposure)
    assert monitor.get_logs().data[0]["r2"] == moe.score(x, counts, weight, exposure)


def test_trials_go_by_their_name():
    x, successes, trials = two_proportions(120)
    heard = Recorder()
    BinomialMoE(n_init=1, random_state=0).set_callbacks(heard).fit(x, successes, trials=trials)
    assert list(heard.data[0][2]) == ["trials"] and heard.data[0][2]["trials"] is trials


def test_a_formula_shows_callbacks_its_frame():
    frame = pd.DataFrame(X, columns=["dose", "age"]).assign(gain=Y)
    monitor = callback.ScoringMonitor(scoring=["r2"])
    moe = GaussianMoE.from_formula("gain ~ poly(dose, 2) | age", frame, n_init=1, random_state=0)
    moe.set_callbacks(monitor).fit()
    assert monitor.get_logs().data_as_pandas["r2"].iloc[0] == moe.score(frame, frame["gain"])


def test_searches_pass_callbacks_on():
    """A monitor on the estimator is told of every fit of a search, by its place in it."""
    monitor = callback.ScoringMonitor(scoring=["r2"])
    grid = {"gate": [Softmax(), TopK(n_active=1)]}
    GridSearchCV(quick().set_callbacks(monitor), grid, cv=2, refit=False).fit(X, Y)
    log = monitor.get_logs().data_as_pandas
    fits = log[log["task_name"] == "fit"]
    assert len(fits) == 4 and fits["task_id_path"].is_unique
    assert (log["estimator_name"] == "GaussianMoE").all()


class Propagated(Recorder):
    """One that searches hand on to what they fit."""

    max_propagation_depth = None


def test_starts_are_tasks_of_the_search_around_them():
    heard = Propagated()
    search = GridSearchCV(quick(), {"n_experts": [1, 2]}, cv=2).set_callbacks(heard).fit(X, Y)
    n = len(search.best_estimator_.starts_)
    starts = [task for task in heard.ended if task.startswith("start (")]
    assert len(starts) > n and heard.ended.count("starts on the data") == 5
    assert heard.fits[-1].loglik_ == pytest.approx(search.best_estimator_.loglik_, abs=1e-3)
    assert not hasattr(search.best_estimator_, "_skl_callbacks")


def test_progress_bars(capsys):
    pytest.importorskip("rich", reason="scikit-learn's bars are made by rich")
    quick().set_callbacks(callback.ProgressBar()).fit(X, Y)
    shown = capsys.readouterr().out
    assert "GaussianMoE - fit" in shown and "starts on the data" in shown and "100%" in shown


def test_pickles_and_clones_keep_callbacks():
    moe = quick().set_callbacks(callback.ScoringMonitor(scoring=["r2"])).fit(X, Y)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(moe)).predict(X), moe.predict(X))
    assert clone(moe)._skl_callbacks is moe._skl_callbacks


def test_a_scikit_learn_without_callbacks():
    """As an older one, whose module of that name does not exist."""
    code = """
import sys
import sklearn.callback, sklearn.cluster, sklearn.linear_model, sklearn.metrics
kept, sys.modules["sklearn.callback"] = sys.modules["sklearn.callback"], None
from mixexp import GaussianMoE
sys.modules["sklearn.callback"] = kept
import numpy as np
x = np.arange(20.0)[:, None]
moe = GaussianMoE(1).fit(x, x[:, 0] ** 2)
print(hasattr(moe, "set_callbacks"), moe.converged_)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]
