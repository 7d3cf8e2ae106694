"""Inputs and outputs of a joint fit, on the scale the solver works with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mixexp.models.gllim import GLLiM, Scaling

Array = NDArray[np.float64]


@dataclass(frozen=True)
class JointData:
    """Inputs u (n_inputs, n), outputs v (n_outputs, n), features φ(u) and weights (n,) or None.

    Rows of the data are last, so that a block of rows is a block of memory.
    """

    u: Array
    v: Array
    features: Array
    weight: Array | None
    scaling: Scaling

    @classmethod
    def from_rows(
        cls,
        model: GLLiM,
        u: Array,
        v: Array,
        weight: Array | None = None,
        *,
        standardize: bool = True,
    ) -> tuple[GLLiM, JointData]:
        """Standardise rows u (n, n_inputs), v (n, n_outputs); returns the model on that scale.

        Every coordinate has mean 0 and standard deviation 1, except under an isotropic covariance,
        whose class survives a common scale only. A constant coordinate is only centred.
        """
        u, v = np.asarray(u, dtype=float), np.asarray(v, dtype=float)
        scaling = Scaling.identity(u.shape[1], v.shape[1])
        if standardize:
            scaling = Scaling(
                *_moments(u, weight, common=model.gate_covariance.isotropic),
                *_moments(v, weight, common=model.covariance.isotropic),
            )
        model = model.on_scale(scaling)
        z = np.ascontiguousarray(((u - scaling.u_center) / scaling.u_scale).T)
        w = np.ascontiguousarray(((v - scaling.v_center) / scaling.v_scale).T)
        return model, cls(z, w, model.features(z), weight, scaling)

    def take(self, rows: NDArray[np.intp]) -> JointData:
        """Some rows, with their weights."""
        weight = None if self.weight is None else self.weight[rows]
        return JointData(
            self.u[:, rows].copy(), self.v[:, rows].copy(), self.features[:, rows].copy(), weight,
            self.scaling,
        )  # fmt: skip

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return self.u.shape[1]

    @property
    def total_weight(self) -> float:
        """Sum of the weights."""
        return float(self.n_rows if self.weight is None else self.weight.sum())

    @property
    def log_scale(self) -> float:
        """What to subtract from a joint log-likelihood here to have it on the user's scale."""
        return self.total_weight * self.scaling.log_volume


def _moments(rows: Array, weight: Array | None, common: bool) -> tuple[Array, Array]:
    """Centre and scale of every column; one scale for all if ``common``."""
    reference = rows[0]
    shifted = rows - reference
    center = np.average(shifted, axis=0, weights=weight)
    shifted -= center
    size = np.abs(shifted).max(axis=0)
    constant = size <= 8.0 * np.finfo(float).eps * np.abs(reference + center)
    size[constant] = 1.0
    spread = size * np.sqrt(np.average((shifted / size) ** 2, axis=0, weights=weight))
    if common:
        moving = spread[~constant]
        top = moving.max(initial=0.0)
        one = top * np.sqrt(np.mean((moving / top) ** 2)) if top > 0.0 else 1.0
        return reference + center, np.full(len(spread), one)
    spread[constant] = 1.0
    return reference + center, spread
