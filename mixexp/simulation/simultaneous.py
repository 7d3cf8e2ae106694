"""Verdicts on many quantities at once, with intervals corrected for their number."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from mixexp.simulation.expectation import (
    AGREES,
    NOT_RESOLVED,
    SHALLOWER,
    STEEPER,
    Expectation,
    verdict,
)
from mixexp.simulation.slopes import Slope

_EXCLUSIONS = (STEEPER, SHALLOWER)
_CLAIMS = (AGREES, *_EXCLUSIONS)


class Corrected(NamedTuple):
    """A verdict, the verdict with correction, and for how many comparisons.

    Examples
    --------
    >>> print(Corrected("agrees", "agrees", 87))
    agrees (and with correction for 87 comparisons)
    """

    verdict: str
    corrected: str
    comparisons: int

    def __str__(self) -> str:
        if self.corrected != self.verdict:
            return f"{self.verdict}; not after correction for {self.comparisons}"
        if self.comparisons == 1 or self.verdict not in _CLAIMS:
            return self.verdict
        return f"{self.verdict} (and with correction for {self.comparisons} comparisons)"


def corrected_verdict(slope: Slope | None, expectation: Expectation, comparisons: int) -> str:
    """Verdict with the interval of level ``1 - (1 - level) / m`` for m comparisons.

    If every theory held exactly, each of m intervals of 95 % would still exclude its exponent in
    5 % of the studies; with Bonferroni's level the chance that any of them does is at most 5 %,
    whatever their dependence. The correction widens intervals and so can only weaken exclusions:

    * "steeper than the bound" and "shallower: contradicts" stay, or become "not resolved at these
      sizes (power)" if the wider interval no longer excludes the exponent; they never become
      "agrees";
    * everything else stays. Whether an interval is narrow enough to agree is judged at the
      uncorrected level: precision is not made worse by other comparisons.

    Parameters
    ----------
    slope : Slope or None
        Slope with its uncorrected interval.
    expectation : Expectation
        The predicted exponent.
    comparisons : int
        Number m of slopes compared with a finite exponent, at least 1.

    Returns
    -------
    str
        One of the texts of `verdict`.

    Raises
    ------
    ValueError
        If `comparisons` is not positive.

    References
    ----------
    Dunn (1961), Multiple comparisons among means, *JASA* 56, 52-64.

    Examples
    --------
    >>> slope = Slope(-0.48, -0.53, -0.43, 0.0, (100, 1000, 10_000), (6.9, -3.3))
    >>> corrected_verdict(slope, Expectation(-0.55), 1)
    'shallower: contradicts'
    >>> corrected_verdict(slope, Expectation(-0.55), 87)
    'not resolved at these sizes (power)'
    """
    if comparisons < 1:
        raise ValueError(f"comparisons must be at least 1, got {comparisons}: count the exponents")
    plain = verdict(slope, expectation)
    if slope is None or plain not in _EXCLUSIONS:
        return plain
    wide = slope.at_level(1 - (1 - slope.level) / comparisons)
    return plain if verdict(wide, expectation) == plain else NOT_RESOLVED


def simultaneous(
    compared: Sequence[tuple[Slope | None, Expectation]], comparisons: int | None = None
) -> tuple[Corrected, ...]:
    """Verdicts of a summary, plain and corrected for its number of comparisons.

    Parameters
    ----------
    compared : sequence of (Slope or None, Expectation)
        The slopes of all claims and what is expected of them.
    comparisons : int, optional
        How many comparisons to correct for, by default the number of finite exponents among
        `compared`. State it if the summary shows only a part of all comparisons made.

    Returns
    -------
    tuple of Corrected
        In the order of `compared`.

    Raises
    ------
    ValueError
        If `comparisons` is smaller than the number of finite exponents.

    Examples
    --------
    >>> slope = Slope(-0.48, -0.53, -0.43, 0.0, (100, 1000, 10_000), (6.9, -3.3))
    >>> theories = (Expectation(-0.5), Expectation(-0.535), Expectation(None))
    >>> for found in simultaneous([(slope, theory) for theory in theories]):
    ...     print(found)
    agrees (and with correction for 2 comparisons)
    shallower: contradicts; not after correction for 2
    no finite exponent predicted
    """
    finite = sum(expectation.slope is not None for _, expectation in compared)
    m = max(finite, 1) if comparisons is None else comparisons
    if m < finite:
        raise ValueError(
            f"comparisons={m} is less than the {finite} finite exponents given: count them all"
        )
    return tuple(
        Corrected(verdict(slope, expectation), corrected_verdict(slope, expectation, m), m)
        for slope, expectation in compared
    )
