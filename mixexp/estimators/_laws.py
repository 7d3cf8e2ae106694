"""Quantiles, intervals and draws of predictive laws, in the shapes the estimators give them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mixexp.estimators._inputs import draw_seed
from mixexp.models.distribution import MixtureDistribution
from mixexp.models.multivariate import MultivariateMixtureDistribution

Array = NDArray[np.float64]


def quantiles(law: MixtureDistribution, q: ArrayLike) -> Array:
    """Quantiles of each row: shape (n,) for a number ``q``, (n, len(q)) for several.

    Raises
    ------
    ValueError
        If a level is outside [0, 1] or ``q`` has more than one axis.
    """
    levels = np.asarray(q, dtype=float)
    if levels.ndim > 1 or not np.all((levels >= 0.0) & (levels <= 1.0)):
        raise ValueError(f"q={q!r} must be a number in [0, 1] or a list of such numbers")
    if levels.ndim == 0:
        return law.icdf(float(levels))
    return np.column_stack([law.icdf(float(level)) for level in levels])


def interval(law: MixtureDistribution, level: float) -> Array:
    """Equal-tailed intervals of probability ``level``, shape (n, 2)."""
    return np.column_stack(law.interval(level))


def of_each(
    law: MultivariateMixtureDistribution, take: Callable[[MixtureDistribution], Array]
) -> Array:
    """What ``take`` gives for the marginal law of every response, side by side: (n, D, ...)."""
    return np.stack([take(law.marginal(j)) for j in range(law.n_responses)], axis=1)


def draw(
    law: MixtureDistribution | MultivariateMixtureDistribution,
    n_samples: int | None,
    random_state: Any,
) -> Array:
    """Draws at every row, shape (n, ...) or (n_samples, n, ...); any kind of seed or generator."""
    if not isinstance(random_state, np.random.Generator | None):
        random_state = draw_seed(random_state)
    return law.sample(n_samples, rng=random_state)
