"""The free vector θ of a mixture of experts, and what each of its entries is."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from mixexp.models.basis import Basis
from mixexp.models.coordinates import Coordinate, Sharing

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Layout:
    """Coordinates of the gate, then those of the experts, laid out in one vector.

    The coefficients of each local coordinate follow each other in rows, one row for each expert
    that has one: a contrast drops the reference expert (the last), a shared one has a single row.

    Parameters
    ----------
    gate, expert : tuple of Coordinate
    n_experts : int
    """

    gate: tuple[Coordinate, ...]
    expert: tuple[Coordinate, ...]
    n_experts: int

    @cached_property
    def coordinates(self) -> tuple[Coordinate, ...]:
        """All local coordinates, the gate's first."""
        return self.gate + self.expert

    @cached_property
    def shapes(self) -> tuple[tuple[int, int], ...]:
        """Free rows and terms of each coordinate."""
        return tuple(c.shape(self.n_experts) for c in self.coordinates)

    @cached_property
    def bases(self) -> tuple[Basis, ...]:
        """The distinct feature maps, the gate's first."""
        return tuple(dict.fromkeys(c.basis for c in self.coordinates))

    @cached_property
    def basis_of(self) -> tuple[int, ...]:
        """Which of the bases each coordinate uses."""
        return tuple(self.bases.index(c.basis) for c in self.coordinates)

    @cached_property
    def slices(self) -> tuple[slice, ...]:
        """Where in θ the coefficients of each coordinate lie."""
        sizes = [rows * terms for rows, terms in self.shapes]
        ends = np.cumsum([0, *sizes])
        return tuple(slice(int(a), int(b)) for a, b in pairwise(ends))

    @property
    def n_free(self) -> int:
        """Length of θ: the number of free parameters."""
        return self.slices[-1].stop

    @property
    def n_gate(self) -> int:
        """Number of the free parameters that belong to the gate; they come first."""
        return self.slices[len(self.gate) - 1].stop

    def coefficients(self, theta: Array) -> list[Array]:
        """θ as one array for each coordinate, (K, n_terms), pinned rows included; shared (1, n)."""
        tables = []
        for c, shape, where in zip(self.coordinates, self.shapes, self.slices, strict=True):
            table = theta[where].reshape(shape)
            if c.sharing.has_reference:
                table = np.concatenate([table, np.zeros((1, shape[1]))])
            tables.append(table)
        return tables

    def vector(self, coefficients: list[Array]) -> Array:
        """The inverse of :meth:`coefficients`."""
        return np.concatenate(
            [t[:rows].ravel() for t, (rows, _) in zip(coefficients, self.shapes, strict=True)],
            dtype=float,
        )

    def features(self, z: Array) -> list[Array]:
        """The distinct feature maps at z (n_columns, B), each (n_terms, B)."""
        return [b.expand(z, np.empty((b.n_terms, z.shape[1]))) for b in self.bases]

    def predictors(
        self, coefficients: list[Array], features: list[Array], out: list[Array] | None = None
    ) -> list[Array]:
        """Local coordinates at the rows of ``features``: (K, B), or (K, 1) if not by row.

        ``out`` holds an array (K or 1, B) for each coordinate to write to.
        """
        predictors = []
        for i, c in enumerate(self.coordinates):
            if not c.by_row:
                predictors.append(coefficients[i])
            elif out is None:
                predictors.append(coefficients[i] @ features[self.basis_of[i]])
            else:
                predictors.append(
                    np.matmul(coefficients[i], features[self.basis_of[i]], out=out[i])
                )
        return predictors

    def fill(self, values: dict[str, float]) -> Array:
        """A vector whose entries depend only on which box the coordinate belongs to."""
        theta = np.empty(self.n_free)
        for c, where in zip(self.coordinates, self.slices, strict=True):
            theta[where] = values[c.box]
        return theta

    def entries(self, box: str) -> NDArray[np.bool_]:
        """Which entries of θ belong to a box."""
        return np.repeat([c.box == box for c in self.coordinates], [r * t for r, t in self.shapes])

    @cached_property
    def expert_of(self) -> NDArray[np.intp]:
        """The expert each entry of θ belongs to; -1 for a shared one."""
        owner = np.empty(self.n_free, dtype=np.intp)
        for c, (rows, terms), where in zip(self.coordinates, self.shapes, self.slices, strict=True):
            shared = c.sharing is Sharing.SHARED
            owner[where] = -1 if shared else np.repeat(np.arange(rows), terms)
        return owner

    def names(self, columns: list[str]) -> list[str]:
        """Readable names of the entries of θ, such as ``'gate[1] age'`` (experts from 0)."""
        labels: list[str] = []
        for c, (n_rows, _) in zip(self.coordinates, self.shapes, strict=True):
            terms = c.basis.names(columns)
            for row in range(n_rows):
                who = "" if c.sharing is Sharing.SHARED else f"[{row}]"
                if len(terms) == 1:
                    labels.append(f"{c.name}{who}")
                else:
                    labels.extend(f"{c.name}{who} {term}" for term in terms)
        return labels
