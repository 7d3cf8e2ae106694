"""Exponents of every smooth model: computed without noise, beside what theory says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

from mixexp.theory.exponents.catalogue import Check, Prediction, standard_checks
from mixexp.theory.exponents.estimate import LocalExponents
from mixexp.theory.exponents.local import local_exponents
from mixexp.theory.truths.named import TRUTHS

# Exponents of theories that compete differ by one half at least: an interval as wide as that cannot
# tell them apart, and a small drift outside of one that is narrow decides nothing.
_UNDECIDED = 0.5
_NEAR = 0.2


class Verdict(NamedTuple):
    """A computed exponent beside one prediction."""

    check: Check
    found: LocalExponents
    prediction: Prediction | None
    verdict: str

    def row(self) -> dict[str, Any]:
        """The columns of a table."""
        said = self.prediction
        return {
            "model": self.check.model,
            "truth": self.check.truth,
            "direction": self.check.direction.label,
            "computed": self.found.exponent,
            "half_width": self.found.half_width,
            "theory": np.nan if said is None else said.exponent,
            "status": "" if said is None else said.status,
            "source": "" if said is None else said.source,
            "verdict": self.verdict,
        }


def judge(found: LocalExponents, prediction: Prediction | None) -> str:
    """A computed exponent against a predicted one, in words.

    A loss bounds the distance from below, so exponents must not exceed its powers; where they stay
    below, parameters converge faster than the loss says.
    """
    if found.flat:
        if prediction is None:
            return "not identified"
        slow = np.isinf(prediction.exponent)
        return "agrees, and more: not identified" if slow else "CONTRADICTS: not identified"
    if prediction is None:
        return ""
    if not found.half_width < _UNDECIDED:
        return "inconclusive"
    if np.isinf(prediction.exponent):
        return f"exponent {found.exponent:.2f}: polynomial in this direction"
    if found.covers(prediction.exponent):
        return "agrees"
    if abs(found.exponent - prediction.exponent) < _NEAR:
        return f"agrees within {_NEAR:g}"
    if found.exponent > prediction.exponent:
        return "CONTRADICTS: slower than stated"
    return "not sharp: faster than stated"


def exponent_table(checks: Iterable[Check] | None = None, **options: Any) -> Iterator[Verdict]:
    """Compute exponents and compare them; one verdict for every prediction, as they come.

    Parameters
    ----------
    checks : iterable of Check, optional
        By default :func:`standard_checks`.
    **options
        Of :func:`mixexp.theory.exponents.local.local_exponents`.

    Examples
    --------
    >>> from mixexp.theory.exponents.directions import Split
    >>> check = next(c for c in standard_checks() if c.direction == Split("gate_coef"))
    >>> for verdict in exponent_table([check]):
    ...     print(verdict.prediction.exponent, verdict.prediction.status, verdict.verdict)
    4.0 stated in the literature not sharp: faster than stated
    2.0 derived here agrees
    """
    for check in standard_checks() if checks is None else checks:
        found = local_exponents(
            TRUTHS[check.truth], check.direction, **{**check.options, **options}
        )
        for prediction in check.predictions or (None,):
            yield Verdict(check, found, prediction, judge(found, prediction))
