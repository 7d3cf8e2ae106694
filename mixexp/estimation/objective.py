"""The log-likelihood of a mixture of experts as a function of its free parameters."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mixexp.estimation.blockpass import BlockPass
from mixexp.estimation.blocks import Sums
from mixexp.estimation.data import Data
from mixexp.estimation.passes import Passes
from mixexp.estimation.penalty import Ridge
from mixexp.estimation.rows import Rows
from mixexp.models.basis import Basis
from mixexp.models.mixture import MixtureOfExperts

Array = NDArray[np.float64]


# A solver ends at one of the last few parameters that it tried.
_REMEMBERED = 4


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
    data : Rows
        In memory (:class:`~mixexp.estimation.data.Data`) or in parts kept elsewhere.
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
        data: Rows,
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
        self._passes = Passes(self.model, n_threads, block_rows, _sparse)

    @property
    def data(self) -> Rows:
        """The rows that it is summed over."""
        return self._data

    @data.setter
    def data(self, rows: Rows) -> None:
        # What is remembered is of the rows: a copy bound to others must not share it.
        self._data, self._masses = rows, deque[tuple[Array, Array]](maxlen=_REMEMBERED)

    @property
    def in_memory(self) -> Data:
        """The rows as arrays, for what cannot be written as a sum over them.

        Raises
        ------
        TypeError
            If they are read in parts.
        """
        if not isinstance(self.data, Data):
            raise TypeError(
                "this needs all rows in memory, but they are read in parts; use a sample of them "
                "as arrays"
            )
        return self.data

    def _sum(self, theta: Array, part: str, responsibilities: Array | None = None) -> Sums:
        """The log-likelihood, and ``BlockPass.<part>``, summed over all rows."""
        coefficients = self.layout.coefficients(np.asarray(theta, dtype=float))
        self.n_evaluations += 1
        task = partial(
            self._passes.sums, coefficients=coefficients, part=part,
            responsibilities=responsibilities,
        )  # fmt: skip
        return self._passes.finish(part, self.data.sum(task), responsibilities)

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
        self._masses.append((np.array(theta, dtype=float), sums[3]))
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
        """Each expert's share of the total weight, Σ_i w_i r_ik / Σ_i w_i, shape (K,).

        At the last parameters that derivatives of second order were taken at, without a pass.
        """
        known = [mass for there, mass in tuple(self._masses) if np.array_equal(there, theta)]
        mass = known[-1] if known else self._sum(theta, "mass")[1]
        return mass / self.data.total_weight

    def gram(self, basis: Basis) -> Array:
        """Σ_i w_i φ(x_i) φ(x_i)ᵀ of a feature map, (n_terms, n_terms)."""
        return self.data.sum(partial(self._passes.gram, basis=basis))[0]

    def logit_range(self, theta: Array) -> float:
        """Largest difference between two logits of active experts at one row of the data."""

        def spread(work: BlockPass) -> float:
            logits = work.gate_logits()
            top = logits.max(axis=0)
            return float(np.max(top - np.where(np.isneginf(logits), top, logits).min(axis=0)))

        return max(spread(work) for _, work in self._blocks(theta))

    def score_blocks(self, theta: Array) -> Iterator[tuple[slice, Array]]:
        """Rows and their :meth:`scores` (B, P), block by block: for sums over very many rows."""
        for rows, work in self._blocks(theta):
            yield rows, work.row_scores().T

    def _by_row(self, theta: Array, take: Callable[[BlockPass], Array]) -> Array:
        return np.concatenate([take(work) for _, work in self._blocks(theta)])

    def _blocks(self, theta: Array) -> Iterator[tuple[slice, BlockPass]]:
        coefficients = self.layout.coefficients(np.asarray(theta, dtype=float))
        first = 0
        for part in self.data.parts():
            for rows, work in self._passes.blocks(part, coefficients):
                yield slice(first + rows.start, first + rows.stop), work
            first += part.n_rows
