"""The free vector θ: lengths, order, names, and the way to coefficients and back."""

from __future__ import annotations

import numpy as np
import pytest

from mixexp.models import Gaussian, MixtureOfExperts, Softmax
from mixexp.models.layout import Layout


def layout(k: int, d: int, variance: str = "expert", **columns: tuple[int, ...]) -> Layout:
    return MixtureOfExperts(Softmax(), Gaussian(variance=variance), k, d, **columns).layout


@pytest.mark.parametrize("variance", ["expert", "shared"])
@pytest.mark.parametrize(("k", "d"), [(1, 1), (2, 1), (3, 2), (6, 5)])
def test_number_of_free_parameters(k: int, d: int, variance: str) -> None:
    where = layout(k, d, variance)
    n_scales = 1 if variance == "shared" else k
    assert where.n_gate == (k - 1) * (d + 1)
    assert where.n_free == where.n_gate + k * (d + 1) + n_scales
    assert [s.stop - s.start for s in where.slices] == [where.n_gate, k * (d + 1), n_scales]


@pytest.mark.parametrize("variance", ["expert", "shared"])
def test_vector_and_coefficients_are_inverse(variance: str) -> None:
    where = layout(3, 2, variance)
    theta = np.arange(1.0, where.n_free + 1.0)
    gate, mean, scale = where.coefficients(theta)
    assert np.array_equal(gate, [[1, 2, 3], [4, 5, 6], [0, 0, 0]])
    assert np.array_equal(mean, np.arange(7.0, 16.0).reshape(3, 3))
    assert scale.shape == (1 if variance == "shared" else 3, 1)
    assert np.array_equal(where.vector([gate, mean, scale]), theta)


def test_names_follow_the_order_of_the_vector() -> None:
    assert layout(2, 1).names(["age"]) == [
        "gate[0] 1", "gate[0] age",
        "mean[0] 1", "mean[0] age", "mean[1] 1", "mean[1] age",
        "log-variance[0]", "log-variance[1]",
    ]  # fmt: skip
    assert layout(2, 1, "shared").names(["age"])[-1] == "log-variance"
    for k in (1, 3):
        where = layout(k, 3)
        assert len(set(where.names(["a", "b", "c"]))) == where.n_free


def test_gate_and_experts_may_see_different_columns() -> None:
    where = layout(2, 3, gate_columns=(2,), expert_columns=(0, 1))
    assert len(where.bases) == 3
    names = where.names(["a", "b", "c"])
    assert names[:2] == ["gate[0] 1", "gate[0] c"]
    assert names[2:5] == ["mean[0] 1", "mean[0] a", "mean[0] b"]
    constant = layout(3, 3, gate_columns=())
    assert constant.n_gate == 2
    assert constant.names(["a", "b", "c"])[:2] == ["gate[0]", "gate[1]"]


def test_a_basis_that_is_used_twice_is_expanded_once() -> None:
    where = layout(2, 2)
    assert len(where.bases) == 2
    assert where.basis_of == (0, 0, 1)


def test_fill_and_owners() -> None:
    where = layout(2, 1)
    assert where.fill({"gate": 1, "expert": 2, "scale": 3}).tolist() == [1, 1, 2, 2, 2, 2, 3, 3]
    assert where.expert_of.tolist() == [0, 0, 0, 0, 1, 1, 0, 1]
    assert layout(2, 1, "shared").expert_of.tolist() == [0, 0, 0, 0, 1, 1, -1]


def test_predictors_are_linear_in_the_coefficients() -> None:
    where = layout(3, 2)
    rng = np.random.default_rng(0)
    x, theta = rng.normal(size=(7, 2)), rng.normal(size=where.n_free)
    gate, mean, scale = where.coefficients(theta)
    got = where.predictors([gate, mean, scale], where.features(x.T.copy()))
    design = np.column_stack([np.ones(7), x]).T
    assert np.allclose(got[0], gate @ design)
    assert np.allclose(got[1], mean @ design)
    assert np.array_equal(got[2], scale)
