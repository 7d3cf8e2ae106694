"""From Dask data frames and arrays to a source of their rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from mixexp.estimation.cluster.collection import Collection, place_of
from mixexp.estimation.streams import Chunk
from mixexp.estimation.streams.names import Names
from mixexp.estimation.streams.tables import of_table

if TYPE_CHECKING:
    import pandas as pd
    from distributed import Client


def scan_dask(
    data: Any,
    X: Sequence[str] | None = None,
    y: Any = None,
    sample_weight: Any = None,
    *,
    client: Client | None = None,
) -> Collection:
    r"""A source of rows :math:`(x_i, y_i, w_i)` that Dask reads, to fit them where they are.

    With a client, each worker keeps the partitions that it has read, and a pass of the fit sends
    parameters there and partial sums back. The sums are added in the order of the partitions: the
    fit is that of the same partitions read one after the other on one machine. Without a client
    they are: this process reads them, one by one, in every pass.

    Parameters
    ----------
    data : Dask DataFrame, or Dask array (n, n_columns)
        Array chunks are joined along the columns; the number of their rows need not be known.
    X : list of str, optional
        Columns of a data frame that are covariates; by default all that are not named as ``y`` or
        ``sample_weight``.
    y : str, list of str, or Dask Series or array (n,) or (n, n_responses)
        Columns of the data frame, or a collection in partitions of the same rows.
    sample_weight : str, or Dask Series or array (n,), optional
    client : distributed.Client, optional
        Whose workers compute. By default that of ``joblib.parallel_config(backend="dask")``, or the
        last one made, when the fit begins.

    Returns
    -------
    Source
        To be given to ``fit`` in place of X.

    Raises
    ------
    TypeError
        If something is no Dask collection, or a column holds no numbers.
    ValueError
        If a column is unknown, or partitions do not hold the same rows.

    Examples
    --------
    >>> import dask.array as da
    >>> import numpy as np
    >>> from mixexp.estimation.cluster import scan_dask
    >>> x = da.from_array(np.arange(12.0).reshape(6, 2), chunks=(4, 1))
    >>> source = scan_dask(x, y=x[:, 0] ** 2)
    >>> [chunk.x.shape for chunk in source.chunks()]
    [(4, 2), (2, 2)]
    """
    for argument, value in {"data": data, "y": y, "sample_weight": sample_weight}.items():
        named = argument != "data" and isinstance(value, str | list | tuple | None)
        if not (is_dask(value) or named):
            raise TypeError(
                f"{argument} is a {type(value).__name__}, not a Dask data frame, series or array; "
                "make one with dask.dataframe or dask.array, or give rows in memory to fit itself"
            )
    if y is None:
        raise ValueError(
            "y is missing: scan_dask(frame, X=[...], y='name') for a data frame, scan_dask(X, y=y) "
            "for Dask arrays"
        )
    if hasattr(data, "columns"):
        data = data.to_frame() if data.ndim == 1 else data
        return _of_frame(data, X, y, sample_weight, client)
    if X is not None or isinstance(y, str | list | tuple) or isinstance(sample_weight, str):
        raise ValueError(
            f"X={X!r}, y={y!r} and sample_weight={sample_weight!r} name columns, but data is an "
            "array; leave X out, and give y and sample_weight as Dask arrays"
        )
    return _of_arrays(data, y, sample_weight, client)


def is_dask(value: Any) -> bool:
    """Whether a value is a Dask data frame, series or array; dask is not imported to find out.

    Examples
    --------
    >>> is_dask(np.zeros(3))
    False
    """
    return type(value).__module__.split(".")[0] == "dask" and hasattr(value, "to_delayed")


def _of_frame(
    data: Any, X: Sequence[str] | None, y: Any, weight: Any, client: Client | None
) -> Collection:
    """Columns of one data frame; what is beside it becomes columns of it."""
    given = {"y": y, "sample_weight": weight}
    beside = {name: value for name, value in given.items() if is_dask(value)}
    named = {*([y] if isinstance(y, str) else y if "y" not in beside else []), weight} - {*beside}
    chosen = [c for c in data.columns if c not in named] if X is None else X
    for argument, value in beside.items():
        data, given[argument] = _with_columns(data, argument, value)
    names = Names.of(chosen, given["y"], given["sample_weight"])
    names.check(list(data.columns), "data")
    make = partial(_from_frame, names=names)
    return Collection(_lazy(make, data[names.every].to_delayed()), names.x, client)


def _with_columns(data: Any, argument: str, value: Any) -> tuple[Any, str | list[str]]:
    """A data frame with further columns, and their names."""
    if hasattr(value, "columns") and value.ndim == 2:
        columns = {f"{argument} {name}": value[name] for name in value.columns}
        return data.assign(**columns), list(columns)
    if value.ndim != 1:
        raise ValueError(
            f"{argument} is an array of {value.ndim} dimensions beside a data frame; name columns "
            "of the frame instead"
        )
    # No column of the user's has such a name.
    name = f"{argument} beside the frame"
    return data.assign(**{name: value}), name


def _from_frame(place: str, frame: pd.DataFrame, *, names: Names) -> Chunk:
    return of_table(frame, names, place)


def _of_arrays(x: Any, y: Any, weight: Any, client: Client | None) -> Collection:
    """X, y and weights in arrays, cut along their rows as X is."""
    if x.ndim != 2:
        raise ValueError(f"data has shape {x.shape}; X is (n, n_columns): reshape it to (-1, 1)")
    arrays = {"data": x, "y": y} | ({} if weight is None else {"sample_weight": weight})
    for name, array in arrays.items():
        if array.ndim > 1:
            array = array.rechunk({1: -1})
        if _is_known(x) and _is_known(array):
            if len(array) != len(x):
                raise ValueError(f"{name} has {len(array)} rows, but data has {len(x)}")
            array = array.rechunk({0: x.chunks[0]})
        arrays[name] = array
    numbers = {name: array.numblocks[0] for name, array in arrays.items()}
    if len(set(numbers.values())) > 1:
        raise ValueError(
            f"the numbers of chunks along the rows differ, {numbers}, and some sizes are not "
            "known; call compute_chunk_sizes() on those arrays first"
        )
    parts = [array.to_delayed().ravel() for array in arrays.values()]
    return Collection(_lazy(_from_arrays, *parts), None, client)


def _is_known(array: Any) -> bool:
    return not np.isnan(array.chunks[0]).any()


def _from_arrays(place: str, x: Any, y: Any, weight: Any = None) -> Chunk:
    return Chunk(np.ascontiguousarray(x, dtype=np.float64), np.asarray(y), weight)


def _lazy(make: Callable[..., Chunk], *parts: Sequence[Any]) -> list[Any]:
    """``make`` of the place of each partition and of what is there, not yet computed."""
    from dask import delayed

    return [
        delayed(partial(make, place_of(i)), pure=False, traverse=False)(*there)
        for i, there in enumerate(zip(*parts, strict=True))
    ]
