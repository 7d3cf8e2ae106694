"""From derivatives in local coordinates to derivatives in the free parameters.

The parameter θ_ckj multiplies feature j of coordinate c of expert k, so with row weights from
Fisher's and Louis' identities every derivative in θ is a matrix product of weights and features,
the same one for every gate and every expert.
"""

from __future__ import annotations

from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mixexp._kernels import louis
from mixexp.models.basis import Basis
from mixexp.models.coordinates import Coordinate, Sharing
from mixexp.models.layout import Layout

Array = NDArray[np.float64]
Features = list[Array]


# A feature map with so few terms has hardly more products than terms.
_FEW_TERMS = 3


class _Group(NamedTuple):
    """Pairs of coordinates whose moments come from one matrix product."""

    bases: tuple[int, int]
    pairs: list[int]
    width: int


class Assembly:
    """Index arithmetic of a layout: which product of weight and feature adds to which entry."""

    n_parts: ClassVar[int] = 2

    def __init__(self, layout: Layout):
        self.layout = layout
        n = len(layout.coordinates)
        self.pairs = [(a, b) for a in range(n) for b in range(a, n)]
        self._groups = self._group()
        self._gather, self._scatter = self._plan()

    def gradient(self, weights: Array, features: Features) -> Array:
        """Σ_i weights[c, k, i] φ_cj(x_i) as a vector like θ; weights is (Q, K, B)."""
        layout = self.layout
        tables = [
            (_free_rows(c, rows) @ features[basis].T).ravel()
            for c, basis, rows in zip(layout.coordinates, layout.basis_of, weights, strict=True)
        ]
        return np.concatenate(tables)

    def rows(self, weights: Array, features: Features, out: Array) -> Array:
        """Fill ``out`` (P, B) with weights[c, k, i] φ_cj(x_i): one column for each row of data."""
        layout = self.layout
        for c, basis, where, rows in zip(
            layout.coordinates, layout.basis_of, layout.slices, weights, strict=True
        ):
            louis.expand(_free_rows(c, rows), features[basis], out[where])
        return out

    def moments(self, weights: Array, features: Features, work: Array) -> Array:
        """Σ_i weights[ab, k, i] φ_a φ_b for each pair of coordinates, in one flat vector.

        ``work`` has :attr:`n_product_rows` rows, zero where nothing was written.
        """
        n_rows = weights.shape[2]
        flat, used = [], 0
        for group in self._groups:
            left, right = group.bases
            products = work[used : used + group.width]
            used += group.width
            louis.products(features[left], features[right], left == right, products)
            every = len(group.pairs) == len(self.pairs)
            rows = weights if every else weights[group.pairs]
            flat.append((rows.reshape(-1, n_rows) @ products.T).ravel())
        return np.concatenate(flat)

    @property
    def n_product_rows(self) -> int:
        """Rows of work space that :meth:`moments` needs."""
        return sum(group.width for group in self._groups)

    def hessian(self, cross: Array, moments: Array) -> Array:
        """``cross`` (P, P) plus the per-expert blocks whose sums are in ``moments``."""
        out = cross.copy()
        np.add.at(out.reshape(-1), self._scatter, moments[self._gather])
        return out

    def _group(self) -> list[_Group]:
        """Group pairs by the feature products they need.

        Where the first term of a feature map is the constant, a pair with a coordinate that does
        not depend on x finds its products among those of the other coordinate with itself, if they
        are few, and a pair of two such coordinates among any.
        """
        bases = self.layout.bases
        terms = [basis.n_terms for basis in bases]
        alone = [basis.constant and basis.n_terms == 1 for basis in bases]
        members: dict[tuple[int, int], list[int]] = {}
        for p, (a, b) in enumerate(self.pairs):
            left, right = self.layout.basis_of[a], self.layout.basis_of[b]
            if alone[left] and bases[right].constant and terms[right] <= _FEW_TERMS:
                left = right
            elif alone[right] and bases[left].constant and terms[left] <= _FEW_TERMS:
                right = left
            members.setdefault((left, right), []).append(p)
        constant = [key for key in members if alone[key[0]] and alone[key[1]]]
        hosts = [
            (_n_products(terms[i], terms[j], i == j), (i, j))
            for i, j in members
            if bases[i].constant and bases[j].constant and (i, j) not in constant
        ]
        for key in constant if hosts else []:
            _, host = min(hosts)
            members[host] = sorted(members[host] + members.pop(key))
        groups = []
        for (left, right), pairs in members.items():
            width = _n_products(terms[left], terms[right], left == right)
            # Matrix products are several times faster when their width is a multiple of four.
            groups.append(_Group((left, right), pairs, -(-width // 4) * 4))
        return groups

    def _plan(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Entries of the flat moments, and of the flat Hessian they are added to."""
        layout, start = self.layout, 0
        # With one expert there is no gate to differentiate: the plan may stay empty.
        gather = [np.empty(0, dtype=np.intp)]
        scatter = [np.empty(0, dtype=np.intp)]
        for group in self._groups:
            left, right = (layout.bases[basis] for basis in group.bases)
            table = _positions(left, right)
            for pair in group.pairs:
                a, b = self.pairs[pair]
                n_left, n_right = layout.shapes[a][1], layout.shapes[b][1]
                for k in range(layout.n_experts):
                    i, j = self._entries(a, k), self._entries(b, k)
                    if i is not None and j is not None:
                        source = start + table[:n_left, :n_right].ravel()
                        gather.append(source)
                        scatter.append((i[:, None] * layout.n_free + j[None, :]).ravel())
                        if a != b:
                            gather.append(source)
                            scatter.append((j[None, :] * layout.n_free + i[:, None]).ravel())
                    start += group.width
        return np.concatenate(gather), np.concatenate(scatter)

    def _entries(self, coordinate: int, expert: int) -> NDArray[np.intp] | None:
        """Where in θ the coefficients of one expert are; None for a pinned row."""
        rows, terms = self.layout.shapes[coordinate]
        shared = self.layout.coordinates[coordinate].sharing is Sharing.SHARED
        row = 0 if shared else expert
        start = self.layout.slices[coordinate].start
        return start + row * terms + np.arange(terms) if row < rows else None


def _free_rows(c: Coordinate, rows: Array) -> Array:
    """The rows (K, B) of one coordinate as those of its free coefficients."""
    if c.sharing.has_reference:
        return rows[:-1]
    if c.sharing is Sharing.SHARED:
        return rows.sum(axis=0, keepdims=True)
    return rows


def _n_products(left: int, right: int, same: bool) -> int:
    return left * (left + 1) // 2 if same else left * right


def _positions(left: Basis, right: Basis) -> NDArray[np.intp]:
    """Row of the stacked products that holds φ_j φ_l, as a matrix over (j, l)."""
    if left != right:
        return np.arange(left.n_terms * right.n_terms).reshape(left.n_terms, right.n_terms)
    n = left.n_terms
    table = np.zeros((n, n), dtype=np.intp)
    upper = np.triu_indices(n)
    table[upper] = np.arange(len(upper[0]))
    return np.maximum(table, table.T)
