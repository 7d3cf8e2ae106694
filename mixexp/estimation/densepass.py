"""The pass that evaluates every expert at every row."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray

from mixexp.estimation.assembly import Assembly
from mixexp.estimation.blockpass import BlockPass, Plan, fitting_rows
from mixexp.estimation.blocks import Sums
from mixexp.models.coordinates import Sharing
from mixexp.models.layout import Layout
from mixexp.models.mixture import MixtureOfExperts

Array = NDArray[np.float64]


class DensePass(BlockPass):
    """Slot k holds expert k; sums are matrix products."""

    assembly: Assembly
    gate_assembly: Assembly

    def __init__(self, model: MixtureOfExperts, assembly: Assembly, gate: Assembly, n_rows: int):
        layout, k = model.layout, model.n_experts
        super().__init__(model, assembly, gate, k, n_rows)
        self._predictor_space = [
            np.empty((1 if c.sharing is Sharing.SHARED else k, n_rows)) for c in layout.coordinates
        ]
        self._gate: list[Array] = []
        self.expanded = np.empty((layout.n_free, n_rows))
        self.expanded_gate = np.empty((layout.n_gate, n_rows))
        # Padding rows are never written, and must be zero.
        self.products = np.zeros((assembly.n_product_rows, n_rows))
        self.gate_products = np.zeros((gate.n_product_rows, n_rows))

    def _predict(self, coefficients: list[Array]) -> Array:
        predictors = self.model.layout.predictors(
            coefficients, self.features, self._predictor_space
        )
        self._gate, self.expert_predictors = predictors[: self.n_gate], predictors[self.n_gate :]
        return self.gate_logits()

    def _gate_predictors(self) -> list[Array]:
        return self._gate

    def gate_logits(self) -> Array:
        return self.model.gate.logits(self._gate, self.logits)

    def responsibilities(self) -> Array:
        return self.r

    def _gradient(self, assembly: Assembly, weights: Array) -> Array:
        return assembly.gradient(weights, self.features)

    def _rows(self) -> Array:
        return self.assembly.rows(self.scores, self.features, self.expanded)

    def _second(self, assembly: Assembly, pairs: Array, scores: Array) -> Sums:
        whole = assembly is self.assembly
        products = self.products if whole else self.gate_products
        moments = assembly.moments(pairs, self.features, products)
        rows = self.gate_assembly.rows(self.prior, self.features, self.expanded_gate)
        prior = rows @ rows.T
        if not whole:
            return [prior, moments]
        rows = assembly.rows(scores, self.features, self.expanded)
        cross = rows @ rows.T
        np.negative(cross, out=cross)
        cross[: len(prior), : len(prior)] += prior
        return [cross, moments]

    def _expert_statistics(self, mass: Array) -> Sums:
        features = [self.features[b] for b in self.model.layout.basis_of[self.n_gate :]]
        return self.model.expert.statistics(mass, self.expert_predictors, features, self.y)


def dense_plan(model: MixtureOfExperts) -> Plan:
    """Passes over every expert."""
    layout = model.layout
    assembly = Assembly(layout)
    gate = Assembly(Layout(layout.gate, (), model.n_experts))
    rows = fitting_rows(2 * layout.n_free + 20 * model.n_experts)
    return Plan(partial(DensePass, model, assembly, gate), assembly, gate, rows)
