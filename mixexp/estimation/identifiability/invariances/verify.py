"""Whether a claimed invariance is one: the largest difference of two densities."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mixexp.estimation.identifiability.invariances._base import (
    Claim,
    Invariance,
    Law,
    Setting,
    are_labels,
)
from mixexp.models.response_grid import TooManyPoints, response_grid

Array = NDArray[np.float64]

TOLERANCE = 1e-10
"""Largest difference of two densities that are one but for rounding."""


@dataclass(frozen=True)
class Points:
    """Rows x (n, n_columns) and responses y to compare densities at, as the experts read them."""

    x: Array
    y: Array


@dataclass(frozen=True)
class Verified:
    """A claim that holds, and the difference that rounding leaves."""

    invariance: Invariance
    claim: Claim
    difference: float


def density_difference(first: Law, second: Law, points: Points) -> float:
    r"""Largest :math:`|\log p-\log q|/\max(1,|\log p|)` over the points.

    Where the density is of order one, this is the relative difference of the densities. Far out,
    where its logarithm is in the hundreds, rounding of the logarithm sets the scale.
    """
    log_p = first.model.log_prob(first.params, points.x, points.y)
    log_q = second.model.log_prob(second.params, points.x, points.y)
    # Impossible responses are impossible under both: -inf - (-inf) is no difference.
    both = np.isneginf(log_p) & np.isneginf(log_q)
    log_p, log_q = np.where(both, 0.0, log_p), np.where(both, 0.0, log_q)
    if not (np.isfinite(log_p).all() and np.isfinite(log_q).all()):
        return np.inf
    return float(np.max(np.abs(log_p - log_q) / np.maximum(1.0, np.abs(log_p)), initial=0.0))


def grid_points(law: Law, x: Array, known: Array | None = None) -> Points:
    """Rows and responses of a response grid of the law."""
    grid = response_grid(law.model, law.params, x, known, smooth=True)
    return Points(x[grid.row], grid.y)


def verify(
    invariance: Invariance,
    setting: Setting,
    data: Points | Sequence[Points] = (),
    known: Array | None = None,
    *,
    rows: Array | None = None,
    grid: bool = True,
    tolerance: float = TOLERANCE,
) -> list[Verified]:
    """The claims of an invariance that hold on the data and on grids of responses.

    Parameters
    ----------
    invariance : Invariance
    setting : Setting
    data : Points, or several of them, optional
    known : array (n,), optional
        Exposures or trials at ``rows``.
    rows : array (n, n_columns), optional
        Where grids of responses are laid; the setting's x by default.
    grid : bool
        Whether to compare on the grids; without them ``data`` must be given.
    tolerance : float
        Largest difference of densities that counts as rounding.

    Raises
    ------
    TooManyPoints
        If a grid of responses would be too large.
    """
    found = []
    design = setting.x if rows is None else rows
    for claim in invariance.partners(setting):
        try:
            other = Law(claim.model, claim.model.from_measure(claim.measure))
            if are_labels(claim):
                continue
            difference = 0.0
            for points in _places(claim.law, other, data, design if grid else design[:0], known):
                difference = max(difference, density_difference(claim.law, other, points))
                if difference > tolerance:
                    break
        except TooManyPoints:
            # That is no answer.
            raise
        except ValueError:
            # Not parameters of this model, such as slopes of a reference that must be zero.
            continue
        if difference <= tolerance:
            found.append(Verified(invariance, claim, difference))
    return found


def _places(
    law: Law, other: Law, data: Points | Sequence[Points], design: Array, known: Array | None
) -> Iterator[Points]:
    """Where to compare, few points first: most claims that are wrong are so at once."""
    yield from (data,) if isinstance(data, Points) else data
    for n in (min(2, len(design)), len(design)):
        for one in (law, other):
            if n:
                yield grid_points(one, design[:n], None if known is None else known[:n])
