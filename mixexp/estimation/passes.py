"""Passes over rows: a model's work on blocks, bound to parameters so that any part can be given."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixexp.estimation import compiledpass
from mixexp.estimation.blockpass import BlockPass, Plan
from mixexp.estimation.blocks import Sums, single_threaded_blas, sum_over_blocks
from mixexp.estimation.data import Data
from mixexp.estimation.densepass import dense_plan
from mixexp.estimation.sparsepass import is_faster, sparse_plan
from mixexp.models.basis import Basis
from mixexp.models.mixture import MixtureOfExperts

Array = NDArray[np.float64]


# Sizes of blocks whose work space is kept; each part of the data may end in a block of its own.
_MOST_SIZES = 8
# Rows of a block of nothing but features.
_GRAM_ROWS = 8192


class Passes:
    """How a model passes over rows, with work space that is used again.

    Pickled, it is the model and the settings; the work space stays where it is.

    Parameters
    ----------
    model : MixtureOfExperts
    n_threads : int, default=1
    block_rows : int, optional
        Rows of a block; by default what suits the caches.
    sparse : bool, optional
        Whether to evaluate active experts only; by default where that is faster.
    """

    def __init__(
        self,
        model: MixtureOfExperts,
        n_threads: int = 1,
        block_rows: int | None = None,
        sparse: bool | None = None,
        compiled: bool | None = None,
    ):
        self.model, self.n_threads = model, n_threads
        self._settings = (model, n_threads, block_rows, sparse, compiled)
        self._sparse = is_faster(model) if sparse is None else sparse
        whole = block_rows is None and compiledpass.is_possible(model)
        compiled = whole if compiled is None else compiled
        self._compiled = compiledpass.CompiledPass(model) if compiled else None
        self._block_rows = block_rows
        self._idle: dict[tuple[Plan, int], list[BlockPass]] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        return Passes, self._settings

    @cached_property
    def _dense(self) -> Plan:
        return dense_plan(self.model)

    @cached_property
    def plan(self) -> Plan:
        """Passes over blocks, active experts only where that is faster."""
        return sparse_plan(self.model) if self._sparse else self._dense

    def sums(
        self, data: Data, coefficients: list[Array], part: str, responsibilities: Array | None
    ) -> Sums:
        """The log-likelihood, and ``BlockPass.<part>``, summed over the blocks of rows in memory.

        What comes out is added over parts of the data; :meth:`finish` ends the sum.
        """
        n_rows, compiled = data.n_rows, self._compiled
        if compiled is not None and responsibilities is None:

            def blocks(start: int, stop: int) -> Sums:
                return compiled.sums(data, start, stop, coefficients, part)

            with single_threaded_blas():
                return sum_over_blocks(blocks, n_rows, compiled.task_rows(n_rows), self.n_threads)
        plan = self._plan_of(responsibilities)

        if len(self._idle) > _MOST_SIZES:
            self._idle.clear()

        def block(start: int, stop: int) -> Sums:
            idle = self._idle.setdefault((plan, stop - start), [])
            try:
                work = idle.pop()
            except IndexError:
                work = plan.work(stop - start)
            loglik = work.load(data, start, stop, coefficients)
            if responsibilities is not None:
                work.r[...] = responsibilities[start:stop].T
            value = np.array(work.weight @ loglik)
            sums = getattr(work, part)() if part else []
            idle.append(work)
            return [value, *sums]

        with single_threaded_blas():
            return sum_over_blocks(block, n_rows, self.block_rows(plan), self.n_threads)

    def finish(self, part: str, sums: Sums, responsibilities: Array | None = None) -> Sums:
        """Sums over all rows, with the Hessian as one matrix."""
        value, *rest = sums
        if self._compiled is not None and responsibilities is None:
            return [value, *self._compiled.finish(part, rest)]
        return [value, *self._plan_of(responsibilities).finish(part, rest)]

    def blocks(self, data: Data, coefficients: list[Array]) -> Iterator[tuple[slice, BlockPass]]:
        """Blocks of rows in memory after their E-step, in order."""
        block_rows = self.block_rows(self.plan)
        for start in range(0, data.n_rows, block_rows):
            stop = min(start + block_rows, data.n_rows)
            work = self.plan.work(stop - start)
            work.load(data, start, stop, coefficients)
            yield slice(start, stop), work

    def gram(self, data: Data, basis: Basis) -> Sums:
        """Σ_i w_i φ(x_i) φ(x_i)ᵀ of a feature map over rows in memory, (n_terms, n_terms)."""

        def block(start: int, stop: int) -> Sums:
            z = data.z[:, start:stop]
            phi = basis.expand(z, np.empty((basis.n_terms, stop - start)))
            weighted = phi if data.weight is None else phi * data.weight[start:stop]
            return [weighted @ phi.T]

        with single_threaded_blas():
            return sum_over_blocks(block, data.n_rows, _GRAM_ROWS, self.n_threads)

    def block_rows(self, plan: Plan) -> int:
        """Rows of a block."""
        return self._block_rows or plan.block_rows

    def _plan_of(self, responsibilities: Array | None) -> Plan:
        # Given responsibilities may be anywhere, also where the gate is off.
        return self.plan if responsibilities is None else self._dense
