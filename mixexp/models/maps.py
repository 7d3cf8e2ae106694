"""Coordinatewise maps x -> M(x) for transformed gates, and the feature map they make."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from mixexp.models.basis import Affine, Array, Basis


@dataclass(frozen=True)
class Map:
    """A bounded function of one number, applied to every entry of an array.

    Parameters
    ----------
    name : str
        How it is called in tables and certificates.
    function : callable
        Takes and returns an array; defined at module level, so that fits can be pickled.

    Raises
    ------
    ValueError
        If the function is not callable, or cannot be pickled.

    Examples
    --------
    >>> TANH(np.array([0.0, 1.0]))
    array([0.      , 0.761594])
    """

    name: str
    function: Callable[[Any], Any]

    def __post_init__(self) -> None:
        if not callable(self.function):
            raise ValueError(
                f"map={self.function!r} is not callable; use TANH, SIGMOID, COS or a function"
            )
        try:
            pickle.dumps(self.function)
        except Exception as error:
            raise ValueError(
                f"map={self.function!r} cannot be pickled; define the function at module level"
            ) from error

    def __call__(self, x: Array) -> Array:
        mapped = np.asarray(self.function(x), dtype=float)
        # One number for all of x would pass for a constant column.
        if mapped.shape != np.shape(x):
            raise ValueError(
                f"map {self.name!r} made shape {mapped.shape} of shape {np.shape(x)}; it must act "
                "on every entry of an array"
            )
        return mapped

    @classmethod
    def of(cls, function: Callable[[Any], Any]) -> Map:
        """A map from a callable, named after it; maps are returned as they are."""
        if isinstance(function, Map):
            return function
        return cls(getattr(function, "__name__", repr(function)), function)

    def __repr__(self) -> str:
        return self.name


def _sigmoid(x: Array) -> Array:
    # Pickle knows no home of SciPy's own function, and would look for it in every loaded module.
    return np.asarray(expit(x))


TANH = Map("tanh", np.tanh)
SIGMOID = Map("sigmoid", _sigmoid)
COS = Map("cos", np.cos)


@dataclass(frozen=True)
class Mapped(Basis):
    """The constant and M(x_j) for each of the given columns, x in the user's units.

    Parameters
    ----------
    columns : tuple of int
    map : Map
    center, scale : tuple of float
        The user's x is ``center + scale z`` in each of the columns.
    constant : bool
        Whether the constant is one of the terms.
    """

    columns: tuple[int, ...]
    map: Map
    center: tuple[float, ...]
    scale: tuple[float, ...]
    constant: bool = True

    @cached_property
    def terms(self) -> tuple[tuple[int, ...], ...]:
        """The column of each term; ``()`` is the constant."""
        columns = tuple((column,) for column in self.columns)
        return ((), *columns) if self.constant else columns

    def around(self, affine: Affine) -> Mapped:
        return replace(self, constant=False)

    def expand(self, z: Array, out: Array) -> Array:
        if self.constant:
            out[0] = 1.0
        rows = zip(self.columns, self.center, self.scale, strict=True)
        for i, (column, center, scale) in enumerate(rows, start=int(self.constant)):
            out[i] = self.map(center + scale * z[column])
        return out

    def names(self, columns: list[str]) -> tuple[str, ...]:
        return tuple(f"{self.map.name}({columns[t[0]]})" if t else "1" for t in self.terms)

    def change_of_scale(self, affine: Affine) -> NDArray[np.float64]:
        return np.eye(self.n_terms)
