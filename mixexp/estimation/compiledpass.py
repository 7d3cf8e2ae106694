"""Passes of softmax-gated Gaussian experts, many blocks of rows in one compiled call."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from mixexp._kernels import linear_gaussian as kernel
from mixexp.estimation.blocks import Sums
from mixexp.estimation.data import Data
from mixexp.estimation.tables import Shape, em_sums, hessian_index, pairs_of
from mixexp.models.basis import Basis, Monomials
from mixexp.models.experts import Gaussian
from mixexp.models.gates import Softmax
from mixexp.models.mixture import MixtureOfExperts

Array = NDArray[np.float64]
Index = NDArray[np.int64]

# Rows of a block: what they need fits the second-level cache.
_BLOCK_ROWS = 256
# With more, the weights of pairs of experts cost more than a product of the rows' scores.
_MAX_EXPERTS = 12
# Blocks that are done in one call: many to a thread, each long beside what a call costs.
_TASKS = 16
_LEAST_ROWS, _MOST_ROWS = 4096, 65_536
_NO_WEIGHT = np.empty(0)
_PARTS = {
    "": kernel.VALUE,
    "gradient": kernel.GRADIENT,
    "hessian": kernel.HESSIAN,
    "em_statistics": kernel.EM,
    "mass": kernel.MASS,
}


def is_possible(model: MixtureOfExperts) -> bool:
    """Whether the kernel knows the model: softmax gate, Gaussian experts, maps with a constant."""
    bases = model.layout.bases
    return (
        type(model.gate) is Softmax
        and type(model.expert) is Gaussian
        and 1 < model.n_experts <= _MAX_EXPERTS
        and all(isinstance(basis, Monomials) and basis.constant for basis in bases)
    )


class CompiledPass:
    """The kernel with its work space, for a model that :func:`is_possible`.

    Its sums are tables of weights times features, see :mod:`mixexp._kernels.linear_gaussian`;
    :meth:`finish` makes derivatives of them.
    """

    def __init__(self, model: MixtureOfExperts):
        gate, mean, _ = model.layout.coordinates
        self.shape = Shape.of(gate.basis, mean.basis, model.layout.shapes[2][0], model.n_experts)
        self._terms = _recursion(gate.basis), _recursion(mean.basis)
        self._idle: dict[int, list[tuple[kernel.Space, Array]]] = {}

    @staticmethod
    def task_rows(n_rows: int) -> int:
        """Rows of one call: of the number of rows alone, as the bits of sums have to be."""
        rows = -(-n_rows // (_TASKS * _BLOCK_ROWS)) * _BLOCK_ROWS
        return min(max(rows, _LEAST_ROWS), _MOST_ROWS)

    def sums(self, data: Data, start: int, stop: int, coefficients: list[Array], part: str) -> Sums:
        """The log-likelihood of rows ``start:stop``, and the tables of a part."""
        shape = self.shape
        gate, mean, log_variance = coefficients
        scale = log_variance.ravel()
        if len(scale) < shape.n_experts:
            scale = np.full(shape.n_experts, scale[0])
        n_rows = min(_BLOCK_ROWS, -(-(stop - start) // 8) * 8)
        idle = self._idle.setdefault(n_rows, [])
        try:
            space, scratch = idle.pop()
        except IndexError:
            space, scratch = self._space(n_rows), np.empty(shape.size("hessian"))
        out = np.zeros(shape.size(part))
        value = kernel.sums(
            _PARTS[part], data.z, data.y, _NO_WEIGHT if data.weight is None else data.weight,
            start, stop, *self._terms, shape.same, shape.n_scales,
            shape.heights[part], *pairs_of(shape), gate, mean, scale, space, scratch, out,
        )  # fmt: skip
        idle.append((space, scratch))
        return [np.array(value), out] if part else [np.array(value)]

    def _space(self, n_rows: int) -> kernel.Space:
        shape = self.shape
        own, between, other, gate, mean = map(int, shape.widths)
        if shape.same:
            between = other = 0
        k, n_pairs = shape.n_experts, 2 * shape.n_experts - 1 + shape.n_scales
        # An EM pass has more rows of weights than this where there is one log-variance for all.
        n_rows_of = max(int(shape.heights[part].sum()) for part in ("hessian", "em_statistics"))
        heights = (gate, mean, own, between, other, n_rows_of, *7 * (k,), n_pairs, n_pairs, 4)
        tables = [np.zeros((rows, n_rows)) for rows in heights]
        if shape.same:
            tables[1] = tables[0]
        return kernel.Space(*tables, *(np.empty(n_rows) for _ in range(3)))

    def finish(self, part: str, sums: Sums) -> Sums:
        """What ``BlockPass.<part>`` and its plan would give: see there."""
        if part in ("", "mass"):
            return sums
        (table,) = sums
        if part == "em_statistics":
            return em_sums(self.shape, table)
        gradient = table[self.shape.gradient_of(part)]
        if part == "gradient":
            return [gradient]
        gather, scatter = hessian_index(self.shape)
        hessian = np.zeros((len(gradient), len(gradient)))
        hessian.reshape(-1)[scatter] = table[gather]
        return [gradient, hessian, table[-self.shape.n_experts :]]


@lru_cache(maxsize=128)
def _recursion(basis: Basis) -> Index:
    """For each monomial the one it is a multiple of, and the column; the constant is its own."""
    assert isinstance(basis, Monomials)
    position = {term: i for i, term in enumerate(basis.terms)}
    factors = [position[term[:-1]] if term else 0 for term in basis.terms]
    return np.array([factors, [term[-1] if term else 0 for term in basis.terms]], dtype=np.int64)
