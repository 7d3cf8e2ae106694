"""The free vector θ of a joint law, and how the local vectors of the experts depend on it."""

from __future__ import annotations

from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from mixexp.estimation.box import Bounds, Box
from mixexp.estimation.gllim.recursion import Link, Recursion
from mixexp.models.gllim import GLLiM, GLLiMParams

Array = NDArray[np.float64]


class Chart:
    """Free coordinates of a model without latent inputs.

    θ holds log π_k / π_K for k < K, the gates' regressions, then the experts'. The local vector of
    expert k is (log-weight, gate recursion, expert recursion), and all of them together are
    ``linear @ θ``.

    Parameters
    ----------
    model : GLLiM
    """

    def __init__(self, model: GLLiM):
        self.model = model
        k = model.n_experts
        self.gate = Recursion(model.gate_structure, model.n_inputs, 1, k)
        self.expert = Recursion(model.structure, model.n_outputs, model.basis.n_terms, k)

    @cached_property
    def sizes(self) -> list[tuple[int, int]]:
        """Lengths of the gate's and the expert's part of each local vector."""
        return [(self.gate.n_local(k), self.expert.n_local(k)) for k in range(self.model.n_experts)]

    @cached_property
    def slices(self) -> list[slice]:
        """Where the local vector of each expert lies among all of them."""
        ends = np.cumsum([0, *(1 + a + b for a, b in self.sizes)])
        return [slice(int(a), int(b)) for a, b in pairwise(ends)]

    @cached_property
    def _links(self) -> tuple[list[Link], list[tuple[str, int]]]:
        starts = [s.start for s in self.slices]
        n = self.model.n_experts
        links: list[Link] = [(starts[k], k, 1.0) for k in range(n - 1)]
        kinds = [("weight", k) for k in range(n - 1)]
        more, new = self.gate.links([s + 1 for s in starts], len(kinds))
        links, kinds = links + more, kinds + [(f"gate {kind}", k) for kind, k in new]
        after = [s + 1 + size for s, (size, _) in zip(starts, self.sizes, strict=True)]
        more, new = self.expert.links(after, len(kinds))
        return links + more, kinds + [(f"expert {kind}", k) for kind, k in new]

    @property
    def n_free(self) -> int:
        """Length of θ."""
        return len(self._links[1])

    @cached_property
    def linear(self) -> Array:
        """Matrix from θ to all local vectors."""
        matrix = np.zeros((self.slices[-1].stop, self.n_free))
        for row, column, value in self._links[0]:
            matrix[row, column] = value
        return matrix

    @cached_property
    def names(self) -> list[str]:
        """What each entry of θ is, as a certificate names it."""
        return [f"{kind}[{k}]" if k >= 0 else kind for kind, k in self._links[1]]

    def box(self, bounds: Bounds) -> Box:
        """Bounds of θ: scales by ``bounds.scale``, everything else by ``bounds.expert``."""
        low, high = 2.0 * np.log(bounds.scale)
        limits = {"weight": bounds.gate, "coef": bounds.expert}
        lower, upper = np.empty(self.n_free), np.empty(self.n_free)
        for i, (kind, _) in enumerate(self._links[1]):
            what = kind.split()[-1]
            if what in limits:
                lower[i], upper[i] = -limits[what], limits[what]
            else:
                system = self.gate if kind.startswith("gate") else self.expert
                times = system.dim if what == "volume" else 1
                lower[i], upper[i] = times * low, times * high
        return Box(lower, upper)

    def theta(self, params: GLLiMParams) -> Array:
        """Free coordinates of parameters."""
        gate, noise = params.gate_covariance.dense(), params.covariance.dense()
        with np.errstate(divide="ignore"):
            log_weight = np.maximum(np.log(params.weight), -700.0)
        local = np.concatenate([
            np.concatenate([
                [log_weight[k] - log_weight[-1]],
                self.gate.to_local(k, params.gate_mean[k][:, None], gate[k]),
                self.expert.to_local(k, params.table[k], noise[k]),
            ])
            for k in range(params.n_experts)
        ])  # fmt: skip
        rows, columns, values = (np.array(part) for part in zip(*self._links[0], strict=True))
        # Every entry of θ is a local entry, or the sum of those its experts share.
        plain = values > 0.0
        theta = np.zeros(self.n_free)
        count = np.zeros(self.n_free)
        np.add.at(theta, columns[plain].astype(int), local[rows[plain].astype(int)])
        np.add.at(count, columns[plain].astype(int), 1.0)
        theta /= np.maximum(count, 1.0)
        for i, (kind, _) in enumerate(self._links[1]):
            if kind.endswith("volume"):
                matrices = params.gate_covariance if kind.startswith("gate") else params.covariance
                theta[i] = matrices.log_det().mean()
        return theta

    def params(self, theta: Array) -> GLLiMParams:
        """The inverse of :meth:`theta`."""
        local = self.linear @ theta
        model = self.model
        log_weight = np.array([local[s.start] for s in self.slices])
        weight = np.exp(log_weight - log_weight.max())
        parts = []
        for k, (where, (n_gate, _)) in enumerate(zip(self.slices, self.sizes, strict=True)):
            middle = where.start + 1 + n_gate
            mean, gate = self.gate.from_local(k, local[where.start + 1 : middle])
            table, noise = self.expert.from_local(k, local[middle : where.stop])
            parts.append((mean[:, 0], gate, table, noise))
        means, gates, tables, noises = (np.array(part) for part in zip(*parts, strict=True))
        return GLLiMParams(
            weight / weight.sum(), means, self.gate.matrices(gates), tables,
            self.expert.matrices(noises), np.zeros((len(weight), model.n_outputs, 0)),
        )  # fmt: skip
