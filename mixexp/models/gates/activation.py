"""The activation gate, whose linear scores pass through a scalar function."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from mixexp.models import activations
from mixexp.models.activations import ActivationFunction
from mixexp.models.basis import CONSTANT, Affine, Monomials
from mixexp.models.coordinates import Coordinate, Sharing
from mixexp.models.gates._base import Array, Gate, Pieces

# Where an activation must be finite for the gate to accept it; scores beyond are its own affair.
_PROBES = np.linspace(-5.0, 5.0, 41)


class ActivationParams(NamedTuple):
    """Intercepts β0 (K,) and slopes β1 (K, d); those of the last expert are zero."""

    intercept: Array
    coef: Array


class Activation(Gate):
    """Activation gate, π_k(x) ∝ exp(σ(β1_kᵀx) + β0_k), the reference's β0 and β1 being zero.

    Inside :class:`mixexp.models.Temperature` it is the activation dense-to-sparse gate, with logits
    (σ(β1_kᵀx) + β0_k) / τ. There is no intercept inside σ, so x is scaled but never centred.

    Parameters
    ----------
    activation : ActivationFunction, default=TANH
        One of :mod:`mixexp.models.activations` (``TANH``, ``SIGMOID``, ``GELU``, ``SOFTPLUS``,
        ``SIN``, ``IDENTITY``, ``RELU``, ``SQUARE``) or one of your own with two derivatives.

    Raises
    ------
    ValueError
        If ``activation`` is no such object, or is not finite on [-5, 5].

    References
    ----------
    Nguyen, Akbarian & Ho (2024), arXiv 2401.13875, the activation dense-to-sparse gate.

    Examples
    --------
    >>> [c.name for c in Activation().coordinates(columns=(0, 1))]
    ['gate score', 'gate intercept']
    """

    def __init__(self, activation: ActivationFunction = activations.TANH):
        self.activation = activation

    def check(self, n_experts: int) -> None:
        if not isinstance(self.activation, ActivationFunction):
            raise ValueError(
                f"activation={self.activation!r} is not an ActivationFunction; use one of "
                "mixexp.models.activations or make one from σ, σ' and σ''"
            )
        # In a fit, NaN would only look like a step that is not worth taking.
        z = _PROBES.copy()
        parts = {"σ": self.activation.value, "σ'": self.activation.first}
        for name, part in {**parts, "σ''": self.activation.second}.items():
            with np.errstate(all="ignore"):
                at = np.asarray(part(z), dtype=float)
            if at.shape != z.shape:
                raise ValueError(
                    f"{name} of {self!r} made shape {at.shape} of shape {z.shape}; it must act on "
                    "every entry of an array"
                )
            if not np.isfinite(at).all():
                where = float(z[~np.isfinite(at)][0])
                raise ValueError(f"{name} of {self!r} is {at[z == where][0]} at {where:g}")

    def coordinates(
        self, columns: tuple[int, ...], affine: Affine | None = None
    ) -> tuple[Coordinate, ...]:
        linear: Monomials = Monomials(columns, constant=False)
        if affine is not None:
            linear = linear.around(affine)
        return (
            Coordinate("gate score", linear, Sharing.PINNED, box="gate"),
            Coordinate("gate intercept", CONSTANT, Sharing.CONTRAST, box="gate", by_row=False),
        )

    def logits(self, predictors: list[Array], out: Array) -> Array:
        score, intercept = predictors
        return np.add(self.activation.value(score), intercept, out=out)

    def derivatives(self, predictors: list[Array], order: int, first: Array, second: Array) -> None:
        first[0] = self.activation.first(predictors[0])
        first[1] = 1.0
        if order > 1:
            second[0] = self.activation.second(predictors[0])
            second[1:] = 0.0

    def shift(self, coefficients: list[Array], expert: int, nats: float) -> None:
        coefficients[1][expert, 0] += nats

    def pieces(self, n_experts: int) -> Pieces | None:
        if not self.activation.kink:
            return None
        return Pieces(0, jumps=False, linear=True, n_active=n_experts)

    def homogeneity(self) -> tuple[float, ...] | None:
        degree = self.activation.degree
        return None if degree is None else (1.0 / degree, 1.0)

    def findings(self, n_experts: int) -> tuple[str, ...]:
        name, found = self.activation.name, []
        if self.activation.even:
            found.append(f"the {name} gate does not identify the signs of an expert's slopes")
        if n_experts == 2 and self.activation.mirrored:
            found.append(
                f"with two experts the {name} gate does not identify which one is the reference: "
                "(β0, β1) and its mirror image with the experts swapped are one law"
            )
        return tuple(found)

    def to_params(self, coefficients: list[Array]) -> ActivationParams:
        score, intercept = coefficients
        return ActivationParams(intercept[:, 0].copy(), score.copy())

    def from_params(self, params: ActivationParams) -> list[Array]:
        coef, intercept = np.asarray(params.coef), np.asarray(params.intercept)
        if np.any(coef[-1] != 0.0):
            raise ValueError(
                f"coef[-1]={coef[-1]} of an activation gate must be zero: the last expert is the "
                "reference, and slopes inside σ cannot be shifted"
            )
        return [coef.copy(), (intercept - intercept[-1])[:, None]]

    def log_weights(self, coefficients: list[Array]) -> Array:
        return coefficients[1][:, 0]

    def blocks(self, params: ActivationParams) -> dict[str, Array]:
        return {"gate_coef": params.coef}

    def from_atoms(self, weight: Array, atoms: Mapping[str, Array]) -> ActivationParams:
        return ActivationParams(np.log(weight), np.asarray(atoms["gate_coef"]))
