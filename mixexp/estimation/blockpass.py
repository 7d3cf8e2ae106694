"""One block of rows at one parameter value: the E-step and all derivatives, in reused memory."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixexp._kernels import louis
from mixexp._kernels.posterior import posterior
from mixexp.estimation.blocks import Sums
from mixexp.estimation.data import Data
from mixexp.models.mixture import MixtureOfExperts

Array = NDArray[np.float64]


class BlockPass(ABC):
    """Work space for blocks of exactly ``n_rows`` rows, and what is computed in it.

    :meth:`load` runs the E-step; the other methods work on the block that was loaded last. Weights
    of Fisher's and Louis' identities are formed here, for the experts in ``n_slots`` slots of every
    row; a kind of pass says which experts those are, and what their weights add up to. ``assembly``
    and ``gate`` do its index arithmetic, for all coordinates and for the gate's.
    """

    def __init__(
        self, model: MixtureOfExperts, assembly: Any, gate: Any, n_slots: int, n_rows: int
    ):
        layout = model.layout
        self.n_gate, n_expert = len(layout.gate), len(layout.expert)
        self.model, self.assembly, self.gate_assembly = model, assembly, gate

        def array(*shape: int) -> Array:
            return np.empty((*shape, n_rows))

        def triangle(n: int) -> int:
            return n * (n + 1) // 2

        terms = [basis.n_terms for basis in layout.bases]
        self.stacked = array(sum(terms))
        self.features: list[Array] = np.split(self.stacked, np.cumsum(terms)[:-1])
        self.expert_predictors: list[Array] = []
        self.logits, self.density, self.r, self.g = (array(n_slots) for _ in range(4))
        self.loglik, self.weight, self.root, self.work = array(), array(), array(), array(4)
        self.d_gate, self.h_gate = (
            array(self.n_gate, n_slots),
            array(triangle(self.n_gate), n_slots),
        )
        self.d_expert, self.h_expert = array(n_expert, n_slots), array(triangle(n_expert), n_slots)
        self.scores = array(self.n_gate + n_expert, n_slots)
        self.prior = array(self.n_gate, n_slots)
        self.pairs = array(triangle(self.n_gate + n_expert), n_slots)
        self.y = np.empty(0)
        self.none, self.nobody = np.zeros((0, n_slots, n_rows)), np.zeros((n_slots, n_rows))
        self.mass_of_rows = array(n_slots)

    def load(self, data: Data, start: int, stop: int, coefficients: list[Array]) -> Array:
        """E-step: responsibilities, gate probabilities; returns the log-likelihoods (B,)."""
        block = data.z[:, start:stop]
        for basis, out in zip(self.model.layout.bases, self.features, strict=True):
            basis.expand(block, out)
        self.y = np.ascontiguousarray(data.y[:, start:stop])
        self.weight[...] = 1.0 if data.weight is None else data.weight[start:stop]
        logits = self._predict(coefficients)
        self.model.expert.log_density(self.expert_predictors, self.y, self.density)
        posterior(logits, self.density, self.work, self.r, self.g, self.loglik)
        return self.loglik

    @abstractmethod
    def _predict(self, coefficients: list[Array]) -> Array:
        """Set the experts' local coordinates in the slots; returns the logits there."""

    @abstractmethod
    def _gate_predictors(self) -> list[Array]:
        """The gate's local coordinates in the slots."""

    @abstractmethod
    def gate_logits(self) -> Array:
        """Logits of the loaded block, (K, B)."""

    @abstractmethod
    def responsibilities(self) -> Array:
        """Responsibilities of the loaded block, (K, B)."""

    @abstractmethod
    def _gradient(self, assembly: Any, weights: Array) -> Array:
        """Sum of weights times features, like θ or like its gate's part."""

    @abstractmethod
    def _rows(self) -> Array:
        """``scores`` times features, (P, B)."""

    @abstractmethod
    def _second(self, assembly: Any, pairs: Array, scores: Array) -> Sums:
        """The sums of a Hessian from ``pairs``, mean ``scores`` (or none) and ``prior``."""

    @abstractmethod
    def _expert_statistics(self, mass: Array) -> Sums:
        """The experts' statistics for an M-step; ``mass`` is w r in the slots."""

    def _derivatives(self, order: int) -> None:
        gate, expert = self.model.gate, self.model.expert
        gate.derivatives(self._gate_predictors(), order, self.d_gate, self.h_gate)
        expert.derivatives(self.expert_predictors, self.y, order, self.d_expert, self.h_expert)
        louis.gradient_weights(self.weight, self.r, self.g, self.d_gate, self.d_expert, self.scores)

    def mass(self) -> Sums:
        """Total responsibility of each expert, Σ w r, shape (K,)."""
        return [self.responsibilities() @ self.weight]

    def gradient(self) -> Sums:
        """Score of the block, like θ."""
        self._derivatives(1)
        return [self._gradient(self.assembly, self.scores)]

    def row_scores(self) -> Array:
        """Score of every row, (P, B), in memory that the next block may reuse."""
        self._derivatives(1)
        return self._rows()

    def hessian(self) -> Sums:
        """Score, the sums from which :meth:`Plan.finish` makes the Hessian, and :meth:`mass`."""
        mass = self.mass()
        self._derivatives(2)
        gradient = self._gradient(self.assembly, self.scores)
        louis.pair_weights(
            self.weight, self.r, self.g, self.d_gate, self.h_gate,
            self.d_expert, self.h_expert, self.pairs,
        )  # fmt: skip
        np.sqrt(self.weight, out=self.root)
        louis.mean_scores(self.root, self.r, self.d_gate, self.scores[: self.n_gate])
        louis.mean_scores(self.root, self.r, self.d_expert, self.scores[self.n_gate :])
        louis.mean_scores(self.root, self.g, self.d_gate, self.prior)
        return [gradient, *self._second(self.assembly, self.pairs, self.scores), *mass]

    def em_statistics(self) -> Sums:
        """Gate score, the sums of the gate's Gauss-Newton Hessian, and the experts' statistics."""
        n = self.n_gate
        self.model.gate.derivatives(self._gate_predictors(), 1, self.d_gate, self.h_gate)
        scores, pairs = self.scores[:n], self.pairs[: len(self.h_gate)]
        louis.gradient_weights(self.weight, self.r, self.g, self.d_gate, self.none, scores)
        gradient = self._gradient(self.gate_assembly, scores)
        self.h_gate[...] = 0.0
        louis.pair_weights(
            self.weight, self.nobody, self.g, self.d_gate, self.h_gate, self.none, self.none, pairs
        )
        np.sqrt(self.weight, out=self.root)
        louis.mean_scores(self.root, self.g, self.d_gate, self.prior)
        second = self._second(self.gate_assembly, pairs, self.none)
        mass = np.multiply(self.r, self.weight, out=self.mass_of_rows)
        return [gradient, *second, *self._expert_statistics(mass)]


@dataclass(frozen=True, eq=False)
class Plan:
    """One way to make passes: what they share, and how their sums end.

    Parameters
    ----------
    work : callable
        Work space for blocks of a number of rows.
    assembly, gate : Assembly or SlotAssembly
        The index arithmetic of all coordinates, and of the gate's.
    block_rows : int
        Rows of a block that suit the caches.
    """

    work: Callable[[int], BlockPass]
    assembly: Any
    gate: Any
    block_rows: int

    def finish(self, part: str, sums: Sums) -> Sums:
        """Sums of ``BlockPass.<part>`` over all blocks, with the Hessian as one matrix."""
        assembly = {"hessian": self.assembly, "em_statistics": self.gate}.get(part)
        if assembly is None:
            return sums
        gradient, *rest = sums
        n = assembly.n_parts
        return [gradient, assembly.hessian(*rest[:n]), *rest[n:]]


def fitting_rows(per_row: int) -> int:
    """Rows of a block whose work space of ``per_row`` doubles a row fits the caches."""
    return int(np.clip(_CACHE_DOUBLES // per_row // 64 * 64, 256, 8192))


# Doubles of work space of one block: large enough that interpreting a block costs little beside
# computing it, small enough for the second and third level caches.
_CACHE_DOUBLES = 800_000
