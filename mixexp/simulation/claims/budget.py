"""How many replicates a declared time buys."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple


class Cost(NamedTuple):
    """Seconds of one replicate of size n on one core, ``fixed + per_row n``, as once measured.

    Examples
    --------
    >>> Cost(1.0, 1e-4).seconds(10_000)
    2.0
    """

    fixed: float
    per_row: float

    def seconds(self, n: int) -> float:
        """Seconds of one replicate."""
        return self.fixed + self.per_row * n


def replicates_for(
    seconds: float, sizes: Sequence[int], cost: Cost, *, fewest: int = 4, most: int = 200
) -> dict[int, int]:
    """Replicates ``R_n ∝ 1 / sqrt(seconds of one)`` of every size that a time on one core buys.

    That allocation minimises the variance of a mean of sizes; costly sizes get fewer. At most
    `most` of a size, and at least `fewest` as long as the time suffices: otherwise the
    largest sizes are left out. It depends on the declaration alone, never on a clock.

    Parameters
    ----------
    seconds : float
        Time on one core.
    sizes : sequence of int
        Sample sizes, increasing.
    cost : Cost
    fewest, most : int
        Bounds on the replicates of a size.

    Returns
    -------
    dict of int to int
        Sizes that are run to their replicates; at least the smallest size.

    Examples
    --------
    >>> replicates_for(60.0, (100, 1000, 10_000), Cost(0.1, 1e-4), most=100)
    {100: 100, 1000: 74, 10000: 31}
    >>> replicates_for(2.0, (100, 1000, 10_000), Cost(0.1, 1e-4))
    {100: 8, 1000: 5}
    """
    kept = list(sizes)
    while len(kept) > 1 and fewest * sum(map(cost.seconds, kept)) > seconds:
        kept.pop()
    prices = {n: cost.seconds(n) for n in kept}

    def counts(scale: float) -> dict[int, int]:
        return {
            n: min(most, max(fewest, math.floor(scale / math.sqrt(price))))
            for n, price in prices.items()
        }

    def spent(scale: float) -> float:
        return sum(count * prices[n] for n, count in counts(scale).items())

    low, high = 0.0, (most + 1) * math.sqrt(max(prices.values()))
    if spent(high) <= seconds:
        return counts(high)
    for _ in range(60):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if spent(middle) <= seconds else (low, middle)
    return counts(low)
