r"""Weights of softmax-gated atoms: their logarithms, and the origin that they belong to.

.. math:: w_k=e^{\beta_{0k}},\qquad\beta_{0k}\to\beta_{0k}+\beta_{1k}^\top c

Weights are the gate where its features are zero. Far from the data, or with steep gates, most of
them are too small to be numbers, and a mixing measure that holds the smallest number in their place
is another law. Logarithms are numbers wherever the origin is.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mixexp.models.measure import MixingMeasure

Array = NDArray[np.float64]

LOG_WEIGHT = "gate_log_weight"
"""Block (K,) of log-weights, in measures with weights that are too small to be numbers."""
# Below exp(-700) of the whole a weight is about to underflow.
_SMALLEST = -700.0


def log_weights(measure: MixingMeasure) -> Array:
    """Log-weights (K,), from the block of them where the measure has it.

    Examples
    --------
    >>> log_weights(MixingMeasure([1.0, 1.0], {"gate_log_weight": [-900.0, 0.0]}))
    array([-900.,    0.])
    """
    return np.array(measure.atoms.get(LOG_WEIGHT, np.log(measure.weight)))


def weighted(measure: MixingMeasure, logs: ArrayLike) -> MixingMeasure:
    """The atoms with weights of given logarithms (K,), normalised to one.

    Where a weight is too small to be a number the measure gets the block ``gate_log_weight``, with
    which ``measure_loglik`` of the estimators evaluates it.

    Examples
    --------
    >>> G = MixingMeasure([1.0, 1.0], {"intercept": [0.0, 1.0]})
    >>> weighted(G, [5.0, 5.0]).weight, sorted(weighted(G, [5.0, 905.0]).atoms)
    (array([0.5, 0.5]), ['gate_log_weight', 'intercept'])
    """
    log = np.asarray(logs, dtype=float)
    log = log - np.logaddexp.reduce(log)
    blocks = {name: block for name, block in measure.atoms.items() if name != LOG_WEIGHT}
    if log.min() < _SMALLEST:
        blocks[LOG_WEIGHT] = log
    return MixingMeasure(np.maximum(np.exp(log), np.finfo(float).tiny), blocks)


def recentred(measure: MixingMeasure, by: ArrayLike) -> MixingMeasure:
    r"""A softmax-gated measure with the gate's features counted from another origin.

    .. math:: \beta_0\to\beta_0+\beta_1^\top c

    Parameters
    ----------
    measure : MixingMeasure
        With the block ``gate_coef`` (K, q); slopes are divided by a block ``gate_temperature``.
    by : array (q,)
        The new origin c; -c leads back.

    Examples
    --------
    >>> G = MixingMeasure([0.5, 0.5], {"gate_coef": [[np.log(3.0)], [0.0]]})
    >>> recentred(G, [1.0]).weight.round(6), recentred(G, [2000.0])["gate_log_weight"].round(2)
    (array([0.75, 0.25]), array([    0.  , -2197.22]))
    """
    temperature = measure.atoms.get("gate_temperature", 1.0)
    return weighted(measure, log_weights(measure) + measure["gate_coef"] @ by / temperature)
