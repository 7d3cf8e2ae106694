"""Gaussian gates under the conditional likelihood: a common log-quadratic factor."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from mixexp.estimation.identifiability.invariances._base import (
    Claim,
    Invariance,
    Setting,
    changed,
)
from mixexp.models.measure import MixingMeasure

Array = NDArray[np.float64]

_ROUND = 1e-9


def tilted(measure: MixingMeasure, slope: Array, curvature: Array) -> MixingMeasure:
    r"""All gates times :math:`\exp(b^\top x-\tfrac12x^\top Cx)`, up to a constant.

    .. math:: \Gamma'^{-1}=\Gamma^{-1}+C,\qquad\Gamma'^{-1}c'=\Gamma^{-1}c+b

    Parameters
    ----------
    measure : MixingMeasure
        With ``gate_mean`` (K, d) and ``gate_covariance`` (K, d, d).
    slope, curvature : arrays (d,) and (d, d)
        b and C; every :math:`\Gamma^{-1}+C` must be positive definite.

    Examples
    --------
    >>> G = MixingMeasure([1.0], {"gate_mean": [[1.0]], "gate_covariance": [[[0.5]]]})
    >>> other = tilted(G, np.array([2.0]), np.array([[2.0]]))
    >>> other["gate_mean"], other["gate_covariance"].ravel()
    (array([[1.]]), array([0.25]))
    """
    precision = np.linalg.inv(measure["gate_covariance"])
    linear = np.einsum("kij,kj->ki", precision, measure["gate_mean"])
    new = precision + curvature
    inverse = np.linalg.inv(new)
    covariance = np.asarray(0.5 * (inverse + np.swapaxes(inverse, 1, 2)), dtype=np.float64)
    mean = np.einsum("kij,kj->ki", covariance, linear + slope)
    # The constants of the gates' logits stay the same.
    gain = _constant(precision, measure["gate_mean"]) - _constant(new, mean)
    weight = measure.weight * np.exp(gain - gain.max())
    return changed(measure, weight, gate_mean=mean, gate_covariance=covariance)


def _constant(precision: Array, mean: Array) -> Array:
    """What log N(x; c, P⁻¹) has at x = 0, the powers of 2π left out."""
    square = np.einsum("ki,kij,kj->k", mean, precision, mean)
    return np.asarray(0.5 * (np.linalg.slogdet(precision)[1] - square))


def _log_quadratic(setting: Setting) -> Iterator[Claim]:
    """Precisions that all grow by C and linear parts by b, within the structure of the gate."""
    law, measure = setting.law, setting.law.measure
    if "gate_covariance" not in measure.atoms or not measure["gate_mean"].shape[1]:
        return
    precision = np.linalg.inv(measure["gate_covariance"]).mean(axis=0)
    size = np.diagonal(precision)
    if np.abs(precision - size.mean() * np.eye(len(size))).max() <= _ROUND * size.max():
        size = np.full(len(size), size.mean())
    curvature = setting.strength * np.diag(size)
    slope = setting.strength * np.sqrt(size)
    other = tilted(measure, slope, curvature)
    evidence: dict[str, object] = {"slope": slope, "curvature": curvature}
    detail = "means and covariances of all gates change together"
    yield Claim(law, law.model, other, detail, evidence)


def _common_pairs(setting: Setting) -> Iterator[Claim]:
    """Two atoms c ± Γδ in the place of every atom: the factor cosh(δᵀx)."""
    law, n_experts = setting.truth, setting.law.model.n_experts
    if n_experts < 2 * setting.k_true or "gate_covariance" not in law.measure.atoms:
        return
    covariance = np.repeat(law.measure["gate_covariance"], 2, axis=0)
    if not covariance.shape[1]:
        return
    twice = law.measure.take(np.repeat(np.arange(setting.k_true), 2))
    variance = np.diagonal(covariance, axis1=1, axis2=2).mean(axis=0)
    signs = np.tile([1.0, -1.0], setting.k_true)[:, None]
    delta = signs * setting.strength / np.sqrt(variance)
    step = np.einsum("kij,kj->ki", covariance, delta)
    gain = np.sum(delta * (twice["gate_mean"] + 0.5 * step), axis=1)
    weight = twice.weight * np.exp(gain - gain.max())
    pairs = changed(twice, weight, gate_mean=twice["gate_mean"] + step)
    n_left = n_experts - 2 * setting.k_true
    if n_left:
        pairs = pairs.split(0, [1.0 / (n_left + 1)] * (n_left + 1))
    detail = f"{setting.k_true} experts are the truth and {n_experts} are fitted"
    yield Claim(law, setting.law.model, pairs, detail, {"delta": np.abs(delta[0])})


LOG_QUADRATIC = Invariance(
    "log-quadratic-factor",
    "Under the conditional likelihood Gaussian gates are known only up to a factor "
    "exp(a + bᵀx - xᵀCx/2) that all experts have in common: of the 1 + d + d(d+1)/2 parameters of "
    "a full covariance's gate those of one expert are free.",
    "read gate probabilities, not means and covariances, or fit the joint likelihood of (x, y)",
    "derived here, for the gate of Xu, Jordan & Hinton (1995)",
    _log_quadratic,
    severity="note",
    said_by_fit=True,
)

COMMON_PAIRS = Invariance(
    "common-factor-gaussian",
    "With at least twice as many experts as the truth has, each true expert can be held by two "
    "whose gates have the means c + Γδ and c - Γδ: all gates gain the factor cosh(δᵀx), which "
    "cancels under the conditional likelihood, so the means are not identified however large the "
    "sample.",
    "fit fewer than twice the true number of experts, or the joint likelihood of (x, y)",
    "derived here",
    _common_pairs,
)
