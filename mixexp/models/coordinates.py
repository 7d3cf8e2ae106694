"""Local coordinates: the numbers, linear in the parameters, that logits and densities depend on.

A gate or an expert sees only its local coordinates ``u_ck(x) = φ_c(x)ᵀ θ_ck`` (the linear predictor
of a logit, the mean of an expert, its log-variance, a temperature shared by all experts, ...). It
says which feature map φ_c each one multiplies and how its coefficients are shared; the objective
does the rest, once, for every gate and every expert.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from mixexp.models.basis import Basis


class Sharing(Enum):
    """How the coefficients of a local coordinate vary over the K experts."""

    EXPERT = "one free row for each expert"
    CONTRAST = "differences to the last expert: one free row for each other one, its own is zero"
    PINNED = "one free row for each expert but the last, whose row is fixed at zero"
    SHARED = "one free row common to all experts"

    @property
    def has_reference(self) -> bool:
        """Whether the last expert has no free row."""
        return self in (Sharing.CONTRAST, Sharing.PINNED)

    def n_rows(self, n_experts: int) -> int:
        """Number of free rows of coefficients."""
        if self is Sharing.SHARED:
            return 1
        return n_experts - 1 if self.has_reference else n_experts


@dataclass(frozen=True)
class Coordinate:
    """One local coordinate of a gate or an expert.

    Parameters
    ----------
    name : str
        What it is, as the user reads it in a certificate: ``"gate"``, ``"mean"``,
        ``"log-variance"``.
    basis : Basis
        The feature map its coefficients multiply.
    sharing : Sharing
        How coefficients vary over experts.
    box : str
        Which bound of the parameter space Θ applies: ``"gate"``, ``"expert"``, ``"scale"`` or
        ``"temperature"``.
    n_categories : int, default=0
        Where the coordinates of an expert contrast each of so many categories with the last: their
        number. A ridge is then centred over them, so that the choice of the last changes nothing.
    by_row : bool, default=True
        Whether its part wants the predictor at every row, (K, B). A parameter that never depends
        on x, such as a log-variance, is handed over as (K, 1), or (1, 1) if shared; and as (K, B)
        after all, unless shared, where the K experts are other ones in every row (the active ones).
    """

    name: str
    basis: Basis
    sharing: Sharing
    box: str
    by_row: bool = True
    n_categories: int = 0

    def shape(self, n_experts: int) -> tuple[int, int]:
        """Shape of the free coefficients: (free rows, terms)."""
        return self.sharing.n_rows(n_experts), self.basis.n_terms
