"""Many small data sets as one batch on the solver's scale."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mixexp.estimation.box import Box
from mixexp.estimation.options import Options
from mixexp.estimation.penalty import Ridge
from mixexp.estimation.small.batch import Batch, Indices
from mixexp.estimation.small.form import Form, acts_on_standardized
from mixexp.estimation.small.scales import Scales, standardize, tables_of, vectors_of
from mixexp.models.mixture import MixtureOfExperts, MixtureParams

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Problems:
    """Data sets of one model: the batch they make, and the scales they were brought to.

    ``total_weight`` (M,) are the sums of the weights.
    """

    model: MixtureOfExperts
    batch: Batch
    scales: Scales
    total_weight: Array

    @classmethod
    def of(
        cls,
        model: MixtureOfExperts,
        form: Form,
        starts: Indices,
        x: Array,
        y: Array,
        weight: Array | None,
        options: Options,
    ) -> Problems:
        """From the rows x (N, d), encoded responses y (D, N) and weights (N,) of all problems."""
        # Copies, which are standardised in place: of one column the transpose is x itself.
        z, y = np.array(x.T, dtype=float, order="C"), np.array(y, dtype=float)
        scales = Scales.identity(len(starts) - 1, len(z))
        if options.standardize:
            scales = _standardized(starts, z, y if model.expert.standardizes else y[:0], weight)
        rows = [
            b.expand(z if acts_on_standardized(b) else x.T, np.empty((b.n_terms, len(x))))
            for b in form.bases
        ]
        penalty = Ridge.build(model.layout, options.gate_penalty, options.expert_penalty)
        box = options.bounds.box(model.layout)
        batch = Batch.pack(form, starts, np.concatenate(rows), y, weight, penalty.matrix, box)
        sizes = np.diff(starts).astype(float)
        total = sizes if weight is None else np.add.reduceat(weight, starts[:-1])
        return cls(model, batch, scales, total)

    def theta(self, params: Sequence[MixtureParams], problem: Indices) -> Array:
        """Starts (J, P), in the box, from J parameters on the user's scale; problems (J,)."""
        # A start that many problems have is read once.
        distinct = {id(one): i for i, one in enumerate(params)}
        known = {key: self.model.coefficients(params[i]) for key, i in distinct.items()}
        each = [known[id(one)] for one in params]
        tables = [np.array(t, dtype=float) for t in zip(*each, strict=True)]
        inverse = self.scales.take(problem).inverse()
        theta = vectors_of(self.model, inverse.rescaled(self.model, tables))
        box = Box(self.batch.lower, self.batch.upper)
        gate = self.model.layout.entries("gate")
        if gate.any():
            # A gate that is too steep keeps its boundaries, and becomes less steep.
            excess = np.max(np.abs(theta[:, gate]) / box.upper[gate], axis=1, keepdims=True)
            theta[:, gate] /= np.maximum(1.0, excess)
        return box.project(theta)

    def params(self, theta: Array) -> MixtureParams:
        """Parameters on the user's scale, every array with the problem as first axis."""
        model, m, k = self.model, len(theta), self.model.n_experts
        tables = self.scales.rescaled(model, tables_of(model, theta))
        # To the parts, the experts of all problems are so many experts.
        flat = [np.broadcast_to(t, (m, k, t.shape[2])).reshape(m * k, -1) for t in tables]

        def stacked(params):  # type: ignore[no-untyped-def]
            return type(params)(*(a.reshape(m, k, *a.shape[1:]) for a in params))

        n = len(model.layout.gate)
        return MixtureParams(
            stacked(model.gate.to_params(flat[:n])), stacked(model.expert.to_params(flat[n:]))
        )

    def loglik(self, theta: Array, value: Array) -> Array:
        """Log-likelihoods on the user's scale, without penalties, nats."""
        penalty = 0.5 * np.einsum("mp,pq,mq->m", theta, self.batch.penalty, theta)
        return value + penalty - self.total_weight * np.log(self.scales.y_scale)


def _standardized(starts: Indices, z: Array, y: Array, weight: Array | None) -> Scales:
    """Standardise z (d, N) and y (1 or 0, N) in place, problem by problem."""
    scales = Scales.identity(len(starts) - 1, len(z))
    sizes = np.diff(starts)
    # Problems of one size are standardised together.
    equal = bool(np.all(sizes == sizes[0]))
    parts: Sequence[slice] = (
        [slice(0, len(sizes))] if equal else [slice(m, m + 1) for m in range(len(sizes))]
    )
    for part in parts:
        shape = (part.stop - part.start, int(sizes[part.start]))
        rows = slice(int(starts[part.start]), int(starts[part.stop]))
        w = None if weight is None else weight[rows].reshape(shape)
        for j, column in enumerate(z):
            center, scale = standardize(column[rows].reshape(shape), w)
            scales.x_center[part, j], scales.x_scale[part, j] = center, scale
        for response in y:
            center, scale = standardize(response[rows].reshape(shape), w)
            scales.y_center[part], scales.y_scale[part] = center, scale
    return scales
