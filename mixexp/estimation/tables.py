"""Where the compiled pass keeps its sums, and what they are sums of."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from mixexp.estimation.blocks import Sums
from mixexp.models.basis import Basis

Array = NDArray[np.float64]
Index = NDArray[np.intp]


class Shape(NamedTuple):
    """Five tables of sums of weights times features, one after the other in a flat array.

    Gate by gate, gate by mean and mean by mean, whose features are products of the two feature maps
    (a triangle of them if the maps are the same); then those of the gate's and of the mean's
    features alone. ``widths`` (5,) are their features, padded for fast matrix products, and
    ``heights`` (5,) their rows of weights for each part of a pass.
    """

    n_experts: int
    n_scales: int
    n_gate_terms: int
    n_mean_terms: int
    same: bool

    @classmethod
    def of(cls, gate: Basis, mean: Basis, n_scales: int, n_experts: int) -> Self:
        """Of the feature maps of gate and mean, and the number of free log-variances."""
        return cls(n_experts, n_scales, gate.n_terms, mean.n_terms, gate == mean)

    @property
    def widths(self) -> NDArray[np.int64]:
        return _widths(self)

    @property
    def heights(self) -> dict[str, NDArray[np.int64]]:
        return _heights(self)

    def size(self, part: str) -> int:
        """Length of all tables of a part; the experts' masses, if they are in it, come last."""
        return _sizes(self)[part]

    def starts(self, part: str) -> Index:
        """Where each table starts."""
        return _starts(self, part)

    def gradient_of(self, part: str) -> Index:
        """Where the score is, like θ."""
        return _gradient_index(self, part)


@lru_cache(maxsize=256)
def _widths(shape: Shape) -> NDArray[np.int64]:
    p, q = shape.n_gate_terms, shape.n_mean_terms
    own, other = p * (p + 1) // 2, q * (q + 1) // 2
    between = own if shape.same else p * q
    # Matrix products are several times faster when their width is a multiple of four.
    return np.array([-(-n // 4) * 4 for n in (own, between, other, p, q)], dtype=np.int64)


@lru_cache(maxsize=256)
def _heights(shape: Shape) -> dict[str, NDArray[np.int64]]:
    k, v, n = shape.n_experts, shape.n_scales, shape.n_experts - 1
    gate, mean, scale = n * (n + 1) // 2, k * (k + 1) // 2, v * (v + 1) // 2
    return {
        part: np.array(rows, dtype=np.int64)
        for part, rows in {
            "": (0, 0, 0, 0, 0),
            "mass": (0, 0, 0, 0, 0),
            "gradient": (0, 0, 0, n, k + v),
            "hessian": (gate, n * k, mean, n + n * v, k + v + k * v + scale),
            "em_statistics": (gate, 0, k, n, 2 * k),
        }.items()
    }


@lru_cache(maxsize=256)
def _starts(shape: Shape, part: str) -> Index:
    return np.concatenate([[0], np.cumsum(shape.heights[part] * shape.widths)[:-1]])


@lru_cache(maxsize=256)
def _sizes(shape: Shape) -> dict[str, int]:
    sizes = {part: int(rows @ shape.widths) for part, rows in shape.heights.items()}
    k = shape.n_experts
    return {**sizes, "mass": k, "hessian": sizes["hessian"] + k}


@lru_cache(maxsize=256)
def _gradient_index(shape: Shape, part: str) -> Index:
    *_, gate, mean = shape.starts(part)
    *_, wide_gate, wide_mean = shape.widths
    k, v = shape.n_experts, shape.n_scales
    rows = [
        gate + np.arange(k - 1)[:, None] * wide_gate + np.arange(shape.n_gate_terms),
        mean + np.arange(k)[:, None] * wide_mean + np.arange(shape.n_mean_terms),
        mean + (k + np.arange(v)) * wide_mean,
    ]
    return np.concatenate([r.ravel() for r in rows])


@lru_cache(maxsize=64)
def pairs_of(shape: Shape) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The pair of coordinates of each row of second-order weights, and rows of the same expert.

    Coordinates are those of the gate, the means and the log-variances. Returned are (m, 3), row and
    pair, and (K, 5), the rows of mean by mean, mean by log-variance, log-variance by itself, gate
    by mean and gate by log-variance (of the last expert, which has no gate: zero).
    """
    k, v, n = shape.n_experts, shape.n_scales, shape.n_experts - 1
    second = [
        *((i, j) for _, i, j in _pairs(n)),
        *((i, n + j) for i, j in np.ndindex(n, k)),
        *((n + i, n + j) for _, i, j in _pairs(k)),
    ]
    by_gate = [(i, n + k + j) for i, j in np.ndindex(n, v)]
    by_mean = [(n + i, n + k + j) for i, j in np.ndindex(k, v)]
    by_mean += [(n + k + i, n + k + j) for _, i, j in _pairs(v)]
    # The rows of the scores come first in the tables of features alone.
    first_gate = len(second) + n
    first_mean = first_gate + len(by_gate) + k + v
    where = {pair: row for row, pair in enumerate(second)}
    where |= {pair: first_gate + row for row, pair in enumerate(by_gate)}
    where |= {pair: first_mean + row for row, pair in enumerate(by_mean)}
    own = np.zeros((k, 5), dtype=np.int64)
    for e in range(k):
        mean, scale = n + e, n + k + (e if v > 1 else 0)
        own[e, :3] = where[mean, mean], where[mean, scale], where[scale, scale]
        if e < n:
            own[e, 3:] = where[e, mean], where[e, scale]
    return np.array([(row, *pair) for pair, row in where.items()], dtype=np.int64), own


def em_sums(shape: Shape, table: Array) -> Sums:
    """Gate score, the gate's Gauss-Newton Hessian, and the experts' statistics of an M-step."""
    k, p, q = shape.n_experts, shape.n_gate_terms, shape.n_mean_terms
    own, _, gram, score, residuals = map(int, shape.starts("em_statistics"))
    *_, wide, wide_gate, wide_mean = map(int, shape.widths)
    hessian = np.zeros(((k - 1) * p, (k - 1) * p))
    gather, scatter = _gate_index(shape)
    hessian.reshape(-1)[scatter] = table[own + gather]
    grams = table[gram:score].reshape(k, wide)
    scores = table[score:residuals].reshape(k - 1, wide_gate)[:, :p]
    crosses = table[residuals:].reshape(2 * k, wide_mean)
    return [
        scores.ravel(), hessian, grams[:, _triangle(q)],
        crosses[:k, :q].copy(), crosses[k:, 0].copy(), grams[:, 0].copy(),
    ]  # fmt: skip


@lru_cache(maxsize=64)
def _triangle(n: int) -> Index:
    """Position of each pair in the stacked upper triangle of a matrix, (n, n)."""
    table = np.zeros((n, n), dtype=np.intp)
    upper = np.triu_indices(n)
    table[upper] = np.arange(len(upper[0]))
    return np.maximum(table, table.T)


Entries = Iterator[tuple[Index, Index, Index]]


def _pairs(n: int) -> Iterator[tuple[int, int, int]]:
    """Rows of a triangle: position, and the two it is a pair of."""
    upper = np.triu_indices(n)
    yield from zip(range(len(upper[0])), *(map(int, side) for side in upper), strict=True)


def _own(start: int, width: int, n_rows: int, n_terms: int, first: int) -> Entries:
    """Positions in the sums, and rows and columns of the Hessian, of one map with itself."""
    inside = _triangle(n_terms)
    term = np.arange(n_terms)
    for row, a, b in _pairs(n_rows):
        i, j = first + a * n_terms + term, first + b * n_terms + term
        yield start + row * width + inside, i[:, None], j[None, :]


def _between(start: int, width: int, inside: Index, rows: tuple[int, int], first: int) -> Entries:
    """The same of the gate's map with the mean's."""
    p, q = inside.shape
    for row, (a, b) in enumerate(np.ndindex(*rows)):
        i, j = a * p + np.arange(p), first + b * q + np.arange(q)
        yield start + row * width + inside, i[:, None], j[None, :]


def _with_scales(
    start: int, width: int, rows: int, n_terms: int, first: int, scales: Index
) -> Entries:
    """The same of one map with the log-variances."""
    for row, (a, v) in enumerate(np.ndindex(rows, len(scales))):
        i = first + a * n_terms + np.arange(n_terms)
        yield start + row * width + np.arange(n_terms)[:, None], i[:, None], scales[v].reshape(1, 1)


def _flat(entries: list[tuple[Index, Index, Index]], n: int) -> tuple[Index, Index]:
    """Where sums are, and the entries of an (n, n) matrix that they are, above and below."""
    gather, scatter = [np.empty(0, dtype=np.intp)], [np.empty(0, dtype=np.intp)]
    for source, i, j in entries:
        i, j, source = np.broadcast_arrays(i, j, source)
        gather.append(source.ravel())
        scatter.append((i * n + j).ravel())
        if not np.array_equal(i, j.T):
            gather.append(source.ravel())
            scatter.append((j * n + i).ravel())
    return np.concatenate(gather), np.concatenate(scatter)


@lru_cache(maxsize=64)
def _gate_index(shape: Shape) -> tuple[Index, Index]:
    n, p = shape.n_experts - 1, shape.n_gate_terms
    return _flat(list(_own(0, int(shape.widths[0]), n, p, 0)), n * p)


@lru_cache(maxsize=64)
def hessian_index(shape: Shape) -> tuple[Index, Index]:
    """Where the second-order sums are, and the entries of the flat Hessian that they are."""
    gg, gm, mm, g, m = map(int, shape.starts("hessian"))
    wide = list(map(int, shape.widths))
    k, v, p, q = shape.n_experts, shape.n_scales, shape.n_gate_terms, shape.n_mean_terms
    n_gate = (k - 1) * p
    scales = n_gate + k * q + np.arange(v)
    inside = _triangle(p) if shape.same else np.arange(p * q).reshape(p, q)
    own = m + (k + v + k * v) * wide[4]
    entries = [
        *_own(gg, wide[0], k - 1, p, 0),
        *_between(gm, wide[1], inside, (k - 1, k), n_gate),
        *_own(mm, wide[2], k, q, n_gate),
        *_with_scales(g + (k - 1) * wide[3], wide[3], k - 1, p, 0, scales),
        *_with_scales(m + (k + v) * wide[4], wide[4], k, q, n_gate, scales),
        *(
            (np.array([[own + row * wide[4]]]), scales[a].reshape(1, 1), scales[b].reshape(1, 1))
            for row, a, b in _pairs(v)
        ),
    ]
    return _flat(entries, n_gate + k * q + v)
