"""Starts near the truth, drawn as the simulations of the literature draw theirs."""

from __future__ import annotations

import numpy as np

from mixexp.models import MixingMeasure

_GATE, _EXPERT, _SPREAD = 0.005, 0.05, 0.005
_COMMON = "gate_temperature"


def near_truth(truth: MixingMeasure, k: int, n: int, rng: np.random.Generator) -> MixingMeasure:
    """k atoms at random true ones, each at least once and the last at the last, plus noise.

    Normal noise of standard deviation ``0.005 n^(-1/12)`` in the gate and ``0.05 n^(-1/12)`` in the
    experts, and absolute normal noise of ``0.005 n^(-1/4)`` in variances: the exponents are those
    of the literature's own starts, so the loss of a start is a power of n before anything is
    fitted. The last atom is the reference: neither its gate nor its weight gets any. Weights of
    copies are not divided, as in the literature.

    Parameters
    ----------
    truth : MixingMeasure
    k : int
        At least the number of true atoms.
    n : int
        Sample size.
    rng : numpy.random.Generator

    References
    ----------
    Code of Nguyen, Nguyen & Ho (2023), arXiv 2305.03288; there the variances start at the
    standard deviations, here at the variances; there an expert's slope and intercept share
    one draw, and all ways to cover the true atoms are equally likely; here superfluous atoms
    are, each with any true one.

    Examples
    --------
    >>> truth = MixingMeasure([1.0, 1.0], {"intercept": [2.0, -2.0], "variance": [0.25, 0.25]})
    >>> start = near_truth(truth, 3, 1000, np.random.default_rng(0))
    >>> start.n_atoms, bool(abs(start["intercept"][-1] + 2.0) < 0.2)
    (3, True)
    """
    m = truth.n_atoms
    extra = rng.integers(m, size=k - m)
    cells = np.concatenate([rng.permutation(np.concatenate([np.arange(m - 1), extra])), [m - 1]])
    start = truth.take(cells)
    blocks = {}
    for name, block in start.atoms.items():
        if name in ("variance", "covariance"):
            noise = np.abs(rng.normal(0.0, _SPREAD * n**-0.25, size=block.shape))
        elif name == _COMMON:
            noise = np.full(block.shape, rng.normal(0.0, _GATE * n ** (-1 / 12)))
        else:
            size = _GATE if name.startswith("gate") else _EXPERT
            noise = rng.normal(0.0, size * n ** (-1 / 12), size=block.shape)
            if name.startswith("gate"):
                noise[-1] = 0.0
        blocks[name] = block + noise
    nats = rng.normal(0.0, _GATE * n ** (-1 / 12), size=k)
    nats[-1] = 0.0
    return MixingMeasure(start.weight * np.exp(nats), blocks)
