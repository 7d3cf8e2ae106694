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


def quick(**settings: Any) -> GaussianMoE:
    """A fit from few starts with a fixed seed; ``settings`` come on top."""
    return GaussianMoE(**{"n_init": 1, "random_state": 0, **settings})


def identical(a: GaussianMoE, b: GaussianMoE) -> bool:
    """Whether two fits have the same log-likelihood and parameters, bit for bit."""
    pairs = zip(a.params_, b.params_, strict=True)
    same = all(np.array_equal(x, z) for p, q in pairs for x, z in zip(p, q, strict=True))
    return same and a.loglik_ == b.loglik_
