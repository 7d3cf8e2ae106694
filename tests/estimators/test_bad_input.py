"""Malformed input is refused in clear words; degenerate input fits and is flagged."""

from __future__ import annotations

import re

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

from mixexp import GaussianMoE
from mixexp.estimation.box import Bounds
from tests.estimators.problems import quick, two_lines

X, Y = two_lines(60)
Z = X[:, :1]


def put(values, index, value):
    changed = np.array(values, dtype=float)
    changed[index] = value
    return changed


MALFORMED = {
    "NaN in X": (put(X, (3, 1), np.nan), Y, None, "Input X contains NaN"),
    "infinity in X": (put(X, (3, 1), np.inf), Y, None, "Input X contains infinity"),
    "NaN in y": (X, put(Y, 2, np.nan), None, "Input y contains NaN"),
    "infinity in y": (X, put(Y, 2, -np.inf), None, "Input y contains infinity"),
    "NaN in weights": (X, Y, put(Y * Y, 2, np.nan), "sample_weight contains NaN"),
    "infinity in weights": (X, Y, put(Y * Y, 2, np.inf), "sample_weight contains infinity"),
    "negative weight": (X, Y, put(Y * Y, 2, -1e-9), "Negative values in data .*sample_weight"),
    "zero weights": (X, Y, np.zeros(60), "[wW]eight.* at least one"),
    "weights of another length": (X, Y, np.ones(59), r"sample_weight.shape == \(59,\), expected"),
    "weights in a matrix": (X, Y, np.ones((60, 1)), "Sample weights must be 1D"),
    "no rows": (X[:0], Y[:0], None, r"0 sample\(s\).*minimum of 1 is required"),
    "no columns": (X[:, :0], Y, None, r"0 feature\(s\).*minimum of 1 is required"),
    "X with one axis": (X[:, 0], Y, None, "Expected 2D array, got 1D"),
    "X with three axes": (X[None], Y, None, "X with dim 3|Found array with dim 3"),
    "y of another length": (X, Y[:-1], None, r"inconsistent numbers of samples: \[60, 59\]"),
    "y with three axes": (X, X[None], None, r"dim 3|inconsistent numbers"),
    "no y": (X, None, None, "requires y to be passed"),
    "words in y": (X, np.full(60, "a"), None, "could not convert string to float"),
    "complex y": (X, Y + 1j, None, "Complex data not supported"),
}


@pytest.mark.parametrize(("X", "y", "weight", "message"), MALFORMED.values(), ids=MALFORMED)
def test_malformed_data(X, y, weight, message):
    with pytest.raises(ValueError, match=message):
        quick().fit(X, y, sample_weight=weight)


def test_more_experts_than_rows():
    with pytest.raises(ValueError, match=r"n_experts=4 is larger than n_samples=3 .*fewer experts"):
        quick(n_experts=4).fit(X[:3], Y[:3])
    weight = np.zeros(60)
    weight[:3] = 2.0
    with pytest.raises(ValueError, match=r"n_samples=3 \(rows of positive weight\)"):
        quick(n_experts=4).fit(X, Y, weight)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"bounds": {"gates": 1.0}}, r"bounds has no entry \['gates'\]; use 'gate'"),
        ({"bounds": {"gate": -1.0}}, "bounds must be positive.*gate=-1.0"),
        ({"bounds": {"expert": np.nan}}, "bounds must be positive.*expert=nan"),
        ({"bounds": {"scale": (1.0, 0.1)}}, r"low < high; got .*scale=\(1.0, 0.1\)"),
        ({"bounds": {"scale": (0.0, 1.0)}}, r"bounds must be positive.*scale=\(0.0, 1.0\)"),
        ({"bounds": {"scale": 3.0}}, "'scale' and 'temperature' pairs of numbers"),
        ({"bounds": {"scale": (1, 2, 3)}}, "'scale' and 'temperature' pairs of numbers"),
        ({"bounds": {"gate": "wide"}}, "'gate' and 'expert' must be numbers"),
        ({"bounds": 5.0}, "The 'bounds' parameter .* Got 5.0"),
        ({"n_jobs": 0}, "n_jobs=0 has no meaning; use None, a positive number, or -1"),
        ({"n_jobs": 1.5}, "The 'n_jobs' parameter .* Got 1.5"),
        ({"n_experts": 0}, "The 'n_experts' parameter .* Got 0"),
        ({"degree": -1}, "The 'degree' parameter .* Got -1"),
        ({"variance": "equal"}, "The 'variance' parameter .* Got 'equal'"),
        ({"solver": "sgd"}, "The 'solver' parameter .* Got 'sgd'"),
        ({"gate": "softmax"}, "The 'gate' parameter .* Got 'softmax'"),
        ({"n_init": 0}, "The 'n_init' parameter .* Got 0"),
        ({"min_share": 1.5}, "The 'min_share' parameter .* Got 1.5"),
        ({"tol": 0.0}, "The 'tol' parameter .* Got 0.0"),
        ({"max_iter": 0}, "The 'max_iter' parameter .* Got 0"),
        ({"gate_penalty": -1.0}, "The 'gate_penalty' parameter .* Got -1.0"),
        ({"expert_penalty": np.nan}, "The 'expert_penalty' parameter .* Got nan"),
        ({"random_state": "today"}, "The 'random_state' parameter .* Got 'today'"),
        ({"verbose": -1}, "The 'verbose' parameter .* Got -1"),
        ({"standardize": 2}, "The 'standardize' parameter .* Got 2"),
    ],
    ids=str,
)
def test_malformed_settings(setting, message):
    with pytest.raises(ValueError, match=message):
        quick(**setting).fit(X, Y)


def test_settings_that_are_allowed():
    bounds = Bounds(gate=50.0)
    assert quick(bounds=bounds, n_jobs=-1, verbose=False).fit(X, Y).converged_
    assert quick(bounds={"gate": 50}).fit(X, Y).loglik_ == quick(bounds=bounds).fit(X, Y).loglik_


OF_X = ["predict", "predict_dist", "predict_quantile", "predict_interval", "sample", "gate_proba",
        "predict_expert", "score_samples"]  # fmt: skip
OF_BOTH = ["score", "score_samples", "responsibilities", "aic", "bic"]


@pytest.fixture(scope="module")
def moe():
    return quick().fit(X, Y)


@pytest.mark.parametrize("method", OF_X)
def test_methods_of_x(method, moe):
    with pytest.raises(NotFittedError, match="not fitted yet"):
        getattr(GaussianMoE(), method)(X)
    for bad, message in (
        (X[:, :1], "X has 1 features, but GaussianMoE is expecting 2"),
        (put(X, (0, 0), np.nan), "Input X contains NaN"),
        (X[:0], "minimum of 1 is required"),
        (X[0], "Expected 2D array"),
    ):
        with pytest.raises(ValueError, match=message):
            getattr(moe, method)(bad)


@pytest.mark.parametrize("method", OF_BOTH)
def test_methods_of_x_and_y(method, moe):
    with pytest.raises(NotFittedError, match="not fitted yet"):
        getattr(GaussianMoE(), method)(X, Y)
    for bad, message in (
        (Y[:-1], "inconsistent numbers of samples"),
        (put(Y, 0, np.inf), "contains infinity"),
        (np.column_stack([Y, Y]), "1d array|multioutput|different number of output|y_true"),
    ):
        with pytest.raises(ValueError, match=message):
            getattr(moe, method)(X, bad)


def test_what_only_a_fit_has():
    for name in ("optima_", "measure_"):
        with pytest.raises(NotFittedError, match="not fitted yet"):
            getattr(GaussianMoE(), name)
    with pytest.raises(NotFittedError, match="not fitted yet"):
        GaussianMoE().use_optimum(0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: m.predict_quantile(X, 1.5), r"q=1.5 must be a number in \[0, 1\]"),
        (lambda m: m.predict_quantile(X, [0.5, -0.1]), r"q=\[0.5, -0.1\] must be"),
        (lambda m: m.predict_quantile(X, [[0.5]]), r"q=\[\[0.5\]\] must be"),
        (lambda m: m.predict_quantile(X, np.nan), "q=nan must be"),
        (lambda m: m.predict_interval(X, 1.5), r"level must be in \[0, 1\], got 1.5"),
        (lambda m: m.sample(X, random_state="today"), "'today' cannot be used to seed"),
        (lambda m: m.bic(X, Y, np.ones(3)), "sample_weight.shape"),
        (lambda m: m.bic(X, Y, -np.ones(60)), "Negative values .*sample_weight"),
        (lambda m: m.aic(X, Y, np.zeros(60)), "[wW]eight.* at least one"),
    ],
)
def test_malformed_arguments_of_a_fit(call, message, moe):
    with pytest.raises(ValueError, match=message):
        call(moe)


RNG = np.random.default_rng(7)
LINE = 3.0 * Z[:, 0] - 1.0
STEP = np.where(Z[:, 0] > 0.0, 5.0 + Z[:, 0], -5.0 - Z[:, 0]) + 0.1 * RNG.normal(size=60)
WIDE = RNG.normal(size=(15, 10))
INTERPOLATES = r"\d+ rows for \d+ parameters: the fit interpolates"
FLOOR = "scale on its floor"
COINCIDE = "coincide: fewer experts fit as well"
CONSTANT = "constant columns, whose slopes are not identified: x"
COLLINEAR = "collinear terms in the mean"
DISTINCT = "distinct rows for"
SEPARATES = "the gate separates"

DEGENERATE = {
    "one row": (Z[:1], Y[:1], {"n_experts": 1}, INTERPOLATES),
    "as many experts as rows": (Z[:4], Y[:4], {"n_experts": 4}, INTERPOLATES),
    "fewer rows than parameters": (Z[:5], Y[:5], {}, INTERPOLATES),
    "fewer rows than columns": (WIDE, Y[:15], {}, INTERPOLATES),
    "constant y": (Z, np.full(60, 0.1), {}, "the response is constant"),
    "constant y of zero": (Z, np.zeros(60), {}, "the response is constant"),
    "constant large y": (Z, np.full(60, 1e12), {"n_experts": 3}, "the response is constant"),
    "exactly linear y": (Z, LINE, {}, FLOOR),
    "exactly linear y, experts": (Z, LINE, {"n_experts": 3}, COINCIDE),
    "exactly linear y, shared": (Z, LINE, {"variance": "shared"}, FLOOR),
    "exactly linear y, one expert": (Z, LINE, {"n_experts": 1}, FLOOR),
    "exactly linear y, degree 2": (Z, LINE, {"degree": 2}, COINCIDE),
    "constant column": (np.c_[Z, np.full(60, 7.0)], Y, {}, CONSTANT + "1"),
    "zero column": (np.c_[np.zeros(60), Z], Y, {}, CONSTANT + "0"),
    "constant columns only": (np.full((60, 2), 3.0), Y, {}, CONSTANT + "0, x1"),
    "collinear columns": (np.c_[Z, 2.0 * Z + 1.0], Y, {}, COLLINEAR),
    "three collinear columns": (np.c_[X, X[:, :1] - 2.0 * X[:, 1:]], Y, {}, COLLINEAR),
    "equal columns, degree 2": (np.c_[Z, Z], Y, {"degree": 2}, COLLINEAR),
    "nearly collinear": (np.c_[Z, Z + 1e-9 * RNG.normal(size=(60, 1))], Y, {}, COLLINEAR),
    "one distinct row": (np.repeat(Z[:1], 20, axis=0), np.repeat(Y[:1], 20), {}, DISTINCT),
    "two distinct rows": (np.repeat(Z[:2], 20, axis=0), np.repeat(Y[:2], 20), {}, DISTINCT),
    "five distinct rows": (np.repeat(Z[:5], 20, axis=0), np.repeat(Y[:5], 20), {}, DISTINCT),
    "one distinct x": (np.repeat(Z[:1], 60, axis=0), Y, {}, CONSTANT + "0"),
    "two-valued x": ((Z > 0.0) * 1.0, Y, {}, "certified optimum: yes"),
    "two-valued x, degree 2": ((Z > 0.0) * 1.0, Y, {"degree": 2}, COLLINEAR),
    "two-valued x and y": ((Z > 0.0) * 1.0, (Y > 0.0) * 1.0, {}, DISTINCT),
    "two-valued y": (Z, (Y > 0.0) * 1.0, {}, FLOOR),
    "separable gate": (Z, STEP, {}, SEPARATES),
    "separable gate, shared": (Z, STEP, {"variance": "shared"}, SEPARATES),
    "far outlier": (Z, put(Y, 0, 1e12), {}, FLOOR),
}


@pytest.mark.parametrize(("X", "y", "settings", "flag"), DEGENERATE.values(), ids=DEGENERATE)
def test_degenerate_data_fit_and_are_flagged(X, y, settings, flag):
    assert_sound(moe := quick(**settings).fit(X, y), X, y)
    assert re.search(flag, moe.certificate_.summary())


def assert_sound(moe: GaussianMoE, X: np.ndarray, y: np.ndarray) -> None:
    """Certified, and finite in everything it says."""
    assert moe.converged_
    assert np.isfinite(moe.loglik_)
    for values in (
        *moe.predict(X, return_std=True),
        moe.predict_interval(X),
        moe.predict_expert(X),
        moe.score_samples(X, y),
        moe.sample(X, random_state=0),
        *moe.params_.gate,
        *moe.params_.expert,
    ):
        assert np.all(np.isfinite(values))
    for law in (moe.gate_proba(X), moe.responsibilities(X, y)):
        np.testing.assert_allclose(law.sum(axis=1), 1.0)
    assert moe.score_samples(X, y).sum() == pytest.approx(moe.loglik_, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("scale", [1e-12, 1e-6, 1e6, 1e12])
@pytest.mark.parametrize("case", ["exactly linear y", "collinear columns", "separable gate"])
def test_degenerate_data_on_every_scale(case, scale):
    X, y, settings, flag = DEGENERATE[case]
    assert_sound(moe := quick(**settings).fit(X * scale, y / scale), X * scale, y / scale)
    assert flag in moe.certificate_.summary()


def test_weights_of_every_size():
    weight = 10.0 ** RNG.uniform(-12.0, 12.0, size=60)
    moe = quick().fit(X, Y, weight)
    assert moe.converged_
    assert np.isfinite(moe.predict(X)).all()
    lone = quick().fit(X, Y, np.r_[1.0, 1e-9, np.zeros(58)])
    assert f"2 rows for {lone.n_free_} parameters" in lone.certificate_.summary()
    assert np.isfinite(lone.predict(X[:2])).all()


@pytest.mark.parametrize("weight", [1e-12, 1e20, 1e300])
def test_weights_whose_sum_says_nothing_in_nats(weight: float) -> None:
    x, y = two_lines(60)
    with pytest.raises(ValueError, match=r"sample_weight sums to .* rescale it"):
        quick().fit(x, y, sample_weight=np.full(len(y), weight))


def test_constant_column_is_not_collinear_with_its_own_powers() -> None:
    x, y = two_lines(80)
    fitted = quick(degree=2).fit(np.column_stack([x[:, :1], np.full(len(y), 3.0)]), y)
    findings = " ".join(fitted.certificate_.findings)
    assert "constant columns" in findings
    assert "collinear" not in findings
