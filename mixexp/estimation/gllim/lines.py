"""Partitions of the rows by the nearest of a few local regressions."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mixexp.models.quadratic import solve_least_squares

Array = NDArray[np.float64]

# Share of a cell of K equal ones that a local regression is fitted to, and rounds of refitting.
_SHARE, _ROUNDS = 0.5, 4
_FLOOR = 1e-6


def by_local_lines(
    x: Array, features: Array, y: Array, n_experts: int, rng: np.random.Generator
) -> NDArray[np.intp]:
    """Labels (n,) of the regression of y on φ(x) that each row is nearest to.

    Regressions are fitted to the neighbours of random rows in x and y together, then each to the
    rows nearest to it, a few times: groups that cross or lie on top of each other in x are found,
    which centres of points cannot.

    Parameters
    ----------
    x : array (d, n)
        Standardised.
    features : array (q, n)
        φ(x).
    y : array (p, n)
        Standardised.
    n_experts : int
    rng : Generator
    """
    n = x.shape[1]
    points = np.concatenate([x, y * np.sqrt(len(x) / len(y))]).T
    size = max(len(features) + 1, int(_SHARE * n / n_experts))
    centres = rng.choice(n, n_experts, replace=n < n_experts)
    distance = np.array([np.sum((points - points[i]) ** 2, axis=1) for i in centres])
    member = np.zeros((n_experts, n))
    for row, each in zip(member, distance, strict=True):
        row[np.argsort(each, kind="stable")[:size]] = 1.0
    for _ in range(_ROUNDS):
        labels = np.argmax(_closeness(features, y, member), axis=0)
        member = (labels == np.arange(n_experts)[:, None]).astype(float)
    return labels


def _closeness(features: Array, y: Array, member: Array) -> Array:
    """Gaussian log-density of every row under the regression of every group, (K, n)."""
    gram = np.matmul(features * member[:, None, :], features.T)
    out = np.empty(member.shape)
    for row, inside, square in zip(out, member, gram, strict=True):
        cross = (y * inside) @ features.T
        fitted = solve_least_squares(square[None], cross[None])[0] @ features
        squares = np.mean((y - fitted) ** 2, axis=0)
        variance = max(float(squares @ inside) / max(float(inside.sum()), 1.0), _FLOOR)
        row[:] = -0.5 * squares / variance - 0.5 * np.log(variance)
    return out
