"""One number that a benchmark measured."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Measurement:
    """A value with its unit and, where there is one, the target it should not exceed.

    Parameters
    ----------
    name : str
        Unique within its benchmark; the same from run to run.
    value : float
        Smaller is better, except for speed-ups, which have no target.
    unit : str
        ``"x"`` for ratios.
    target : float, optional
    at_least : bool
        Whether the value is only a lower bound because a time limit was reached.

    Examples
    --------
    >>> Measurement("EM pass", 6.5, "x exp", target=7.0).verdict
    'met'
    """

    name: str
    value: float
    unit: str
    target: float | None = None
    at_least: bool = False

    @property
    def verdict(self) -> str:
        """``"met"``, ``"missed"``, or nothing where there is no target."""
        if self.target is None:
            return ""
        return "met" if self.value <= self.target and not self.at_least else "missed"


class Benchmark(Protocol):
    """A module of this package that measures something."""

    def measure(self, quick: bool = False) -> Iterator[Measurement]:
        """Measure, one number after the other; ``quick`` takes smaller sizes and fewer repeats."""
        ...
