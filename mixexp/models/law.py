"""A model at its parameters: one conditional law p(y | x)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from mixexp.models.distribution import MixtureDistribution
from mixexp.models.gates import Gate
from mixexp.models.measure import MixingMeasure
from mixexp.models.mixture import MixtureOfExperts, MixtureParams

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Law:
    r"""The law :math:`p(y|x)=\sum_k\pi_k(x)f_k(y|x)` of a model at its parameters.

    Parameters
    ----------
    model : MixtureOfExperts
    params : MixtureParams

    Examples
    --------
    >>> from mixexp.models import Gaussian, GaussianParams, Softmax, SoftmaxParams
    >>> law = Law(
    ...     MixtureOfExperts(Softmax(), Gaussian(), n_experts=1, n_columns=1),
    ...     MixtureParams(
    ...         SoftmaxParams(np.zeros(1), np.zeros((1, 1))),
    ...         GaussianParams(np.array([1.0]), np.array([[2.0]]), np.array([0.25])),
    ...     ),
    ... )
    >>> np.exp(law.log_density(np.array([[0.0], [1.0]]), np.array([1.0, 3.5])))
    array([0.798, 0.484])
    """

    model: MixtureOfExperts
    params: MixtureParams

    @cached_property
    def measure(self) -> MixingMeasure:
        """The mixing measure, weights normalised to one."""
        return self.model.measure(self.params)

    def log_density(self, x: Array, y: Array) -> Array:
        """log p(y_i | x_i), shape (n,); y is as the experts' ``encode`` reads it."""
        return self.model.log_prob(self.params, x, y)

    def distribution(self, x: Array, known: Array | None = None) -> MixtureDistribution:
        """The laws at the rows of x; ``known`` (n,) are exposures or trials."""
        return self.model.distribution(self.params, x, known)

    def with_experts(self, n_experts: int) -> MixtureOfExperts:
        """The model with another number of experts."""
        if n_experts == self.model.n_experts:
            return self.model
        gate = self.model.gate.for_experts(n_experts)
        return replace(self.model, gate=gate, n_experts=n_experts)

    def with_gate(self, gate: Gate) -> MixtureOfExperts:
        """The model with another gate."""
        return replace(self.model, gate=gate)
