"""Errors by size as quantiles, and the share of every pattern of cells."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from mixexp.simulation.slopes import ErrorsBySize

if TYPE_CHECKING:
    import pandas as pd

_MOST_PATTERNS = 6


def spread(errors: dict[str, ErrorsBySize]) -> pd.DataFrame:
    """Median, 10 % and 90 % quantile of usable errors; one row a column and size.

    Parameters
    ----------
    errors : dict from column to mapping from size to ndarray

    Examples
    --------
    >>> spread({"loss": {100: np.array([0.1, 0.2, 0.3])}}).values.tolist()
    [['loss', 100, 3, 0.12, 0.2, 0.28]]
    """
    import pandas as pd

    rows = []
    for column, by_size in errors.items():
        for n, values in by_size.items():
            if len(values):
                low, middle, high = np.quantile(values, [0.1, 0.5, 0.9])
                rows.append((column, n, len(values), float(low), float(middle), float(high)))
    return pd.DataFrame(rows, columns=["column", "n", "errors", "low", "median", "high"])


def patterns(frame: pd.DataFrame, sizes: Sequence[int]) -> pd.DataFrame:
    """Shares of the patterns of cells by size, the most frequent ones first; the rest together.

    Parameters
    ----------
    frame : pandas.DataFrame
        Rows of one arm, with the column ``pattern`` or without.
    sizes : sequence of int

    Returns
    -------
    pandas.DataFrame
        One row a pattern (the index), one column a size.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"n": [10, 10, 10, 20], "pattern": ["2+1", "1+2", "2+1", "2+1"]})
    >>> patterns(frame, [10, 20]).round(2).to_dict("index")
    {'2+1': {10: 0.67, 20: 1.0}, '1+2': {10: 0.33, 20: 0.0}}
    """
    import pandas as pd

    if "pattern" not in frame or not frame["pattern"].notna().any():
        return pd.DataFrame(columns=list(sizes), dtype=float)
    given = frame[frame["pattern"].notna()]
    order = given["pattern"].value_counts(sort=True).sort_index().sort_values(
        ascending=False, kind="stable"
    )  # fmt: skip
    kept = list(order.index[:_MOST_PATTERNS])
    names = given["pattern"].where(given["pattern"].isin(kept), "other")
    lines = [*kept, *(["other"] if len(order) > len(kept) else [])]
    shares = {n: names[given["n"] == n].value_counts(normalize=True) for n in sizes}
    return pd.DataFrame({n: share.reindex(lines).fillna(0.0) for n, share in shares.items()})
