"""Entropy of row-wise mixtures: differential, or of counts and classes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from mixexp.models.distribution import MixtureDistribution

Array = NDArray[np.float64]

_BLOCK = 512
# Values of log p that are in memory at a time.
_CELLS = 2**20
# Probability left out at either end of a support: it carries less than 1e-15 nats.
_TAIL = 1e-17


def entropy(law: MixtureDistribution, n_nodes: int = 129) -> Array:
    """Conditional entropy h_i = -E log p(Y | x_i), Y ~ p(. | x_i), shape (n,), nats.

    Of continuous laws, the expectation under each expert is an integral over its quantiles; after
    the substitution u = 1 / (1 + e^-t) the trapezoidal rule converges exponentially. Of classes and
    counts it is the sum over the support, in time proportional to its width.

    Parameters
    ----------
    law : MixtureDistribution
    n_nodes : int, default=129
        Nodes of the rule.

    Examples
    --------
    >>> from mixexp.models.components import NormalComponents
    >>> law = MixtureDistribution([[1.0]], NormalComponents([[0.0]], [2.0]))
    >>> float((entropy(law) - 0.5 * np.log(2.0 * np.pi * np.e * 4.0))[0].round(9))
    0.0
    >>> from mixexp.models.discrete_components import BinomialComponents
    >>> coin = MixtureDistribution([[1.0]], BinomialComponents(trials=1, logit=[[0.0]]))
    >>> (entropy(coin) / np.log(2.0)).round(12)
    array([1.])
    """
    parts = []
    for i in range(0, len(law), _BLOCK):
        block = law[i : i + _BLOCK]
        parts.append(_sum(block) if law.components.discrete else _integral(block, n_nodes))
    return np.concatenate(parts) if parts else np.empty(0)


def _integral(law: MixtureDistribution, n_nodes: int) -> Array:
    t = np.linspace(-36.0, 36.0, n_nodes)
    weight = expit(t) * expit(-t)
    weight /= weight.sum()
    half = len(t) // 2
    # Each tail from its own side, where its probability is a number and not one minus one.
    below = np.broadcast_to(expit(t[:half, None]), (half, len(law)))
    above = np.broadcast_to(expit(-t[half:, None]), (len(t) - half, len(law)))
    nodes = np.concatenate([law.components.icdf(below), law.components.iccdf(above)])
    total = np.zeros(len(law))
    for k in range(nodes.shape[2]):
        total -= law.weights[:, k] * (weight @ law.logpdf(nodes[:, :, k]))
    return total


def _sum(law: MixtureDistribution) -> Array:
    first, last = law.components.support(_TAIL)
    # An expert that is hardly ever chosen must not stretch the support.
    counts = law.weights > _TAIL
    y = np.where(counts, first, np.inf).min(axis=1)
    end = np.where(counts, last, -np.inf).max(axis=1)
    total = np.zeros(len(law))
    todo = np.arange(len(law))
    while todo.size:
        here = law[todo]
        steps = int(max(1, _CELLS // here.weights.size))
        steps = int(min(steps, (end - y)[todo].max() + 1.0))
        values = y[todo] + np.arange(float(steps))[:, None]
        # Beyond the end, and where p is zero, the terms are zero.
        log_p = np.maximum(here.logpdf(values), -800.0)
        terms = np.where(values <= end[todo], np.exp(log_p) * log_p, 0.0)
        total[todo] -= terms.sum(axis=0)
        y[todo] += steps
        todo = todo[y[todo] <= end[todo]]
    return total
