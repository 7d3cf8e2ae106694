"""A fit depends on the weighted distribution of the rows, and moves with units and origins."""

from __future__ import annotations

import numpy as np
import pytest

from tests.estimators.problems import identical, quick, two_lines

X, Y = two_lines()
# Starts are drawn by the content of the rows: from a given one, both fits climb the same hill.
ABOVE = np.column_stack([X[:, 0] < Y, X[:, 0] >= Y])
WEIGHT = np.random.default_rng(5).exponential(size=len(Y))
SETTINGS = {
    "default": {},
    "degree 2": {"degree": 2},
    "shared variance": {"variance": "shared"},
    "constant gate": {"gate_features": []},
}
each_setting = pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
each_weighting = pytest.mark.parametrize("weight", [None, WEIGHT], ids=["plain", "weighted"])


@each_setting
@each_weighting
@pytest.mark.parametrize(
    ("x_unit", "y_unit", "x_shift", "y_shift"),
    [
        (1e-12, 1e12, 0.0, 0.0),
        (1e12, 1e-12, 0.0, 0.0),
        (1.0, 1.0, 1e5, -1e5),
        (np.array([1e12, 1e-12]), 1e-12, np.array([0.0, 3e-12]), 7e-12),
    ],
    ids=["small x", "large x", "shifted", "mixed"],
)
def test_units_and_origins(settings, weight, x_unit, y_unit, x_shift, y_shift):
    plain = quick(init=ABOVE, **settings).fit(X, Y, weight)
    x, y = X * x_unit + x_shift, Y * y_unit + y_shift
    moe = quick(init=ABOVE, **settings).fit(x, y, weight)
    total = len(Y) if weight is None else weight.sum()
    assert moe.loglik_ == pytest.approx(plain.loglik_ - total * np.log(y_unit), abs=1e-6)
    predicted, deviation = moe.predict(x, return_std=True)
    known, known_deviation = plain.predict(X, return_std=True)
    np.testing.assert_allclose((predicted - y_shift) / y_unit, known, rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(deviation / y_unit, known_deviation, rtol=1e-6)
    np.testing.assert_allclose(moe.gate_proba(x), plain.gate_proba(X), atol=1e-7)
    np.testing.assert_allclose(
        moe.score_samples(x, y), plain.score_samples(X, Y) - np.log(y_unit), atol=1e-6
    )
    assert moe.converged_
    assert moe.optima_["flags"][0] == plain.optima_["flags"][0] == ""


def test_units_of_the_parameters():
    gate, expert = quick(init=ABOVE).fit(X, Y).params_
    scaled = quick(init=ABOVE).fit(X * 1e12, Y * 1e-12).params_
    np.testing.assert_allclose(scaled.expert.intercept, expert.intercept * 1e-12, rtol=1e-6)
    np.testing.assert_allclose(scaled.expert.coef, expert.coef * 1e-24, rtol=1e-6)
    np.testing.assert_allclose(scaled.expert.variance, expert.variance * 1e-24, rtol=1e-6)
    np.testing.assert_allclose(scaled.gate.intercept, gate.intercept, rtol=1e-6)
    np.testing.assert_allclose(scaled.gate.coef, gate.coef * 1e-12, rtol=1e-6)


@each_weighting
def test_order_of_the_rows(weight):
    order = np.random.default_rng(2).permutation(len(Y))
    moved = quick().fit(X[order], Y[order], None if weight is None else weight[order])
    assert identical(quick().fit(X, Y, weight), moved)


@each_setting
def test_weights_count_rows(settings):
    count = np.random.default_rng(4).integers(0, 4, size=len(Y))
    weighted = quick(**settings).fit(X, Y, sample_weight=count)
    repeated = quick(**settings).fit(np.repeat(X, count, axis=0), np.repeat(Y, count))
    assert identical(weighted, repeated)
    assert weighted.certificate_.information == repeated.certificate_.information


def test_rows_without_weight_are_not_there():
    weight = WEIGHT * (np.arange(len(Y)) % 3 > 0)
    used = weight > 0.0
    # Even an outlier: it must not touch the standardisation either.
    y = np.where(used, Y, 1e9)
    assert identical(quick().fit(X, y, weight), quick().fit(X[used], Y[used], weight[used]))


def test_unit_weights_are_no_weights():
    assert identical(quick().fit(X, Y, np.ones(len(Y))), quick().fit(X, Y))


def test_unit_of_the_weights_scales_the_likelihood_only():
    one, many = quick().fit(X, Y, WEIGHT), quick().fit(X, Y, 50.0 * WEIGHT)
    assert many.loglik_ == pytest.approx(50.0 * one.loglik_)
    np.testing.assert_allclose(many.predict(X), one.predict(X), rtol=1e-5, atol=1e-6)
    assert many.bic(X, Y, 50.0 * WEIGHT) != pytest.approx(50.0 * one.bic(X, Y, WEIGHT))


def test_order_of_many_rows():
    # More rows than are looked at for starts: rounding of sums, and with it the labels of the
    # experts, may depend on the order.
    x, y = two_lines(4000)
    order = np.random.default_rng(2).permutation(len(y))
    one, other = quick().fit(x, y), quick().fit(x[order], y[order])
    assert other.loglik_ == pytest.approx(one.loglik_, rel=1e-12)
    aligned = other.measure_.align(one.measure_)
    np.testing.assert_allclose(aligned["coef"], one.measure_["coef"], rtol=1e-7)


@pytest.mark.parametrize("shift", [1e6, 1e9])
def test_polynomials_far_from_the_origin(shift):
    plain = quick(degree=3, init=ABOVE).fit(X, Y)
    moe = quick(degree=3, init=ABOVE).fit(X + shift, Y)
    assert moe.score_samples(X + shift, Y).sum() == pytest.approx(moe.loglik_, abs=1e-9)
    assert moe.loglik_ == pytest.approx(plain.loglik_, abs=1e-5)
    np.testing.assert_allclose(moe.predict(X + shift), plain.predict(X), rtol=1e-4, atol=1e-5)
