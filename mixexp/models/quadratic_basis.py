"""Feature maps with some of the products of degree two, or with one sum of squares."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from mixexp.models.basis import Affine, Array, Basis


@dataclass(frozen=True)
class Quadratic(Basis):
    """The constant, the columns, and the products of some pairs of them.

    What the logarithm of a normal density is linear in, for a covariance with zeros. A change of
    scale of every column leaves the span as it is.

    Parameters
    ----------
    columns : tuple of int
    pairs : tuple of (int, int)
        The columns of each product; equal ones for a square.
    constant : bool
        Whether the constant is one of the terms.
    origin : tuple of float, optional
        Where the user's x = 0 lies in each of the columns of z; terms are those of the distance to
        it. By default they are terms of z.

    Examples
    --------
    >>> Quadratic((0, 1), pairs=((0, 0), (1, 1))).names(["a", "b"])
    ('1', 'a', 'b', 'a^2', 'b^2')
    """

    columns: tuple[int, ...]
    pairs: tuple[tuple[int, int], ...]
    constant: bool = True
    origin: tuple[float, ...] | None = None

    @cached_property
    def terms(self) -> tuple[tuple[int, ...], ...]:
        """Each term as the columns it multiplies; ``()`` is the constant."""
        head: tuple[tuple[int, ...], ...] = ((),) if self.constant else ()
        return (*head, *((c,) for c in self.columns), *self.pairs)

    def around(self, affine: Affine) -> Quadratic:
        return replace(self, constant=False, origin=_origin(self.columns, affine))

    def expand(self, z: Array, out: Array) -> Array:
        first = _expand_linear(self, z, out)
        row = {c: first + i for i, c in enumerate(self.columns)}
        for i, (a, b) in enumerate(self.pairs, start=first + len(self.columns)):
            np.multiply(out[row[a]], out[row[b]], out=out[i])
        return out

    def names(self, columns: list[str]) -> tuple[str, ...]:
        """Readable names of the terms, such as ``'age'``, ``'age^2'``, ``'age dose'``."""
        products = (
            f"{columns[a]}^2" if a == b else f"{columns[a]} {columns[b]}" for a, b in self.pairs
        )
        return (*_linear_names(self, columns), *products)

    def change_of_scale(self, affine: Affine) -> Array:
        matrix = _linear_change(self, affine)
        row = {c: int(self.constant) + i for i, c in enumerate(self.columns)}
        for i, (a, b) in enumerate(self.pairs, start=int(self.constant) + len(row)):
            center, scale = _center(self, affine), affine.x_scale
            matrix[i, i] = 1.0 / (scale[a] * scale[b])
            if self.constant:
                matrix[i, 0] = center[a] * center[b] * matrix[i, i]
            matrix[i, row[a]] -= center[b] * matrix[i, i]
            matrix[i, row[b]] -= center[a] * matrix[i, i]
        return matrix


@dataclass(frozen=True)
class Sphere(Basis):
    """The constant, the columns, and the weighted sum of their squares, Σ_j v_j z_j².

    Parameters
    ----------
    columns : tuple of int
    weights : tuple of float
        v: what makes the sum |x|² in the user's columns, apart from a factor and lower terms.
    constant, origin : as in :class:`Quadratic`

    Examples
    --------
    >>> Sphere((0, 1), (1.0, 1.0)).names(["a", "b"])
    ('1', 'a', 'b', 'a^2 + b^2')
    """

    columns: tuple[int, ...]
    weights: tuple[float, ...]
    constant: bool = True
    origin: tuple[float, ...] | None = None

    @classmethod
    def of_user(cls, columns: tuple[int, ...], affine: Affine | None) -> Sphere:
        """The sum of squares of the user's columns, as a function of those of ``affine``."""
        if affine is None or affine.inverted or not columns:
            return cls(columns, (1.0,) * len(columns))
        squares = affine.x_scale[list(columns)] ** 2
        return cls(columns, tuple(map(float, squares / squares.mean())))

    @cached_property
    def terms(self) -> tuple[tuple[int, ...], ...]:
        """Each term as the columns it depends on; ``()`` is the constant."""
        head: tuple[tuple[int, ...], ...] = ((),) if self.constant else ()
        return (*head, *((c,) for c in self.columns), self.columns)

    def around(self, affine: Affine) -> Sphere:
        return replace(self, constant=False, origin=_origin(self.columns, affine))

    def expand(self, z: Array, out: Array) -> Array:
        first = _expand_linear(self, z, out)
        linear = out[first : first + len(self.columns)]
        np.einsum("j,jb,jb->b", np.array(self.weights), linear, linear, out=out[-1])
        return out

    def names(self, columns: list[str]) -> tuple[str, ...]:
        """Readable names of the terms."""
        square = " + ".join(f"{columns[c]}^2" for c in self.columns)
        return (*_linear_names(self, columns), square)

    def change_of_scale(self, affine: Affine) -> Array:
        matrix = _linear_change(self, affine)
        chosen = list(self.columns)
        weights = np.array(self.weights) / affine.x_scale[chosen] ** 2
        center = _center(self, affine)[chosen]
        first = int(self.constant)
        matrix[-1, -1] = weights.mean()
        matrix[-1, first:-1] = -2.0 * weights * center
        if self.constant:
            matrix[-1, 0] = weights @ center**2
        return matrix


def _origin(columns: tuple[int, ...], affine: Affine) -> tuple[float, ...]:
    chosen = list(columns)
    return tuple(map(float, -affine.x_center[chosen] / affine.x_scale[chosen]))


def _expand_linear(basis: Quadratic | Sphere, z: Array, out: Array) -> int:
    """Fill in the constant and the columns; returns the row of the first column."""
    first = int(basis.constant)
    if basis.constant:
        out[0] = 1.0
    for i, column in enumerate(basis.columns):
        out[first + i] = z[column] if basis.origin is None else z[column] - basis.origin[i]
    return first


def _linear_names(basis: Quadratic | Sphere, columns: list[str]) -> tuple[str, ...]:
    return (*(("1",) if basis.constant else ()), *(columns[c] for c in basis.columns))


def _center(basis: Quadratic | Sphere, affine: Affine) -> Array:
    return affine.x_center if basis.origin is None else np.zeros_like(affine.x_center)


def _linear_change(basis: Quadratic | Sphere, affine: Affine) -> Array:
    """The rows of the constant and the columns in a change of scale; the others are zero."""
    matrix = np.zeros((basis.n_terms, basis.n_terms))
    first, chosen = int(basis.constant), list(basis.columns)
    where = np.arange(first, first + len(chosen))
    matrix[where, where] = 1.0 / affine.x_scale[chosen]
    if basis.constant:
        matrix[0, 0] = 1.0
        matrix[where, 0] = -_center(basis, affine)[chosen] / affine.x_scale[chosen]
    return matrix
