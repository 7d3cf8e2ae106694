"""Full covariances."""

from __future__ import annotations

import numpy as np

from mixexp.models.covariances._base import Array
from mixexp.models.covariances.block_diagonal import BlockDiagonal
from mixexp.models.covariances.matrices import Blocks


class Full(BlockDiagonal):
    """Full covariances: any positive definite matrix.

    Parameters
    ----------
    sharing : {"expert", "shared", "volume"}, default="expert"

    Examples
    --------
    >>> Full().n_parameters(dim=3, n_experts=2), Full("volume").n_parameters(3, 2)
    (12, 11)
    """

    def __init__(self, sharing: str = "expert"):
        super().__init__(None, sharing)

    @classmethod
    def _get_param_names(cls) -> list[str]:
        return ["sharing"]

    def blocks(self, dim: int, n_experts: int) -> Blocks:
        return ((tuple(range(dim)),),) * n_experts

    def products(self, left: Array, right: Array) -> list[Array]:
        return list(np.matmul(left, np.swapaxes(right, 1, 2)).reshape(len(left), -1))
