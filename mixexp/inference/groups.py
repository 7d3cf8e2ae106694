"""Groups of rows that depend on each other."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def as_groups(groups: Any, n: int) -> NDArray[np.intp] | None:
    """Groups 0..G-1 of n rows from labels of any kind; None stays None.

    Raises
    ------
    ValueError
        If there are not n labels, some are missing, or there is one group only.

    Examples
    --------
    >>> as_groups(["b", "a", "b"], 3)
    array([1, 0, 1])
    """
    if groups is None:
        return None
    import pandas as pd

    labels = np.asarray(groups)
    if labels.shape != (n,):
        raise ValueError(
            f"groups has shape {labels.shape}, but the fit has {n} rows (of positive weight); give "
            "one label for each"
        )
    codes, found = pd.factorize(labels, sort=True)
    if (codes < 0).any():
        raise ValueError(
            f"groups has {int(np.sum(codes < 0))} missing labels; give those rows a group"
        )
    if len(found) < 2:
        raise ValueError(
            f"groups has one group only ({found[0]!r}); a variance between groups needs two or more"
        )
    return np.asarray(codes, dtype=np.intp)
