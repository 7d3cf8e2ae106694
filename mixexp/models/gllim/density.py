"""Log-densities of the components at rows of inputs and outputs."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mixexp.models.covariances import Matrices
from mixexp.models.gllim.mapping import GLLiM, GLLiMParams

Array = NDArray[np.float64]

LOG_2PI = float(np.log(2.0 * np.pi))
# Growths that differ by this share are equal up to rounding.
_EQUAL = 1e-9


class Logs(NamedTuple):
    """log π_k N(u; c_k, Γ_k) and log N(v; ·), (K, B), and residuals (K, p, B) of u and v."""

    gate: Array
    expert: Array
    gate_residual: Array
    residual: Array


def log_densities(params: GLLiMParams, u: Array, features: Array, v: Array) -> Logs:
    """Parts of the joint log-density at rows u (n_inputs, B), φ(u) and v (n_outputs, B)."""
    gate_residual = u - params.gate_mean[:, :, None]
    gate = log_normal(params.gate_covariance, gate_residual)
    with np.errstate(divide="ignore"):
        gate += np.log(params.weight)[:, None]
    residual = means(params, features)
    np.subtract(v, residual, out=residual)
    return Logs(gate, log_normal(params.noise, residual), gate_residual, residual)


def log_gate(params: GLLiMParams, u: Array) -> Array:
    """log π_k N(u; c_k, Γ_k), (K, B)."""
    gate = log_normal(params.gate_covariance, u - params.gate_mean[:, :, None])
    with np.errstate(divide="ignore"):
        return gate + np.log(params.weight)[:, None]


def relative_gate(params: GLLiMParams, u: Array) -> Array:
    r"""log π_k N(u; c_k, Γ_k) up to a constant of each row, (K, B), for weights at any finite u.

    Where the squares of all experts overflow, u = s d with max |d_i| = 1 and

    .. math:: \log N(sd; c, Γ) = -\tfrac12 s^2 d^\top Γ^{-1}d + s\,d^\top Γ^{-1}c + \log N(0; c, Γ):

    the highest power of s in which experts differ decides, as in the limit of s. The others get
    -inf.

    Examples
    --------
    >>> from mixexp.models.covariances import DiagonalMatrices
    >>> params = GLLiMParams(
    ...     np.array([0.4, 0.6]), np.zeros((2, 1)), DiagonalMatrices(np.array([[1.0], [4.0]])),
    ...     np.zeros((2, 1, 2)), DiagonalMatrices(np.ones((2, 1))), np.zeros((2, 1, 0)),
    ... )
    >>> np.isfinite(relative_gate(params, np.array([[1e155]]))).ravel()
    array([False,  True])
    """
    with np.errstate(over="ignore", invalid="ignore"):
        gate = log_gate(params, u)
    # Overflow is -inf, or nan where a square is a difference.
    gate = np.where(np.isnan(gate), -np.inf, gate)
    far = np.isneginf(gate).all(axis=0)
    if far.any():
        gate[:, far] = _limit(params, u[:, far])
    return gate


def _limit(params: GLLiMParams, u: Array) -> Array:
    direction = u / np.abs(u).max(axis=0)
    growth = params.gate_covariance.quadratic(np.tile(direction, (params.n_experts, 1, 1)))
    growth[params.weight == 0.0] = np.inf
    kept = growth <= growth.min(axis=0) * (1.0 + _EQUAL)
    slope = np.array([
        params.gate_covariance.solve(k, c[:, None])[:, 0] @ direction
        for k, c in enumerate(params.gate_mean)
    ])  # fmt: skip
    slope = np.where(kept, slope, -np.inf)
    top = slope.max(axis=0)
    kept &= slope >= top - _EQUAL * np.abs(top)
    return np.where(kept, log_gate(params, np.zeros((len(u), 1))), -np.inf)


def means(params: GLLiMParams, features: Array) -> Array:
    """Means of the outputs, (K, n_outputs, B), in one matrix product."""
    k, n, q = params.table.shape
    return (params.table.reshape(k * n, q) @ features).reshape(k, n, -1)


def log_normal(matrices: Matrices, residual: Array) -> Array:
    """log N(e; 0, Σ_k) of residuals (K, p, B), as (K, B)."""
    out = matrices.quadratic(residual)
    out += (matrices.log_det() + matrices.dim * LOG_2PI)[:, None]
    out *= -0.5
    return out


def log_joint(model: GLLiM, params: GLLiMParams, u: Array, v: Array) -> Array:
    """log p(u, v) at rows u (n_inputs, B) and v (n_outputs, B), (B,)."""
    logs = log_densities(params, u, model.features(u), v)
    return np.logaddexp.reduce(logs.gate + logs.expert, axis=0)
