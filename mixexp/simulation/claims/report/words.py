"""Numbers, slopes, verdicts and problems in words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from mixexp.estimation.box import Bounds
from mixexp.simulation.claims.judging.exponent_study import Computed
from mixexp.simulation.claims.problem import Problem
from mixexp.simulation.claims.report.elements import Chip
from mixexp.simulation.expectation import AGREES, NO_VERDICT, NOT_RESOLVED, SHALLOWER, STEEPER
from mixexp.simulation.slopes import Slope

DASH = "\N{EN DASH}"
_SIGNS = {
    AGREES: ("\N{CHECK MARK}", "agrees"),
    STEEPER: ("\N{SOUTH EAST ARROW}", "steeper"),
    SHALLOWER: ("\N{BALLOT X}", "shallower"),
    NOT_RESOLVED: ("?", "unresolved"),
    NO_VERDICT: (DASH, "none"),
}


def chip(verdict: str, text: str | None = None) -> Chip:
    """A verdict in words, or another text, with the sign and the colour of the verdict.

    Examples
    --------
    >>> chip("agrees").text, chip("agrees", "3").text
    ('✓ agrees', '✓ 3')
    """
    sign, kind = _SIGNS[verdict]
    return Chip(f"{sign} {verdict if text is None else text}", kind)


def signed(value: float | None, digits: int = 2) -> str:
    """A slope with a proper minus sign.

    Examples
    --------
    >>> signed(-0.504), signed(0.1), signed(None)
    ('−0.50', '+0.10', '–')
    """
    if value is None or math.isnan(value):
        return DASH
    if math.isinf(value):
        return "\N{MINUS SIGN}\N{INFINITY}" if value < 0 else "\N{INFINITY}"
    return f"{value:+.{digits}f}".replace("-", "\N{MINUS SIGN}")


def interval(slope: Slope | None, digits: int = 2) -> list[str]:
    """A slope, and its interval below.

    Examples
    --------
    >>> interval(Slope(-0.48, -0.53, -0.43, 0.0, (100, 1000), (6.9, -3.3)))
    ['−0.48', '[−0.53, −0.43]']
    """
    if slope is None:
        return ["not estimable"]
    middle, low, high = (signed(s, digits) for s in (slope.estimate, slope.low, slope.high))
    return [middle, f"[{low}, {high}]"]


def short(value: float, digits: int = 3) -> str:
    """A number with a few significant digits, a dash for NaN.

    Examples
    --------
    >>> short(0.012345), short(1234.5), short(float("nan")), short(0.0)
    ('0.0123', '1234', '–', '0')
    """
    if math.isnan(value):
        return DASH
    return f"{value:.{digits}g}" if abs(value) < 1000 or abs(value) >= 1e5 else f"{value:.0f}"


def share(value: float) -> str:
    """A share in per cent, a dash for NaN."""
    return DASH if math.isnan(value) else f"{100 * value:.0f} %"


def duration(seconds: float) -> str:
    """Seconds, minutes or hours.

    Examples
    --------
    >>> duration(42.0), duration(600.0), duration(7500.0)
    ('42 s', '10 min', '2.1 h')
    """
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def exponent(found: Computed | None) -> list[str]:
    """A deterministic exponent, and the slope it implies below.

    Examples
    --------
    >>> exponent(Computed("", 2.0, 0.05, False))
    ['2.00 ± 0.05', '→ −0.25 [−0.26, −0.24]']
    >>> exponent(Computed("", None, None, True)), exponent(None)
    (['not identified:', 'no rate'], ['–'])
    """
    if found is None:
        return [DASH]
    if found.flat:
        return ["not identified:", "no rate"]
    if found.exponent is None or found.half_width is None or found.implied_ends is None:
        return ["undecided"]
    ends = ", ".join(signed(end) for end in found.implied_ends)
    radius = f"{found.exponent:.2f} ± {found.half_width:.2f}"
    return [radius, f"\N{RIGHTWARDS ARROW} {signed(found.implied)} [{ends}]"]


def problem_words(problem: Problem) -> list[str]:
    """Truth, model and Θ, as far as the problem has them by name; otherwise its ``repr``.

    Examples
    --------
    >>> from mixexp.simulation.claims.problems.conditional import Conditional
    >>> from mixexp.theory.truths.named import TRUTHS
    >>> for line in problem_words(Conditional(TRUTHS["balanced"], 3, Bounds(gate=6.0, expert=6.0))):
    ...     print(line)
    Truth "balanced": 2 experts; Softmax(), Gaussian(), x uniform on [-1, 1].
    Fitted: 3 experts.
    Θ: gate coefficients up to 6, expert coefficients up to 6, standard deviations 1e-06 to 1000.
    """
    given: Any = problem
    truth = getattr(given, "truth", None)
    bounds = getattr(given, "bounds", None)
    if truth is None or not isinstance(bounds, Bounds):
        return [repr(problem)]
    name = getattr(truth, "name", None) or getattr(given, "name", "")
    lines = [f'Truth "{name}": {problem.truth_measure.n_atoms} experts']
    if (model := getattr(truth, "model", None)) is not None:
        power = "" if model.n_columns == 1 else f"^{model.n_columns}"
        lines[0] += f"; {model.gate!r}, {model.expert!r}"
        lines[0] += f", x uniform on [{truth.lower:g}, {truth.upper:g}]{power}"
    gate = getattr(given, "gate", None)
    lines[0] += "."
    lines.append(
        f"Fitted: {problem.n_experts} experts" + ("." if gate is None else f" with gate {gate!r}.")
    )
    return [*lines, f"Θ: {bounds_words(bounds)}."]


def bounds_words(bounds: Bounds) -> str:
    """Θ in words; the range of temperatures is named if it is not the default."""
    text = (
        f"gate coefficients up to {bounds.gate:g}, expert coefficients up to {bounds.expert:g}, "
        f"standard deviations {short(bounds.scale[0])} to {short(bounds.scale[1])}"
    )
    if bounds.temperature != Bounds().temperature:
        text += f", temperatures {bounds.temperature[0]:g} to {bounds.temperature[1]:g}"
    return text


def counted(number: int, noun: str) -> str:
    """A number with its noun.

    Examples
    --------
    >>> counted(1, "claim"), counted(2, "claim")
    ('1 claim', '2 claims')
    """
    return f"{number} {noun}" + ("" if number == 1 else "s")


def names(items: Sequence[str]) -> str:
    """Words joined by commas and "and".

    Examples
    --------
    >>> names(["a", "b", "c"]), names(["a"]), names([])
    ('a, b and c', 'a', '')
    """
    return " and ".join(filter(None, [", ".join(items[:-1]), *items[-1:]]))
