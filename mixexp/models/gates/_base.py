"""What a gate has to say about itself."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from mixexp.models.part import Array, Part


class Pieces(NamedTuple):
    """How the logits of a gate are only piecewise smooth in its parameters.

    Attributes
    ----------
    coordinate : int
        The local coordinate of the gate whose values at a row decide which piece the row is on.
    jumps : bool
        Whether the likelihood jumps between pieces, or only its gradient.
    linear : bool
        Whether rows change pieces where two values of the coordinate meet (or one meets zero, if
        nothing jumps), and not on curves.
    n_active : int
        Experts that are active in a row.
    """

    coordinate: int
    jumps: bool
    linear: bool
    n_active: int


class Gate(Part):
    """A gate: K logits a_k(x), whose softmax gives the mixing weights π_k(x)."""

    @abstractmethod
    def logits(self, predictors: list[Array], out: Array) -> Array:
        """Logits a (K, B) from the local predictors; may fill and return ``out``."""

    @abstractmethod
    def derivatives(self, predictors: list[Array], order: int, first: Array, second: Array) -> None:
        """Fill ∂a/∂u (G, K, B) and, for order 2, ∂²a/∂u∂u (G(G+1)/2, K, B)."""

    @abstractmethod
    def shift(self, coefficients: list[Array], expert: int, nats: float) -> None:
        """Add ``nats`` to one expert's logit at every x, in place (pinned rows included)."""

    def check(self, n_experts: int) -> None:
        """Raise ValueError if the gate cannot serve this number of experts."""

    def for_experts(self, n_experts: int) -> Gate:
        """The gate of its kind for a smaller number of experts."""
        return self

    def tempered(self, tau: float) -> Gate:
        """The gate of the same parameters whose logits are divided by a fixed τ."""
        from mixexp.models.gates.temperature import Temperature

        return Temperature(self, tau)

    def in_gauge(self) -> Gate:
        """The gate of the same laws with an exact invariance taken out, where it has one."""
        return self

    def pieces(self, n_experts: int) -> Pieces | None:
        """The pieces on which logits are smooth in the parameters; None if there is only one."""
        return None

    def homogeneity(self) -> tuple[float, ...] | None:
        """Exponents h_c for which θ_c -> t^h_c θ_c multiplies every difference of logits by t > 0.

        One for each coordinate; None where the gate has no such family of maps.
        """
        return None

    def tangents(self, coefficients: list[Array]) -> list[list[Array]]:
        """Directions, as coefficients, of curves through θ along which no logit difference moves.

        Exact invariances that no parametrisation has taken out: the likelihood is constant there.
        """
        return []

    def findings(self, n_experts: int) -> tuple[str, ...]:
        """What no data can tell about this gate's parameters, in words."""
        return ()

    @abstractmethod
    def log_weights(self, coefficients: list[Array]) -> Array:
        """Constant terms of the logits, (K,): the logarithms of the weights of the atoms."""

    @abstractmethod
    def blocks(self, params: Any) -> dict[str, Array]:
        """The gate's blocks of atoms of the mixing measure, each with K rows."""

    def atoms(self, params: Any) -> tuple[Array, dict[str, Array]]:
        """Weights (K,), normalised to one, and the gate's blocks of atoms."""
        log_weight = self.log_weights(self.from_params(params))
        weight = np.exp(log_weight - log_weight.max())
        # A gate that is a step can put the weight at x = 0 below the smallest number.
        return np.maximum(weight / weight.sum(), np.finfo(float).tiny), self.blocks(params)

    @abstractmethod
    def from_atoms(self, weight: Array, atoms: Mapping[str, Array]) -> Any:
        """Parameters from weights and atoms."""


def check_base(base: Any, kind: str) -> None:
    """Raise ValueError if what a gate wraps is no gate."""
    if not isinstance(base, Gate):
        raise ValueError(
            f"base={base!r} of a {kind} gate is not a gate; pass one, such as Softmax()"
        )
