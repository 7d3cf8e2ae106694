"""Data frames and arrays of every kind go in; fits are copied, pickled and shown."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mixexp import GaussianMoE
from tests.estimators.problems import identical, quick, two_lines

X, Y = two_lines()
NAMES = ["dose", "age"]
INDEX = pd.Index(range(100, 100 + len(X)), name="patient")
PANDAS = pd.DataFrame(X, columns=NAMES, index=INDEX)
POLARS = pl.DataFrame(X, schema=NAMES)


@pytest.fixture(scope="module")
def moe():
    return quick().fit(PANDAS, pd.Series(Y, index=INDEX))


def test_frames_equal_arrays(moe):
    plain = quick().fit(X, Y)
    polars = quick().fit(POLARS, pl.Series(Y), sample_weight=pl.Series(np.ones(len(Y))))
    assert identical(moe, plain)
    assert identical(polars, plain)
    assert list(moe.feature_names_in_) == list(polars.feature_names_in_) == NAMES
    assert not hasattr(plain, "feature_names_in_")
    assert plain.n_features_in_ == 2
    np.testing.assert_array_equal(polars.predict(POLARS), plain.predict(X))
    np.testing.assert_array_equal(moe.score_samples(PANDAS, Y), plain.score_samples(X, Y))
    with pytest.raises(ValueError, match="feature names"):
        moe.predict(PANDAS[NAMES[::-1]])


def test_column_names_appear_in_the_certificate():
    frame = PANDAS.assign(batch=1.0)
    moe = quick().fit(frame, Y)
    assert "constant columns, whose slopes are not identified: batch" in moe.certificate_.findings


@pytest.mark.parametrize("method", ["gate_proba", "predict_expert", "responsibilities"])
def test_set_output(moe, method):
    chosen = copy.deepcopy(moe)

    def call(X):
        return getattr(chosen, method)(X, *([Y] if method == "responsibilities" else []))

    plain = call(PANDAS)
    assert isinstance(plain, np.ndarray)
    assert chosen.set_output(transform="pandas") is chosen
    frame = call(PANDAS)
    assert list(frame.columns) == ["expert0", "expert1"]
    pd.testing.assert_index_equal(frame.index, INDEX)
    np.testing.assert_array_equal(frame.to_numpy(), plain)
    # Containers without an index have none to keep.
    assert list(call(POLARS).index) == list(range(len(X)))
    assert chosen.set_output() is chosen
    assert isinstance(call(PANDAS), pd.DataFrame)
    frame = chosen.set_output(transform="polars") and call(POLARS)
    assert isinstance(frame, pl.DataFrame)
    np.testing.assert_array_equal(frame.to_numpy(), plain)
    assert isinstance(clone(chosen).fit(POLARS, Y).gate_proba(POLARS), pl.DataFrame)
    assert isinstance(chosen.set_output(transform="default") and call(PANDAS), np.ndarray)
    with pytest.raises(ValueError, match="transform='csv' is not 'default', 'pandas' or 'polars'"):
        chosen.set_output(transform="csv")


def test_set_output_takes_lists():
    moe = quick().fit(X.tolist(), Y.tolist()).set_output(transform="pandas")
    assert moe.gate_proba(X.tolist()).shape == (len(X), 2)


@pytest.mark.parametrize("kind", ["read-only", "memory map", "Fortran", "strided", "list"])
def test_memory_layouts_equal_arrays(kind, moe, tmp_path):
    if kind == "read-only":
        x, y = X.copy(), Y.copy()
        x.flags.writeable = y.flags.writeable = False
    elif kind == "memory map":
        np.save(tmp_path / "x.npy", X)
        np.save(tmp_path / "y.npy", Y)
        x, y = (np.load(tmp_path / f"{name}.npy", mmap_mode="r") for name in "xy")
    elif kind == "Fortran":
        x, y = np.asfortranarray(X), Y
    elif kind == "strided":
        x, y = np.repeat(np.repeat(X, 2, axis=0), 3, axis=1)[::2, ::3], np.repeat(Y, 2)[::2]
    else:
        x, y = X.tolist(), Y.tolist()
    other = quick().fit(x, y)
    assert identical(moe, other)
    np.testing.assert_array_equal(other.predict(x), moe.predict(PANDAS))
    np.testing.assert_array_equal(other.responsibilities(x, y), moe.responsibilities(PANDAS, Y))


def test_a_fit_leaves_the_data_alone():
    x, y, weight = X.copy(), Y.copy(), np.linspace(0.0, 2.0, len(Y))
    quick().fit(x, y, weight)
    np.testing.assert_array_equal(x, X)
    np.testing.assert_array_equal(y, Y)
    np.testing.assert_array_equal(weight, np.linspace(0.0, 2.0, len(Y)))


@pytest.mark.parametrize("dtype", [np.float32, np.int64, bool])
def test_other_numbers_are_converted(dtype):
    x, y = X.astype(dtype), np.round(3.0 * Y).astype(np.int64 if dtype is bool else dtype)
    moe = quick().fit(x, y)
    assert identical(moe, quick().fit(x.astype(float), y.astype(float)))
    assert moe.predict(x).dtype == moe.score_samples(x, y).dtype == np.float64


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_copies_are_whole(moe, copied):
    other = copied(moe)
    assert identical(other, moe)
    assert other.measure_ == moe.measure_
    assert other.certificate_ == moe.certificate_
    pd.testing.assert_frame_equal(other.optima_, moe.optima_)
    np.testing.assert_array_equal(other.predict(PANDAS), moe.predict(PANDAS))
    np.testing.assert_array_equal(
        other.responsibilities(PANDAS, Y), moe.responsibilities(PANDAS, Y)
    )
    assert other.use_optimum(0).loglik_ == moe.loglik_


def test_a_fit_does_not_keep_its_data():
    x, y = two_lines(3000)
    assert len(pickle.dumps(quick().fit(x, y))) < x.nbytes / 4


def test_clone_has_the_settings_and_no_fit(moe):
    other = clone(moe)
    assert other.get_params() == moe.get_params()
    assert not hasattr(other, "params_")
    assert identical(other.fit(PANDAS, Y), moe)


def test_html_and_text(moe):
    assert "GaussianMoE" in moe._repr_html_()
    assert "GaussianMoE" in make_pipeline(StandardScaler(), moe)._repr_html_()
    assert repr(GaussianMoE(3, variance="shared")) == "GaussianMoE(n_experts=3, variance='shared')"
