"""From p(v | u) to p(u | v): the law of an affine mapping with its directions exchanged."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from mixexp.models.covariances import BlockMatrices, FactorMatrices, Matrices
from mixexp.models.gllim.mapping import GLLiMParams

Array = NDArray[np.float64]


def inverted(params: GLLiMParams) -> GLLiMParams:
    r"""Parameters of the same joint law with inputs and outputs exchanged.

    .. math::
        c^* = Ac + b,\quad Γ^* = Σ + AΓA^\top,\quad
        Σ^* = (Γ^{-1} + A^\topΣ^{-1}A)^{-1},\quad
        A^* = Σ^*A^\topΣ^{-1},\quad b^* = Σ^*(Γ^{-1}c - A^\topΣ^{-1}b).

    An involution. Where outputs outnumber inputs, Γ* is kept as Σ plus factors, and nothing of the
    size of the outputs squared is formed. Constant experts are affine with A = 0, and have such
    inverses.

    Raises
    ------
    ValueError
        If the experts are not affine.

    References
    ----------
    Deleforge, Forbes & Horaud (2015), Statistics and Computing 25, section 2.

    Examples
    --------
    The well-specified process of the GLoME study, there and back:

    >>> from mixexp.models.covariances import DiagonalMatrices
    >>> inverse = GLLiMParams(
    ...     np.ones(1), np.array([[0.2]]), DiagonalMatrices(np.array([[0.1]])),
    ...     np.array([[[2.0, -5.0]]]), DiagonalMatrices(np.array([[0.09]])), np.zeros((1, 1, 0)),
    ... )
    >>> forward = inverted(inverse)
    >>> forward.gate_mean.ravel(), forward.coef.ravel().round(8)
    (array([1.]), array([-0.19305019]))
    """
    params = _with_slopes(params)
    slopes = params.coef
    if slopes.shape[2] != params.gate_mean.shape[1]:
        raise ValueError(
            f"experts with {slopes.shape[2]} terms in {params.gate_mean.shape[1]} inputs are not "
            "affine: their law has no closed form in the other direction"
        )
    mean = np.einsum("kpq,kq->kp", slopes, params.gate_mean) + params.intercept
    wide = slopes.shape[1] >= slopes.shape[2]
    gate, noise = _from_factors(params) if wide else _from_dense(params)
    # Σ*AᵀΣ⁻¹ = ΓAᵀΓ*⁻¹ needs whichever inverse is cheap.
    back = np.array([
        (noise.multiply(k, params.noise.solve(k, a).T) if wide
         else gate.solve(k, a @ params.gate_covariance.dense()[k]).T)
        for k, a in enumerate(slopes)
    ])  # fmt: skip
    # b* = c - A*c*: the mean of u given v is c at v = c*.
    intercept = params.gate_mean - np.einsum("kpq,kq->kp", back, mean)
    table = np.concatenate([intercept[:, :, None], back], axis=2)
    return GLLiMParams(
        params.weight, mean, gate, table, noise, np.zeros((len(mean), back.shape[1], 0))
    )


def _with_slopes(params: GLLiMParams) -> GLLiMParams:
    """Constant experts as affine ones."""
    if params.coef.shape[2]:
        return params
    shape = (*params.table.shape[:2], params.gate_mean.shape[1])
    return replace(params, table=np.concatenate([params.table, np.zeros(shape)], axis=2))


def _from_factors(params: GLLiMParams) -> tuple[Matrices, Matrices]:
    """Γ* as Σ plus factors A L with Γ = L Lᵀ, and Σ* = L (I + LᵀAᵀΣ⁻¹AL)⁻¹ Lᵀ."""
    root = np.linalg.cholesky(params.gate_covariance.dense())
    factor = np.concatenate([params.coef @ root, params.factor], axis=2)
    loading = FactorMatrices(params.noise, params.coef @ root)
    half = np.linalg.solve(np.linalg.cholesky(loading.capacity), np.swapaxes(root, 1, 2))
    return (
        FactorMatrices(params.covariance, factor),
        BlockMatrices.full(np.swapaxes(half, 1, 2) @ half),
    )


def _from_dense(params: GLLiMParams) -> tuple[Matrices, Matrices]:
    """Γ* = Σ + AΓAᵀ and Σ* = Γ - ΓAᵀΓ*⁻¹AΓ where there are fewer outputs than inputs."""
    across = np.array([
        params.gate_covariance.multiply(k, a.T).T for k, a in enumerate(params.coef)
    ])  # fmt: skip
    outer = params.noise.dense() + across @ np.swapaxes(params.coef, 1, 2)
    gate = BlockMatrices.full(0.5 * (outer + np.swapaxes(outer, 1, 2)))
    white = np.array([gate.whiten(k, a) for k, a in enumerate(across)])
    noise = params.gate_covariance.dense() - np.swapaxes(white, 1, 2) @ white
    return gate, BlockMatrices.full(noise)
