"""What theory expects of a slope, and what an interval says about it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

from mixexp.simulation.slopes import Slope

AGREES = "agrees"
STEEPER = "steeper than the bound"
SHALLOWER = "shallower: contradicts"
NOT_RESOLVED = "not resolved at these sizes (power)"
NO_VERDICT = "no finite exponent predicted"

PLATEAU = "plateau"

_PLATEAU_BAND = 0.05
_WIDEST_HALF_WIDTH = 0.15
_FEWEST_SIZES = 3


@dataclass(frozen=True)
class Expectation:
    """A theoretical exponent: ``error ≤ C n^slope`` up to logarithmic factors.

    Parameters
    ----------
    slope : float or None
        The exponent, at most 0; None if theory predicts no finite one.
    kind : str
        Words printed beside the exponent unless they are "upper bound", for instance "published"
        or "derived here". Verdicts treat every exponent as an upper bound on the error, except
        "plateau" with slope 0: the error does not converge.
    resolution : float, optional
        Largest half-width of an interval that may be said to agree. By default 0.15, and not more
        than half of ``|slope|``, so that agreement with n^(-1/8) excludes both n^0 and n^(-1/4).
        For a plateau the half-width of its band of slopes, by default 0.05: over two decades of n
        an error then falls or grows by a quarter at most.
    derivation : str
        Where something sharper is derived, printed beside a verdict "steeper than the bound".

    Raises
    ------
    ValueError
        If the slope is positive or not finite, not 0 for a plateau, or the resolution not positive.

    Examples
    --------
    >>> str(Expectation(-0.125, kind="published")), Expectation(-0.125).largest_half_width
    ('-1/8 (published)', 0.0625)
    >>> Expectation(0.0, kind="plateau").band, Expectation(-0.5).band
    (0.05, 0.0)
    """

    slope: float | None
    kind: str = "upper bound"
    resolution: float | None = None
    derivation: str = ""

    def __post_init__(self) -> None:
        if self.slope is not None and not (math.isfinite(self.slope) and self.slope <= 0):
            raise ValueError(
                f"slope must be None or a finite exponent <= 0, got {self.slope}: errors decrease"
            )
        if self.kind == PLATEAU and self.slope != 0:
            raise ValueError(f"slope of a plateau must be 0, got {self.slope}: use another kind")
        if self.resolution is not None and not self.resolution > 0:
            raise ValueError(f"resolution must be positive, got {self.resolution}")

    @property
    def largest_half_width(self) -> float:
        """Largest half-width of an interval that may be said to agree."""
        if self.kind == PLATEAU:
            return self.band
        if self.resolution is not None:
            return self.resolution
        return min(_WIDEST_HALF_WIDTH, abs(self.slope or math.inf) / 2)

    @property
    def band(self) -> float:
        """Slopes within `band` of the exponent are as predicted; 0 unless it is a plateau.

        Errors that settle at a positive value still fall a little at finite n, so no precise
        interval would contain a slope of exactly 0.
        """
        if self.kind != PLATEAU:
            return 0.0
        return _PLATEAU_BAND if self.resolution is None else self.resolution

    def __str__(self) -> str:
        if self.slope is None:
            return "\N{EN DASH}"
        return exponent_text(self.slope) + ("" if self.kind == "upper bound" else f" ({self.kind})")


class Quantity(NamedTuple):
    """A column of errors, its name in tables and figures, and what theory expects of it."""

    column: str
    label: str
    expectation: Expectation = Expectation(None)


def verdict(slope: Slope | None, expectation: Expectation) -> str:
    """What the interval of a slope says about an upper bound ``error ≤ C n^theory``.

    The first line that applies counts:

    1. "no finite exponent predicted".
    2. "not resolved at these sizes (power)": no slope, or fewer than 3 sizes.
    3. "steeper than the bound": the interval lies below the theoretical slope. The theorem holds
       but is not sharp here (or the sizes are not yet asymptotic).
    4. "shallower: contradicts": the interval lies above it.
    5. "not resolved at these sizes (power)": the interval contains it but is wider than the
       resolution, so that it would agree with many exponents.
    6. "agrees": the interval contains it and is narrow enough.

    Width comes after exclusion because a wide interval that excludes an exponent still excludes it;
    only agreement needs precision. A plateau predicts a band of slopes: below and above mean beyond
    the band, and the interval must lie within the band to agree, ends included.

    Parameters
    ----------
    slope : Slope or None
        Estimated slope with its interval.
    expectation : Expectation
        The theoretical exponent.

    Returns
    -------
    str
        One of the five texts above.

    Examples
    --------
    >>> slope = Slope(-0.48, -0.53, -0.43, 0.0, (100, 1000, 10_000), (6.9, -3.3))
    >>> verdict(slope, Expectation(-0.5)), verdict(slope, Expectation(-0.25))
    ('agrees', 'steeper than the bound')
    """
    if expectation.slope is None:
        return NO_VERDICT
    if slope is None or not resolvable(slope):
        return NOT_RESOLVED
    lowest, highest = expectation.slope - expectation.band, expectation.slope + expectation.band
    if slope.high < lowest:
        return STEEPER
    if slope.low > highest:
        return SHALLOWER
    if expectation.kind == PLATEAU:
        return AGREES if lowest <= slope.low and slope.high <= highest else NOT_RESOLVED
    return AGREES if slope.half_width <= expectation.largest_half_width else NOT_RESOLVED


def resolvable(slope: Slope) -> bool:
    """Whether there are the 3 sizes without which no deviation from a line could be seen."""
    return len(slope.sizes) >= _FEWEST_SIZES


def exponent_text(slope: float) -> str:
    """An exponent as a fraction where it is a simple one.

    Examples
    --------
    >>> exponent_text(-1 / 12), exponent_text(-0.3333), exponent_text(-1.0)
    ('-1/12', '-0.333', '-1')
    """
    fraction = Fraction(slope).limit_denominator(48)
    return str(fraction) if abs(float(fraction) - slope) < 1e-9 else f"{slope:.3f}"
