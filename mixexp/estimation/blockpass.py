"""One block of rows at one parameter value: the E-step and all derivatives, in reused memory."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mixexp._kernels import louis
from mixexp._kernels.posterior import posterior
from mixexp.estimation.assembly import Assembly, Features
from mixexp.estimation.data import Data
from mixexp.models.coordinates import Sharing
from mixexp.models.mixture import MixtureOfExperts

Array = NDArray[np.float64]


class BlockPass:
    """Work space for blocks of exactly ``n_rows`` rows, and what is computed in it.

    :meth:`load` runs the E-step; the other methods work on the block that was loaded last.
    """

    def __init__(self, model: MixtureOfExperts, assembly: Assembly, gate: Assembly, n_rows: int):
        layout, k = model.layout, model.n_experts
        n_gate, n_expert = len(layout.gate), len(layout.expert)
        self.model, self.assembly, self.gate_assembly = model, assembly, gate

        def array(*shape: int) -> Array:
            return np.empty((*shape, n_rows))

        def triangle(n: int) -> int:
            return n * (n + 1) // 2

        self.features: Features = [array(b.n_terms) for b in layout.bases]
        self.predictors: list[Array] = []
        self._predictor_space = [
            array(1 if c.sharing is Sharing.SHARED else k) for c in layout.coordinates
        ]
        self.logits, self.density, self.r, self.g = (array(k) for _ in range(4))
        self.loglik, self.weight, self.root, self.work = array(), array(), array(), array(4)
        self.d_gate, self.h_gate = array(n_gate, k), array(triangle(n_gate), k)
        self.d_expert, self.h_expert = array(n_expert, k), array(triangle(n_expert), k)
        self.scores = array(n_gate + n_expert, k)
        self.pairs = array(triangle(n_gate + n_expert), k)
        self.expanded, self.expanded_gate = array(layout.n_free), array(layout.n_gate)
        # Padding rows are never written, and must be zero.
        self.products = np.zeros((assembly.n_product_rows, n_rows))
        self.gate_products = np.zeros((gate.n_product_rows, n_rows))
        self.y = np.empty(0)
        self.none, self.nobody = np.zeros((0, k, n_rows)), np.zeros((k, n_rows))
        self.mass_of_rows = array(k)

    def load(self, data: Data, start: int, stop: int, coefficients: list[Array]) -> Array:
        """E-step: responsibilities, gate probabilities; returns the log-likelihoods (B,)."""
        model, n_gate = self.model, len(self.model.layout.gate)
        block = data.z[:, start:stop]
        for basis, out in zip(model.layout.bases, self.features, strict=True):
            basis.expand(block, out)
        self.y = np.ascontiguousarray(data.y[:, start:stop])
        self.weight[...] = 1.0 if data.weight is None else data.weight[start:stop]
        self.predictors = model.layout.predictors(
            coefficients, self.features, self._predictor_space
        )
        logits = self.gate_logits()
        model.expert.log_density(self.predictors[n_gate:], self.y, self.density)
        posterior(logits, self.density, self.work, self.r, self.g, self.loglik)
        return self.loglik

    def gate_logits(self) -> Array:
        """Logits of the loaded block, (K, B)."""
        n_gate = len(self.model.layout.gate)
        return self.model.gate.logits(self.predictors[:n_gate], self.logits)

    def _derivatives(self, order: int) -> None:
        n_gate = len(self.model.layout.gate)
        self.model.gate.derivatives(self.predictors[:n_gate], order, self.d_gate, self.h_gate)
        self.model.expert.derivatives(
            self.predictors[n_gate:], self.y, order, self.d_expert, self.h_expert
        )
        louis.gradient_weights(self.weight, self.r, self.g, self.d_gate, self.d_expert, self.scores)

    def gradient(self) -> Array:
        """Score of the block, like θ."""
        self._derivatives(1)
        return self.assembly.gradient(self.scores, self.features)

    def row_scores(self) -> Array:
        """Score of every row, (P, B), in memory that the next block reuses."""
        self._derivatives(1)
        return self.assembly.rows(self.scores, self.features, self.expanded)

    def hessian(self) -> list[Array]:
        """Score, and the two parts of the Hessian that :meth:`Assembly.hessian` joins."""
        self._derivatives(2)
        gradient = self.assembly.gradient(self.scores, self.features)
        louis.pair_weights(
            self.weight, self.r, self.g, self.d_gate, self.h_gate,
            self.d_expert, self.h_expert, self.pairs,
        )  # fmt: skip
        moments = self.assembly.moments(self.pairs, self.features, self.products)
        np.sqrt(self.weight, out=self.root)
        n_gate = len(self.d_gate)
        louis.mean_scores(self.root, self.r, self.d_gate, self.scores[:n_gate])
        louis.mean_scores(self.root, self.r, self.d_expert, self.scores[n_gate:])
        rows = self.assembly.rows(self.scores, self.features, self.expanded)
        cross = rows @ rows.T
        np.negative(cross, out=cross)
        prior = self._prior_cross()
        cross[: len(prior), : len(prior)] += prior
        return [gradient, cross, moments]

    def _prior_cross(self) -> Array:
        """Σ w E_g[d] E_g[d]ᵀ in the gate's parameters; needs ``root`` and ``d_gate``."""
        prior = self.scores[: len(self.d_gate)]
        louis.mean_scores(self.root, self.g, self.d_gate, prior)
        rows = self.gate_assembly.rows(prior, self.features, self.expanded_gate)
        return rows @ rows.T

    def mass(self) -> Array:
        """Total responsibility of each expert, Σ w r, shape (K,)."""
        return self.r @ self.weight

    def em_statistics(self) -> list[Array]:
        """Gate score, the parts of the gate's Gauss-Newton Hessian, and the experts' statistics."""
        n_gate = len(self.model.layout.gate)
        self.model.gate.derivatives(self.predictors[:n_gate], 1, self.d_gate, self.h_gate)
        scores = self.scores[:n_gate]
        louis.gradient_weights(self.weight, self.r, self.g, self.d_gate, self.none, scores)
        gradient = self.gate_assembly.gradient(scores, self.features)
        self.h_gate[...] = 0.0
        pairs = self.pairs[: len(self.gate_assembly.pairs)]
        louis.pair_weights(
            self.weight, self.nobody, self.g, self.d_gate, self.h_gate, self.none, self.none, pairs
        )
        moments = self.gate_assembly.moments(pairs, self.features, self.gate_products)
        np.sqrt(self.weight, out=self.root)
        cross = self._prior_cross()
        mass = np.multiply(self.r, self.weight, out=self.mass_of_rows)
        features = [self.features[b] for b in self.model.layout.basis_of[n_gate:]]
        statistics = self.model.expert.statistics(mass, self.predictors[n_gate:], features, self.y)
        return [gradient, cross, moments, *statistics]
