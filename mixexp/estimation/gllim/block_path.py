"""Refits of a joint model along a sequence of block-diagonal structures."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mixexp.estimation.box import Bounds
from mixexp.estimation.gllim.climb import Climber
from mixexp.estimation.gllim.data import JointData
from mixexp.estimation.gllim.starts import responsibilities
from mixexp.models.covariances import BlockDiagonal
from mixexp.models.gllim import GLLiM, GLLiMParams, log_densities

Array = NDArray[np.float64]

_STEPS = 300


class Refit(NamedTuple):
    """A refitted structure: joint log-likelihood on the user's scale, dimension, EM's last gain."""

    partitions: tuple[tuple[tuple[int, ...], ...], ...]
    params: GLLiMParams
    loglik: float
    n_parameters: int
    remaining_gain: float
    entropy: float


def residual_covariances(data: JointData, params: GLLiMParams) -> tuple[Array, Array]:
    """Weighted covariances (K, p, p) of the residuals of every expert, and their weights (K,)."""
    logs = log_densities(params, data.u, data.features, data.v)
    weight = responsibilities(data, params).T
    if data.weight is not None:
        weight = weight * data.weight
    mass = weight.sum(axis=1)
    found = np.array([
        (e * w) @ e.T / max(float(m), np.finfo(float).tiny)
        for e, w, m in zip(logs.residual, weight, mass, strict=True)
    ])  # fmt: skip
    return found, mass


def correlations(covariance: Array) -> Array:
    """Correlations of a covariance (p, p); a constant coordinate is correlated with none."""
    scale = np.sqrt(np.diag(covariance))
    real = scale > 1e-100
    inverse = np.divide(1.0, scale, out=np.zeros_like(scale), where=real)
    found = covariance * np.outer(inverse, inverse)
    np.fill_diagonal(found, 1.0)
    return found


def refits(
    model: GLLiM,
    data: JointData,
    start: GLLiMParams,
    structures: Sequence[tuple[tuple[tuple[int, ...], ...], ...]],
    bounds: Bounds,
    *,
    tol: float,
    n_threads: int = 1,
    report: Callable[[str, int, int], None] | None = None,
) -> Iterator[Refit]:
    """EM for every structure in turn, each from the responsibilities of the one before.

    Parameters
    ----------
    model : GLLiM
        On the scale of the data.
    data : JointData
    start : GLLiMParams
        Where the first responsibilities come from.
    structures : sequence of partitions, one for each expert
    bounds : Bounds
    tol : float
        EM stops when its increments promise less, nats.
    """
    r = responsibilities(data, start)
    for i, partitions in enumerate(structures):
        candidate = replace(model, covariance=BlockDiagonal(partitions))
        climber = Climber(candidate, data, bounds, n_threads)
        climb = climber.em_steps(climber.em.from_responsibilities(r), _STEPS, tol)
        r = responsibilities(data, climb.params)
        with np.errstate(divide="ignore", invalid="ignore"):
            each = -np.sum(np.where(r > 0.0, r * np.log(r), 0.0), axis=1)
        entropy = float(each.sum() if data.weight is None else data.weight @ each)
        yield Refit(
            partitions, climb.params, climb.value - data.log_scale, candidate.n_parameters,
            climb.gain, entropy,
        )  # fmt: skip
        if report is not None:
            report("block structures", i + 1, len(structures))
