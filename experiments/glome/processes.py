r"""The two laws of the study: two Gaussian clusters of x, and a curve with noise in each.

.. math:: s_0(y | x) = \sum_{k=1}^2 g_k(x) N(y; m_k(x), 0.09),\quad
          g_k(x) \propto \tfrac12 N(x; c_k, \Gamma_k),\quad x \sim \tfrac12\sum_k N(c_k, \Gamma_k),

with centres c = (0.2, 0.8) and variances Γ = (0.1, 0.15). WS ("well specified") has lines m_k, so
that it is a Gaussian-gated mixture of two affine experts; MS ("misspecified") has parabolas.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

CENTRES = np.array([0.2, 0.8])
VARIANCES = np.array([0.1, 0.15])
NOISE = 0.3


@dataclass(frozen=True)
class Process:
    """A law of (x, y); ``means(x)`` gives the two curves, shape (2, n).

    Examples
    --------
    >>> x, y = PROCESSES["WS"].sample(1000, np.random.default_rng(0))
    >>> x.shape, y.shape, round(float(-PROCESSES["WS"].log_density(x, y).mean()), 1)
    ((1000,), (1000,), 0.5)
    """

    name: str
    means: Callable[[Array], Array]

    def sample(self, n: int, rng: np.random.Generator) -> tuple[Array, Array]:
        """n independent pairs, arrays (n,) and (n,)."""
        cluster = rng.integers(2, size=n)
        x = CENTRES[cluster] + np.sqrt(VARIANCES[cluster]) * rng.normal(size=n)
        return x, self.responses(x, rng)

    def responses(self, x: Array, rng: np.random.Generator) -> Array:
        """One draw of y given each x."""
        first = rng.random(x.size) < gates(x)[0]
        mean = np.where(first, *self.means(x))
        return mean + NOISE * rng.normal(size=x.size)

    def log_density(self, x: Array, y: Array) -> Array:
        """log s_0(y | x), (n,), nats."""
        z = (y - self.means(x)) / NOISE
        logs = np.log(gates(x)) - 0.5 * z**2 - np.log(NOISE * np.sqrt(2.0 * np.pi))
        return np.logaddexp(*logs)


def gates(x: Array) -> Array:
    """Probabilities of the two curves at x, (2, n)."""
    logs = _log_clusters(x)
    return np.exp(logs - np.logaddexp(*logs))


def density_of_x(x: Array) -> Array:
    """Density of x, (n,)."""
    return np.exp(np.logaddexp(*_log_clusters(x)))


def _log_clusters(x: Array) -> Array:
    centred = x - CENTRES[:, None]
    variance = VARIANCES[:, None]
    return -0.5 * centred**2 / variance - 0.5 * np.log(2.0 * np.pi * variance) - np.log(2.0)


PROCESSES = {
    "WS": Process("WS", lambda x: np.stack([2.0 - 5.0 * x, 0.1 * x])),
    "MS": Process("MS", lambda x: np.stack([1.0 - 6.0 * x + x**2, -0.4 * x**2])),
}
