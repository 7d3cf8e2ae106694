"""Scales of the experts' covariances in an M-step."""

from __future__ import annotations

import numpy as np

from mixexp.models.experts._base import Array
from mixexp.models.experts._cholesky import CholeskyChart


def likeliest_scales(
    chart: CholeskyChart,
    squares: Array,
    mass: Array,
    scales: list[Array],
    low: list[Array],
    high: list[Array],
) -> list[Array]:
    r"""Maximise :math:`-\tfrac12\sum_{kj}\{q_{kj}e^{-s_{kj}}+m_ks_{kj}\}` over s = scales @ u.

    Within the bounds ``low`` and ``high`` of u. An expert without responsibility keeps its scales:
    the data say nothing about it.

    Parameters
    ----------
    chart : CholeskyChart
    squares : array (M, D)
        Weighted sums of squares q of the innovations.
    mass : array (M,)
        Total weights m.
    scales, low, high : lists of arrays (M, 1) or (1, 1)
        Current u, and bounds.
    """
    dim = chart.dim
    if chart.equal_volumes:
        return equal_volumes(chart, squares, mass, scales, low, high)
    if len(scales) < dim:
        squares, dim = squares.sum(axis=1, keepdims=True), 1
        mass = mass * chart.dim
    found = []
    for j in range(dim):
        fitted = _log_ratio(squares[:, j], mass, scales[j][:, 0])
        found.append(np.clip(fitted[:, None], low[j], high[j]))
    return found


def equal_volumes(
    chart: CholeskyChart,
    squares: Array,
    mass: Array,
    scales: list[Array],
    low: list[Array],
    high: list[Array],
) -> list[Array]:
    """The same for u = (v, w), v the mean of s that all experts share, w differences to it.

    In the bounds the maximum is known (Celeux & Govaert 1995, model λC_k); where it is out of them,
    the better one of its projection and the current differences, each with its likeliest v.
    """
    current = np.concatenate(scales[1:], axis=1) if chart.dim > 1 else np.zeros((len(squares), 0))
    table = np.concatenate([np.zeros((len(squares), 1)), current], axis=1) @ chart.scales.T
    logs = np.stack([_log_ratio(q, mass, s) for q, s in zip(squares.T, table.T, strict=True)], 1)
    # Responses that are fitted exactly: finite, and out of the bounds all the same.
    logs = np.clip(logs, -700.0, 700.0)
    best = (logs - logs.mean(axis=1, keepdims=True))[:, :-1]
    for c in range(best.shape[1]):
        best[:, c] = np.clip(best[:, c], low[c + 1][:, 0], high[c + 1][:, 0])
    tried = []
    for differences in (best, current):
        s = np.concatenate([np.zeros((len(squares), 1)), differences], axis=1) @ chart.scales.T
        with np.errstate(over="ignore", divide="ignore"):
            total = np.sum(squares * np.exp(-s))
            v = np.log(total / (chart.dim * mass.sum()))
        v = float(np.clip(v, low[0][0, 0], high[0][0, 0]))
        with np.errstate(over="ignore"):
            value = -total * np.exp(-v) - chart.dim * mass.sum() * v
        tried.append((value, v, differences))
    _, v, differences = max(tried, key=lambda each: each[0])
    return [np.full((1, 1), v), *(column[:, None] for column in differences.T)]


def _log_ratio(squares: Array, mass: Array, current: Array) -> Array:
    """log(squares / mass), or the current value where there is no mass."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(mass > 0.0, np.log(squares / mass), current)
