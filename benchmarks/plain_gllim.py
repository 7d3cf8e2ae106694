"""EM for Gaussian locally linear mappings as one writes it in plain numpy.

The yardstick for an EM iteration: densities expert by expert, weighted least squares, covariances
of the residuals, whole arrays at a time. It shares no code with mixexp.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Parameters:
    """Weights (K,), means (K, L) and covariances (K, L, L) of u; coefficients (K, L + 1, D) of v
    given u and its covariances, (K, D, D) or variances (K, D)."""

    weight: Array
    mean: Array
    gate: Array
    coef: Array
    noise: Array


def step(u: Array, v: Array, parameters: Parameters) -> tuple[float, Parameters]:
    """Log-likelihood (nats) before one EM iteration, and the parameters after it; u (n, L)."""
    joint = np.column_stack([log_joint(u, v, parameters, k) for k in range(len(parameters.weight))])
    top = joint.max(axis=1, keepdims=True)
    r = np.exp(joint - top)
    total = r.sum(axis=1, keepdims=True)
    loglik = float((top + np.log(total)).sum())
    return loglik, m_step(u, v, r / total, diagonal=parameters.noise.ndim == 2)


def log_joint(u: Array, v: Array, p: Parameters, k: int) -> Array:
    """log π_k N(u; c_k, Γ_k) N(v; b_k + A_k u, Σ_k), (n,)."""
    centred, residual = u - p.mean[k], v - _design(u) @ p.coef[k]
    gate = _log_normal(centred, p.gate[k])
    if p.noise.ndim == 3:
        return np.log(p.weight[k]) + gate + _log_normal(residual, p.noise[k])
    squares = (residual**2 / p.noise[k]).sum(axis=1)
    constant = np.log(2.0 * np.pi * p.noise[k]).sum()
    return np.log(p.weight[k]) + gate - 0.5 * (squares + constant)


def m_step(u: Array, v: Array, r: Array, diagonal: bool) -> Parameters:
    """Weighted moments and least squares of each expert at responsibilities (n, K)."""
    design, parts = _design(u), []
    for w in r.T:
        mass = w.sum()
        mean = w @ u / mass
        centred = u - mean
        weighted = design * w[:, None]
        coef = np.linalg.solve(weighted.T @ design, weighted.T @ v)
        residual = v - design @ coef
        noise = w @ residual**2 if diagonal else (residual * w[:, None]).T @ residual
        gate = (centred * w[:, None]).T @ centred / mass
        parts.append((mass / len(u), mean, gate, coef, noise / mass))
    return Parameters(*(np.array(part) for part in zip(*parts, strict=True)))


def _design(u: Array) -> Array:
    return np.column_stack([np.ones(len(u)), u])


def _log_normal(residual: Array, covariance: Array) -> Array:
    low = np.linalg.cholesky(covariance)
    white = np.linalg.solve(low, residual.T)
    constant = residual.shape[1] * np.log(2.0 * np.pi) + 2.0 * np.log(np.diag(low)).sum()
    return -0.5 * ((white**2).sum(axis=0) + constant)
