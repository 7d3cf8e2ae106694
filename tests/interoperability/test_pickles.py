"""Pickles of fits: they say which version made them, and skops can keep them."""

from __future__ import annotations

import copy
import pickle
import warnings

import numpy as np
import pytest
from sklearn.exceptions import InconsistentVersionWarning

import mixexp
from mixexp import GaussianMoE, GLoME, MultinomialMoE
from mixexp.persistence import dumps
from tests.estimators.problems import two_lines

X, Y = two_lines(100)
SETTINGS = {"n_init": 1, "random_state": 0}


@pytest.fixture(scope="module", params=["GaussianMoE", "GLoME"])
def fitted(request):
    return getattr(mixexp, request.param)(**SETTINGS).fit(X, Y)


def test_the_version_is_checked(fitted, monkeypatch):
    pickled = pickle.dumps(fitted)
    assert "_mixexp_version" not in vars(pickle.loads(pickled))
    monkeypatch.setattr(mixexp, "__version__", "9.9")
    name = type(fitted).__name__
    message = f"{name} was pickled by mixexp 0.1.* and is read by mixexp 9.9"
    with pytest.warns(InconsistentVersionWarning, match=message):
        other = pickle.loads(pickled)
    np.testing.assert_array_equal(other.predict(X), fitted.predict(X))


def test_pickles_without_a_version_are_older(fitted):
    state = fitted.__getstate__()
    del state["_mixexp_version"]
    other = type(fitted)()
    with pytest.warns(InconsistentVersionWarning, match="of a version before 0.1"):
        other.__setstate__(state)


def test_copies_do_not_warn(fitted):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        other = copy.deepcopy(copy.copy(fitted))
    assert set(vars(other)) == set(vars(fitted))


@pytest.mark.parametrize("kind", ["gaussian", "labels", "joint"])
def test_skops(kind, tmp_path):
    io = pytest.importorskip("skops.io")
    moe = {"gaussian": GaussianMoE, "labels": MultinomialMoE, "joint": GLoME}[kind](**SETTINGS)
    moe.fit(X, Y > 0.0 if kind == "labels" else Y)
    io.dump(moe, tmp_path / "fit.skops")
    unknown = io.get_untrusted_types(file=tmp_path / "fit.skops")
    assert {name.split(".")[0] for name in unknown} <= {"mixexp"}
    other = io.load(tmp_path / "fit.skops", trusted=unknown)
    np.testing.assert_array_equal(other.predict(X), moe.predict(X))
    assert dumps(other) == dumps(moe)
