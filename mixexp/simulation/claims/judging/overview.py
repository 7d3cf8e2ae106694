"""All claims at once: verdicts corrected for the number of exponents compared."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from mixexp.simulation.claims.judging.results import ClaimResult
from mixexp.simulation.expectation import (
    AGREES,
    NO_VERDICT,
    NOT_RESOLVED,
    SHALLOWER,
    STEEPER,
)
from mixexp.simulation.rate import Rate
from mixexp.simulation.simultaneous import Corrected, simultaneous

WORST_FIRST = (SHALLOWER, NOT_RESOLVED, STEEPER, AGREES, NO_VERDICT)
"""Verdicts from the one that needs attention most to the one that says least."""


class Line(NamedTuple):
    """A quantity of a claim with its rate and its verdicts."""

    result: ClaimResult
    rate: Rate
    found: Corrected

    @property
    def uncorrected_only(self) -> bool:
        """Whether the exponent is excluded at 95 %, but not after correction."""
        return self.found.corrected != self.found.verdict


class Exclusions(NamedTuple):
    """How many exponents are excluded at 95 %, and how many of them after correction.

    Examples
    --------
    >>> Exclusions(3, 1)
    Exclusions(at_95=3, corrected=1)
    """

    at_95: int
    corrected: int


class Overview(NamedTuple):
    """The quantities of all claims, in the order given, and how many exponents were compared."""

    lines: tuple[Line, ...]
    comparisons: int

    def of(self, result: ClaimResult) -> tuple[Line, ...]:
        """The lines of one claim."""
        return tuple(line for line in self.lines if line.result is result)

    def tally(self, result: ClaimResult | None = None) -> dict[str, int]:
        """Corrected verdicts to how often they occur, worst first: of one claim, or of all."""
        lines = self.lines if result is None else self.of(result)
        found = [line.found.corrected for line in lines]
        return {verdict: found.count(verdict) for verdict in WORST_FIRST if verdict in found}


def exclusions(lines: Sequence[Line]) -> dict[str, Exclusions]:
    """Counts of "shallower: contradicts" and "steeper than the bound", as far as they occur."""
    found = {}
    for verdict in (SHALLOWER, STEEPER):
        plain = [line for line in lines if line.found.verdict == verdict]
        if plain:
            weak = sum(line.uncorrected_only for line in plain)
            found[verdict] = Exclusions(len(plain), len(plain) - weak)
    return found


def overview(results: Sequence[ClaimResult]) -> Overview:
    """Verdicts of all quantities, each also with the correction for all of them.

    Every quantity with a finite exponent counts as a comparison, resolved or not, since the number
    is fixed by the declarations and not by what was found.
    """
    pairs = [(result, rate) for result in results for rate in result.rates]
    compared = [(rate.all_sizes, rate.quantity.expectation) for _, rate in pairs]
    found = simultaneous(compared)
    lines = tuple(Line(*pair, each) for pair, each in zip(pairs, found, strict=True))
    return Overview(lines, sum(expectation.slope is not None for _, expectation in compared))
