"""A digest of a computation: what is summed, at which parameters, bit for bit."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from functools import partial
from types import CodeType, FunctionType, MethodType
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from mixexp.estimation.passes import Passes

_PLAIN = (bool, int, float, complex, str, bytes)


def digest(value: Any) -> str:
    """SHA-256 of a value's content, in hexadecimal; equal for values that compute the same.

    Pickles would not do: their bytes change with what an object has remembered of itself, and with
    which of its parts are one object in memory.

    Parameters
    ----------
    value : Any
        Numbers, words, arrays, and tuples, lists, sets, mappings, dataclasses, models and functions
        made of them. Functions count by their code.

    Raises
    ------
    TypeError
        If it has a part of another kind.

    Examples
    --------
    >>> digest([1.0, np.zeros(2)]) == digest([1.0, np.zeros(2)])
    True
    >>> digest(np.zeros(2)) == digest(-np.zeros(2))
    False
    """
    found = hashlib.sha256()
    _feed(found, value)
    return found.hexdigest()


def _feed(into: Any, value: Any) -> None:
    """Add the content of a value, its kind first."""
    if isinstance(value, np.ndarray):
        if value.dtype.kind == "O":
            raise TypeError("an array of objects has no content that can be compared bit for bit")
        _tag(into, "array", value.dtype.str, value.shape)
        into.update(np.ascontiguousarray(value).tobytes())
    elif isinstance(value, np.generic):
        _feed(into, value.item())
    elif value is None or value is Ellipsis or isinstance(value, _PLAIN):
        _tag(into, type(value).__name__, value)
    else:
        _tag(into, type(value).__name__)
        for part in _parts(value):
            _feed(into, part)
        _tag(into, "end")


def _tag(into: Any, *words: Any) -> None:
    into.update(repr(words).encode())


def _parts(value: Any) -> list[Any]:
    """What a value is made of."""
    if isinstance(value, tuple | list):
        return list(value)
    if isinstance(value, set | frozenset):
        return sorted(value, key=repr)
    if isinstance(value, Mapping):
        return [part for key in sorted(value, key=str) for part in (key, value[key])]
    if isinstance(value, partial):
        return [value.func, value.args, value.keywords]
    if isinstance(value, MethodType):
        return [value.__func__, value.__self__]
    # Compiled functions keep the one they were made of.
    function = getattr(value, "py_func", value)
    if isinstance(function, FunctionType):
        return _of_function(function)
    if isinstance(value, CodeType):
        return [value.co_code, value.co_consts, value.co_names]
    if isinstance(value, Passes):
        # The number of threads changes nothing but the time.
        return [value.model, value.block_rows(value.plan)]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return [getattr(value, field.name) for field in dataclasses.fields(value)]
    if isinstance(value, BaseEstimator):
        return [value.get_params(deep=False)]
    raise TypeError(f"{value!r}, of type {type(value).__name__}, has no content to compare")


def _of_function(function: FunctionType) -> list[Any]:
    cells = [cell.cell_contents for cell in function.__closure__ or ()]
    return [function.__module__, function.__qualname__, function.__code__, function.__defaults__,
            cells]  # fmt: skip
