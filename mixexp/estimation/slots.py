"""From derivatives of the active experts of every row to derivatives in the free parameters.

Sums are kept for each expert, as if every coordinate had one free row for each, and become those
of θ at the end: a shared coefficient gets the sum over experts, a pinned one is dropped.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from mixexp._kernels import sparse
from mixexp.models.coordinates import Sharing
from mixexp.models.layout import Layout

Array = NDArray[np.float64]
Index = NDArray[np.int64]


class SlotAssembly:
    """Index arithmetic of a layout for sums over slots; the counterpart of :class:`Assembly`.

    ``chosen`` (S, B) are the experts in the slots, ``features`` (F, B) all feature maps stacked.
    """

    n_parts: ClassVar[int] = 1

    def __init__(self, layout: Layout):
        self.layout = layout
        terms = [n for _, n in layout.shapes]
        self.starts: Index = np.cumsum([0, *terms])
        of_basis = np.cumsum([0, *(basis.n_terms for basis in layout.bases)])
        self.offsets: Index = of_basis[list(layout.basis_of)]
        self.where = self._entries()

    def _entries(self) -> Index:
        """Where in θ each term of each expert is, (K, T); P for a pinned one."""
        layout = self.layout
        where = np.full((layout.n_experts, self.starts[-1]), layout.n_free, dtype=np.int64)
        for c, (n_rows, n_terms), place, start in zip(
            layout.coordinates, layout.shapes, layout.slices, self.starts, strict=False
        ):
            entries = np.arange(place.start, place.stop).reshape(n_rows, n_terms)
            last = None if c.sharing is Sharing.SHARED else n_rows
            where[:last, start : start + n_terms] = entries
        return where

    def gradient(self, weights: Array, chosen: Index, features: Array) -> Array:
        """Σ_i weights[c, s, i] φ_cj(x_i) as a vector like θ; weights is (C, S, B)."""
        table = np.zeros(self.where.shape)
        sparse.gradient(chosen, weights, features, self.starts, self.offsets, table)
        out = np.zeros(self.layout.n_free + 1)
        np.add.at(out, self.where, table)
        return out[:-1]

    def rows(self, weights: Array, chosen: Index, features: Array) -> Array:
        """weights[c, s, i] φ_cj(x_i) as columns like θ, (P, B)."""
        out = np.zeros((self.layout.n_free, chosen.shape[1]))
        sparse.rows(chosen, weights, features, self.starts, self.offsets, self.where, out)
        return out

    def second(
        self, pairs: Array, posterior: Array, prior: Array, chosen: Index, features: Array
    ) -> Array:
        """Sums that :meth:`hessian` ends: a block (T, T) for every two experts."""
        k, n_terms = self.where.shape
        blocks = np.zeros((k * (k + 1) // 2, n_terms, n_terms))
        sparse.second(
            chosen, pairs, posterior, prior, features, self.starts, self.offsets, k, blocks
        )
        return blocks

    def hessian(self, blocks: Array) -> Array:
        """The symmetric matrix (P, P) whose sums are in ``blocks``."""
        n, n_experts, start = self.layout.n_free, len(self.where), 0
        out = np.zeros((n + 1, n + 1))
        for k, entries in enumerate(self.where):
            stop = start + n_experts - k
            # The block of an expert with itself has been filled above its diagonal only.
            blocks[start] -= np.tril(blocks[start], -1)
            blocks[start][np.diag_indices(blocks.shape[1])] *= 0.5
            at = entries[:, None, None], self.where[None, k:]
            np.add.at(out, at, blocks[start:stop].transpose(1, 0, 2))
            start = stop
        return (out + out.T)[:n, :n]
