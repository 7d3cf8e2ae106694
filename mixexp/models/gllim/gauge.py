"""Gaussian gates that are known up to a common factor: the one whose law of x is likeliest."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_MAX_STEPS = 200


class NaturalGates(NamedTuple):
    """log π_k N(x; c_k, Γ_k) = constant_k + slope_kᵀx - ½ xᵀ precision_k x."""

    constant: Array
    slope: Array
    precision: Array

    @classmethod
    def of(cls, log_weight: Array, mean: Array, covariance: Array) -> NaturalGates:
        """From weights, means (K, d) and covariances (K, d, d)."""
        precision = np.asarray(np.linalg.inv(covariance), dtype=float)
        slope: Array = np.einsum("kij,kj->ki", precision, mean)
        half = 0.5 * np.einsum("ki,ki->k", slope, mean)
        return cls(log_weight - half + 0.5 * np.linalg.slogdet(precision)[1], slope, precision)

    def moments(self) -> tuple[Array, Array, Array]:
        """log π_k (K,), up to a constant, c_k and Γ_k; all precisions must be positive definite."""
        covariance = np.asarray(np.linalg.inv(self.precision), dtype=float)
        covariance = 0.5 * (covariance + np.swapaxes(covariance, 1, 2))
        mean = np.einsum("kij,kj->ki", covariance, self.slope)
        half = 0.5 * np.einsum("ki,ki->k", self.slope, mean)
        return self.constant + half - 0.5 * np.linalg.slogdet(self.precision)[1], mean, covariance

    def on_scale(self, center: Array, scale: Array) -> NaturalGates:
        """The same functions of z = (x - center) / scale."""
        at = self.precision @ center
        constant = self.constant + self.slope @ center - 0.5 * at @ center
        precision = self.precision * np.outer(scale, scale)
        return NaturalGates(constant, (self.slope - at) * scale, precision)

    def times(self, slope: Array, precision: Array) -> NaturalGates:
        """Multiplied by the common factor exp(slopeᵀx - ½ xᵀ precision x)."""
        return NaturalGates(self.constant, self.slope + slope, self.precision + precision)


def likeliest(
    gates: NaturalGates, x: Array, weight: Array | None, pairs: list[tuple[int, int]]
) -> tuple[Array, Array, Array]:
    r"""Weights, means and covariances of the multiple of these gates that fits the rows x best.

    Over m and M with entries at ``pairs`` only, the log-likelihood of rows x under
    :math:`\sum_k\exp(m^\top x-\tfrac12x^\top Mx)\,\pi_kN(x;c_k,\Gamma_k)`, normalised, is concave:
    its gradient is the difference of first and second moments between data and law.

    Parameters
    ----------
    gates : NaturalGates
    x : array (d, n)
        Standardised rows.
    weight : array (n,), optional
    pairs : list of (i, j), i <= j
        Entries of M that the structure of the covariances leaves free; all diagonal ones in one
        number if it is empty (isotropic covariances).
    """
    dim = len(x)
    patterns = _patterns(dim, pairs)
    first = np.average(x, axis=1, weights=weight)
    second = (
        (x if weight is None else x * weight)
        @ x.T
        / (x.shape[1] if weight is None else weight.sum())
    )
    target = np.concatenate([first, -0.5 * np.tensordot(patterns, second, axes=2)])

    def evaluate(theta: Array) -> tuple[float, Array, Array] | None:
        factor = gates.times(theta[:dim], np.tensordot(theta[dim:], patterns, axes=1))
        if np.linalg.eigvalsh(factor.precision).min() <= 0.0:
            return None
        log_weight, mean, covariance = factor.moments()
        total = float(np.logaddexp.reduce(log_weight))
        share = np.exp(log_weight - total)
        each = _means(mean, covariance, patterns)
        expected = share @ each
        spread = each - expected
        hessian = np.tensordot(share, _covariances(mean, covariance, patterns), axes=1)
        hessian += (spread * share[:, None]).T @ spread
        return total - float(theta @ target), expected - target, hessian

    starts = [_feasible(gates, dim, patterns), np.zeros(dim + len(patterns))]
    known = [(found[0], i) for i, t in enumerate(starts) if (found := evaluate(t)) is not None]
    theta = _ascend(evaluate, starts[min(known)[1]])
    factor = gates.times(theta[:dim], np.tensordot(theta[dim:], patterns, axes=1))
    log_weight, mean, covariance = factor.moments()
    return np.exp(log_weight - np.logaddexp.reduce(log_weight)), mean, covariance


def _patterns(dim: int, pairs: list[tuple[int, int]]) -> Array:
    """Symmetric matrices (m, d, d) that span the possible M."""
    if not pairs:
        return np.eye(dim)[None]
    found = np.zeros((len(pairs), dim, dim))
    for matrix, (i, j) in zip(found, pairs, strict=True):
        matrix[i, j] = matrix[j, i] = 1.0
    return found


def _feasible(gates: NaturalGates, dim: int, patterns: Array) -> Array:
    """A factor that makes all precisions positive definite, centred where the gates are."""
    least = float(np.linalg.eigvalsh(gates.precision).min())
    lift = max(1.0, 1.0 - 2.0 * least)
    diagonal = np.array([lift if np.trace(p) > 0.0 else 0.0 for p in patterns])
    return np.concatenate([-gates.slope.mean(axis=0), diagonal])


def _means(mean: Array, covariance: Array, patterns: Array) -> Array:
    """Means of (x, -½ xᵀPx) under every gate, (K, d + m)."""
    raw = covariance + mean[:, :, None] * mean[:, None, :]
    return np.concatenate([mean, -0.5 * np.einsum("kij,mij->km", raw, patterns)], axis=1)


def _covariances(mean: Array, covariance: Array, patterns: Array) -> Array:
    """Their covariances, (K, d + m, d + m): Γ, -ΓPc, and ½ tr(PΓQΓ) + cᵀPΓQc."""
    k, dim = mean.shape
    size = dim + len(patterns)
    out = np.empty((k, size, size))
    bent = np.einsum("mij,kj->kmi", patterns, mean)
    turned = np.einsum("mij,kjl->kmil", patterns, covariance)
    out[:, :dim, :dim] = covariance
    out[:, :dim, dim:] = -np.einsum("kij,kmj->kim", covariance, bent)
    out[:, dim:, :dim] = np.swapaxes(out[:, :dim, dim:], 1, 2)
    out[:, dim:, dim:] = 0.5 * np.einsum("kmij,knji->kmn", turned, turned)
    out[:, dim:, dim:] += np.einsum("kmi,kij,knj->kmn", bent, covariance, bent)
    return out


def _ascend(evaluate, theta: Array) -> Array:  # type: ignore[no-untyped-def]
    """Newton's method for a smooth convex function; evaluate gives None outside its domain."""
    value, gradient, hessian = evaluate(theta)
    for _ in range(_MAX_STEPS):
        # Scales of the entries of M differ by the squares of the precisions.
        unit = 1.0 / np.sqrt(np.maximum(np.diag(hessian), np.finfo(float).tiny))
        values, vectors = np.linalg.eigh(hessian * np.outer(unit, unit))
        floor = 1e-13 * float(values.max())
        inside = vectors.T @ (gradient * unit)
        step = -unit * (vectors @ (inside / np.maximum(values, floor)))
        decrease = float(gradient @ step)
        if -decrease < 1e-13 * (1.0 + abs(value)):
            break
        size = 1.0
        for _ in range(60):
            found = evaluate(theta + size * step)
            if found is not None and found[0] <= value + 1e-4 * size * decrease:
                break
            size *= 0.5
        else:
            break
        theta = theta + size * step
        value, gradient, hessian = found
    return theta
