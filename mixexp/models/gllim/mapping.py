"""The model of a Gaussian locally linear (or polynomial) mapping, and its parameters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from mixexp.models.basis import Affine, Basis, Monomials
from mixexp.models.covariances import Covariance, FactorMatrices, Full, Matrices
from mixexp.models.gllim.functions import Functions
from mixexp.models.measure import MixingMeasure

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Scaling:
    """z = (x - center) / scale of inputs u and outputs v; arrays (n_inputs,) and (n_outputs,)."""

    u_center: Array
    u_scale: Array
    v_center: Array
    v_scale: Array

    @classmethod
    def identity(cls, n_inputs: int, n_outputs: int) -> Scaling:
        """The scaling that changes nothing."""
        return cls(np.zeros(n_inputs), np.ones(n_inputs), np.zeros(n_outputs), np.ones(n_outputs))

    @property
    def log_volume(self) -> float:
        """What to subtract from a joint log-density on this scale, each row, in nats."""
        return float(np.log(self.u_scale).sum() + np.log(self.v_scale).sum())

    def inverse(self) -> Scaling:
        """The map back, written as a map of the same kind."""
        return Scaling(
            -self.u_center / self.u_scale, 1.0 / self.u_scale,
            -self.v_center / self.v_scale, 1.0 / self.v_scale,
        )  # fmt: skip


@dataclass(frozen=True, eq=False)
class GLLiMParams:
    """Parameters of a Gaussian locally linear mapping; the first axis is the expert.

    Attributes
    ----------
    weight : array (K,)
        π, sums to one.
    gate_mean : array (K, n_inputs)
        c.
    gate_covariance : Matrices
        Γ, (n_inputs, n_inputs) each.
    table : array (K, n_outputs, n_terms)
        Intercepts b and slopes A: the means of the outputs are ``table[k] @ φ(u)``.
    covariance : Matrices
        Σ, (n_outputs, n_outputs) each.
    factor : array (K, n_outputs, n_latent)
        Loadings W of latent inputs, none by default.
    """

    weight: Array
    gate_mean: Array
    gate_covariance: Matrices
    table: Array
    covariance: Matrices
    factor: Array

    @property
    def n_experts(self) -> int:
        """Number K of experts."""
        return len(self.weight)

    @property
    def intercept(self) -> Array:
        """b, (K, n_outputs)."""
        return self.table[:, :, 0]

    @property
    def coef(self) -> Array:
        """A, (K, n_outputs, n_terms - 1)."""
        return self.table[:, :, 1:]

    @cached_property
    def noise(self) -> Matrices:
        """Covariances of the outputs given the input and the expert, Σ + W Wᵀ."""
        if self.factor.shape[2] == 0:
            return self.covariance
        return FactorMatrices(self.covariance, self.factor)

    def take(self, experts: Sequence[int] | Array) -> GLLiMParams:
        """Some experts, in the given order, weights normalised; repetitions are copies."""
        chosen = np.asarray(experts)
        weight = self.weight[chosen]
        return GLLiMParams(
            weight / weight.sum(), self.gate_mean[chosen], self.gate_covariance.take(chosen),
            self.table[chosen], self.covariance.take(chosen), self.factor[chosen],
        )  # fmt: skip


@dataclass(frozen=True)
class GLLiM:
    r"""Gaussian locally linear mapping, a joint law of inputs u and outputs v.

    .. math:: p(u, v) = \sum_k \pi_k N(u; c_k, \Gamma_k) N(v; b_k + A_kφ(u), Σ_k + W_kW_k^\top)

    Parameters
    ----------
    n_experts, n_inputs, n_outputs : int
    gate_covariance, covariance : Covariance
        Structures of Γ and Σ.
    degree : int
        Total degree of the monomials φ(u).
    functions : sequence of callables, optional
        Functions θ_i(u), each from an array (n, n_inputs) to (n,), in place of the monomials.
    n_latent : int
        Number of latent inputs, columns of W (the hybrid model).

    References
    ----------
    Deleforge, Forbes & Horaud (2015), High-dimensional regression with Gaussian mixtures and
    partially-latent response variables, Statistics and Computing 25.

    Examples
    --------
    >>> GLLiM(n_experts=2, n_inputs=1, n_outputs=1).n_parameters
    11
    """

    n_experts: int
    n_inputs: int
    n_outputs: int
    gate_covariance: Covariance = field(default_factory=Full)
    covariance: Covariance = field(default_factory=Full)
    degree: int = 1
    functions: tuple[Callable[[Array], Array], ...] | None = None
    n_latent: int = 0
    scaling: Scaling | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        self.gate_covariance.check(self.n_inputs, self.n_experts)
        self.covariance.check(self.n_outputs, self.n_experts)
        if self.n_latent and not 0 < self.n_latent < self.n_outputs:
            raise ValueError(
                f"n_latent={self.n_latent} must be smaller than the number of outputs, "
                f"{self.n_outputs}: more factors than coordinates are a full covariance"
            )

    def on_scale(self, scaling: Scaling) -> GLLiM:
        """The same law for inputs and outputs that have been standardised."""
        return replace(self, scaling=scaling)

    @cached_property
    def basis(self) -> Basis:
        """The feature map φ, with the constant first."""
        columns = tuple(range(self.n_inputs))
        if self.functions is None:
            return Monomials(columns, self.degree)
        scaling = self.scaling or Scaling.identity(self.n_inputs, self.n_outputs)
        return Functions(columns, self.functions, scaling.u_center, scaling.u_scale)

    @cached_property
    def gate_structure(self) -> Covariance:
        """The plainest form of the gates' structure."""
        return self.gate_covariance.simplest(self.n_inputs)

    @cached_property
    def structure(self) -> Covariance:
        """The plainest form of the experts' structure."""
        return self.covariance.simplest(self.n_outputs)

    @property
    def affine(self) -> bool:
        """Whether the experts are affine in u, so that the law inverts in closed form."""
        return self.functions is None and self.degree <= 1

    def features(self, u: Array) -> Array:
        """φ(u), (n_terms, B), of inputs (n_inputs, B)."""
        return self.basis.expand(u, np.empty((self.basis.n_terms, u.shape[1])))

    @property
    def n_parameters(self) -> int:
        """Number of parameters of the joint law (loadings counted without their rotations)."""
        k = self.n_experts
        return (
            (k - 1) + k * self.n_inputs + self.gate_structure.n_parameters(self.n_inputs, k)
            + k * self.n_outputs * (self.basis.n_terms + self.n_latent)
            + self.structure.n_parameters(self.n_outputs, k)
        )  # fmt: skip

    def rescale(self, params: GLLiMParams, scaling: Scaling) -> GLLiMParams:
        """Parameters on the user's scale from those on the scale of ``scaling``."""
        change = Affine(scaling.u_center, scaling.u_scale)
        table = params.table @ self.basis.change_of_scale(change) * scaling.v_scale[:, None]
        table[:, :, 0] += scaling.v_center
        return GLLiMParams(
            params.weight, scaling.u_center + scaling.u_scale * params.gate_mean,
            params.gate_covariance.scaled(scaling.u_scale), table,
            params.covariance.scaled(scaling.v_scale), params.factor * scaling.v_scale[:, None],
        )  # fmt: skip

    def measure(self, params: GLLiMParams) -> MixingMeasure:
        """The mixing measure Σ_k π_k δ_(c_k, Γ_k, A_k, b_k, Σ_k)."""
        atoms = {
            "gate_mean": params.gate_mean,
            "gate_covariance": params.gate_covariance.dense(),
            "intercept": params.intercept,
            "coef": params.coef,
            "covariance": params.noise.dense(),
        }
        if self.n_outputs == 1:
            atoms["variance"] = atoms.pop("covariance")[:, 0, 0]
            atoms |= {"intercept": params.intercept[:, 0], "coef": params.coef[:, 0]}
        return MixingMeasure(params.weight, atoms)

    def from_measure(self, measure: MixingMeasure) -> GLLiMParams:
        """Parameters of a mixing measure, its covariances projected on the structures."""
        if self.n_latent:
            raise ValueError("a mixing measure does not say what its covariances owe to factors")
        k, n = measure.n_atoms, self.n_outputs
        noise = measure["variance" if n == 1 else "covariance"].reshape(k, n, n)
        slopes = measure["coef"].reshape(k, n, -1)
        table = np.concatenate([measure["intercept"].reshape(k, n, 1), slopes], axis=2)
        return GLLiMParams(
            measure.weight / measure.weight.sum(), np.array(measure["gate_mean"]),
            self.gate_structure.of(measure["gate_covariance"]), table,
            self.structure.of(noise), np.zeros((k, n, 0)),
        )  # fmt: skip
