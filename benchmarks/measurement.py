"""One number that a benchmark measured."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

# Speed-ups, and the time that others take in multiples of that of a fit here.
LARGER_IS_BETTER = ("x faster", "x fit")
# What is counted, not timed.
COUNTS = ("passes", "EM passes")


@dataclass(frozen=True)
class Measurement:
    """A value with its unit and, where there is one, the target it should reach.

    Parameters
    ----------
    name : str
        Unique within its benchmark; the same from run to run.
    value : float
    unit : str
        Ratios begin with ``"x"``. Smaller is better, except for units in ``LARGER_IS_BETTER``:
        ``"x faster"`` is a speed-up.
    target : float, optional
        The largest value wanted, or the smallest one where larger is better.
    at_least : bool
        Whether the value is only a lower bound because a time limit was reached.

    Examples
    --------
    >>> Measurement("EM pass", 6.5, "x exp", target=7.0).verdict
    'met'
    >>> Measurement("two threads", 1.6, "x faster", target=1.8).verdict
    'missed'
    """

    name: str
    value: float
    unit: str
    target: float | None = None
    at_least: bool = False

    @property
    def is_ratio(self) -> bool:
        """Whether another machine of the same kind should find nearly the same value.

        So of ratios, and of passes over the data, which are counted.
        """
        return self.unit.split()[0] == "x" or self.unit in COUNTS

    @property
    def larger_is_better(self) -> bool:
        """Whether the value is a speed-up."""
        return self.unit in LARGER_IS_BETTER

    @property
    def verdict(self) -> str:
        """``"met"``, ``"missed"``, or nothing where there is no target."""
        if self.target is None:
            return ""
        if self.larger_is_better:
            return "met" if self.value >= self.target else "missed"
        return "met" if self.value <= self.target and not self.at_least else "missed"

    def loss(self, before: float) -> float:
        """How many times worse than an earlier value: 1 where nothing changed, inf if it is nan.

        Examples
        --------
        >>> Measurement("EM pass", 6.0, "x exp").loss(4.0)
        1.5
        >>> Measurement("two threads", 1.2, "x faster").loss(1.8)
        1.5
        """
        if math.isnan(self.value):
            return math.inf
        worse, better = (before, self.value) if self.larger_is_better else (self.value, before)
        if better == 0.0:
            return 1.0 if worse == 0.0 else math.inf
        return worse / better


class Benchmark(Protocol):
    """A module of this package that measures something."""

    def measure(self, quick: bool = False) -> Iterator[Measurement]:
        """Measure, one number after the other; ``quick`` takes smaller sizes and fewer repeats."""
        ...
