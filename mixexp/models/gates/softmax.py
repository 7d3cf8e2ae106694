"""The softmax gate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from mixexp.models.basis import Affine, Monomials
from mixexp.models.coordinates import Coordinate, Sharing
from mixexp.models.gates._base import Array
from mixexp.models.gates._linear import LinearGate


class SoftmaxParams(NamedTuple):
    """Intercepts β0 (K,) and slopes β1 (K, n_terms - 1); those of the last expert are zero."""

    intercept: Array
    coef: Array


class Softmax(LinearGate):
    """Softmax gate, π_k(x) = exp(β0_k + β1_kᵀ φ(x)) / Σ_l exp(β0_l + β1_lᵀ φ(x)).

    Identified up to a common translation of (β0, β1), which is removed by setting the last expert's
    logit to zero.

    Parameters
    ----------
    degree : int, default=1
        Total degree of the monomials φ(x) of the gate's covariates; 0 gives constant weights.

    References
    ----------
    Jacobs, Jordan, Nowlan & Hinton (1991), Adaptive mixtures of local experts, Neural
    Computation 3.
    Nguyen, Nguyen & Ho (2023), arXiv 2305.03288, equation (1) and Proposition 1.

    Examples
    --------
    >>> Softmax().coordinates(columns=(0, 1))[0].shape(n_experts=3)
    (2, 3)
    """

    def __init__(self, degree: int = 1):
        self.degree = degree

    def coordinates(
        self, columns: tuple[int, ...], affine: Affine | None = None
    ) -> tuple[Coordinate, ...]:
        basis = Monomials(columns, self.degree)
        return (Coordinate("gate", basis, Sharing.CONTRAST, box="gate"),)

    def to_params(self, coefficients: list[Array]) -> SoftmaxParams:
        (table,) = coefficients
        return SoftmaxParams(table[:, 0].copy(), table[:, 1:].copy())

    def from_params(self, params: SoftmaxParams) -> list[Array]:
        table = np.column_stack([params.intercept, params.coef])
        return [table - table[-1]]

    def log_weights(self, coefficients: list[Array]) -> Array:
        return coefficients[0][:, 0]

    def blocks(self, params: SoftmaxParams) -> dict[str, Array]:
        return {"gate_coef": params.coef}

    def from_atoms(self, weight: Array, atoms: Mapping[str, Array]) -> SoftmaxParams:
        return SoftmaxParams(np.log(weight), np.asarray(atoms["gate_coef"]))
