"""Starts for one expert more: a fit written with one of its experts twice, or pulled apart."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from mixexp.estimation.start import Start, split
from mixexp.models.coordinates import Sharing
from mixexp.models.mixture import MixtureOfExperts

Array = NDArray[np.float64]


def doubled(small: MixtureOfExperts, theta: Array, model: MixtureOfExperts, expert: int) -> Array:
    r"""θ of K + 1 experts with the law of K: :math:`\pi_k=\tfrac12\pi_k+\tfrac12\pi_k`.

    Exactly so under gates of which every expert is active: with one more expert a top-K gate makes
    another choice.

    Parameters
    ----------
    small, model : MixtureOfExperts
        The models with K and K + 1 experts, on one scale.
    theta : array (P,)
        Of the former.
    expert : int
        Which one is copied; the copy comes first.
    """
    n_gate = len(model.layout.gate)
    coordinates = model.layout.coordinates
    tables = [
        t if c.sharing is Sharing.SHARED else np.concatenate([t[expert : expert + 1], t])
        for c, t in zip(coordinates, small.layout.coefficients(theta), strict=True)
    ]
    for half in (0, expert + 1):
        model.gate.shift(tables[:n_gate], half, -np.log(2.0))
    for c, table in zip(coordinates, tables, strict=True):
        if c.sharing is Sharing.CONTRAST:
            table -= table[-1].copy()
    return model.layout.vector(tables)


def split_starts(
    small: MixtureOfExperts,
    theta: Array,
    model: MixtureOfExperts,
    shares: Array,
    rng: np.random.Generator,
) -> Iterator[Start]:
    """Starts from a fit of K experts: its largest expert doubled, then each one pulled apart.

    From the former the likelihood can only rise above that of K experts; the latter find what lies
    beyond its saddle.
    """
    yield Start(doubled(small, theta, model, int(np.argmax(shares))), "doubled")
    for expert in range(small.n_experts):
        yield Start(split(small, theta, model, expert, rng), "split")
