"""How far the other arms stay behind: likelihood, work and slopes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from mixexp.simulation.claims.judging.tallies import numbers, quantile
from mixexp.simulation.slopes import ErrorsBySize, Slope, fit_slope

if TYPE_CHECKING:
    import pandas as pd

NEAR = 0.1
"""Nats below the best arm of a replicate within which a fit counts as having found the optimum."""


def gap_table(arms: Mapping[str, pd.DataFrame], sizes: Sequence[int]) -> pd.DataFrame:
    """Shortfall below the best arm of a replicate, in nats, steps and seconds.

    One row a size and arm, with the columns ``n``, ``arm``, ``fits``, ``shortfall`` (median) and
    ``shortfall_high`` (90 % quantile),
    ``share_near`` (share of fits within 0.1 nat of the best), ``n_iter`` and ``seconds`` (medians).

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"n": [10, 10], "shortfall": [0.0, 3.0], "seconds": [1.0, 2.0]})
    >>> gap_table({"near": frame}, [10])[["shortfall", "share_near", "seconds"]].iloc[0].tolist()
    [1.5, 0.5, 1.5]
    """
    import pandas as pd

    rows = []
    for n in sizes:
        for arm, every in arms.items():
            frame = every[every["n"] == n]
            short = numbers(frame, "shortfall")
            rows.append(
                {
                    "n": n,
                    "arm": arm,
                    "fits": len(frame),
                    "shortfall": quantile(short, 0.5),
                    "shortfall_high": quantile(short, 0.9),
                    "share_near": float((short <= NEAR).mean()) if len(short) else np.nan,
                    "n_iter": quantile(numbers(frame, "n_iter"), 0.5),
                    "seconds": quantile(numbers(frame, "seconds"), 0.5),
                }
            )
    return pd.DataFrame(rows)


def arm_slopes(
    errors: Mapping[str, Mapping[str, ErrorsBySize]],
) -> dict[str, dict[str, Slope | None]]:
    """Slopes of log(error) over all sizes, by arm and column.

    Examples
    --------
    >>> noise = np.exp(np.random.default_rng(0).normal(size=(2, 20)) / 10)
    >>> errors = {"near": {"loss": {100: 0.1 * noise[0], 10_000: 0.01 * noise[1]}}}
    >>> print(f"{arm_slopes(errors)['near']['loss'].estimate:.1f}")
    -0.5
    """
    return {
        arm: {column: fit_slope(by_size) for column, by_size in columns.items()}
        for arm, columns in errors.items()
    }
