"""EM for the joint likelihood: one pass over the rows, then maxima in closed form."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mixexp.estimation.blocks import Sums, single_threaded_blas, sum_over_blocks
from mixexp.estimation.gllim.data import JointData
from mixexp.estimation.gllim.factors import with_factors
from mixexp.models.covariances import FactorMatrices
from mixexp.models.gllim import GLLiM, GLLiMParams, log_densities
from mixexp.models.quadratic import solve_least_squares

Array = NDArray[np.float64]

# Doubles of residuals in one block: with fewer the interpreter's work shows beside the products',
# with more they leave the cache.
_CACHE_DOUBLES = 160_000


class Floors(NamedTuple):
    """Smallest eigenvalues of Γ and Σ, on the solver's scale."""

    gate: float = 1e-6
    expert: float = 1e-6


class Statistics(NamedTuple):
    """Sums from which the M-step works, around the parameters they were taken at.

    ``mass`` (K,) responsibilities; ``shift`` (K, n_inputs) and ``gate_scatter`` of u - c;
    ``gram`` (K, q, q) of the features, latent ones included, ``cross`` (K, n_outputs, q) of them
    with the residuals, whose own products are ``scatter``. ``value`` is the joint log-likelihood.
    """

    value: float
    mass: Array
    shift: Array
    gram: Array
    cross: Array
    gate_scatter: list[Array]
    scatter: list[Array]


@dataclass
class JointEM:
    """E-steps and M-steps of a model on data.

    Parameters
    ----------
    model : GLLiM
    data : JointData
    floors : Floors
    n_threads : int, default=1
        The result does not depend on their number, bit for bit.

    References
    ----------
    Deleforge, Forbes & Horaud (2015), Statistics and Computing 25. The factors' posterior
    covariance enters the normal equations once for each unit of responsibility.
    """

    model: GLLiM
    data: JointData
    floors: Floors = field(default_factory=Floors)
    n_threads: int = 1

    @property
    def block_rows(self) -> int:
        """Rows of a block."""
        width = self.model.n_experts * (self.model.n_outputs + self.model.n_inputs)
        return int(np.clip(_CACHE_DOUBLES // width // 32 * 32, 64, 4096))

    def statistics(self, params: GLLiMParams, responsibilities: Array | None = None) -> Statistics:
        """Sufficient statistics at the parameters, or at given responsibilities (n, K)."""
        k, data = self.model.n_experts, self.data
        # Cholesky factors are made once, before threads ask for them.
        params.noise.log_det(), params.gate_covariance.log_det()

        def block(start: int, stop: int) -> Sums:
            rows = slice(start, stop)
            given = None if responsibilities is None else responsibilities[rows].T
            return self._block(params, rows, given)

        with single_threaded_blas():
            value, mass, shift, gram, cross, *rest = sum_over_blocks(
                block, data.n_rows, self.block_rows, self.n_threads
            )
        if self.model.n_latent:
            self._add_uncertainty(params, gram, mass)
        return Statistics(float(value), mass, shift, gram, cross, rest[:k], rest[k:])

    def _block(self, params: GLLiMParams, rows: slice, given: Array | None) -> Sums:
        data, model = self.data, self.model
        phi = data.features[:, rows]
        logs = log_densities(params, data.u[:, rows], phi, data.v[:, rows])
        r = logs.gate
        r += logs.expert
        top = r.max(axis=0)
        r -= top
        np.exp(r, out=r)
        total = r.sum(axis=0)
        r /= total
        loglik = top + np.log(total)
        weight = None if data.weight is None else data.weight[rows]
        if given is not None:
            r = np.array(given)
        if weight is not None:
            r *= weight
        value = np.array(loglik.sum() if weight is None else weight @ loglik)
        features = self._features(params, phi, logs.residual)
        shift = np.matmul(logs.gate_residual, r[:, :, None])[:, :, 0]
        # There are fewer features than outputs, so that weighting them is cheaper.
        weighted = np.swapaxes(features * r[:, None, :], 1, 2)
        gram, cross = np.matmul(features, weighted), np.matmul(logs.residual, weighted)
        gates = model.gate_structure.scatters(logs.gate_residual, r)
        experts = model.structure.scatters(logs.residual, r)
        return [value, r.sum(axis=1), shift, gram, cross, *gates, *experts]

    def _features(self, params: GLLiMParams, phi: Array, residual: Array) -> Array:
        """φ(u), and below it the posterior means of the latent inputs, (K or 1, q, B)."""
        if not self.model.n_latent:
            return phi[None]
        noise = params.noise
        assert isinstance(noise, FactorMatrices)
        latent = np.array([noise.scores(k, e) for k, e in enumerate(residual)])
        return np.concatenate([np.broadcast_to(phi, (len(latent), *phi.shape)), latent], axis=1)

    def _add_uncertainty(self, params: GLLiMParams, gram: Array, mass: Array) -> None:
        noise = params.noise
        assert isinstance(noise, FactorMatrices)
        r = self.model.n_latent
        gram[:, -r:, -r:] += mass[:, None, None] * np.linalg.inv(noise.capacity)

    def m_step(self, params: GLLiMParams, s: Statistics) -> GLLiMParams:
        """The maximum of the expected complete log-likelihood."""
        model = self.model
        mass = np.where(s.mass > 0.0, s.mass, 1.0)
        shift = s.shift / mass[:, None]
        moved = model.gate_structure.products(
            (s.mass[:, None] * shift)[:, :, None], shift[:, :, None]
        )
        gate_scatter = [sums - m for sums, m in zip(s.gate_scatter, moved, strict=True)]
        step = solve_least_squares(s.gram, s.cross)
        n_terms = params.table.shape[2]
        # The features hold the latent inputs' scores of residuals that hold W's share.
        table = params.table + step[:, :, :n_terms]
        scatter = self._expected_scatter(step, s)
        return GLLiMParams(
            s.mass / s.mass.sum(),
            params.gate_mean + shift,
            model.gate_structure.m_step(gate_scatter, s.mass, model.n_inputs, self.floors.gate),
            table,
            model.structure.m_step(scatter, s.mass, model.n_outputs, self.floors.expert),
            step[:, :, n_terms:],
        )

    def _expected_scatter(self, step: Array, s: Statistics) -> list[Array]:
        """Scatter of the residuals after the step, from that before it."""
        products = self.model.structure.products
        plus = products(step, np.matmul(step, s.gram) - s.cross)
        minus = products(s.cross, step)
        return [a + b - c for a, b, c in zip(s.scatter, plus, minus, strict=True)]

    def initial(self) -> GLLiMParams:
        """Parameters without an opinion, to take statistics around: zero means, unit scales."""
        k, g, e = self.model.n_experts, self.model.n_inputs, self.model.n_outputs
        unit = np.ones(k)
        return GLLiMParams(
            unit / k, np.zeros((k, g)), self.model.gate_structure.spherical(unit, g),
            np.zeros((k, e, self.model.basis.n_terms)), self.model.structure.spherical(unit, e),
            np.zeros((k, e, 0)),
        )  # fmt: skip

    def from_responsibilities(self, responsibilities: Array) -> GLLiMParams:
        """The M-step at given responsibilities (n, K); factors start at leading residual axes."""
        plain = replace(self, model=replace(self.model, n_latent=0))
        start = plain.initial()
        params = plain.m_step(start, plain.statistics(start, responsibilities))
        if not self.model.n_latent:
            return params
        return with_factors(self.model, self.data, params, responsibilities, self.floors.expert)
