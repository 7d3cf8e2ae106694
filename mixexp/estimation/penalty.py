"""Ridge penalties on the slopes of the gate and of the experts."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from mixexp.models.coordinates import Sharing
from mixexp.models.layout import Layout

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Ridge:
    """The quadratic ½ θᵀSθ, in nats, that is subtracted from the log-likelihood.

    ``gate`` λ_g penalises ½ λ_g Σ_k ‖β1_k - mean(β1)‖², centred over the K experts so that neither
    the choice of the reference nor a translation of the gate changes it (not centred for a gate
    whose reference is pinned); ``expert`` λ_e penalises ½ λ_e Σ_k ‖a_k‖², for class
    probabilities ½ λ_e Σ_kj ‖b_kj - mean_j(b_kj)‖², centred over the classes. Intercepts, scales
    and temperatures are free. Coefficients are the standardised ones.
    """

    gate: float
    expert: float
    matrix: Array

    @classmethod
    def none(cls, layout: Layout) -> Ridge:
        """No penalty."""
        return cls(0.0, 0.0, np.zeros((layout.n_free, layout.n_free)))

    @classmethod
    def build(cls, layout: Layout, gate: float | None, expert: float | None) -> Ridge:
        """The penalty of a layout; None is zero."""
        strength = {"gate": gate or 0.0, "expert": expert or 0.0}
        matrix = np.zeros((layout.n_free, layout.n_free))
        for c, where in zip(layout.coordinates, layout.slices, strict=True):
            rows, _ = c.shape(layout.n_experts)
            between = np.eye(rows)
            if c.sharing is Sharing.CONTRAST:
                # The pinned row is zero, and still counts in the mean over the K experts.
                between -= 1.0 / layout.n_experts
            slopes = np.diag(c.basis.slopes.astype(float))
            matrix[where, where] = strength.get(c.box, 0.0) * np.kron(between, slopes)
        classes = [i for i, c in enumerate(layout.coordinates) if c.n_categories]
        for i, j in product(classes, classes):
            c, rows = layout.coordinates[i], layout.shapes[i][0]
            slopes = np.diag(c.basis.slopes / c.n_categories)
            matrix[layout.slices[i], layout.slices[j]] -= strength[c.box] * np.kron(
                np.eye(rows), slopes
            )
        return cls(strength["gate"], strength["expert"], matrix)

    def rebuild(self, layout: Layout) -> Ridge:
        """The same strengths for another layout."""
        return Ridge.build(layout, self.gate, self.expert)

    def value(self, theta: Array) -> float:
        """½ θᵀSθ."""
        return 0.5 * float(theta @ self.matrix @ theta)

    def gradient(self, theta: Array) -> Array:
        """Sθ."""
        return self.matrix @ theta
