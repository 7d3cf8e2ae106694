"""What a gate has to say about itself."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from mixexp.models.basis import Affine
from mixexp.models.coordinates import Coordinate

Array = NDArray[np.float64]


class Gate(BaseEstimator, ABC):
    """A gate: K logits a_k(x), whose softmax gives the mixing weights π_k(x).

    Hyper-parameters are constructor arguments (scikit-learn's ``get_params``); fitted values live
    in a NamedTuple whose arrays have the expert as first axis. *Coefficients* are the list, one
    array (K or 1, n_terms) for each local coordinate, that the objective works with.
    """

    @abstractmethod
    def coordinates(self, columns: tuple[int, ...]) -> tuple[Coordinate, ...]:
        """Local coordinates of a gate that sees the given columns of x."""

    @abstractmethod
    def logits(self, predictors: list[Array], out: Array) -> Array:
        """Logits a (K, B) from the local predictors; may fill and return ``out``."""

    @abstractmethod
    def derivatives(self, predictors: list[Array], order: int, first: Array, second: Array) -> None:
        """Fill ∂a/∂u (G, K, B) and, for order 2, ∂²a/∂u∂u (G(G+1)/2, K, B)."""

    @abstractmethod
    def to_params(self, coefficients: list[Array]) -> Any:
        """Coefficients as the gate's NamedTuple of parameters."""

    @abstractmethod
    def from_params(self, params: Any) -> list[Array]:
        """The inverse of :meth:`to_params`."""

    @abstractmethod
    def rescale(
        self, coefficients: list[Array], columns: tuple[int, ...], affine: Affine
    ) -> list[Array]:
        """Coefficients on the scale of x from those on the scale of z = (x - center) / scale."""

    @abstractmethod
    def atoms(self, params: Any) -> tuple[Array, dict[str, Array]]:
        """Weights exp(β0) (K,), normalised to one, and the gate's blocks of atoms."""

    @abstractmethod
    def from_atoms(self, weight: Array, atoms: Mapping[str, Array]) -> Any:
        """Parameters from weights and atoms."""
