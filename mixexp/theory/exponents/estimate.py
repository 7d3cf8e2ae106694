"""The limit of local exponents, with how far it may be from them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

FLAT = 1e-14
"""Hellinger distances below are rounding."""
# Local exponents can rest on a slope for several halvings of ε before they go on.
_LEAST_HALF_WIDTH = 0.05
# Distances below have lost digits to rounding.
_ROUNDING = 1e-13
_TELLING = 0.01


@dataclass(frozen=True, eq=False)
class LocalExponents:
    """Distances on a grid of ε, and the exponent they tend to.

    Attributes
    ----------
    truth, direction : str
    epsilon : array (m,)
        Descending, in the units of the direction's block.
    distance : array (m,)
        Smallest Hellinger distances found.
    error : array (m,)
        Doubt about log distance: zero where the best search met its stopping rule, otherwise how
        far the next best one lies above it.
    local : array (m - 1,)
        Slopes of log distance between neighbours.
    exponent : float
        The limit of the local exponents, extrapolated as if their changes went on to shrink by the
        factor of the last two; inf if the distance vanishes, NaN if it is at rounding because
        the values of ε are too small.
    half_width : float
        Twice the last change for a halving of ε or the extrapolated one, the larger of them, and
        the solver's doubt.
        No bound: local exponents may rest on a wrong value before they go on, as those of two
        atoms that merge with nearly equal shares do.
    n_converged : int
        Values of ε at which the best search met its stopping rule.
    """

    truth: str
    direction: str
    epsilon: Array
    distance: Array
    error: Array
    local: Array
    exponent: float
    half_width: float
    n_converged: int

    @classmethod
    def from_distances(
        cls,
        names: tuple[str, str],
        epsilon: Array,
        distance: Array,
        error: Array,
        n_converged: int,
        straight: float = 1.0,
    ) -> LocalExponents:
        """The exponents of distances on a descending grid of four values of ε or more.

        ``straight`` is the distance at the largest ε with nothing fitted: distances at rounding
        say that a direction is flat only if that was large. Distances at rounding behind larger
        ones are left out.

        Examples
        --------
        >>> eps = 0.5 ** np.arange(6)
        >>> h = eps**2 * (1 + 0.3 * eps)
        >>> print(LocalExponents.from_distances(("truth", "coef"), eps, h, 0 * eps, 6))
        coef: 2.00 ± 0.05 (local 2.18, 2.10, 2.05, 2.03, 2.01)
        """
        truth, direction = names
        clear = distance > _ROUNDING
        told = len(distance) if clear.all() else int(np.argmin(clear))
        if told < 3:
            local = np.full(len(distance) - 1, np.nan)
            # A straight path may itself be one along which nothing changes.
            tells = straight >= _TELLING or (straight <= FLAT and epsilon[0] >= 1e-3)
            flat = tells and bool(np.all(distance <= 10.0 * FLAT))
            limit = (np.inf, 0.0) if flat else (np.nan, np.inf)
            return cls(truth, direction, epsilon, distance, error, local, *limit, n_converged)
        epsilon, distance, error = epsilon[:told], distance[:told], error[:told]
        spans = -np.diff(np.log(epsilon))
        local = -np.diff(np.log(distance)) / spans
        changes = np.diff(local)
        last, before = float(changes[-1]), float(changes[-2]) if told > 3 else 0.0
        # Changes that shrink by a constant factor add up to this (at most three times the last).
        factor = float(np.clip(last / before, 0.0, 0.75)) if before else 0.0
        to_come = last * factor / (1.0 - factor)
        doubt = float((error[-1] + error[-2]) / spans[-1])
        per_halving = 2.0 * abs(last) * float(np.log(2.0) / spans[-1])
        half_width = max(per_halving, abs(to_come), _LEAST_HALF_WIDTH) + doubt
        exponent = float(local[-1] + to_come)
        return cls(
            truth, direction, epsilon, distance, error, local, exponent, half_width, n_converged
        )

    @property
    def flat(self) -> bool:
        """Whether the distance is zero, to rounding: the direction is not identified."""
        return bool(np.isinf(self.exponent))

    def covers(self, exponent: float) -> bool:
        """Whether an exponent lies within the half-width."""
        if self.flat or np.isinf(exponent):
            return self.flat and bool(np.isinf(exponent))
        return abs(exponent - self.exponent) <= self.half_width

    def __str__(self) -> str:
        if self.flat:
            return f"{self.direction}: flat (distance {self.distance.max():.1e})"
        if np.isnan(self.exponent):
            return f"{self.direction}: undecided, distances are at rounding; use larger epsilon"
        trail = ", ".join(f"{s:.2f}" for s in self.local)
        early = len(self.epsilon) - self.n_converged
        note = f"; {early} of {len(self.epsilon)} searches ended early" if early > 0 else ""
        limit = f"{self.exponent:.2f} ± {self.half_width:.2f}"
        return f"{self.direction}: {limit} (local {trail}{note})"
