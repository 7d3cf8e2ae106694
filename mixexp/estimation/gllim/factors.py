"""Starting values of the loadings of latent inputs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from mixexp.estimation.gllim.data import JointData
from mixexp.models.gllim import GLLiM, GLLiMParams

Array = NDArray[np.float64]


def with_factors(
    model: GLLiM, data: JointData, params: GLLiMParams, responsibilities: Array, floor: float
) -> GLLiMParams:
    """Probabilistic principal components of the residuals of each expert.

    W = U (Λ - σ² I)^½ for the leading eigenpairs (U, Λ) of the weighted residual covariance and
    Σ = σ² I with σ² the mean of the other eigenvalues.

    References
    ----------
    Tipping & Bishop (1999), Probabilistic principal component analysis, JRSS B 61.
    """
    p, r = model.n_outputs, model.n_latent
    factor = np.empty((model.n_experts, p, r))
    noise = np.empty(model.n_experts)
    weight = responsibilities.T if data.weight is None else responsibilities.T * data.weight
    for k, w in enumerate(weight):
        # Singular values of the rows avoid the p × p covariance where p is large.
        scaled = data.v - params.table[k] @ data.features
        scaled *= np.sqrt(w / max(w.sum(), np.finfo(float).tiny))
        left, size, _ = np.linalg.svd(scaled, full_matrices=False)
        variance = np.zeros(max(len(size), r))
        variance[: len(size)] = size**2
        noise[k] = max((variance.sum() - variance[:r].sum()) / (p - r), floor)
        axes = left[:, :r]
        if axes.shape[1] < r:
            axes = np.pad(axes, ((0, 0), (0, r - axes.shape[1])))
        factor[k] = axes * np.sqrt(np.maximum(variance[:r] - noise[k], floor))
    if model.structure.sharing != "expert":
        noise[:] = np.average(noise, weights=weight.sum(axis=1))
    return replace(params, covariance=model.structure.spherical(noise, p), factor=factor)
