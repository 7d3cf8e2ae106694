"""Collections of block-diagonal models, one for each level of a penalty."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mixexp.selection.candidates import Candidates
from mixexp.selection.jump import hull_path
from mixexp.selection.partitions import PartitionGains


@dataclass(frozen=True)
class Level:
    """The position on each expert's path that is best from this penalty level κ upwards."""

    kappa: float
    positions: tuple[int, ...]


def penalised_collection(gains: Sequence[PartitionGains]) -> list[Level]:
    r"""For every κ, each expert's partition that maximises log-likelihood less κ times dimension.

    Given the responsibilities the experts' choices do not depend on each other, so one level κ
    indexes all tuples of partitions worth fitting: as many as the experts' hulls have vertices
    together, not as many as there are tuples. From the largest models (κ = 0) to the smallest.

    Parameters
    ----------
    gains : sequence of PartitionGains
        One for each expert.

    Examples
    --------
    >>> one = PartitionGains(np.array([3.0, 4.0, 6.0]), np.array([0.0, 10.0, 11.0]), 3)
    >>> [(level.kappa, level.positions) for level in penalised_collection([one, one])]
    [(0.0, (2, 2)), (0.5, (1, 1)), (10.0, (0, 0))]
    """
    hulls = []
    for each in gains:
        names = tuple(range(each.n_fitting))
        vertices, kappas = hull_path(Candidates(names, each.dimension, -each.loglik))
        hulls.append((vertices, kappas))
    levels = sorted({float(kappa) for _, kappas in hulls for kappa in kappas})
    collection: list[Level] = []
    for level in levels:
        positions = tuple(
            int(vertices[np.searchsorted(kappas, level, side="right") - 1])
            for vertices, kappas in hulls
        )
        if not collection or positions != collection[-1].positions:
            collection.append(Level(level, positions))
    return collection


def thinned(collection: list[Level], most: int) -> list[Level]:
    """At most ``most`` levels, evenly spread over the collection, both ends included."""
    if len(collection) <= most:
        return collection
    chosen = np.unique(np.linspace(0, len(collection) - 1, most).round().astype(int))
    return [collection[i] for i in chosen]
