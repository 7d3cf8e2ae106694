"""Functions of the parameters at given x, and their exact gradients in θ.

Gate probabilities, means of experts and of the law depend on θ through the local coordinates
u_ck(x) = φ_c(x)ᵀ θ_ck alone. Their derivatives in u are closed forms; the assembly of the score
carries them to θ.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mixexp._kernels.posterior import posterior
from mixexp.estimation.assembly import Assembly
from mixexp.models.mixture import MixtureOfExperts

Array = NDArray[np.float64]

# Doubles of work space for one block of rows.
_BLOCK_DOUBLES = 4_000_000


class Local(NamedTuple):
    """m functions at B rows: values (m, B) and derivatives in local coordinates (m, Q, K, B)."""

    value: Array
    weights: Array

    def probabilities(self) -> Local:
        """The same of m probabilities that sum to one, with 1 - p exact for the largest.

        The derivative of a probability close to one is minus the sum of the others', which does
        not cancel.
        """
        weights = self.weights.copy()
        largest = self.value.argmax(axis=0)
        for j in range(len(weights)):
            rows = largest == j
            others = np.delete(self.weights[..., rows], j, axis=0)
            weights[j][..., rows] = -others.sum(axis=0)
        return Local(self.value, weights)


class Gradients:
    r"""Functions of θ at a block of rows, f(θ; x_i), with gradients ∂f/∂θ (P,).

    With logits a, gate probabilities :math:`\pi` and means :math:`m_k` of the experts,

    .. math::
        \partial\pi_j/\partial a_k = \pi_j(\delta_{jk}-\pi_k),\qquad
        \partial\bar m/\partial a_k = \pi_k(m_k-\bar m),\qquad
        \partial\bar m/\partial m_k = \pi_k .

    Where a gate switches experts off, its choice at these rows is held: the law jumps where the
    choice changes, and has no derivative there.

    Parameters
    ----------
    model : MixtureOfExperts
        On the solver's scale.
    theta : array (P,)
    z : array (n_columns, B)
        Columns on the solver's scale.
    known : array (B,), optional
        Exposures or trials.
    active : bool array (K, B), optional
        The experts to take as switched on; by default those that the gate chooses.
    assembly : Assembly, optional
        That of the layout, to make it once for many blocks.

    Examples
    --------
    >>> from mixexp.models import Gaussian, Softmax
    >>> model = MixtureOfExperts(Softmax(), Gaussian(), n_experts=2, n_columns=1)
    >>> theta = np.array([0.0, 1.0, 1.0, 2.0, -1.0, 0.0, 0.0, 0.0])
    >>> at = Gradients(model, theta, np.array([[0.0]]))
    >>> at.mean().value
    array([[0.]])
    >>> at.rows(at.mean())[0, 0]
    array([0.5, 0. , 0.5, 0. , 0.5, 0. , 0. , 0. ])
    """

    def __init__(
        self,
        model: MixtureOfExperts,
        theta: Array,
        z: Array,
        known: Array | None = None,
        active: NDArray[np.bool_] | None = None,
        assembly: Assembly | None = None,
    ):
        layout, k, n = model.layout, model.n_experts, z.shape[1]
        self.model, self.known = model, known
        self.assembly = Assembly(layout) if assembly is None else assembly
        self.features = layout.features(np.ascontiguousarray(z))
        predictors = layout.predictors(layout.coefficients(theta), self.features)
        n_gate = len(layout.gate)
        self._gate, self._expert = predictors[:n_gate], predictors[n_gate:]
        logits = self._logits(np.empty((k, n)), active)
        self.active: NDArray[np.bool_] = ~np.isneginf(logits)
        none, r, self.pi = np.zeros((k, n)), np.empty((k, n)), np.empty((k, n))
        posterior(logits, none, np.empty((4, n)), r, self.pi, np.empty(n))
        n_pairs = n_gate * (n_gate + 1) // 2
        self._d_gate = np.empty((n_gate, k, n))
        model.gate.derivatives(self._gate, 1, self._d_gate, np.empty((n_pairs, k, n)))

    def _logits(self, out: Array, active: NDArray[np.bool_] | None) -> Array:
        gate: Any = self.model.gate
        pieces = gate.pieces(self.model.n_experts)
        if active is None or pieces is None or not pieces.jumps:
            return np.array(gate.logits(self._gate, out))
        dense = gate.with_active(self.model.n_experts).logits(self._gate, out)
        return np.where(active, dense, -np.inf)

    @property
    def _shape(self) -> tuple[int, int, int]:
        return (len(self.model.layout.coordinates), *self.pi.shape)

    def gate_proba(self) -> Local:
        """π_k(x_i), (K, B)."""
        k, n_gate = len(self.pi), len(self._d_gate)
        weights = np.zeros((k, *self._shape))
        for j, p in enumerate(self.pi):
            to_logit = -p * self.pi
            to_logit[j] = p * np.delete(self.pi, j, axis=0).sum(axis=0)
            weights[j, :n_gate] = to_logit * self._d_gate
        return Local(self.pi, weights)

    def _means(self) -> tuple[Array, Array]:
        """Means (m, K, B) of the experts in the user's units, and derivatives (m, E, K, B)."""
        expert, affine = self.model.expert, self.model.affine
        table = expert.components(self._expert, self.known).mean()
        means = np.moveaxis(table.reshape(*table.shape[:2], -1), 2, 0).transpose(0, 2, 1)
        first = expert.mean_derivatives(self._expert, self.known)
        if affine is None:
            return means, first
        size, center = np.reshape(affine.y_scale, -1), np.reshape(affine.y_center, -1)
        return (
            center[:, None, None] + size[:, None, None] * means,
            size[:, None, None, None] * first,
        )

    def expert_means(self) -> Local:
        """E_k(y | x_i), the m numbers of expert 0, then those of expert 1, ...: (K m, B)."""
        means, first = self._means()
        m, k, n = means.shape
        weights = np.zeros((k, m, *self._shape))
        n_gate = len(self._d_gate)
        for j in range(k):
            weights[j, :, n_gate:, j] = first[:, :, j]
        return Local(means.transpose(1, 0, 2).reshape(-1, n), weights.reshape(-1, *self._shape))

    def mean(self) -> Local:
        """Σ_k π_k(x_i) E_k(y | x_i), (m, B) of m classes or responses."""
        means, first = self._means()
        n_gate = len(self._d_gate)
        value = np.einsum("kb,mkb->mb", self.pi, means)
        to_logit = self.pi * (means - value[:, None])
        weights = np.empty((len(value), *self._shape))
        weights[:, :n_gate] = to_logit[:, None] * self._d_gate
        weights[:, n_gate:] = self.pi * first
        return Local(value, weights)

    def rows(self, local: Local) -> Array:
        """∂f/∂θ of every function at every row, (m, B, P)."""
        n_free, n = self.model.layout.n_free, self.pi.shape[1]
        out = np.empty((len(local.value), n, n_free))
        work = np.empty((n_free, n))
        for j, weights in enumerate(local.weights):
            out[j] = self.assembly.rows(weights, self.features, work).T
        return out

    def sums(self, local: Local, row_weight: Array) -> tuple[Array, Array]:
        """Σ_i w_i f(θ; x_i), (m,), and its gradient, (m, P)."""
        gradients = [
            self.assembly.gradient(weights * row_weight, self.features) for weights in local.weights
        ]
        return local.value @ row_weight, np.stack(gradients)


def blocks(model: MixtureOfExperts, n_rows: int, n_functions: int) -> Iterator[slice]:
    """Consecutive rows, as many at a time as the derivatives of that many functions allow."""
    layout = model.layout
    each = n_functions * (len(layout.coordinates) * model.n_experts + layout.n_free)
    size = int(np.clip(_BLOCK_DOUBLES // (4 * each), 16, 8192))
    for start in range(0, n_rows, size):
        yield slice(start, min(start + size, n_rows))
