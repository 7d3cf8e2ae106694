r"""Information criteria :math:`-2\ell+\text{penalty}`; smaller is better."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import xlogy


def aic(loglik: float, dim: float) -> float:
    r"""Akaike's criterion :math:`-2\ell+2D`, on the scale of twice a log-likelihood.

    Parameters
    ----------
    loglik : float
        Maximised log-likelihood :math:`\ell` of the whole sample, nats. Not its mean.
    dim : float
        Number of free parameters D, at least 0.

    Raises
    ------
    ValueError
        If an argument is not a finite number, or `dim` is negative.

    Examples
    --------
    >>> aic(-100.0, 5)
    210.0
    """
    _check(loglik, dim)
    return -2.0 * loglik + 2.0 * dim


def bic(loglik: float, dim: float, n: float) -> float:
    r"""Schwarz's criterion :math:`-2\ell+D\log n`, on the scale of twice a log-likelihood.

    Parameters
    ----------
    loglik : float
        Maximised log-likelihood :math:`\ell` of the whole sample, nats. Not its mean.
    dim : float
        Number of free parameters D, at least 0.
    n : float
        Number of observations, or sum of their weights, positive.

    Raises
    ------
    ValueError
        If an argument is not a finite number, `dim` is negative or `n` is not positive.

    Examples
    --------
    >>> print(f"{bic(-100.0, 5, n=100):.2f}")
    223.03
    """
    _check(loglik, dim)
    if not (np.isfinite(n) and n > 0):
        raise ValueError(f"n is {n!r}; give the number of observations, which is positive")
    return -2.0 * loglik + dim * float(np.log(n))


def icl(loglik: float, dim: float, n: float, entropy: float) -> float:
    r"""Integrated completed likelihood :math:`-2\ell+D\log n+2H`; smaller is better.

    H is the entropy of the responsibilities (:func:`entropy_of`), so experts that share their
    observations are penalised: the criterion looks for clusters, not for a density.

    Parameters
    ----------
    loglik : float
        Maximised log-likelihood :math:`\ell` of the whole sample, nats. Not its mean.
    dim : float
        Number of free parameters D, at least 0.
    n : float
        Number of observations, positive.
    entropy : float
        H of the whole sample, nats, at least 0.

    Raises
    ------
    ValueError
        As of :func:`bic`, and if `entropy` is negative or not finite.

    References
    ----------
    Biernacki, C., Celeux, G. and Govaert, G. (2000). Assessing a mixture model for clustering with
    the integrated completed likelihood. IEEE TPAMI 22, 719-725.

    Examples
    --------
    >>> icl(-100.0, 5, n=100, entropy=3.0) - bic(-100.0, 5, n=100)
    6.0
    """
    if not (np.isfinite(entropy) and entropy >= 0):
        raise ValueError(
            f"entropy is {entropy!r}; give the sum over observations of -Σ r log r, in nats, as "
            "entropy_of returns it"
        )
    return bic(loglik, dim, n) + 2.0 * entropy


def entropy_of(responsibilities: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
    r"""Entropy of an allocation, :math:`H=-\sum_i w_i\sum_k r_{ik}\log r_{ik}`, nats.

    Parameters
    ----------
    responsibilities : array (n, K)
        Probabilities of the experts given the observations; rows sum to one.
    sample_weight : array (n,), optional
        Weights :math:`w_i` of the rows, at least 0; by default ones.

    Raises
    ------
    ValueError
        If it is not a matrix of probabilities whose rows sum to one, or weights do not fit.

    Examples
    --------
    >>> entropy_of([[1.0, 0.0], [0.5, 0.5]]) == float(np.log(2.0))
    True
    """
    r = np.asarray(responsibilities, dtype=float)
    if r.ndim != 2 or not r.size:
        raise ValueError(f"responsibilities have shape {r.shape}; give a matrix (n, K)")
    off = np.abs(r.sum(axis=1) - 1.0)
    if not ((r >= 0.0).all() and (off <= 1e-6).all()):
        raise ValueError(
            "responsibilities must be probabilities whose rows sum to one; "
            f"the smallest is {r.min()!r}, the sums are off by up to {off.max()!r}"
        )
    # A negative zero would print as -0.0.
    rows = 0.0 - xlogy(r, r).sum(axis=1)
    if sample_weight is None:
        return float(rows.sum())
    weight = np.asarray(sample_weight, dtype=float)
    if weight.shape != rows.shape or not (np.isfinite(weight) & (weight >= 0)).all():
        raise ValueError(
            f"sample_weight must be {rows.size} finite numbers that are not negative; "
            f"it has shape {weight.shape}"
        )
    return float(weight @ rows)


def _check(loglik: float, dim: float) -> None:
    if not np.isfinite(loglik):
        raise ValueError(
            f"loglik is {loglik!r}; a fit without a finite likelihood cannot be compared"
        )
    if not (np.isfinite(dim) and dim >= 0):
        raise ValueError(f"dim is {dim!r}; give the number of free parameters")
