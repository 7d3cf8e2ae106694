"""Labels of classes: of any kind, in any order, unseen, alone; and malformed input."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.exceptions import NotFittedError

from mixexp import MultinomialMoE
from tests.estimators.problems import identical, three_classes

X, Y = three_classes()
TREES = ["ash", "elm", "oak"]
CODES = np.searchsorted(TREES, Y)


def quick(**settings: Any) -> MultinomialMoE:
    return MultinomialMoE(**{"n_init": 1, "random_state": 0, **settings})


@pytest.fixture(scope="module")
def moe():
    return quick().fit(X, Y)


@pytest.mark.parametrize(
    "labels",
    [
        [0, 1, 2],
        [-7, 3, 40],
        [0.0, 1.0, 2.0],
        ["a", "b", "c"],
        np.array(["a", "b", "c"], dtype=object),
        ["Ärger", "Öl", "Übel"],
    ],
    ids=str,
)
def test_names_of_the_classes_do_not_matter(labels, moe):
    labels = np.asarray(labels)
    other = quick().fit(X, labels[CODES])
    assert identical(other, moe)
    assert other.classes_.dtype == labels.dtype
    np.testing.assert_array_equal(other.predict(X), labels[np.searchsorted(TREES, moe.predict(X))])
    np.testing.assert_array_equal(other.score_samples(X, labels[CODES]), moe.score_samples(X, Y))


@pytest.mark.parametrize("penalty", [None, 0.1, 20.0])
def test_order_of_the_classes_does_not_change_the_law(penalty):
    # The reference class is another one, and neither likelihood nor ridge depends on it.
    settings = {"gate_penalty": penalty, "expert_penalty": penalty}
    one = quick(**settings).fit(X, Y)
    names = np.array(["z", "y", "x"])
    other = quick(init=one.responsibilities(X, Y), **settings).fit(X, names[CODES])
    assert other.loglik_ == pytest.approx(one.loglik_, abs=1e-7)
    np.testing.assert_allclose(other.predict_proba(X)[:, ::-1], one.predict_proba(X), atol=1e-5)


MALFORMED = {
    "one class": (X, np.full(len(Y), "elm"), None, "y has one class only, 'elm'; give rows"),
    "one class with weight": (X, Y, (Y == "oak") * 1.0, "one class only, 'oak'.*positive weight"),
    "real numbers": (X, X[:, 0], None, "Unknown label type: continuous"),
    "several columns": (X, np.column_stack([CODES, CODES]), None, "1d array"),
    "NaN": (X, np.where(CODES == 0, np.nan, CODES), None, "Input y contains NaN"),
    "missing": (
        X,
        np.where(CODES == 0, None, Y),
        None,
        "class labels that cannot be sorted .*drop rows without",
    ),
    "NaN in X": (np.where(X > 2.0, np.nan, X), Y, None, "Input X contains NaN"),
    "another length": (X, Y[:-1], None, "inconsistent numbers of samples"),
    "negative weight": (X, Y, -np.ones(len(Y)), "Negative values in data .*sample_weight"),
}


@pytest.mark.parametrize(("x", "y", "weight", "message"), MALFORMED.values(), ids=MALFORMED)
def test_malformed_data(x, y, weight, message):
    with pytest.raises(ValueError, match=message):
        quick().fit(x, y, sample_weight=weight)


@pytest.mark.parametrize("method", ["score", "score_samples", "responsibilities", "aic", "bic"])
def test_a_class_that_the_fit_has_not_seen(moe, method):
    strange = np.where(np.arange(len(Y)) == 5, "yew", Y)
    message = r"y has the class 'yew' in row 5, .* \['ash', 'elm', 'oak'\]; leave such rows out"
    with pytest.raises(ValueError, match=message):
        getattr(moe, method)(X, strange)
    numbers = quick().fit(X, CODES)
    with pytest.raises(ValueError, match=r"y has the class '\d' in row"):
        getattr(numbers, method)(X, CODES.astype(str))
    assert np.isfinite(getattr(numbers, method)(X, CODES.astype(float))).all()


def test_methods_need_a_fit():
    for method in ("predict", "predict_proba", "predict_log_proba", "decision_function", "sample",
                   "predict_expert", "gate_proba", "score_samples"):  # fmt: skip
        with pytest.raises(NotFittedError, match="not fitted yet"):
            getattr(quick(), method)(X)


@pytest.mark.parametrize("setting", [{"expert_penalty": -1.0}, {"degree": -1}, {"n_experts": 0}])
def test_malformed_settings(setting):
    with pytest.raises(ValueError, match=f"The '{next(iter(setting))}' parameter"):
        quick(**setting).fit(X, Y)


def test_what_a_ridge_leaves_to_grow_is_said() -> None:
    """A class that an expert never has: its intercept has no maximum, ridge on slopes or not."""
    x, y = load_iris(return_X_y=True)
    moe = MultinomialMoE(n_experts=2, n_init=1, random_state=0).fit(x, y)
    text = moe.certificate_.summary()
    assert "the responses separate in expert" in text
    assert "keeps slopes finite and leaves intercepts alone" in text
    assert "gives finite slopes" not in text
