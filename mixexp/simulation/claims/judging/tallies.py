"""What became of the cells of a claim, and what the fits say about themselves, by size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mixexp.simulation.study import Study

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[np.float64]


class CellCount(NamedTuple):
    """Cells of one size: declared, stored, failed.

    Examples
    --------
    >>> CellCount(1000, 10, 7, 1).missing
    3
    """

    n: int
    declared: int
    stored: int
    failed: int

    @property
    def missing(self) -> int:
        """Cells declared but not run."""
        return self.declared - self.stored


def count_cells(study: Study, frame: pd.DataFrame) -> tuple[CellCount, ...]:
    """Declared, stored and failed cells of every size of a study.

    Examples
    --------
    >>> import pandas as pd
    >>> study = Study("demo", sizes=(10, 20), replicates=2, run=dict)
    >>> frame = pd.DataFrame({"n": [10, 10], "replicate": [0, 1], "error": ["no luck", None]})
    >>> count_cells(study, frame)[0]
    CellCount(n=10, declared=2, stored=2, failed=1)
    """
    cells = frame[["n", "replicate", "error"]].drop_duplicates(["n", "replicate"])
    return tuple(
        CellCount(
            n,
            study.replicates_of(n),
            int((cells["n"] == n).sum()),
            int(((cells["n"] == n) & cells["error"].notna()).sum()),
        )
        for n in study.sizes
    )


def count_fits(frame: pd.DataFrame, sizes: Sequence[int]) -> pd.DataFrame:
    """Certificates, bounds and optima of the fits of one arm, one row a size.

    Columns: ``fits``; ``uncertified`` and ``at_bound``, numbers of fits; ``several_optima``,
    number of fits with more than one optimum, ``n_optima`` and ``n_hits``, medians;
    ``remaining_gain``, the largest; ``gain`` and ``gain_over_exact``: smallest, median and largest
    in nats. NaN where nothing is recorded.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"n": [10, 10], "certified": [True, False], "n_optima": [1, 3],
    ...                       "gain": [2.0, 4.0]})
    >>> count_fits(frame, [10])[["fits", "uncertified", "several_optima", "gain_median"]].iloc[0]
    fits              2.0
    uncertified       1.0
    several_optima    1.0
    gain_median       3.0
    Name: 10, dtype: float64
    """
    import pandas as pd

    return pd.DataFrame({n: _fits_of_size(frame[frame["n"] == n]) for n in sizes}).T


def _fits_of_size(frame: pd.DataFrame) -> dict[str, float]:
    optima = numbers(frame, "n_optima")
    certified, bound = numbers(frame, "certified"), numbers(frame, "at_bound")
    row = {
        "fits": float(len(frame)),
        "uncertified": _sum(certified == 0, certified),
        "at_bound": _sum(bound == 1, bound),
        "several_optima": _sum(optima > 1, optima),
        "n_optima": quantile(optima, 0.5),
        "n_hits": quantile(numbers(frame, "n_hits"), 0.5),
        "remaining_gain": quantile(numbers(frame, "remaining_gain"), 1.0),
    }
    for name in ("gain", "gain_over_exact"):
        values = numbers(frame, name)
        row |= {
            f"{name}_{word}": quantile(values, q)
            for word, q in (("smallest", 0.0), ("median", 0.5), ("largest", 1.0))
        }
    return row


def numbers(frame: pd.DataFrame, column: str) -> Array:
    """The finite values of a column, none if it does not exist."""
    if column not in frame:
        return np.zeros(0)
    values = frame[column].astype("Float64").to_numpy(dtype=float, na_value=np.nan)
    return np.asarray(values[np.isfinite(values)])


def quantile(values: Array, q: float) -> float:
    """A quantile, NaN of nothing."""
    return float(np.quantile(values, q)) if len(values) else np.nan


def _sum(chosen: NDArray[np.bool_], given: Array) -> float:
    return float(chosen.sum()) if len(given) else np.nan
