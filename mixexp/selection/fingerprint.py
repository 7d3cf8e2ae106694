"""A name for any value, the same in every process: what stored fits are found by."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from types import BuiltinFunctionType, CodeType, FunctionType
from typing import Any

import numpy as np


def fingerprint(*values: Any) -> str:
    """SHA-256 of the contents of values, in hexadecimal.

    Arrays count by type, shape and bytes, mappings and sets regardless of order, data frames by
    columns and values, functions by name, byte code and constants, estimators by parameters and
    other objects by what pickling them would keep. Functions that a function calls are not looked
    into.

    Examples
    --------
    >>> fingerprint({"a": 1, "b": [2.0]}) == fingerprint({"b": [2.0], "a": 1})
    True
    >>> fingerprint(1) == fingerprint(1.0)
    False
    """
    state = hashlib.sha256()
    for piece in _pieces(values, ()):
        state.update(len(piece).to_bytes(8, "little"))
        state.update(piece)
    return state.hexdigest()


def _pieces(value: Any, path: tuple[int, ...]) -> Iterator[bytes]:
    if id(value) in path:
        # An object that contains itself.
        yield b"cycle%d" % (len(path) - path.index(id(value)))
        return
    path = (*path, id(value))
    yield f"{type(value).__module__}.{type(value).__qualname__}".encode()
    if value is None or isinstance(value, bool | int | float | complex | str | bytes):
        yield repr(value).encode("utf-8", "surrogatepass")
    elif isinstance(value, np.ndarray | np.generic):
        yield from _array(np.asarray(value), path)
    elif isinstance(value, Mapping):
        yield from (fingerprint(pair).encode() for pair in _sorted(value.items()))
    elif isinstance(value, set | frozenset):
        yield from (fingerprint(item).encode() for item in _sorted(value))
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _pieces(item, path)
        yield b"end"
    elif isinstance(value, type | BuiltinFunctionType | np.ufunc):
        yield f"{value.__module__}.{value.__qualname__}".encode()
    elif isinstance(value, FunctionType):
        cells = [cell.cell_contents for cell in value.__closure__ or ()]
        yield from _pieces((value.__module__, value.__qualname__, value.__code__), path)
        yield from _pieces((value.__defaults__, cells), path)
    elif isinstance(value, CodeType):
        yield from _pieces((value.co_code, value.co_consts, value.co_names), path)
    else:
        yield from _object(value, path)


def _array(value: np.ndarray, path: tuple[int, ...]) -> Iterator[bytes]:
    yield f"{value.dtype.str}{value.shape}".encode()
    if value.dtype.hasobject:
        for item in value.ravel().tolist():
            yield from _pieces(item, path)
    else:
        yield np.ascontiguousarray(value).tobytes()


def _object(value: Any, path: tuple[int, ...]) -> Iterator[bytes]:
    if hasattr(value, "get_params"):
        yield from _pieces(value.get_params(deep=False), path)
    elif hasattr(value, "columns") and hasattr(value, "to_numpy"):
        yield from _pieces((list(value.columns), value.to_numpy()), path)
    elif hasattr(value, "to_numpy"):
        yield from _pieces(value.to_numpy(), path)
    else:
        kept = value.__reduce_ex__(4)
        parts = (kept,) if isinstance(kept, str) else kept
        for part in parts:
            # The contents of lists and dicts come as iterators.
            yield from _pieces(list(part) if hasattr(part, "__next__") else part, path)


def _sorted(items: Any) -> list[Any]:
    return sorted(items, key=fingerprint)
