"""Gates whose logits are linear in their parameters."""

from __future__ import annotations

from mixexp.models.gates._base import Array, Gate


class LinearGate(Gate):
    """A gate of one coordinate, whose predictor is the logit: a_k(x) = φ(x)ᵀ β_k."""

    def logits(self, predictors: list[Array], out: Array) -> Array:
        return predictors[0]

    def derivatives(self, predictors: list[Array], order: int, first: Array, second: Array) -> None:
        first[...] = 1.0
        if order > 1:
            second[...] = 0.0

    def shift(self, coefficients: list[Array], expert: int, nats: float) -> None:
        coefficients[0][expert, 0] += nats

    def homogeneity(self) -> tuple[float, ...] | None:
        return (1.0,)
