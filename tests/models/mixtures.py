"""Mixture distributions and probabilities that several test files use."""

from __future__ import annotations

import numpy as np

from mixexp.models.components import NormalComponents
from mixexp.models.distribution import MixtureDistribution

P = np.array([1e-300, 1e-16, 0.01, 0.3, 0.5, 0.77, 0.999, 1 - 1e-16])


def make(n: int = 5, n_experts: int = 3, seed: int = 0) -> MixtureDistribution:
    rng = np.random.default_rng(seed)
    weights = rng.dirichlet(np.ones(n_experts), n)
    mean = rng.normal(0.0, 3.0, (n, n_experts))
    return MixtureDistribution(
        weights, NormalComponents(mean, rng.uniform(0.2, 2.0, (n, n_experts)))
    )
