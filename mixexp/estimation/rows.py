"""What an objective is summed over: rows that come in parts, wherever the parts are kept."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mixexp.estimation.blocks import Sums
from mixexp.models.basis import Affine

if TYPE_CHECKING:
    from mixexp.estimation.data import Data

Array = NDArray[np.float64]


class Rows(ABC):
    """Standardised rows in parts. A sum over all rows is made of sums over parts, in their order.

    Attributes
    ----------
    affine : Affine
        How covariates and responses came from the user's columns.
    """

    affine: Affine

    @property
    @abstractmethod
    def n_rows(self) -> int:
        """Number of rows."""

    @property
    @abstractmethod
    def total_weight(self) -> float:
        """Sum of the weights."""

    @abstractmethod
    def parts(self) -> Iterator[Data]:
        """The parts, one after the other, in memory."""

    @abstractmethod
    def sum(self, task: Callable[[Data], Sums]) -> Sums:
        """The sum of ``task`` over the parts, added in their order.

        ``task`` can be pickled, and returns freshly allocated arrays of the same shapes for every
        part.
        """

    @property
    @abstractmethod
    def spread(self) -> tuple[Array, Array]:
        """Largest minus smallest value of every covariate, (n_columns,), and response, (D,)."""

    @property
    def log_scale(self) -> float:
        """What to subtract from a log-likelihood here to have it on the user's scale, in nats."""
        return self.total_weight * float(np.sum(np.log(self.affine.y_scale)))
