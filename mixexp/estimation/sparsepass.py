"""The pass that evaluates the active experts of every row only."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray

from mixexp._kernels import sparse
from mixexp.estimation.blockpass import BlockPass, Plan, fitting_rows
from mixexp.estimation.blocks import Sums
from mixexp.estimation.slots import Index, SlotAssembly
from mixexp.models.coordinates import Sharing
from mixexp.models.gates import TopK
from mixexp.models.layout import Layout
from mixexp.models.mixture import MixtureOfExperts

Array = NDArray[np.float64]


class SparsePass(BlockPass):
    """Slot s holds the s-th active expert of its row, the highest first.

    Only the gate's predictors, by which experts are selected, and the experts' statistics of an EM
    step are computed for all experts.
    """

    assembly: SlotAssembly
    gate_assembly: SlotAssembly

    def __init__(
        self,
        model: MixtureOfExperts,
        gate: TopK,
        assembly: SlotAssembly,
        gate_assembly: SlotAssembly,
        n_rows: int,
    ):
        super().__init__(model, assembly, gate_assembly, gate.n_active, n_rows)
        k, layout = model.n_experts, model.layout
        self.gate = gate
        self.chosen: Index = np.zeros((gate.n_active, n_rows), dtype=np.int64)
        self._slots = [np.empty((gate.n_active, n_rows)) for _ in layout.coordinates]
        self._dense = [
            np.empty((1 if c.sharing is Sharing.SHARED else k, n_rows)) for c in layout.gate
        ]
        self._every = np.empty((k, n_rows))
        self._coefficients: list[Array] = []

    def _predict(self, coefficients: list[Array]) -> Array:
        self._coefficients = coefficients
        self.chosen = self.gate.choose(self._gate_of_all(), self._every)
        self.expert_predictors = self._in_slots(slice(self.n_gate, None))
        return self.gate.active_logits(self._gate_predictors(), self.logits)

    def _in_slots(self, part: slice) -> list[Array]:
        """Local coordinates of the experts in the slots, for a part of all coordinates."""
        layout, found = self.model.layout, []
        for c, table, basis, out in zip(
            layout.coordinates[part],
            self._coefficients[part],
            layout.basis_of[part],
            self._slots[part],
            strict=True,
        ):
            if c.sharing is Sharing.SHARED:
                found.append(table @ self.features[basis] if c.by_row else table)
            else:
                sparse.predict(table, self.features[basis], self.chosen, out)
                found.append(out)
        return found

    def _gate_predictors(self) -> list[Array]:
        return self._in_slots(slice(self.n_gate))

    def _gate_of_all(self) -> list[Array]:
        """The gate's local coordinates for all experts."""
        layout = self.gate_assembly.layout
        return layout.predictors(self._coefficients[: self.n_gate], self.features, self._dense)

    def _spread(self, values: Array) -> Array:
        sparse.spread(values, self.chosen, 0.0, self._every)
        return self._every

    def gate_logits(self) -> Array:
        return self.gate.logits(self._gate_of_all(), self._every)

    def responsibilities(self) -> Array:
        return self._spread(self.r)

    def _gradient(self, assembly: SlotAssembly, weights: Array) -> Array:
        return assembly.gradient(weights, self.chosen, self.stacked)

    def _rows(self) -> Array:
        return self.assembly.rows(self.scores, self.chosen, self.stacked)

    def _second(self, assembly: SlotAssembly, pairs: Array, scores: Array) -> Sums:
        return [assembly.second(pairs, scores, self.prior, self.chosen, self.stacked)]

    def _expert_statistics(self, mass: Array) -> Sums:
        layout, n = self.model.layout, self.n_gate
        features = [self.features[b] for b in layout.basis_of[n:]]
        predictors = layout.predictors(self._coefficients, self.features)[n:]
        return self.model.expert.statistics(self._spread(mass), predictors, features, self.y)


def is_possible(model: MixtureOfExperts) -> bool:
    """Whether the gate selects experts."""
    return isinstance(model.gate, TopK)


def is_faster(model: MixtureOfExperts) -> bool:
    """Whether the sparse pass is possible and faster than the dense one."""
    if not is_possible(model):
        return False
    # Measured with Gaussian experts and 1 and 5 columns: every pass gains from 6 experts for each
    # active one on; at 4, EM and information passes are no faster, at 2 they take twice as long.
    return model.n_experts >= 6 * model.gate.n_active


def sparse_plan(model: MixtureOfExperts) -> Plan:
    """Passes over active experts."""
    layout = model.layout
    assembly = SlotAssembly(layout)
    gate = SlotAssembly(Layout(layout.gate, (), model.n_experts))
    # An odd number of cache lines in a row of k: a power of two would put all experts in few sets.
    rows = fitting_rows(4 * model.n_experts + 20 * model.gate.n_active) + 8
    return Plan(partial(SparsePass, model, model.gate, assembly, gate), assembly, gate, rows)
