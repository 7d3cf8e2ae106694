"""Conditional laws of a softmax-gated Gaussian mixture of experts at given points."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import log_softmax

from mixexp.models.measure import MixingMeasure
from mixexp.models.response_grid import REACH


@dataclass(frozen=True)
class ConditionalLaw:
    r"""Mixtures :math:`\sum_k\pi_{k}(x)\,N(\mu_k(x),\sigma_k)`, one for each of n points x.

    Parameters
    ----------
    log_weight, mean : arrays of shape (n, K)
        :math:`\log\pi_k(x)` and :math:`\mu_k(x)`.
    scale : array of shape (K,)
        Standard deviations :math:`\sigma_k^{1/2}`.

    Examples
    --------
    >>> g = MixingMeasure([1.0, 1.0], {"gate_coef": [[2.0], [0.0]], "coef": [[2.0], [-1.5]],
    ...                                "intercept": [2.0, -2.0], "variance": [0.25, 0.25]})
    >>> law = ConditionalLaw.of(g, [[0.0], [1.0]])
    >>> law.mean
    array([[ 2. , -2. ],
           [ 4. , -3.5]])
    >>> np.exp(law.log_density(np.array([[0], [1]]), np.array([[2.0], [4.0]])))
    array([[0.399],
           [0.703]])
    """

    log_weight: np.ndarray
    mean: np.ndarray
    scale: np.ndarray

    @classmethod
    def of(cls, measure: MixingMeasure, x: ArrayLike) -> ConditionalLaw:
        """The laws of a measure at the points x, shape (n, d).

        Raises
        ------
        ValueError
            If x or a variance does not fit the measure.
        """
        points = np.asarray(x, dtype=float)
        if points.ndim != 2:
            raise ValueError(f"x has shape {points.shape}; give one point per row, shape (n, d)")
        if np.any(measure["variance"] <= 0):
            raise ValueError(f"variance must be positive, got {measure['variance']}")
        logits = np.log(measure.weight) + _predictor(measure, "gate_coef", points)
        mean = measure["intercept"] + _predictor(measure, "coef", points)
        return cls(log_softmax(logits, axis=1), mean, np.sqrt(measure["variance"]))

    def log_density(self, row: np.ndarray, y: np.ndarray) -> np.ndarray:
        """log p(y | x_row); row, shape (P, 1), and y, shape (P, q), broadcast."""
        height = self.log_weight - np.log(self.scale) - 0.5 * np.log(2 * np.pi)
        terms = y - self.mean.T[:, row]
        # In place, as these arrays are what the time goes into.
        terms *= 1 / self.scale[:, None, None]
        terms *= -0.5 * terms
        terms += height.T[:, row]
        top = terms.max(axis=0)
        terms -= top
        np.exp(terms, out=terms)
        return top + np.log(terms.sum(axis=0))

    def break_points(self) -> np.ndarray:
        """Ends of panels that resolve every component, shape (n, m)."""
        points = self.mean[:, :, None] + self.scale[:, None] * REACH
        return points.reshape(len(self.mean), -1)


def _predictor(measure: MixingMeasure, name: str, x: np.ndarray) -> np.ndarray:
    """Linear in x, or for a single covariate a polynomial without constant; shape (n, K)."""
    block = measure[name]
    degree = block.shape[1]
    if x.shape[1] == 1:
        return x ** np.arange(1, degree + 1) @ block.T
    if degree not in (0, x.shape[1]):
        raise ValueError(
            f"{name} has {degree} columns and x has {x.shape[1]}; pass the same columns, or a "
            "single one for a polynomial"
        )
    return x[:, :degree] @ block.T
