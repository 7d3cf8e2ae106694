"""Feature maps x -> φ(x) that the local coordinates of gates and experts are linear in."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations_with_replacement
from math import comb

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Affine:
    """A change of scale of the columns of x, z = (x - center) / scale, and of the response.

    ``x_center`` and ``x_scale`` have shape (n_columns,); ``y_center`` and ``y_scale`` are numbers,
    or arrays (D,) for D responses. ``inverted`` marks the map that leads from z to x: its z are the
    user's columns.
    """

    x_center: Array
    x_scale: Array
    y_center: float | Array = 0.0
    y_scale: float | Array = 1.0
    inverted: bool = False

    @classmethod
    def identity(cls, n_columns: int) -> Affine:
        """The map that changes nothing."""
        return cls(np.zeros(n_columns), np.ones(n_columns))

    def inverse(self) -> Affine:
        """The map from z back to x, written as a map of the same kind."""
        return Affine(
            -self.x_center / self.x_scale,
            1.0 / self.x_scale,
            -self.y_center / self.y_scale,
            1.0 / self.y_scale,
            not self.inverted,
        )


class Basis(ABC):
    """A feature map z -> φ(z) whose first term is the constant, if it has one."""

    columns: tuple[int, ...]
    constant: bool

    @property
    @abstractmethod
    def terms(self) -> tuple[tuple[int, ...], ...]:
        """The columns each term depends on; ``()`` is the constant."""

    @property
    def n_terms(self) -> int:
        """Number of terms, the constant included."""
        return len(self.terms)

    @property
    def slopes(self) -> NDArray[np.bool_]:
        """Which terms are not the constant, (n_terms,)."""
        return np.array([bool(term) for term in self.terms], dtype=bool)

    @abstractmethod
    def around(self, affine: Affine) -> Basis:
        """The same terms without the constant, as functions of the user's x around its origin.

        For linear scores without an intercept, in which x must not be centred.
        """

    @abstractmethod
    def expand(self, z: Array, out: Array) -> Array:
        """Fill ``out`` (n_terms, B) with the terms at ``z`` (n_columns, B)."""

    @abstractmethod
    def names(self, columns: list[str]) -> tuple[str, ...]:
        """Readable names of the terms."""

    @abstractmethod
    def change_of_scale(self, affine: Affine) -> Array:
        """Matrix T with φ(z) = T φ(x), shape (n_terms, n_terms).

        Coefficients c on the scale of z become ``c @ T`` on the scale of x.
        """


@dataclass(frozen=True)
class Monomials(Basis):
    """All monomials of total degree ≤ ``degree`` in the given columns of x, the constant first.

    Terms are ordered by degree and then lexicographically, as in scikit-learn's
    ``PolynomialFeatures``. ``columns=()`` or ``degree=0`` leaves the constant alone.

    Parameters
    ----------
    columns : tuple of int
    degree : int
    constant : bool
        Whether the constant is one of the terms.
    origin : tuple of float, optional
        Where the user's x = 0 lies in each of the columns of z; the monomials are powers of the
        distance to it. By default they are powers of z, which is free to be centred.

    Examples
    --------
    >>> Monomials(columns=(0, 2), degree=2).names(["a", "b", "c"])
    ('1', 'a', 'c', 'a^2', 'a c', 'c^2')
    """

    columns: tuple[int, ...]
    degree: int = 1
    constant: bool = True
    origin: tuple[float, ...] | None = None

    @cached_property
    def terms(self) -> tuple[tuple[int, ...], ...]:
        """Each term as the sorted tuple of the columns it multiplies; ``()`` is the constant."""
        degrees = range(0 if self.constant else 1, self.degree + 1)
        return tuple(t for q in degrees for t in combinations_with_replacement(self.columns, q))

    @cached_property
    def _recursion(self) -> tuple[tuple[int | None, int], ...]:
        """The term that each non-constant one is a multiple of, if not the constant; the column."""
        position = {term: i for i, term in enumerate(self.terms)}
        products = (term for term in self.terms if term)
        return tuple((position[t[:-1]] if t[:-1] else None, t[-1]) for t in products)

    def around(self, affine: Affine) -> Monomials:
        chosen = list(self.columns)
        origin = -affine.x_center[chosen] / affine.x_scale[chosen]
        return replace(self, constant=False, origin=tuple(map(float, origin)))

    def expand(self, z: Array, out: Array) -> Array:
        if self.constant:
            out[0] = 1.0
        origin = dict(zip(self.columns, self.origin or (), strict=False))
        for i, (parent, column) in enumerate(self._recursion, start=int(self.constant)):
            factor = z[column] - origin[column] if origin else z[column]
            if parent is None:
                out[i] = factor
            else:
                np.multiply(out[parent], factor, out=out[i])
        return out

    def names(self, columns: list[str]) -> tuple[str, ...]:
        """Readable names of the terms, such as ``'age'``, ``'age^2'``, ``'age dose'``."""

        def power(term: tuple[int, ...], column: int) -> str:
            q = term.count(column)
            return columns[column] if q == 1 else f"{columns[column]}^{q}"

        return tuple(
            " ".join(power(term, c) for c in dict.fromkeys(term)) or "1" for term in self.terms
        )

    def change_of_scale(self, affine: Affine) -> Array:
        position = {term: i for i, term in enumerate(self.terms)}
        matrix = np.zeros((self.n_terms, self.n_terms))
        for i, term in enumerate(self.terms):
            # Expand Π_j ((x_j - c_j) / s_j)^q_j with one binomial sum for each column.
            expansion: dict[tuple[int, ...], float] = {(): 1.0}
            for column in dict.fromkeys(term):
                q = term.count(column)
                shift = -affine.x_center[column] if self.origin is None else 0.0
                scale = affine.x_scale[column]
                expansion = {
                    (*head, *([column] * m)): value * comb(q, m) * shift ** (q - m) / scale**q
                    for head, value in expansion.items()
                    for m in range(q + 1)
                }
            for monomial, value in expansion.items():
                if value != 0.0:
                    matrix[i, position[monomial]] += value
        return matrix


CONSTANT = Monomials(columns=(), degree=0)
