"""The log-likelihood of a mixture of experts as a function of its free parameters."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mixexp.estimation.blockpass import BlockPass, Plan
from mixexp.estimation.blocks import Sums, single_threaded_blas, sum_over_blocks
from mixexp.estimation.data import Data
from mixexp.estimation.densepass import dense_plan
from mixexp.estimation.penalty import Ridge
from mixexp.estimation.sparsepass import is_faster, sparse_plan
from mixexp.models.basis import Basis
from mixexp.models.mixture import MixtureOfExperts

Array = NDArray[np.float64]


class Evaluation(NamedTuple):
    """Value (nats), gradient (P,) and Hessian (P, P) of the objective; None where not asked for."""

    value: float
    gradient: Array | None
    hessian: Array | None


class EMStatistics(NamedTuple):
    """What an EM step needs, from one pass over the data.

    ``gradient`` and ``hessian`` are those of the gate's part of the expected complete
    log-likelihood, ``expert`` the experts' sufficient statistics, ``value`` the log-likelihood
    (penalty included) at the parameter the pass was made at.
    """

    value: float
    gradient: Array
    hessian: Array
    expert: list[Array]


class Objective:
    """ℓ(θ) = Σ_i w_i log p(y_i | x_i; θ) - ½ θᵀSθ, its derivatives and EM statistics.

    Every quantity is a sum over blocks of rows; the score comes from Fisher's identity and the
    observed information from Louis' identity, both exact.

    Parameters
    ----------
    model : MixtureOfExperts
    data : Data
    penalty : Ridge, optional
    n_threads : int, default=1
        Threads over blocks; the result does not depend on their number, bit for bit.
    block_rows : int, optional
        Rows of a block; by default what fits a second-level cache.

    References
    ----------
    Louis (1982), Finding the observed information matrix when using the EM algorithm, JRSS B 44.
    """

    def __init__(
        self,
        model: MixtureOfExperts,
        data: Data,
        penalty: Ridge | None = None,
        n_threads: int = 1,
        block_rows: int | None = None,
        *,
        _sparse: bool | None = None,
    ):
        self.model, self.data, self.n_threads = model.on_scale(data.affine), data, n_threads
        self.layout = self.model.layout
        self.penalty = penalty or Ridge.none(self.layout)
        self.n_evaluations = 0
        self._dense = dense_plan(self.model)
        sparse = is_faster(self.model) if _sparse is None else _sparse
        self._plan = sparse_plan(self.model) if sparse else self._dense
        self._block_rows = block_rows
        self._idle: dict[tuple[Plan, int], list[BlockPass]] = {}

    def _rows_of(self, plan: Plan) -> int:
        return self._block_rows or plan.block_rows

    def _sum(self, theta: Array, part: str, responsibilities: Array | None = None) -> Sums:
        """The log-likelihood, and ``BlockPass.<part>``, summed over blocks."""
        coefficients = self.layout.coefficients(np.asarray(theta, dtype=float))
        self.n_evaluations += 1
        # Given responsibilities may be anywhere, also where the gate is off.
        plan = self._plan if responsibilities is None else self._dense

        def block(start: int, stop: int) -> Sums:
            idle = self._idle.setdefault((plan, stop - start), [])
            try:
                work = idle.pop()
            except IndexError:
                work = plan.work(stop - start)
            loglik = work.load(self.data, start, stop, coefficients)
            if responsibilities is not None:
                work.r[...] = responsibilities[start:stop].T
            value = np.array(work.weight @ loglik)
            sums = getattr(work, part)() if part else []
            idle.append(work)
            return [value, *sums]

        with single_threaded_blas():
            value, *sums = sum_over_blocks(
                block, self.data.n_rows, self._rows_of(plan), self.n_threads
            )
        return [value, *plan.finish(part, sums)]

    def evaluate(self, theta: Array, order: int = 0) -> Evaluation:
        """Value, and derivatives up to ``order`` (0, 1 or 2), at θ (P,)."""
        part = ("", "gradient", "hessian")[order]
        with np.errstate(over="ignore", invalid="ignore"):
            sums = self._sum(theta, part)
        value = float(sums[0]) - self.penalty.value(theta)
        if order == 0:
            return Evaluation(value, None, None)
        gradient = sums[1] - self.penalty.gradient(theta)
        if order == 1:
            return Evaluation(value, gradient, None)
        hessian = sums[2] - self.penalty.matrix
        return Evaluation(value, gradient, 0.5 * (hessian + hessian.T))

    def em_statistics(self, theta: Array, responsibilities: Array | None = None) -> EMStatistics:
        """Sufficient statistics of an EM step at θ, or at given responsibilities (n, K)."""
        value, gradient, hessian, *expert = self._sum(theta, "em_statistics", responsibilities)
        n = self.layout.n_gate
        gradient = gradient - self.penalty.gradient(theta)[:n]
        hessian = hessian - self.penalty.matrix[:n, :n]
        return EMStatistics(float(value) - self.penalty.value(theta), gradient, hessian, expert)

    def scores(self, theta: Array) -> Array:
        """Gradient of w_i log p(y_i | x_i; θ) for every row, shape (n, P); no penalty."""
        return self._by_row(theta, lambda work: work.row_scores().T)

    def log_prob(self, theta: Array) -> Array:
        """log p(y_i | x_i; θ) for every row, shape (n,), on the data's scale."""
        return self._by_row(theta, lambda work: work.loglik.copy())

    def responsibilities(self, theta: Array) -> Array:
        """Responsibilities, shape (n, K)."""
        return self._by_row(theta, lambda work: work.responsibilities().T.copy())

    def shares(self, theta: Array) -> Array:
        """Each expert's share of the total weight, Σ_i w_i r_ik / Σ_i w_i, shape (K,)."""
        return self._sum(theta, "mass")[1] / self.data.total_weight

    def gram(self, basis: Basis) -> Array:
        """Σ_i w_i φ(x_i) φ(x_i)ᵀ of a feature map, (n_terms, n_terms)."""
        data = self.data

        def block(start: int, stop: int) -> Sums:
            z = data.z[:, start:stop]
            phi = basis.expand(z, np.empty((basis.n_terms, stop - start)))
            weighted = phi if data.weight is None else phi * data.weight[start:stop]
            return [weighted @ phi.T]

        with single_threaded_blas():
            return sum_over_blocks(block, data.n_rows, self._rows_of(self._plan), self.n_threads)[0]

    def logit_range(self, theta: Array) -> float:
        """Largest difference between two logits of active experts at one row of the data."""

        def spread(work) -> Array:  # type: ignore[no-untyped-def]
            logits = work.gate_logits()
            top = logits.max(axis=0)
            return top - np.where(np.isneginf(logits), top, logits).min(axis=0)

        return float(self._by_row(theta, spread).max())

    def score_blocks(self, theta: Array) -> Iterator[tuple[slice, Array]]:
        """Rows and their :meth:`scores` (B, P), block by block: for sums over very many rows."""
        for rows, work in self._blocks(theta):
            yield rows, work.row_scores().T

    def _by_row(self, theta: Array, take) -> Array:  # type: ignore[no-untyped-def]
        return np.concatenate([take(work) for _, work in self._blocks(theta)])

    def _blocks(self, theta: Array) -> Iterator[tuple[slice, BlockPass]]:
        coefficients = self.layout.coefficients(np.asarray(theta, dtype=float))
        block_rows = self._rows_of(self._plan)
        for start in range(0, self.data.n_rows, block_rows):
            stop = min(start + block_rows, self.data.n_rows)
            work = self._plan.work(stop - start)
            work.load(self.data, start, stop, coefficients)
            yield slice(start, stop), work
