"""The law of the response given x, in closed form where there is one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mixexp.models.components import NormalComponents
from mixexp.models.covariances import Matrices
from mixexp.models.distribution import MixtureDistribution
from mixexp.models.gllim.density import log_densities, means, relative_gate
from mixexp.models.gllim.inversion import inverted
from mixexp.models.gllim.mapping import GLLiM, GLLiMParams, Scaling
from mixexp.models.multivariate import MultivariateMixtureDistribution

Array = NDArray[np.float64]

_CHUNK = 2_000_000


@dataclass(frozen=True)
class Forward:
    """p(y | x) = Σ_k α_k(x) N(y; B_k φ(x), Σ_k) with α_k(x) ∝ π_k N(x; c_k, Γ_k).

    Attributes
    ----------
    model : GLLiM
        Its inputs are x and its outputs y; its features are those of the experts.
    params : GLLiMParams
        On the scale of ``scaling``.
    scaling : Scaling
    """

    model: GLLiM
    params: GLLiMParams
    scaling: Scaling

    @classmethod
    def of(cls, model: GLLiM, params: GLLiMParams, scaling: Scaling, *, inverse: bool) -> Forward:
        """The forward law of a model, which is that of x given y if ``inverse``."""
        if not inverse:
            return cls(model, params, scaling)
        exchanged = Scaling(scaling.v_center, scaling.v_scale, scaling.u_center, scaling.u_scale)
        forward = GLLiM(model.n_experts, model.n_outputs, model.n_inputs)
        return cls(forward, inverted(params), exchanged)

    @property
    def user_params(self) -> GLLiMParams:
        """The parameters on the user's scale."""
        return self.model.rescale(self.params, self.scaling)

    def _standard(self, x: Array) -> Array:
        with np.errstate(over="ignore"):
            u = ((x - self.scaling.u_center) / self.scaling.u_scale).T
        if not np.isfinite(u).all():
            raise ValueError(
                f"X holds {_largest(x):.3g}, which overflows in units of the fit; leave it out"
            )
        return u

    def _response(self, y: Array) -> Array:
        y = np.asarray(y, dtype=float).reshape(len(y), -1)
        return ((y - self.scaling.v_center) / self.scaling.v_scale).T

    def _chunks(self, n: int) -> list[slice]:
        rows = max(1, _CHUNK // (self.model.n_experts * (self.model.n_inputs + 1)))
        return [slice(a, a + rows) for a in range(0, n, rows)]

    def weights(self, x: Array) -> Array:
        """α_k(x_i), (n, K), at rows x (n, d)."""
        parts = []
        for rows in self._chunks(len(x)):
            gate = relative_gate(self.params, self._standard(x[rows]))
            gate = np.exp(gate - gate.max(axis=0))
            parts.append((gate / gate.sum(axis=0)).T)
        return np.concatenate(parts)

    def expert_means(self, x: Array) -> Array:
        """Means of the experts in the user's units, (n, K, n_responses)."""
        with np.errstate(over="ignore", invalid="ignore"):
            phi = self.model.features(self._standard(x))
            found = np.moveaxis(means(self.params, phi), 2, 0)
            found = found * self.scaling.v_scale + self.scaling.v_center
        if not np.isfinite(found).all():
            raise ValueError(
                f"X holds {_largest(x):.3g}, where means of experts overflow; leave it out"
            )
        return found

    @property
    def noise(self) -> Matrices:
        """Covariances of the experts in the user's units."""
        return self.params.noise.scaled(self.scaling.v_scale)

    def distribution(self, x: Array) -> MixtureDistribution | MultivariateMixtureDistribution:
        """The laws at rows x (n, d) as one row-wise mixture."""
        weights, centre = self.weights(x), self.expert_means(x)
        if self.model.n_outputs == 1:
            scale = np.sqrt(self.noise.diagonal()[:, 0])
            return MixtureDistribution(weights, NormalComponents(centre[:, :, 0], scale))
        return MultivariateMixtureDistribution(weights, centre, self.noise)

    def log_prob(self, x: Array, y: Array) -> Array:
        """log p(y_i | x_i), (n,), nats."""
        parts = []
        jacobian = float(np.log(self.scaling.v_scale).sum())
        for rows in self._chunks(len(x)):
            logs = self._logs(x[rows], y[rows])
            joint = np.logaddexp.reduce(logs[0] + logs[1], axis=0)
            parts.append(joint - np.logaddexp.reduce(logs[0], axis=0) - jacobian)
        return np.concatenate(parts)

    def posterior(self, x: Array, y: Array) -> Array:
        """Responsibilities given x_i and y_i, (n, K)."""
        parts = []
        for rows in self._chunks(len(x)):
            gate, expert = self._logs(x[rows], y[rows])
            joint = gate + expert
            top = joint.max(axis=0)
            if np.isneginf(top).any():
                worst = max(_largest(x[rows]), _largest(y[rows]), key=abs)
                raise ValueError(
                    f"X or y holds {worst:.3g}, so far from the data that the density of every "
                    "expert is zero: responsibilities are not defined"
                )
            r = np.exp(joint - top)
            parts.append((r / r.sum(axis=0)).T)
        return np.concatenate(parts)

    def _logs(self, x: Array, y: Array) -> tuple[Array, Array]:
        """Logs of the gates, up to a constant of each row, and of the experts, (K, n)."""
        u = self._standard(x)
        with np.errstate(over="ignore", invalid="ignore"):
            logs = log_densities(self.params, u, self.model.features(u), self._response(y))
        gate = logs.gate
        if not np.isfinite(gate).all():
            gate = relative_gate(self.params, u)
        # A mean or a square that overflows is out of reach of every y.
        return gate, np.where(np.isnan(logs.expert), -np.inf, logs.expert)


def _largest(values: Array) -> float:
    """The value of the largest magnitude."""
    flat = np.ravel(values)
    return float(flat[np.argmax(np.abs(flat))])
