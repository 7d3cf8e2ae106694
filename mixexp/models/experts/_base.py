"""What a family of experts has to say about itself."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from mixexp.models.basis import Affine
from mixexp.models.coordinates import Coordinate

Array = NDArray[np.float64]


class MStep(NamedTuple):
    """What an M-step has to respect besides the data.

    ``penalty`` is the ridge on the non-constant coefficients; ``lower`` and ``upper`` bound every
    coefficient, one array for each local coordinate, shaped like its coefficients.
    """

    penalty: float
    lower: list[Array]
    upper: list[Array]


class Expert(BaseEstimator, ABC):
    """A family of experts: densities f_k(y | x), k = 1..K, and their derivatives.

    Hyper-parameters are constructor arguments; fitted values live in a NamedTuple whose arrays have
    the expert as first axis. *Coefficients* are the list, one array (K or 1, n_terms) for each
    local coordinate, that the objective works with; *predictors* are the local coordinates at a
    block of rows, each (K, B), or (K or 1, 1) where the coordinate is not ``by_row``. Responses
    are (n_responses, B).
    """

    @abstractmethod
    def coordinates(self, columns: tuple[int, ...]) -> tuple[Coordinate, ...]:
        """Local coordinates of an expert that sees the given columns of x."""

    @abstractmethod
    def log_density(self, predictors: list[Array], y: Array, out: Array) -> Array:
        """Fill ``out`` (K, B) with log f_k(y_i | x_i)."""

    @abstractmethod
    def derivatives(
        self, predictors: list[Array], y: Array, order: int, first: Array, second: Array
    ) -> None:
        """Fill ∂f/∂u (E, K, B) and, for order 2, ∂²f/∂u∂u (E(E+1)/2, K, B), f the log-density."""

    @abstractmethod
    def statistics(
        self, weights: Array, predictors: list[Array], features: list[Array], y: Array
    ) -> list[Array]:
        """Sums over a block from which :meth:`m_step` works; ``weights`` (K, B) are w r."""

    @abstractmethod
    def m_step(
        self, statistics: list[Array], coefficients: list[Array], constraints: MStep
    ) -> list[Array]:
        """Coefficients whose expected complete log-likelihood is no lower than the current one."""

    @abstractmethod
    def to_params(self, coefficients: list[Array]) -> Any:
        """Coefficients as the family's NamedTuple of parameters."""

    @abstractmethod
    def from_params(self, params: Any) -> list[Array]:
        """The inverse of :meth:`to_params`."""

    @abstractmethod
    def rescale(
        self, coefficients: list[Array], columns: tuple[int, ...], affine: Affine
    ) -> list[Array]:
        """Coefficients on the user's scale from those on the scale of ``affine``."""

    @abstractmethod
    def atoms(self, params: Any) -> dict[str, Array]:
        """The experts' blocks of atoms of the mixing measure, each with K rows."""

    @abstractmethod
    def from_atoms(self, atoms: Mapping[str, Array]) -> Any:
        """Parameters from atoms."""

    @abstractmethod
    def components(self, predictors: list[Array]) -> Any:
        """The K laws at a block of rows, as the components of a predictive distribution."""
