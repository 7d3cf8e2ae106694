"""Columns of data frames as formulas know them: numbers, or categories."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pandas import DataFrame, Series

# What columns of objects hold, in the words of pandas, where they are numbers all the same.
_NUMBERS = {"boolean", "decimal", "floating", "integer", "mixed-integer-float"}
_PLAIN = {"b": np.bool_, "i": np.int64, "u": np.uint64, "f": np.float64}
_KINDS = {"M": "dates", "m": "durations", "c": "complex numbers"}


def as_numbers_or_words(
    frame: DataFrame, argument: str = "data", words: Collection[str] = ()
) -> DataFrame:
    """The columns of a frame as numbers, truth values or categories, however they are stored.

    Objects that are numbers become numbers, as in a row that was taken out of a frame; texts of
    pandas and Arrow become plain words; levels without a row are dropped: they would be columns of
    zeros.

    Parameters
    ----------
    frame : DataFrame
    argument : str
        What the caller calls it.
    words : collection of str
        Columns whose objects are levels that were learned, even if those here are numbers.

    Raises
    ------
    ValueError
        If a column holds dates, durations or complex numbers.

    Examples
    --------
    >>> import pandas as pd
    >>> row = pd.DataFrame({"x": [1.5], "g": ["a"]}).iloc[0].to_frame().T
    >>> row["x"].dtype.kind, as_numbers_or_words(row)["x"].dtype.kind
    ('O', 'f')
    """
    return frame.assign(**{n: _column(frame[n], argument, n in words) for n in frame})


def _column(values: Series, argument: str, words: bool) -> Series:
    import pandas as pd

    if isinstance(values.dtype, pd.CategoricalDtype):
        return values.cat.remove_unused_categories()
    if pd.api.types.is_object_dtype(values.dtype):
        held = pd.api.types.infer_dtype(values, skipna=True)
        if words or held not in _NUMBERS:
            return values
        return values.astype(np.float64) if held == "decimal" else values.infer_objects()
    kind = getattr(values.dtype, "kind", "O")
    if kind in _KINDS:
        raise ValueError(
            f"column {values.name!r} of {argument} holds {_KINDS[kind]}, of which formulas make no "
            "terms; make it a column of numbers first, such as days since the first date"
        )
    if pd.api.types.is_string_dtype(values.dtype):
        return values.astype(object)
    if pd.api.types.is_extension_array_dtype(values.dtype) and kind in _PLAIN:
        # Complete columns need no missing values, of which formulaic knows one kind only.
        return values.astype(_PLAIN[kind])
    return values
