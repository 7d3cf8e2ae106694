"""Isotropic covariances."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from mixexp.models.covariances._base import Array
from mixexp.models.covariances.diagonal import Diagonal


class Isotropic(Diagonal):
    """Isotropic covariances, Σ_k = σ_k² I. Equal volume is the same as shared.

    Parameters
    ----------
    sharing : {"expert", "shared", "volume"}, default="expert"

    Examples
    --------
    >>> Isotropic().n_parameters(dim=1000, n_experts=2)
    2
    """

    isotropic: ClassVar[bool] = True

    def _table(self, scatters: Array, dim: int) -> Array:
        return np.tile(scatters.mean(axis=1, keepdims=True), (1, dim))
