"""A local maximum, and what makes it admissible as an answer."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mixexp.estimation.certificate import Certificate
from mixexp.estimation.solvers._base import Solution

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Optimum:
    """A local maximum that some start ended in.

    ``shares`` are the experts' shares of the total weight, ``thin`` and ``on_floor`` which experts
    fall short of the smallest share or lie on the floor of the scale; ``n_hits`` counts the starts
    that ended here, ``kind`` is the first one's kind.
    """

    solution: Solution
    kind: str
    shares: Array
    thin: tuple[int, ...]
    on_floor: tuple[int, ...]
    n_hits: int = 1
    certificate: Certificate | None = None

    @property
    def theta(self) -> Array:
        """Where it is."""
        return self.solution.theta

    @property
    def value(self) -> float:
        """Its penalised log-likelihood on the solver's scale, nats."""
        return self.solution.value

    @property
    def admissible(self) -> bool:
        """Whether no expert is thin and no scale lies on its floor."""
        return not self.thin and not self.on_floor

    @property
    def certified(self) -> bool:
        """Whether its certificate holds."""
        return self.certificate is not None and self.certificate.holds

    @property
    def flags(self) -> tuple[str, ...]:
        """Short words for what is not as in a certified regular fit; none where all is well."""
        certificate = self.certificate
        facts = {
            "not certified": not self.certified,
            "thin expert": bool(self.thin),
            "scale on floor": bool(self.on_floor),
            "on bound": certificate is not None and bool(certificate.active_bounds),
            "gate separates": certificate is not None and certificate.separation.found,
            "expert separates": certificate is not None and bool(certificate.separated_experts),
            "null directions": certificate is not None and certificate.n_null > 0,
        }
        return tuple(flag for flag, holds in facts.items() if holds)

    def adding(self, findings: tuple[str, ...]) -> Optimum:
        """The same optimum with further findings in its certificate, if it has one."""
        if self.certificate is None:
            return self
        return replace(self, certificate=self.certificate.adding(findings))

    def rank(self) -> tuple[bool, bool, float]:
        """Sort key: admissible before not, certified before not, then by value."""
        return (self.admissible, self.certified, self.value)
