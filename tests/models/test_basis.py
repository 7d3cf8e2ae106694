"""Feature maps: monomials, their names, and what a change of scale does to coefficients."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.preprocessing import PolynomialFeatures

from mixexp.models.basis import CONSTANT, Affine, Monomials

GRID = pytest.mark.parametrize(
    ("degree", "d"), [(degree, d) for degree in range(4) for d in (1, 2, 3)]
)


def expand(basis: Monomials, z: np.ndarray) -> np.ndarray:
    return basis.expand(z, np.full((basis.n_terms, z.shape[1]), np.nan))


@GRID
def test_terms_are_those_of_scikit_learn(degree: int, d: int) -> None:
    basis = Monomials(tuple(range(d)), degree)
    x = np.random.default_rng(degree).normal(size=(9, d))
    reference = PolynomialFeatures(degree).fit(x)
    assert basis.n_terms == reference.n_output_features_
    assert np.allclose(expand(basis, x.T), reference.transform(x).T, rtol=1e-14)
    names = reference.get_feature_names_out([f"c{j}" for j in range(d)])
    assert list(basis.names([f"c{j}" for j in range(d)])) == list(names)


@GRID
def test_change_of_scale(degree: int, d: int) -> None:
    """φ((x - c) / s) = T φ(x), and so coefficients c on z are c T on x."""
    rng = np.random.default_rng(10 * degree + d)
    basis = Monomials(tuple(range(d)), degree)
    scale = np.exp(rng.normal(size=d)) * rng.choice([-1.0, 1.0], size=d)
    affine = Affine(rng.normal(size=d), scale)
    x = rng.normal(size=(d, 20))
    z = (x - affine.x_center[:, None]) / scale[:, None]
    matrix = basis.change_of_scale(affine)
    assert np.allclose(expand(basis, z), matrix @ expand(basis, x), rtol=1e-10, atol=1e-10)
    back = basis.change_of_scale(affine.inverse())
    assert np.allclose(back @ matrix, np.eye(basis.n_terms), atol=1e-8)


def test_columns_may_be_some_of_the_data_in_any_order() -> None:
    basis = Monomials((3, 1), 2)
    x = np.random.default_rng(0).normal(size=(4, 6))
    a, b = x[3], x[1]
    assert np.allclose(expand(basis, x), [np.ones(6), a, b, a * a, a * b, b * b])
    assert basis.names(["p", "q", "r", "s"]) == ("1", "s", "q", "s^2", "s q", "q^2")
    affine = Affine(np.array([9.0, 1.0, 9.0, -2.0]), np.array([9.0, 2.0, 9.0, 0.5]))
    z = (x - affine.x_center[:, None]) / affine.x_scale[:, None]
    assert np.allclose(expand(basis, z), basis.change_of_scale(affine) @ expand(basis, x))


@pytest.mark.parametrize("basis", [CONSTANT, Monomials((0, 1), 0), Monomials((), 3)])
def test_a_basis_without_columns_or_degree_is_the_constant(basis: Monomials) -> None:
    assert basis.terms == ((),)
    assert basis.names(["x", "y"]) == ("1",)
    assert np.array_equal(expand(basis, np.zeros((2, 3))), np.ones((1, 3)))


def test_affine_map_and_its_inverse() -> None:
    affine = Affine(np.array([1.0, -2.0]), np.array([2.0, 0.1]), 3.0, 4.0)
    back = affine.inverse()
    x, y = np.array([0.3, 0.7]), 5.0
    z, t = (x - affine.x_center) / affine.x_scale, (y - affine.y_center) / affine.y_scale
    assert np.allclose((z - back.x_center) / back.x_scale, x)
    assert (t - back.y_center) / back.y_scale == pytest.approx(y)
    identity = Affine.identity(2)
    assert np.array_equal((x - identity.x_center) / identity.x_scale, x)
