"""Small data sets for the tests of the estimators, and a quick estimator."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixexp import GaussianMoE

Array = NDArray[np.float64]


def two_lines(n: int = 150, seed: int = 0) -> tuple[Array, Array]:
    """Rows of two lines whose gate and noise overlap: a regular optimum, found from any start."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 2))
    first = rng.random(n) < 1.0 / (1.0 + np.exp(-0.5 - 1.5 * X[:, 0]))
    y = np.where(first, 1.0 + 2.0 * X[:, 0] + X[:, 1], -2.0 - X[:, 0] + 0.5 * X[:, 1])
    return X, y + np.where(first, 0.5, 0.8) * rng.normal(size=n)


def three_classes(n: int = 600, seed: int = 0) -> tuple[Array, NDArray[np.str_]]:
    """Rows of two experts with three classes each, at odds about one column, that all overlap."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 2))
    first = rng.random(n) < 1.0 / (1.0 + np.exp(-2.0 * X[:, 0]))
    slope = np.where(first, 1.5, -1.5) * X[:, 1]
    logits = np.column_stack([slope, 0.5 - slope, np.where(first, 0.3, -0.5)])
    uniform = rng.random((n, 1))
    proba = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return X, np.array(["ash", "elm", "oak"])[(uniform > proba.cumsum(axis=1)).sum(axis=1)]


def two_rates(n: int = 200, seed: int = 0) -> tuple[Array, Array, Array]:
    """Rows, counts of two experts and their exposures."""
    rng = np.random.default_rng(seed)
    X, exposure = rng.normal(size=(n, 2)), rng.uniform(0.5, 5.0, size=n)
    first = rng.random(n) < 1.0 / (1.0 + np.exp(-X[:, 0]))
    rate = np.exp(np.where(first, 2.0 + 0.5 * X[:, 1], 0.5 - 0.5 * X[:, 1]))
    return X, rng.poisson(rate * exposure).astype(float), exposure


def two_proportions(n: int = 200, seed: int = 0) -> tuple[Array, Array, Array]:
    """Rows, successes of two experts and the numbers of trials."""
    rng = np.random.default_rng(seed)
    X, trials = rng.normal(size=(n, 2)), rng.integers(5, 30, size=n).astype(float)
    first = rng.random(n) < 1.0 / (1.0 + np.exp(-X[:, 0]))
    logit = np.where(first, 1.5 + 0.5 * X[:, 1], -1.5 - 0.5 * X[:, 1])
    return X, rng.binomial(trials.astype(int), 1.0 / (1.0 + np.exp(-logit))).astype(float), trials


def quick(**settings: Any) -> GaussianMoE:
    """A fit from few starts with a fixed seed; ``settings`` come on top."""
    return GaussianMoE(**{"n_init": 1, "random_state": 0, **settings})


def identical(a: Any, b: Any) -> bool:
    """Whether two fits have the same log-likelihood and parameters, bit for bit."""
    pairs = zip(a.params_, b.params_, strict=True)
    same = all(np.array_equal(x, z) for p, q in pairs for x, z in zip(p, q, strict=True))
    return same and a.loglik_ == b.loglik_
