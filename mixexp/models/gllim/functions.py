"""A feature map made of the user's functions."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mixexp.models.basis import Affine, Array, Basis


class Functions(Basis):
    """φ(x) = (1, θ_1(x), ..., θ_m(x)) with functions of the user's x.

    Parameters
    ----------
    columns : tuple of int
        Columns the functions are given.
    functions : tuple of callables
        Each maps an array (n, n_columns) to (n,).
    center, scale : arrays (n_columns,)
        How the columns came from the user's, on whose scale the functions are evaluated.

    Raises
    ------
    ValueError
        From ``expand``, if a function does not return one finite number for each row.

    Examples
    --------
    >>> basis = Functions((0,), (lambda x: np.sin(x[:, 0]),), np.zeros(1), np.ones(1))
    >>> basis.expand(np.array([[0.0, np.pi / 2]]), np.empty((2, 2)))
    array([[1., 1.],
           [0., 1.]])
    """

    constant = True

    def __init__(
        self,
        columns: tuple[int, ...],
        functions: tuple[Callable[[Array], Array], ...],
        center: Array,
        scale: Array,
    ):
        self.columns, self.functions = columns, tuple(functions)
        self.center, self.scale = center, scale

    @property
    def terms(self) -> tuple[tuple[int, ...], ...]:
        """The constant, then a function of all columns each."""
        return ((), *([self.columns] * len(self.functions)))

    def around(self, affine: Affine) -> Basis:
        raise ValueError("a basis of functions has its constant; it has no origin to move")

    def expand(self, z: Array, out: Array) -> Array:
        x = z[list(self.columns)].T * self.scale + self.center
        out[0] = 1.0
        for i, function in enumerate(self.functions, start=1):
            values = np.asarray(function(x), dtype=float)
            if values.shape != (len(x),) or not np.isfinite(values).all():
                raise ValueError(
                    f"basis[{i - 1}] returned an array of shape {values.shape} or values that are "
                    f"not finite for X of shape {x.shape}; return one finite number for each row"
                )
            out[i] = values
        return out

    def names(self, columns: list[str]) -> tuple[str, ...]:
        """Names of the functions."""
        return ("1", *(getattr(f, "__name__", f"f{i}") for i, f in enumerate(self.functions)))

    def change_of_scale(self, affine: Affine) -> Array:
        """The identity: the functions see the user's x on every scale."""
        return np.eye(self.n_terms)
