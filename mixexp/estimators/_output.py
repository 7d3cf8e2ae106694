"""Results with one column for each expert, as an array or as a data frame."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Container = Literal["default", "pandas", "polars"]


def as_container(values: NDArray[np.float64], container: Container, index: Any) -> Any:
    """``values`` (n, K) in the container asked for; a pandas index is kept.

    Values with a further axis, class probabilities of each expert, fit no frame and stay an array.
    """
    if container == "default" or values.ndim > 2:
        return values
    names = [f"expert{k}" for k in range(values.shape[1])]
    if container == "pandas":
        import pandas

        return pandas.DataFrame(values, columns=names, index=index)
    import polars

    return polars.DataFrame(values, schema=names)
