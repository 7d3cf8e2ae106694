"""Several responses on the solver's scale: each its own, or one scale for all."""

from __future__ import annotations

import numpy as np
import pytest

from mixexp.estimation.data import Data


def rows() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    y = np.array([[1e-3], [40.0], [1.0]]) * rng.normal(size=(3, 50)) + [[1.0], [1e4], [0.0]]
    return rng.normal(size=(50, 2)), y, rng.uniform(0.5, 2.0, size=50)


def test_every_response_is_standardised() -> None:
    x, y, weight = rows()
    data = Data.from_rows(x, y, weight)
    mean = data.y @ weight / weight.sum()
    assert np.allclose(mean, 0.0, atol=1e-12)
    assert np.allclose(data.y**2 @ weight / weight.sum(), 1.0)
    affine = data.affine
    back = data.y * affine.y_scale[:, None] + affine.y_center[:, None]
    assert np.allclose(back, y, rtol=1e-12, atol=1e-12)
    total = weight.sum() * np.log(affine.y_scale).sum()
    assert data.log_scale == pytest.approx(total, rel=1e-14)


def test_a_common_scale_is_the_root_of_the_mean_variance() -> None:
    x, y, weight = rows()
    data = Data.from_rows(x, y, weight, common_scale=True)
    scale = data.affine.y_scale
    assert scale.shape == (3,) and np.ptp(scale) == 0.0
    center = y @ weight / weight.sum()
    variance = (y - center[:, None]) ** 2 @ weight / weight.sum()
    assert scale[0] == pytest.approx(np.sqrt(variance.mean()), rel=1e-12)
    assert np.allclose(data.y * scale[0] + data.affine.y_center[:, None], y, rtol=1e-12)


@pytest.mark.parametrize("common", [False, True])
def test_constant_responses_have_no_scale_to_give(common: bool) -> None:
    x, y, _ = rows()
    y[1] = 7.0
    data = Data.from_rows(x, y, common_scale=common)
    assert np.all(data.y[1] == 0.0) and data.affine.y_center[1] == 7.0
    assert np.all(data.affine.y_scale > 0.0)
    none = Data.from_rows(x, np.tile([[1.0], [2.0]], 50), common_scale=common)
    assert np.all(none.affine.y_scale == 1.0) and np.all(none.y == 0.0)


def test_one_response_has_numbers() -> None:
    x, y, weight = rows()
    affine = Data.from_rows(x, y[0], weight).affine
    assert isinstance(affine.y_center, float) and isinstance(affine.y_scale, float)
    common = Data.from_rows(x, y[0], weight, common_scale=True).affine
    assert (common.y_center, common.y_scale) == (affine.y_center, affine.y_scale)
