"""What is remembered of the starts of a fit."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from mixexp import GaussianMoE, GLoME, MultinomialMoE, datasets


@pytest.fixture(scope="module")
def data():
    frame = datasets.load_faithful()
    return frame[["eruptions"]], frame["waiting"]


def test_every_start_leads_to_its_optimum(data):
    fit = GaussianMoE(2, n_init=5, random_state=0).fit(*data)
    runs, optima = fit.starts_, fit.optima_
    assert set(runs["phase"]) == {"sketch", "data"}
    later = runs[runs["phase"] == "data"]
    assert later["n_starts"].sum() == (runs["phase"] == "sketch").sum()
    for index, row in optima.iterrows():
        own = runs[runs["optimum"] == index]
        assert row["n_hits"] == own.loc[own["phase"] == "data", "n_starts"].sum()
        np.testing.assert_allclose(own["loglik"], row["loglik"], atol=1e-4)
    assert (runs["n_iter"] == [len(trace) - 1 for trace in runs["trace"]]).all()
    assert set(runs["weight"]) == {272.0}


def test_traces_climb_to_the_penalised_likelihood(data):
    plain = GaussianMoE(2, n_init=2, random_state=0).fit(*data)
    ridge = GaussianMoE(2, n_init=2, gate_penalty=5.0, random_state=0).fit(*data)
    for fit in (plain, ridge):
        for trace in fit.starts_["trace"]:
            assert (np.diff(trace) >= -1e-8).all()
    last = ridge.starts_.iloc[-1]
    assert last["loglik"] - last["trace"][-1] > 0.01
    assert last["loglik"] == pytest.approx(ridge.optima_["loglik"][last["optimum"]], abs=1e-6)
    np.testing.assert_allclose(
        plain.starts_["loglik"], [trace[-1] for trace in plain.starts_["trace"]], atol=1e-6
    )


def test_given_starts_come_first_on_the_data_and_sketches_are_named(data):
    rng = np.random.default_rng(0)
    x = rng.uniform(-1.0, 1.0, (1500, 1))
    y = np.where(x[:, 0] > 0.0, 2.0, -1.0) * x[:, 0] + 0.3 * rng.normal(size=1500)
    first = GaussianMoE(2, n_init=4, random_state=0).fit(x, y)
    runs = first.starts_
    # Of the sketch, 1024 of the 1500 rows, likelihoods are not those of the data.
    assert set(runs.loc[runs["phase"] == "data", "weight"]) == {1500.0}
    assert set(runs.loc[runs["phase"] == "sketch", "weight"]) == {1024.0}
    again = GaussianMoE(2, n_init=1, init=first.params_).fit(x, y)
    assert again.starts_[["phase", "kind", "optimum"]].values.tolist() == [["data", "given", 0]]


def test_starts_that_are_not_continued_have_no_optimum(data):
    X, y = datasets.load_npreg()[["x"]], datasets.load_npreg()["yp"].clip(upper=3)
    fit = MultinomialMoE(3, n_init=1, random_state=0).fit(X, y)
    sketch = fit.starts_[fit.starts_["phase"] == "sketch"]
    continued = sketch.loc[sketch["optimum"] >= 0, "loglik"]
    assert set(sketch["optimum"]) <= {-1, 0} and len(continued)


def test_joint_fits_remember_their_starts_too(data):
    fit = GLoME(2, n_init=4, random_state=0).fit(*data)
    runs = fit.starts_
    assert runs.groupby("optimum")["n_starts"].sum().to_list() == fit.optima_["n_hits"].to_list()
    best = runs[runs["optimum"] == 0]
    np.testing.assert_allclose(best["joint_loglik"], fit.joint_loglik_, atol=0.02)
    refined = GLoME(2, n_init=2, likelihood="conditional", random_state=0).fit(*data)
    at = refined.starts_["optimum"].to_numpy()
    np.testing.assert_allclose(
        refined.optima_["joint_loglik"].to_numpy()[at], refined.starts_["joint_loglik"], atol=0.02
    )


def test_starts_are_pickled_with_the_fit(data):
    fit = GaussianMoE(1, random_state=0).fit(*data)
    assert pickle.loads(pickle.dumps(fit)).starts_.equals(fit.starts_)
