"""Standardisation: means and scales of any size, weights, constant columns."""

from __future__ import annotations

import numpy as np
import pytest

from mixexp.estimation.data import Data
from tests.instances import generator

RNG = generator("data")
X, Y = RNG.normal(size=(200, 3)), RNG.normal(size=200)
WEIGHT = RNG.uniform(0.0, 3.0, size=200)


@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["unweighted", "weighted"])
def test_mean_zero_and_unit_variance(weight: np.ndarray | None) -> None:
    data = Data.from_rows(X * [1.0, 5.0, 0.1] + [3.0, -2.0, 100.0], 7.0 * Y - 4.0, weight)
    for row in (*data.z, data.y[0]):
        assert np.average(row, weights=weight) == pytest.approx(0.0, abs=1e-13)
        assert np.average(row**2, weights=weight) == pytest.approx(1.0, rel=1e-12)


@pytest.mark.parametrize("size", [1e-12, 1e-6, 1.0, 1e6, 1e12, 1e-200, 1e150])
@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["unweighted", "weighted"])
def test_scale_of_the_data_is_taken_out(size: float, weight: np.ndarray | None) -> None:
    plain, scaled = Data.from_rows(X, Y, weight), Data.from_rows(size * X, size * Y, weight)
    assert np.allclose(scaled.z, plain.z, rtol=1e-9, atol=1e-12)
    assert np.allclose(scaled.y, plain.y, rtol=1e-9, atol=1e-12)
    assert np.allclose(scaled.affine.x_scale / size, plain.affine.x_scale, rtol=1e-12)
    assert scaled.affine.y_scale / size == pytest.approx(plain.affine.y_scale, rel=1e-12)


def test_a_large_mean_does_not_cancel() -> None:
    """A spread of one at a level of 1e12: twelve digits are lost in the data, no more."""
    level = 2.0**40
    rounded = (X + level) - level
    data, near = Data.from_rows(X + level, Y), Data.from_rows(rounded, Y)
    assert np.allclose(data.z, near.z, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("value", [0.0, 0.1, 1.0, -1e12, 1e-12, 1e300])
@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["unweighted", "weighted"])
def test_constant_columns_are_centred_and_keep_their_scale(
    value: float, weight: np.ndarray | None
) -> None:
    x = X.copy()
    x[:, 1] = value
    data = Data.from_rows(x, np.full(200, value), weight)
    assert np.array_equal(data.z[1], np.zeros(200))
    assert np.array_equal(data.y[0], np.zeros(200))
    assert data.affine.x_scale[1] == data.affine.y_scale == 1.0
    assert data.affine.x_center[1] == pytest.approx(value, rel=1e-15)


def test_differences_of_a_rounding_are_a_constant_column() -> None:
    """0.1 + 0.2 beside 0.3: noise of the last bit must not be blown up to a covariate."""
    x = X.copy()
    x[:, 1] = np.where(X[:, 1] > 0.0, 0.1 + 0.2, 0.3)
    data = Data.from_rows(x, Y)
    assert len(set(x[:, 1])) == 2
    assert np.array_equal(data.z[1], np.zeros(200))
    assert data.affine.x_scale[1] == 1.0


def test_rows_come_back_through_the_affine_map() -> None:
    data = Data.from_rows(X * 3.0 + 1.0, Y, WEIGHT)
    back = data.affine.x_center[:, None] + data.affine.x_scale[:, None] * data.z
    assert np.allclose(back.T, X * 3.0 + 1.0, rtol=1e-13, atol=1e-13)


def test_without_standardisation_the_rows_are_as_they_were() -> None:
    data = Data.from_rows(X, Y, standardize=False)
    assert np.array_equal(data.z.T, X)
    assert np.array_equal(data.y[0], Y)
    assert data.log_scale == 0.0


def test_the_rows_of_the_user_are_not_touched() -> None:
    x, y = X.copy(), Y.copy()
    x.flags.writeable = y.flags.writeable = False
    data = Data.from_rows(x, y)
    assert np.array_equal(x, X) and np.array_equal(y, Y)
    assert not np.shares_memory(data.z, x) and not np.shares_memory(data.y, y)
    assert data.z.flags.c_contiguous and data.y.flags.c_contiguous


def test_weights_count_rows() -> None:
    copies = np.arange(200) % 4
    keep = copies > 0
    weighted = Data.from_rows(X[keep], Y[keep], copies[keep].astype(float))
    written = Data.from_rows(np.repeat(X, copies, axis=0), np.repeat(Y, copies))
    assert weighted.total_weight == written.total_weight
    assert np.allclose(weighted.affine.x_center, written.affine.x_center, rtol=1e-10, atol=1e-12)
    assert np.allclose(weighted.affine.x_scale, written.affine.x_scale, rtol=1e-12)
    assert weighted.log_scale == pytest.approx(written.log_scale, rel=1e-10)


def test_some_rows_with_weights_of_their_own() -> None:
    data = Data.from_rows(X, Y)
    some = data.take(np.array([5, 2]), np.array([2.0, 3.0]))
    assert np.array_equal(some.z, data.z[:, [5, 2]])
    assert np.array_equal(some.y, data.y[:, [5, 2]])
    assert some.total_weight == 5.0
    assert some.affine is data.affine
