"""Experts with one linear predictor: intercept and coefficients for each expert."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from mixexp.models.basis import Affine, Monomials
from mixexp.models.coordinates import Coordinate, Sharing
from mixexp.models.experts._base import Array
from mixexp.models.experts._newton import NewtonExpert


class GLMExpert(NewtonExpert):
    """A generalised linear model with its canonical link, η_k(x) = b_k + a_kᵀ φ(x).

    A family says what η is called (``coordinate``) and which NamedTuple holds an intercept (K,) and
    coefficients (K, n_terms - 1) (``parameters``), and brings its densities and laws.
    """

    degree: int
    coordinate: ClassVar[str]
    parameters: ClassVar[type[Any]]

    def coordinates(
        self, columns: tuple[int, ...], affine: Affine | None = None
    ) -> tuple[Coordinate, ...]:
        basis = Monomials(columns, self.degree)
        return (Coordinate(self.coordinate, basis, Sharing.EXPERT, box="expert"),)

    def to_params(self, coefficients: list[Array]) -> Any:
        (table,) = coefficients
        return self.parameters(table[:, 0].copy(), table[:, 1:].copy())

    def from_params(self, params: Any) -> list[Array]:
        return [np.column_stack([params.intercept, params.coef])]

    def atoms(self, params: Any) -> dict[str, Array]:
        return params._asdict()

    def from_atoms(self, atoms: Mapping[str, Array]) -> Any:
        return self.parameters(np.asarray(atoms["intercept"]), np.asarray(atoms["coef"]))
