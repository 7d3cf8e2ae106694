"""Many fits in one call are the fits that the estimator makes, one by one."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from mixexp import (
    BinomialMoE,
    GaussianMoE,
    GLoME,
    MixtureParams,
    MultinomialMoE,
    PoissonMoE,
    Temperature,
    Transformed,
    fit_many,
)
from mixexp.models import GaussianParams, PoissonParams, SoftmaxParams

TRUTH = MixtureParams(
    SoftmaxParams(np.zeros(2), np.array([[3.0, 0.5], [0.0, 0.0]])),
    GaussianParams(
        np.array([1.0, -1.0]), np.array([[1.0, 0.3], [-1.0, 0.5]]), np.array([0.1, 0.2])
    ),
)


def data_sets(n_sets=4, n=120, seed=0, kind="real"):
    """Data sets in units of their own, (M, n, 2) and (M, n)."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(-1.0, 1.0, size=(n_sets, n, 2))
    first = rng.random((n_sets, n)) < 1.0 / (1.0 + np.exp(-3.0 * x[..., 0]))
    mean = np.where(first, 1.0 + x[..., 0], -1.0 - x[..., 0] + 0.5 * x[..., 1])
    if kind == "counts":
        return x, rng.poisson(np.exp(mean))
    if kind == "classes":
        return x, (mean + rng.normal(size=mean.shape) > 0.0).astype(int)
    return x, mean + 0.4 * rng.normal(size=mean.shape)


def same(fits, index, fitted, theta=1e-7):
    """Whether a fit is that of an estimator."""
    scale = 1.0 + abs(fitted.loglik_)
    assert fits.loglik[index] == pytest.approx(fitted.loglik_, rel=0.0, abs=1e-10 * scale)
    assert fits.converged[index] == fitted.converged_
    if fitted.certificate_.n_null or fitted.certificate_.separation.found:
        # Parameters that the data do not identify are where the last steps left them.
        return
    for a, b in zip(arrays(fits.params_of(index)), arrays(fitted.params_), strict=True):
        np.testing.assert_allclose(a, b, rtol=theta, atol=theta)


def arrays(params):
    """The arrays in parameters, those of a gate around another one included."""
    if not isinstance(params, tuple):
        return [params]
    return [array for part in params for array in arrays(part)]


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"variance": "shared"},
        {"gate_penalty": 0.5, "expert_penalty": 0.2},
        {"bounds": {"gate": 1.5, "scale": (0.3, 1.0)}},
        {"standardize": False},
    ],
    ids=str,
)
def test_is_the_fit_of_the_estimator(settings):
    X, y = data_sets()
    X = 100.0 + 7.0 * X
    estimator = GaussianMoE(n_experts=2, **settings)
    start = clone(estimator).set_params(n_init=3, random_state=0).fit(X[0], y[0]).params_
    fits = fit_many(estimator, X, y, init=start)
    for i in range(len(X)):
        fitted = clone(estimator).set_params(init=start, n_init=1).fit(X[i], y[i])
        same(fits, i, fitted)
        assert fits.remaining_gain[i] <= 1e-8 and fits.n_evaluations[i] >= 3
        np.testing.assert_allclose(fits.shares[i], fitted._optima[0].shares, atol=1e-8)


@pytest.mark.parametrize(
    ("estimator", "kind"),
    [
        (GaussianMoE(2, gate=Transformed()), "real"),
        (GaussianMoE(2, degree=2), "real"),
        (PoissonMoE(2, gate_penalty=0.1), "counts"),
        (BinomialMoE(2, expert_penalty=0.1, gate_penalty=0.1), "classes"),
        (MultinomialMoE(2), "classes"),
    ],
    ids=repr,
)
def test_families_and_gates(estimator, kind):
    X, y = data_sets(kind=kind)
    start = clone(estimator).set_params(n_init=3, random_state=0).fit(X[0], y[0]).params_
    fits = fit_many(estimator, X, y, init=start)
    for i in range(len(X)):
        same(fits, i, clone(estimator).set_params(init=start, n_init=1).fit(X[i], y[i]))


def test_weights_and_different_sizes():
    """Rows of weight zero do not count, and data sets need not be alike."""
    X, y = data_sets()
    rng = np.random.default_rng(1)
    weights = [rng.integers(0, 3, size=n).astype(float) for n in (120, 90, 60, 100)]
    X, y = ([a[: len(w)] for a, w in zip(b, weights, strict=True)] for b in (X, y))
    fits = fit_many(GaussianMoE(2), X, y, init=TRUTH, sample_weight=weights)
    for i, w in enumerate(weights):
        same(fits, i, GaussianMoE(2, init=TRUTH, n_init=1).fit(X[i], y[i], w))


def test_starts_of_each_problem():
    """One for each, or several of which the best optimum is kept."""
    X, y = data_sets(n_sets=3)
    swapped = MixtureParams(
        SoftmaxParams(np.zeros(2), -TRUTH.gate.coef),
        GaussianParams(*(a[::-1].copy() for a in TRUTH.expert)),
    )
    bad = MixtureParams(
        TRUTH.gate, GaussianParams(np.zeros(2), np.zeros((2, 2)), np.array([1e-4, 5.0]))
    )
    one = fit_many(GaussianMoE(2), X, y, init=[TRUTH, swapped, TRUTH])
    several = fit_many(GaussianMoE(2), X, y, init=[[bad, TRUTH]] * 3)
    np.testing.assert_allclose(one.loglik, several.loglik, rtol=1e-10)
    assert one.params.expert.intercept[1, 0] < 0.0 < one.params.expert.intercept[0, 0]
    assert np.all(several.n_evaluations > one.n_evaluations)


def test_without_starts_it_is_the_search_of_the_estimator():
    X, y = data_sets(n_sets=2)
    estimator = GaussianMoE(2, n_init=2, random_state=3)
    fits = fit_many(estimator, X, y)
    for i in range(2):
        same(fits, i, clone(estimator).fit(X[i], y[i]), theta=1e-12)
    # Another search would take another seed.
    some = fit_many(estimator.set_params(random_state=None), X, y)
    assert some.estimator(1).loglik_ == pytest.approx(some.loglik[1], abs=1e-9)


def test_models_without_a_compiled_form():
    X, y = data_sets(n_sets=2)
    estimator = GaussianMoE(2, gate=Temperature(tau=2.0))
    start = GaussianMoE(2, gate=Temperature(tau=2.0), n_init=2, random_state=0)
    start = start.fit(X[0], y[0]).params_
    fits = fit_many(estimator, X, y, init=start)
    same(fits, 1, clone(estimator).set_params(init=start, n_init=1).fit(X[1], y[1]), theta=1e-12)
    assert fits.params.expert.coef.shape == (2, 2, 2)


@pytest.mark.parametrize("gate", [None, Transformed()], ids=repr)
def test_one_column_in_units_of_its_own(gate):
    """What is standardised for the kernels is a copy: later fits see the user's rows."""
    X, y = data_sets(n_sets=2)
    X = np.ascontiguousarray(1.0 + 0.1 * X[..., :1])
    given = X.copy()
    estimator = GaussianMoE(2, gate=gate)
    start = clone(estimator).set_params(n_init=2, random_state=0).fit(X[0], y[0]).params_
    fits = fit_many(estimator, X, y, init=start)
    for i in range(2):
        fitted = clone(estimator).set_params(init=start, n_init=1).fit(X[i], y[i])
        same(fits, i, fitted)
        for a, b in zip(arrays(fits.estimator(i).params_), arrays(fitted.params_), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-6)
    np.testing.assert_array_equal(X, given)


@pytest.mark.parametrize("response", [1, 2])
def test_one_expert_and_columns_of_responses(response):
    """Nothing of the gate is free, and y may be (n, 1) or (n, D)."""
    X, y = data_sets(n_sets=2)
    y = np.stack([y, 2.0 * y + X[..., 0]][:response], axis=-1)
    start = GaussianMoE(1, n_init=1).fit(X[0], y[0].squeeze()).params_
    fits = fit_many(GaussianMoE(1), X, y, init=start)
    same(fits, 1, GaussianMoE(1, init=start, n_init=1).fit(X[1], y[1].squeeze()))


@pytest.mark.parametrize(
    ("estimator", "argument", "kind"),
    [(PoissonMoE(2), "exposure", "counts"), (BinomialMoE(2), "trials", "classes")],
)
def test_exposures_and_trials(estimator, argument, kind):
    """A number for all, for each problem or for each row."""
    X, y = data_sets(n_sets=3, kind=kind)
    rng = np.random.default_rng(2)
    estimator.set_params(gate_penalty=0.1, expert_penalty=0.1)
    each = [4, [2.0] * 120, rng.integers(1, 6, size=120)]
    weight = rng.integers(0, 3, size=y.shape).astype(float)
    start = clone(estimator).set_params(n_init=2, random_state=0).fit(X[0], y[0]).params_
    fits = fit_many(estimator, X, y, init=start, sample_weight=weight, **{argument: each})
    alike = fit_many(estimator, X, y, init=start, **{argument: 3})
    search = fit_many(clone(estimator).set_params(n_init=1), X[:1], y[:1], **{argument: 3})
    for i in range(3):
        one = clone(estimator).set_params(init=start, n_init=1)
        same(fits, i, one.fit(X[i], y[i], weight[i], **{argument: each[i]}))
        same(alike, i, one.fit(X[i], y[i], **{argument: 3}))
    assert alike.estimator(2).loglik_ == pytest.approx(alike.loglik[2], abs=1e-9)
    assert search.loglik[0] >= alike.loglik[0] - 1e-6
    each[1][7] = -1.0
    with pytest.raises(ValueError, match=f"problem 1: .*{argument}.*row 7"):
        fit_many(estimator, X, y, init=start, **{argument: each})
    with pytest.raises(ValueError, match=f"{argument} has 2 entries, but there are 3 problems"):
        fit_many(estimator, X, y, init=start, **{argument: each[:2]})
    with pytest.raises(ValueError, match=rf"problem 2: {argument} has shape \(5,\)"):
        fit_many(estimator, X, y, init=start, **{argument: [1, 1, np.ones(5)]})
    with pytest.raises(ValueError, match=f"{argument} is no argument of GaussianMoE.fit"):
        fit_many(GaussianMoE(2), X, y, init=start, **{argument: 3})


def test_data_frames():
    """Columns go by their names, which have to be the same in every problem."""
    X, y = data_sets(n_sets=2)
    frames = [pd.DataFrame(x, columns=["a", "b"]) for x in X]
    estimator = GaussianMoE(2, gate_features=["a"], n_init=2, random_state=0)
    start = estimator.fit(frames[0], y[0]).params_
    fits = fit_many(estimator, frames, [pd.Series(one) for one in y], init=start)
    same(fits, 1, clone(estimator).set_params(init=start, n_init=1).fit(frames[1], y[1]))
    assert fits.estimator(1).feature_names_in_.tolist() == ["a", "b"]
    with pytest.raises(ValueError, match=r"problem 1: X has the columns \['b', 'a'\]"):
        fit_many(estimator, [frames[0], frames[1][["b", "a"]]], y, init=start)


def test_a_class_that_a_problem_lacks():
    """The compiled fit has it; an ordinary fit of those rows alone would be another model."""
    X, y = data_sets(n_sets=2, kind="classes")
    y = np.array(["no", "yes"])[y].astype(object)
    y[0, :20] = "maybe"
    estimator = MultinomialMoE(2, n_init=2, random_state=0)
    fits = fit_many(estimator, X, y, init=clone(estimator).fit(X[0], y[0]).params_)
    assert fits.converged.all() and fits.params_of(1).expert.intercept.shape == (2, 3)
    assert fits.estimator(0).loglik_ == pytest.approx(fits.loglik[0], abs=1e-9)
    for call in (lambda: fits.estimator(1), lambda: fit_many(estimator, X, y)):
        with pytest.raises(ValueError, match=r"problem 1: its rows have the classes \['no', 'yes'"):
            call()


def test_results_can_be_kept():
    X, y = data_sets(n_sets=2)
    fits = fit_many(GaussianMoE(2), X, y, init=TRUTH)
    again = pickle.loads(pickle.dumps(fits))
    np.testing.assert_array_equal(again.theta, fits.theta)
    assert again.estimator(1).loglik_ == pytest.approx(fits.loglik[1], abs=1e-9)


def test_threads_do_not_change_anything():
    X, y = data_sets(n_sets=150, n=60)
    one = fit_many(GaussianMoE(2), X, y, init=TRUTH)
    two = fit_many(GaussianMoE(2), X, y, init=TRUTH, n_jobs=2)
    assert np.array_equal(one.theta, two.theta)
    assert np.array_equal(one.converged, two.converged)


def test_results_on_demand():
    X, y = data_sets(n_sets=2)
    estimator = GaussianMoE(2)
    fits = fit_many(estimator, X, y, init=TRUTH)
    fitted = fits.estimator(-1)
    assert fitted.certificate_.holds
    assert fitted.loglik_ == pytest.approx(fits.loglik[1], abs=1e-9)
    assert fitted.get_params()["init"] is None and fitted.n_init == estimator.n_init
    assert not hasattr(estimator, "params_")
    table = fits.table()
    assert len(table) == len(fits) == 2
    assert set(table["reason"]) == {"the remaining gain is below the tolerance"}
    with pytest.raises(IndexError, match="2 problems"):
        fits.estimator(2)


def test_what_does_not_converge_is_flagged():
    X, y = data_sets(n_sets=3)
    fits = fit_many(GaussianMoE(2, max_iter=1, tol=1e-30), X, y, init=TRUTH)
    assert len(fits) == 3 and not fits.converged.any()
    assert set(fits.reason) == {"the iteration limit was reached"}


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda X, y: X[1].__setitem__((3, 0), np.nan), "problem 1: X or y has NaN"),
        (lambda X, y: y[2].__setitem__(5, np.inf), "problem 2: X or y has NaN"),
        (lambda X, y: X.__setitem__(1, X[1][:5]), "problem 1: X has shape"),
        (lambda X, y: y.pop(), "X has 3 data sets, y 2"),
        (lambda X, y: X.__setitem__(2, X[2] + 1j), "problem 2: X has complex numbers"),
        (lambda X, y: X.__setitem__(0, X[0][:, 0]), r"problem 0: X has shape \(120,\)"),
        (lambda X, y: y.__setitem__(1, ["?"] * 120), "problem 1: y must be an array of numbers"),
        (lambda X, y: y.__setitem__(1, y[1][:, None] + [0, 1]), r"problem 1: .* a y \(n,\)"),
    ],
)
def test_errors_name_the_problem(spoil, message):
    X, y = (list(map(np.array, part)) for part in data_sets(n_sets=3))
    spoil(X, y)
    with pytest.raises(ValueError, match=message):
        fit_many(GaussianMoE(2), X, y, init=TRUTH)


def test_more_errors_that_name_the_problem():
    X, y = data_sets(n_sets=2)
    with pytest.raises(ValueError, match=r"problem 1: n_experts=2 is larger than n_samples=1"):
        fit_many(GaussianMoE(2), [X[0], X[1][:1]], [y[0], y[1][:1]], init=TRUTH)
    with pytest.raises(ValueError, match=r"problem 0: .*[Nn]egative"):
        fit_many(GaussianMoE(2), X, y, init=TRUTH, sample_weight=-np.ones(y.shape))
    with pytest.raises(ValueError, match="init has 3 entries"):
        fit_many(GaussianMoE(2), X, y, init=[TRUTH] * 3)
    with pytest.raises(ValueError, match=r"init\[0\] is of the type ndarray"):
        fit_many(GaussianMoE(2), X, y, init=[np.ones((120, 2))] * 2)


@pytest.mark.parametrize("bad", [1.5, -1.0])
def test_responses_that_a_family_refuses(bad):
    X, y = data_sets(n_sets=3, kind="counts")
    y = y.astype(float)
    y[2, 5] = bad
    start = MixtureParams(TRUTH.gate, PoissonParams(np.zeros(2), np.zeros((2, 2))))
    with pytest.raises(ValueError, match=f"problem 2: y: {bad:g} in row 5"):
        fit_many(PoissonMoE(2), X, y, init=start)


def test_what_cannot_be_fitted_is_refused():
    X, y = data_sets(n_sets=2)
    nothing = MixtureParams(TRUTH.gate, TRUTH.expert._replace(variance=np.array([-0.1, 1.0])))
    with pytest.raises(ValueError, match=r"init\[1\] has NaN or a negative variance"):
        fit_many(GaussianMoE(2), X, y, init=[TRUTH, nothing])
    with pytest.raises(ValueError, match="'tol' parameter of GaussianMoE"):
        fit_many(GaussianMoE(2, tol=-1.0), X, y, init=TRUTH)
    with pytest.raises(TypeError, match=r"estimator is GLoME\(\); fit_many takes"):
        fit_many(GLoME(), X, y)
    frame = pd.DataFrame({"x": X[0, :, 0], "y": y[0]})
    with pytest.raises(ValueError, match="estimator has a formula"):
        fit_many(GaussianMoE.from_formula("y ~ x", frame), X, y, init=TRUTH)
