"""Values of an estimator as plain JSON, and back: numbers, arrays and objects of known classes."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np

from mixexp.persistence import classes

# What an object in JSON is: an object without exactly one of these keys is none of ours.
_ARRAY, _TUPLE, _DICT, _CLASS, _CONSTANT, _NUMBER = (
    "array", "tuple", "dict", "class", "constant", "number",
)  # fmt: skip
_DTYPES = re.compile(r"float(16|32|64)|u?int(8|16|32|64)|bool|object|[<>]U\d+")
_WHOLE = range(-(2**63), 2**64)


class CannotSave(ValueError):
    """A value has no plain form."""


def encode(value: Any, name: str) -> Any:
    """A value as what ``json`` can write.

    Finite numbers are written with as many digits as identify the double; others as words.

    Parameters
    ----------
    value : Any
    name : str
        Where the value is, for messages.

    Raises
    ------
    CannotSave
        If it is, or holds, a function or an object of an unknown class.

    Examples
    --------
    >>> encode((1, [0.1, float("inf")]), "x")
    {'tuple': [1, [0.1, {'number': 'inf'}]]}
    """
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, np.bool):
        return bool(value)
    if isinstance(value, int | np.integer):
        return int(value)
    if isinstance(value, float | np.floating):
        return float(value) if math.isfinite(value) else {_NUMBER: repr(float(value))}
    if isinstance(value, np.ndarray):
        return _encode_array(value, name)
    if isinstance(value, list):
        return [encode(each, f"{name}[{i}]") for i, each in enumerate(value)]
    if (constant := classes.constant_of(value)) is not None:
        return {_CONSTANT: constant}
    if (kind := classes.name_of(value)) is not None:
        fields = classes.fields_of(value)
        return {_CLASS: kind, "fields": {n: encode(v, f"{name}.{n}") for n, v in fields.items()}}
    if type(value) is tuple:
        return {_TUPLE: [encode(each, f"{name}[{i}]") for i, each in enumerate(value)]}
    if isinstance(value, Mapping):
        pairs = [[encode(k, name), encode(v, f"{name}[{k!r}]")] for k, v in value.items()]
        return {_DICT: pairs}
    raise CannotSave(f"{name}={value!r}, of type {type(value).__name__}")


def _encode_array(values: np.ndarray, name: str) -> Any:
    dtype = str(values.dtype) if values.dtype.kind != "U" else values.dtype.str
    if not _DTYPES.fullmatch(dtype):
        raise CannotSave(f"{name}, an array of {values.dtype}")
    # The order of memory decides the last bits of products.
    order: Literal["C", "F"] = "C"
    if values.flags.f_contiguous and not values.flags.c_contiguous:
        order = "F"
    flat = values.ravel(order=order)
    entries = [encode(each, name) for each in flat.tolist()]
    return {_ARRAY: entries, "dtype": dtype, "shape": list(values.shape), "order": order}


def decode(node: Any) -> Any:
    """The inverse of :func:`encode`.

    Raises
    ------
    ValueError
        If the node is nothing that it writes.

    Examples
    --------
    >>> decode({"tuple": [1, [0.1, {"number": "inf"}]]})
    (1, [0.1, inf])
    """
    if node is None or isinstance(node, bool | str | float):
        return node
    if isinstance(node, int):
        if node in _WHOLE:
            return node
        raise ValueError(f"{node} is not a whole number of 64 bits")
    if isinstance(node, list):
        return [decode(each) for each in node]
    if _NUMBER in node and node[_NUMBER] in ("inf", "-inf", "nan"):
        return float(node[_NUMBER])
    if _ARRAY in node:
        return _decode_array(node)
    if _TUPLE in node:
        return tuple(decode(node[_TUPLE]))
    if _DICT in node:
        return {decode(key): decode(value) for key, value in node[_DICT]}
    if _CONSTANT in node:
        return classes.constant(node[_CONSTANT])
    if _CLASS in node:
        fields = {name: decode(value) for name, value in node["fields"].items()}
        return classes.build(node[_CLASS], fields)
    raise ValueError(f"an object with the keys {sorted(node)} is nothing that save writes")


def _decode_array(node: dict[str, Any]) -> np.ndarray:
    dtype, order = node["dtype"], node["order"]
    if not isinstance(dtype, str) or not _DTYPES.fullmatch(dtype) or order not in ("C", "F"):
        raise ValueError(f"an array of dtype {dtype!r} and order {order!r} is not one of ours")
    shape = tuple(int(n) for n in node["shape"])
    entries = decode(node[_ARRAY])
    flat = np.empty(len(entries), dtype=dtype)
    flat[:] = entries
    return flat.reshape(shape, order=order)
