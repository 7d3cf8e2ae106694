"""What a gate has to say about itself."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

from mixexp.models.part import Array, Part


class Gate(Part):
    """A gate: K logits a_k(x), whose softmax gives the mixing weights π_k(x)."""

    @abstractmethod
    def logits(self, predictors: list[Array], out: Array) -> Array:
        """Logits a (K, B) from the local predictors; may fill and return ``out``."""

    @abstractmethod
    def derivatives(self, predictors: list[Array], order: int, first: Array, second: Array) -> None:
        """Fill ∂a/∂u (G, K, B) and, for order 2, ∂²a/∂u∂u (G(G+1)/2, K, B)."""

    @abstractmethod
    def atoms(self, params: Any) -> tuple[Array, dict[str, Array]]:
        """Weights exp(β0) (K,), normalised to one, and the gate's blocks of atoms."""

    @abstractmethod
    def from_atoms(self, weight: Array, atoms: Mapping[str, Array]) -> Any:
        """Parameters from weights and atoms."""
