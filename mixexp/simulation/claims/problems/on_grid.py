"""A truth on the fixed design of the literature's own simulation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mixexp.simulation.claims.problems.conditional import Conditional

Array = NDArray[np.float64]


@dataclass(frozen=True)
class OnGrid(Conditional):
    """As :class:`Conditional`, with x equidistant between the ends of its support, ends included.

    Nothing but y is random. Distances of densities are over the uniform law, the limit.

    Examples
    --------
    >>> from mixexp.estimation.box import Bounds
    >>> from mixexp.theory.truths.named import TRUTHS
    >>> x, y = OnGrid(TRUTHS["lambda"], 2, Bounds()).sample(5, np.random.default_rng(0))
    >>> x.ravel().tolist(), y.shape
    ([0.0, 0.25, 0.5, 0.75, 1.0], (5,))
    """

    def __repr__(self) -> str:
        return f"OnGrid({super().__repr__()})"

    def sample(self, n: int, rng: np.random.Generator) -> tuple[Array, Array]:
        ends = self.truth.lower, self.truth.upper
        x = np.repeat(np.linspace(*ends, n)[:, None], self.truth.model.n_columns, axis=1)
        known = None if self.truth.known is None else np.full(n, self.truth.known)
        return x, self.truth.model.sample(self.truth.params, x, rng, known)
