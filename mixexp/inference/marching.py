"""Outwards along a profile of the likelihood until it has fallen by a given amount."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from mixexp.inference.fixing import Constrained, Fixing

Array = NDArray[np.float64]

# Steps of the signed root on the way to its target, and how many there may be.
_PARTS = 5.0
_MAX_STEPS = 80
# Part of the interval to which its ends are found.
_TOLERANCE = 1e-7
# A likelihood above that of the fit by more than this, in nats, is another optimum's.
HIGHER = 1e-4
# Steps below this part of the way are not shortened any more: the profile has a jump.
_SHORTEST = 1e-3
# First step, in standardised units, where there is no standard error.
_FIRST = 0.05


class End(Enum):
    """How a march ended."""

    FOUND = "the profile fell below the cutoff"
    FLAT = "the profile stays above the cutoff up to the bound of the parameter space"
    HIGHER = "the likelihood is higher than at the fit"
    LOST = "the number of steps was not enough"


@dataclass
class March:
    r"""One side of a profile.

    Attributes
    ----------
    fixing : Fixing
    top : float
        Penalised log-likelihood of the fit, on the solver's scale.
    target : float
        What the root :math:`\sqrt{2(\hat\ell-\ell_p)}` has to reach.
    points : dict
        The constrained optimum of every t that was looked at.
    """

    fixing: Fixing
    top: float
    target: float
    points: dict[float, Constrained] = field(default_factory=dict)
    higher: Constrained | None = None

    def root(self, t: float, *, thorough: bool = False) -> float:
        """The root at t: from the most promising start, or ``thorough`` from each of them."""
        if t not in self.points or thorough:
            starts = self._starts(t)
            if not thorough:
                starts = [max(starts, key=lambda theta: self.fixing.value(t, theta))]
            known = [self.points[t]] if t in self.points else []
            found = [*known, *(self.fixing.maximise(t, theta) for theta in starts)]
            self.points[t] = max(found, key=lambda point: point.value)
        return float(np.sqrt(max(2.0 * (self.top - self.points[t].value), 0.0)))

    def _starts(self, t: float) -> list[Array]:
        """θ at the nearest point, on the line through the two nearest, with a scaled gate."""
        near = sorted((known for known in self.points if known != t), key=lambda k: abs(k - t))
        first = self.points[near[0]].theta
        starts = [first]
        if len(near) > 1:
            slope = (self.points[near[1]].theta - first) / (near[1] - near[0])
            starts.append(first + (t - near[0]) * slope)
        scaled = self.fixing.scaled_gate(t, first)
        return starts if scaled is None else [*starts, scaled]

    def go(self, sign: float) -> tuple[float, End]:
        """The t of this sign at which the target is met, and how the march ended."""
        low, high = self.fixing.range
        furthest = max(high if sign > 0.0 else -low, 0.0)
        error = self.fixing.standard_error
        step = error * self.target / _PARTS if np.isfinite(error) else _FIRST
        here, value, wanted = 0.0, 0.0, self.target / _PARTS
        for _ in range(_MAX_STEPS):
            if here >= furthest:
                return sign * furthest, End.FLAT
            there = min(here + step, furthest)
            ahead = self.root(sign * there)
            if self.points[sign * there].value > self.top + HIGHER:
                self.higher = self.points[sign * there]
                return sign * there, End.HIGHER
            if ahead - value > 2.0 * wanted and there - here > _SHORTEST * there:
                # Too far to be sure of the path: the search may have ended beside it.
                del self.points[sign * there]
                step = 0.4 * (there - here)
                continue
            if ahead >= self.target:
                # A search that lost the path would end the interval too early.
                ahead = self.root(sign * there, thorough=True)
            if ahead >= self.target:
                return sign * self._between(sign, here, there), End.FOUND
            gained = ahead - value
            step *= float(np.clip(wanted / gained, 0.5, 2.0)) if gained > 0.0 else 2.0
            here, value = there, ahead
        return sign * here, End.LOST

    def _between(self, sign: float, low: float, high: float) -> float:
        """Where the root meets its target between two distances."""
        if self.root(sign * high) == self.target:
            return high
        return float(
            brentq(
                lambda distance: self.root(sign * distance) - self.target,
                low, high, xtol=_TOLERANCE * high, rtol=_TOLERANCE,
            )
        )  # fmt: skip
