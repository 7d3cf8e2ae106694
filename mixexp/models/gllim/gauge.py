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

    def evaluate(theta: Array) -> tuple[float, Array] | None:
        factor = gates.times(theta[:dim], np.tensordot(theta[dim:], patterns, axes=1))
        if np.linalg.eigvalsh(factor.precision).min() <= 0.0:
            return None
        log_weight, mean, covariance = factor.moments()
        total = float(np.logaddexp.reduce(log_weight))
        share = np.exp(log_weight - total)
        raw = covariance + mean[:, :, None] * mean[:, None, :]
        expected = np.concatenate([
            share @ mean, -0.5 * np.tensordot(patterns, np.tensordot(share, raw, axes=1), axes=2)
        ])  # fmt: skip
        return total - float(theta @ target), expected - target

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


def _ascend(evaluate, theta: Array) -> Array:  # type: ignore[no-untyped-def]
    """Newton's method for a smooth convex function; evaluate gives None outside its domain."""
    value, gradient = evaluate(theta)
    for _ in range(_MAX_STEPS):
        hessian = _hessian(evaluate, theta, gradient)
        values, vectors = np.linalg.eigh(hessian)
        floor = 1e-10 * max(float(values.max()), 1e-12)
        newton = -vectors @ ((vectors.T @ gradient) / np.maximum(values, floor))
        if -float(gradient @ newton) < 1e-13 * (1.0 + abs(value)):
            break
        # Near the edge of the domain differences can spoil the Hessian: then straight downhill.
        for step in (newton, -gradient / max(float(values.max()), 1e-12)):
            found = _down(evaluate, theta, value, gradient, step)
            if found is not None:
                break
        else:
            break
        theta, value, gradient = found
    return theta


def _down(evaluate, theta: Array, value: float, gradient: Array, step: Array):  # type: ignore[no-untyped-def]
    """The first point of halved steps that is low enough, its value and gradient; None if none."""
    decrease = float(gradient @ step)
    size = 1.0
    for _ in range(60):
        point = theta + size * step
        found = evaluate(point)
        if found is not None and found[0] <= value + 1e-4 * size * decrease:
            return point, *found
        size *= 0.5
    return None


def _hessian(evaluate, theta: Array, gradient: Array) -> Array:  # type: ignore[no-untyped-def]
    """Differences of the exact gradient."""
    columns = []
    for i in range(len(theta)):
        h = 1e-6 * (1.0 + abs(theta[i]))
        found = None
        while found is None:
            moved = theta.copy()
            moved[i] += h
            found = evaluate(moved)
            h = -0.5 * h if found is None else h
        columns.append((found[1] - gradient) / h)
    matrix = np.array(columns)
    return 0.5 * (matrix + matrix.T)
