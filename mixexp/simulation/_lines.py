"""Weighted lines through log-log tables, many tables at once, with bootstrap intervals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

Statistic = Literal["mean_log", "median", "mean"]
Array = NDArray[np.float64]

STATISTICS: tuple[Statistic, ...] = ("mean_log", "median", "mean")

# Bounds the memory of a block of draws to 16 MB.
_DRAWN_VALUES = 2_000_000


class Lines(NamedTuple):
    """Slopes of T tables, arrays of shape (T,), and the point all lines share the abscissa of.

    Attributes
    ----------
    estimate, low, high : ndarray
        Slopes and the ends of their intervals, ``low ≤ estimate ≤ high``.
    freedom : ndarray
        Effective degrees of freedom of the variances of the slopes.
    height : ndarray
        Weighted mean of the summaries, log scale.
    x_mean : float
        Weighted mean of log n.
    """

    estimate: Array
    low: Array
    high: Array
    freedom: Array
    height: Array
    x_mean: float


def fit_lines(
    samples: Sequence[Array],
    sizes: Sequence[int],
    statistic: Statistic,
    *,
    level: float,
    n_resamples: int,
    seed: int,
) -> Lines:
    """Slopes ``Σ_n c_n m_n`` of T tables; see `fit_slope` for the law and its interval.

    Tables share their draws, which depend on (`seed`, n) and the number of replicates only.

    Parameters
    ----------
    samples : sequence of ndarray of shape (T, R_n)
        Positive errors of each size.
    sizes : sequence of int
        The sizes n.
    statistic, level, n_resamples, seed
        See `fit_slope`.

    Examples
    --------
    >>> tables = [n**-0.5 * np.ones((2, 4)) for n in (10, 100)]
    >>> fit_lines(tables, (10, 100), "mean", level=0.9, n_resamples=9, seed=0).estimate
    array([-0.5, -0.5])
    """
    x, weight = np.log(sizes), np.array([sample.shape[1] for sample in samples], dtype=float)
    x_mean = np.average(x, weights=weight)
    coefficient = weight * (x - x_mean)
    coefficient /= coefficient @ x
    heights = np.stack([summary(sample, statistic) for sample in samples], axis=-1)
    deviation = np.zeros((len(heights), n_resamples))
    variances = []
    for sample, n, c, height in zip(samples, sizes, coefficient, heights.T, strict=True):
        rng = np.random.default_rng(np.random.SeedSequence([seed, n]))
        moved = c * (resampled(sample, statistic, n_resamples, rng) - height[:, None])
        if statistic != "median":
            moved *= np.sqrt(sample.shape[1] / (sample.shape[1] - 1))
        deviation += moved
        variances.append(moved.var(axis=1))
    freedom = _effective_freedom(np.stack(variances, axis=-1), weight - 1)
    low, high = np.quantile(deviation, [(1 - level) / 2, (1 + level) / 2], axis=1)
    if statistic != "median":
        stretch = critical_value(level, freedom) / critical_value(level, np.inf)
        low, high = stretch * low, stretch * high
    estimate = heights @ coefficient
    # A rescaled interval contains the narrower one only if both contain the estimate.
    low, high = estimate + np.minimum(low, 0), estimate + np.maximum(high, 0)
    height = np.average(heights, axis=-1, weights=weight)
    return Lines(estimate, low, high, freedom, height, float(x_mean))


def summary(sample: Array, statistic: Statistic) -> Array:
    """Mean of the logs, log of the median or log of the mean, along the last axis."""
    if statistic == "mean_log":
        return np.log(sample).mean(axis=-1)
    middle = np.median if statistic == "median" else np.mean
    return np.log(middle(sample, axis=-1))


def resampled(
    sample: Array, statistic: Statistic, n_resamples: int, rng: np.random.Generator
) -> Array:
    """Summaries of bootstrap samples, shape (T, `n_resamples`), of a sample of shape (T, R)."""
    if statistic == "median":
        return _resampled_medians(sample, n_resamples, rng)
    n = sample.shape[1]
    values = np.log(sample) if statistic == "mean_log" else sample
    means = np.empty((len(sample), n_resamples))
    block = max(1, _DRAWN_VALUES // n)
    for start in range(0, n_resamples, block):
        rows = min(block, n_resamples - start)
        drawn = rng.integers(n, size=(rows, n))
        if len(values) == 1:
            means[0, start : start + rows] = values[0][drawn].mean(axis=1)
            continue
        # Many tables: how often each replicate was drawn makes their means one matrix product.
        cells = (drawn + n * np.arange(rows)[:, None]).ravel()
        counts = np.bincount(cells, minlength=rows * n).reshape(rows, n)
        means[:, start : start + rows] = values @ counts.T / n
    return means if statistic == "mean_log" else np.log(means)


def critical_value(level: float, freedom: float | Array) -> Array:
    """Quantile ``(1 + level) / 2`` of Student's t; infinite `freedom` gives the normal quantile.

    Examples
    --------
    >>> critical_value(0.95, np.array([5.0, np.inf])).round(3)
    array([2.571, 1.96 ])
    """
    from scipy.special import stdtrit

    return np.asarray(stdtrit(freedom, (1 + level) / 2))


def _resampled_medians(sample: Array, n_resamples: int, rng: np.random.Generator) -> Array:
    """Medians of bootstrap samples without drawing the samples.

    The k-th of R uniform draws in increasing order has the law Beta(k, R - k + 1); it points to
    the order statistic that a bootstrap sample has in its place k. Given the (k + 1)-th, the k-th
    is the largest of k uniform draws below it.
    """
    ordered, n = np.sort(sample, axis=1), sample.shape[1]
    k = (n + 1) // 2
    if n % 2:
        return np.log(ordered[:, _ranks(rng.beta(k, k, size=n_resamples), n)])
    upper = rng.beta(k + 1, k, size=n_resamples)
    lower = upper * rng.random(n_resamples) ** (1 / k)
    return np.log((ordered[:, _ranks(lower, n)] + ordered[:, _ranks(upper, n)]) / 2)


def _ranks(u: Array, n: int) -> NDArray[np.intp]:
    return np.minimum((n * u).astype(np.intp), n - 1)


def _effective_freedom(variances: Array, freedom: Array) -> Array:
    """Welch and Satterthwaite's ``(Σ v)² / Σ v² / ν``; infinite if nothing varies."""
    spread = (variances**2 / freedom).sum(axis=-1)
    total = variances.sum(axis=-1) ** 2
    return np.divide(total, spread, out=np.full_like(total, np.inf), where=spread > 0)
