"""What a covariance structure has to say about itself."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from mixexp.models.covariances.matrices import Blocks, Matrices

Array = NDArray[np.float64]

SHARINGS = ("expert", "shared", "volume")


class Covariance(BaseEstimator, ABC):
    """A set of positive definite matrices Σ_1, ..., Σ_K, for a Gaussian gate or Gaussian experts.

    Parameters
    ----------
    sharing : {"expert", "shared", "volume"}, default="expert"
        Each expert its own matrix, one matrix for all, or matrices of one determinant (the model
        λC_k of Celeux & Govaert).

    References
    ----------
    Celeux & Govaert (1995), Gaussian parsimonious clustering models, Pattern Recognition 28.
    """

    isotropic: ClassVar[bool] = False
    """Whether all directions have one variance, so that only a common scale can be taken out."""

    def __init__(self, sharing: str = "expert"):
        self.sharing = sharing

    def simplest(self, dim: int) -> Covariance:
        """The plainest structure of the same (dim, dim) matrices."""
        if dim > 1:
            return self
        from mixexp.models.covariances.diagonal import Diagonal

        return Diagonal("expert" if self.sharing == "expert" else "shared")

    def check(self, dim: int, n_experts: int) -> None:
        """Raise ValueError if the structure cannot be one of K matrices (dim, dim)."""
        if self.sharing not in SHARINGS:
            raise ValueError(
                f"sharing={self.sharing!r} of a covariance is not one of "
                + ", ".join(map(repr, SHARINGS))
            )

    @abstractmethod
    def blocks(self, dim: int, n_experts: int) -> Blocks:
        """For each expert a partition of ``range(dim)``; entries across blocks are zero."""

    @abstractmethod
    def products(self, left: Array, right: Array) -> list[Array]:
        """Σ_i a_i b_iᵀ of vectors (K, dim, B), as far as the structure needs it, flat; K arrays."""

    def scatters(self, vectors: Array, weight: Array) -> list[Array]:
        """Σ_i w_i v_i v_iᵀ of vectors (K, dim, B) with weights (K, B), as ``products`` has them."""
        return self.products(vectors * weight[:, None, :], vectors)

    @abstractmethod
    def m_step(self, scatters: list[Array], mass: Array, dim: int, floor: float) -> Matrices:
        """The likeliest matrices for scatters of total weights ``mass`` (K,).

        Eigenvalues are at least ``floor``. An expert without weight gets the pooled matrix.
        """

    @abstractmethod
    def of(self, dense: Array) -> Matrices:
        """The structured matrices of dense ones (K, dim, dim) that m_step would fit to them."""

    @abstractmethod
    def spherical(self, variance: Array, dim: int) -> Matrices:
        """The matrices σ_k² I of given variances (K,)."""

    def n_parameters(self, dim: int, n_experts: int) -> int:
        """Number of free parameters of the K matrices."""
        if self.isotropic:
            each = [1] * n_experts
        else:
            parts = self.blocks(dim, n_experts)
            each = [sum(len(b) * (len(b) + 1) // 2 for b in blocks) for blocks in parts]
        if self.sharing == "shared":
            return each[0]
        return sum(each) - (n_experts - 1) * (self.sharing == "volume")


def scales(log_det: Array, mass: Array, dim: int) -> Array:
    """Factors (K,) that give matrices of these log-determinants one common, likeliest volume.

    With S_k = W_k / m_k the common scale is λ = Σ_k m_k |S_k|^(1/p) / Σ_k m_k.
    """
    size = np.exp(log_det / dim)
    return (mass @ size / mass.sum()) / size
