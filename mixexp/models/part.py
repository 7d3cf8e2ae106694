"""What the gate and the experts have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from mixexp.models.basis import Affine
from mixexp.models.coordinates import Coordinate

Array = NDArray[np.float64]


class Part(BaseEstimator, ABC):
    """A part of the law, linear in its parameters through local coordinates.

    Hyper-parameters are constructor arguments (scikit-learn's ``get_params``); fitted values live
    in a NamedTuple whose arrays have the expert as first axis. *Coefficients* are the list, one
    array (K or 1, n_terms) for each local coordinate, that the objective works with; *predictors*
    are the local coordinates at a block of rows, each (K, B), or (K or 1, 1) where the coordinate
    is not ``by_row``.
    """

    @abstractmethod
    def coordinates(
        self, columns: tuple[int, ...], affine: Affine | None = None
    ) -> tuple[Coordinate, ...]:
        """Local coordinates of a part that sees the given columns of x.

        ``affine`` says how the columns it will be given came from the user's: most parts are
        free to work on any scale and ignore it.
        """

    @abstractmethod
    def to_params(self, coefficients: list[Array]) -> Any:
        """Coefficients as the part's NamedTuple of parameters."""

    @abstractmethod
    def from_params(self, params: Any) -> list[Array]:
        """The inverse of :meth:`to_params`."""

    def rescale(
        self, coefficients: list[Array], columns: tuple[int, ...], affine: Affine
    ) -> list[Array]:
        """Coefficients on the user's scale from those on the scale of ``affine``."""
        bases = (c.basis for c in self.coordinates(columns, affine))
        return [t @ b.change_of_scale(affine) for t, b in zip(coefficients, bases, strict=True)]
