"""Nested partitions of coordinates from correlations, and what each of them gains."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]
Partition = tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class PartitionPath:
    """Partitions from single coordinates to one block, one for each merge.

    Attributes
    ----------
    partitions : tuple of partitions
        From the finest; groups are sorted.
    thresholds : array (p,)
        The partition's blocks are the connected components of absolute correlations above or at the
        threshold; infinite for the finest.
    """

    partitions: tuple[Partition, ...]
    thresholds: Array

    def __len__(self) -> int:
        return len(self.partitions)


def nested_partitions(correlation: ArrayLike) -> PartitionPath:
    r"""The p partitions into components of :math:`\{|\rho_{ij}|\ge\lambda\}` as λ falls.

    Components are connected ones: this is single linkage.

    Absolute correlations: a strong negative one binds as a strong positive one does. Of equal
    correlations, one is merged after the other.

    Parameters
    ----------
    correlation : array (p, p)
        Symmetric, of correlations; the diagonal is not looked at.

    Raises
    ------
    ValueError
        If the matrix is not square or holds values that are not finite.

    References
    ----------
    Devijver & Gallopin (2018), Block-diagonal covariance selection for high-dimensional Gaussian
    graphical models, JASA 113, for the partitions; as one per merge here.

    Examples
    --------
    >>> rho = np.array([[1.0, -0.8, 0.1], [-0.8, 1.0, 0.2], [0.1, 0.2, 1.0]])
    >>> nested_partitions(rho).partitions[1]
    ((0, 1), (2,))
    """
    from scipy.cluster.hierarchy import linkage
    from scipy.spatial.distance import squareform

    matrix = np.abs(np.asarray(correlation, dtype=float))
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or not np.isfinite(matrix).all():
        raise ValueError(
            f"correlation of shape {matrix.shape} must be a square matrix of finite numbers"
        )
    p = len(matrix)
    finest: list[tuple[int, ...]] = [(j,) for j in range(p)]
    partitions, thresholds = [tuple(finest)], [np.inf]
    if p > 1:
        top = max(1.0, float(matrix.max()))
        distance = top - np.maximum(matrix, matrix.T)
        np.fill_diagonal(distance, 0.0)
        groups: dict[int, tuple[int, ...]] = dict(enumerate(finest))
        for step, (a, b, height, _) in enumerate(linkage(squareform(distance, checks=False))):
            groups[p + step] = tuple(sorted(groups.pop(int(a)) + groups.pop(int(b))))
            partitions.append(tuple(sorted(groups.values())))
            thresholds.append(top - float(height))
    return PartitionPath(tuple(partitions), np.array(thresholds))


@dataclass(frozen=True)
class PartitionGains:
    """Dimension and profile log-likelihood (nats) of the partitions of a path.

    ``n_fitting`` of them have blocks that the effective sample can carry, and without a floor none
    that is singular; the others are not evaluated, and the arrays stop before them.
    """

    dimension: Array
    loglik: Array
    n_fitting: int


def partition_gains(
    path: PartitionPath, covariance: Array, mass: float, largest: int, *, floor: float = 0.0
) -> PartitionGains:
    r"""Gaussian log-likelihood of block-diagonal covariances, up to what does not depend on them.

    .. math:: -\tfrac m2\sum_g\sum_{\lambda\in\mathrm{sp}(S_{gg})}
              \{\log(\lambda\vee f)+\min(\lambda/f,1)-1\}, \qquad \dim=\sum_g p_g(p_g+1)/2,

    the maximum over covariances with eigenvalues of at least the floor f; where f is out of reach,
    :math:`-\tfrac m2\sum_g\log|S_{gg}|`. It never falls along the path.

    Parameters
    ----------
    path : PartitionPath
    covariance : array (p, p)
        S, the weighted covariance of the residuals.
    mass : float
        m, their total weight.
    largest : int
        Blocks may have at most so many coordinates.
    floor : float
        Smallest eigenvalue of a block, in the units of S, as in the fits that are to follow. With
        0, the path ends at the first singular block, whose likelihood has no bound.

    Raises
    ------
    ValueError
        If the floor is negative or not finite.

    Examples
    --------
    The second coordinate is a copy of the first:

    >>> path = nested_partitions(np.ones((2, 2)))
    >>> partition_gains(path, np.ones((2, 2)), 2.0, largest=2).loglik
    array([-0.])
    >>> partition_gains(path, np.ones((2, 2)), 2.0, largest=2, floor=1e-6).loglik.round(3)
    array([-0.   , 14.122])
    """
    if not 0.0 <= floor < np.inf:
        raise ValueError(
            f"floor={floor!r} must be the smallest eigenvalue a covariance may have: 0 or larger"
        )
    blocks: dict[tuple[int, ...], float] = {}

    def cost(block: tuple[int, ...]) -> float:
        if block not in blocks:
            blocks[block] = _cost(covariance[np.ix_(block, block)], floor)
        return blocks[block]

    dimension, loglik = [], []
    for partition in path.partitions:
        if max(map(len, partition)) > largest:
            break
        total = sum(cost(block) for block in partition)
        if not np.isfinite(total):
            break
        dimension.append(sum(len(b) * (len(b) + 1) // 2 for b in partition))
        loglik.append(-0.5 * mass * total)
    return PartitionGains(np.array(dimension, dtype=float), np.array(loglik), len(dimension))


def _cost(matrix: Array, floor: float) -> float:
    """log|Σ| + tr(Σ⁻¹S) - p at the likeliest Σ with eigenvalues of at least the floor."""
    try:
        # Cheap and enough where the floor is out of reach.
        np.linalg.cholesky(matrix - floor * np.eye(len(matrix)))
        return float(np.linalg.slogdet(matrix)[1])
    except np.linalg.LinAlgError:
        values = np.linalg.eigvalsh(matrix)
    if floor == 0.0:
        return -np.inf
    held = np.maximum(values, floor)
    return float(np.sum(np.log(held) + values / held - 1.0))
