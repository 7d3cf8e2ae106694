"""Which wrong exponents an interval would have told apart from the predicted one."""

from __future__ import annotations

from statistics import NormalDist
from typing import NamedTuple

from mixexp.simulation.expectation import Expectation, resolvable
from mixexp.simulation.slopes import Slope


class Detectable(NamedTuple):
    """Exponents that would have been excluded with probability `power` or more.

    Attributes
    ----------
    shallower, steeper : float
        The nearest such exponents above and below the predicted one.
    power : float
        Probability of the exclusion.
    """

    shallower: float
    steeper: float
    power: float

    def __str__(self) -> str:
        return (
            f"would have detected {_signed(self.shallower)} or shallower, "
            f"{_signed(self.steeper)} or steeper ({100 * self.power:g} %)"
        )


def detectable(
    slope: Slope | None,
    expectation: Expectation,
    level: float | None = None,
    *,
    power: float = 0.8,
) -> Detectable | None:
    """Exponents ``theory ± (t_{1-α/2} + z_power) · se`` that would have been told from theory.

    If the true exponent differed from theory by that much, the estimate would lie far enough on
    its side for the interval to exclude theory with probability `power`. The quantile ``t`` is the
    one the interval is made with, ``z`` the normal one; ``se`` is the standard error. A plateau
    adds its band. A power statement concerns the design, which is why it is centred at the
    predicted exponent and not at the estimate.

    Parameters
    ----------
    slope : Slope or None
        Slope with its interval.
    expectation : Expectation
        The predicted exponent.
    level : float, optional
        Level of the interval, ``1 - α``; that of the slope by default.
    power : float
        Probability of detection, between 0.5 and 1.

    Returns
    -------
    Detectable or None
        None without a finite exponent, a slope or at least 3 sizes: nothing can be detected then.

    Raises
    ------
    ValueError
        If `power` or `level` is out of range.

    References
    ----------
    Cohen (1988), *Statistical Power Analysis for the Behavioral Sciences*, 2nd edition.

    Examples
    --------
    >>> slope = Slope(-0.48, -0.61, -0.35, 0.0, (100, 1000, 10_000), (6.9, -3.3))
    >>> print(detectable(slope, Expectation(-0.5)))
    would have detected −0.31 or shallower, −0.69 or steeper (80 %)
    """
    if not 0.5 <= power < 1:
        raise ValueError(f"power must lie in [0.5, 1), got {power}: 0.8 is customary")
    if expectation.slope is None or slope is None or not resolvable(slope):
        return None
    used = slope if level is None else slope.at_level(level)
    distance = used.half_width + NormalDist().inv_cdf(power) * used.standard_error
    distance += expectation.band
    return Detectable(expectation.slope + distance, expectation.slope - distance, power)


def _signed(exponent: float) -> str:
    return f"{exponent:+.2f}".replace("-", "\N{MINUS SIGN}")
