r"""The Hellinger distance to a target law as a sum of squares, with its exact Jacobian."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mixexp.estimation.data import Data
from mixexp.estimation.objective import Objective
from mixexp.models import Law, MixtureOfExperts
from mixexp.models.response_grid import grid_of
from mixexp.theory.truths.truth import Design

Array = NDArray[np.float64]


class RootDistance:
    r"""Residuals :math:`\sqrt{w/2}\,(\sqrt{p_\theta(y|x)}-\sqrt{p_*(y|x)})` on a grid of (x, y).

    Their sum of squares is the squared Hellinger distance, averaged over the design: the squared
    distance of the joint laws of (x, y). The Jacobian comes from the exact scores of the model.

    Parameters
    ----------
    model : MixtureOfExperts
        The law that is moved; any number of experts, of the family of the target's.
    target : Law
        The law to be close to.
    design : Design
        The grid of responses resolves the target's law, and those near it.
    known : float, optional
        The exposure or number of trials of every row, for families that have them.
    """

    def __init__(
        self,
        model: MixtureOfExperts,
        target: Law,
        design: Design,
        known: float | None = None,
    ):
        x, weight = design
        given = None if known is None else np.full(len(x), float(known))
        grid = grid_of([target.distribution(x, given)], given)
        rows = x[grid.row]
        data = Data.from_rows(rows, model.expert.encode(grid.y), standardize=False)
        self._objective = Objective(model, data)
        self._size = np.sqrt(0.5 * weight[grid.row] * grid.weight)
        self._target = self._size * np.exp(0.5 * target.log_density(rows, grid.y))

    def root(self, theta: Array) -> Array:
        r""":math:`\sqrt{w/2}\sqrt{p_\theta}` at the points of the grid."""
        return np.asarray(self._size * np.exp(0.5 * self._objective.log_prob(theta)))

    def residual(self, theta: Array) -> tuple[Array, Array]:
        """Residuals (m,) and their Jacobian (m, P)."""
        root = self.root(theta)
        return root - self._target, (0.5 * root)[:, None] * self._objective.scores(theta)

    def distance(self, theta: Array) -> float:
        """The Hellinger distance of the joint laws."""
        return float(np.linalg.norm(self.root(theta) - self._target))
