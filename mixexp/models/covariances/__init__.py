"""Covariance structures: which matrices are possible, how many parameters they have, M-steps."""

from mixexp.models.covariances._base import Covariance
from mixexp.models.covariances.block_diagonal import BlockDiagonal
from mixexp.models.covariances.diagonal import Diagonal
from mixexp.models.covariances.full import Full
from mixexp.models.covariances.isotropic import Isotropic
from mixexp.models.covariances.low_rank import FactorMatrices
from mixexp.models.covariances.matrices import BlockMatrices, DiagonalMatrices, Matrices

__all__ = [
    "BlockDiagonal",
    "BlockMatrices",
    "Covariance",
    "Diagonal",
    "DiagonalMatrices",
    "FactorMatrices",
    "Full",
    "Isotropic",
    "Matrices",
]
