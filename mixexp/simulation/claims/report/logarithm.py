"""The logarithm of a published bound, as a slope."""

from __future__ import annotations

from mixexp.simulation.claims.report.words import signed
from mixexp.simulation.expectation import Expectation
from mixexp.simulation.slopes import Slope

# Bounds that were read or are stated elsewhere; those derived in this project have no logarithm.
_WITH_LOGARITHM = ("upper bound", "published", "stated")


def slope_with_logarithm(slope: Slope, expectation: Expectation) -> float | None:
    """Local slope ``-s (1 - 1/log n)`` of the bound ``(log n / n)^s``, at the centre of the sizes.

    Parameters
    ----------
    slope : Slope
        The measured slope, whose weighted mean of log n is meant.
    expectation : Expectation
        The bare exponent -s.

    Returns
    -------
    float or None
        None for an exponent that is not a published or stated bound, and for s = 0.

    Examples
    --------
    >>> slope = Slope(-0.46, -0.48, -0.44, 0.0, (1000, 10_000, 100_000), (9.21, -4.0))
    >>> print(round(slope_with_logarithm(slope, Expectation(-0.5)), 3))
    -0.446
    >>> slope_with_logarithm(slope, Expectation(-0.5, kind="derived here")) is None
    True
    """
    if not expectation.slope or expectation.kind not in _WITH_LOGARITHM:
        return None
    return expectation.slope * (1.0 - 1.0 / slope.centre[0])


def within_logarithm(slope: Slope | None, expectation: Expectation) -> bool:
    """Whether the interval does not lie above the bound with its logarithm.

    Examples
    --------
    >>> slope = Slope(-0.46, -0.48, -0.44, 0.0, (1000, 10_000, 100_000), (9.21, -4.0))
    >>> within_logarithm(slope, Expectation(-0.5)), within_logarithm(slope, Expectation(-0.6))
    (True, False)
    """
    bound = None if slope is None else slope_with_logarithm(slope, expectation)
    return slope is not None and bound is not None and slope.low <= bound


def logarithm_words(slope: Slope | None, expectation: Expectation) -> list[str]:
    """The bound with its logarithm, and whether the slope contradicts it; nothing without one.

    Examples
    --------
    >>> slope = Slope(-0.46, -0.48, -0.44, 0.0, (1000, 10_000, 100_000), (9.21, -4.0))
    >>> logarithm_words(slope, Expectation(-0.5))
    ['bound with its logarithm: −0.45, not contradicted']
    """
    bound = None if slope is None else slope_with_logarithm(slope, expectation)
    if bound is None:
        return []
    end = ", not contradicted" if within_logarithm(slope, expectation) else ""
    return [f"bound with its logarithm: {signed(bound)}{end}"]
