"""The compact parameter space Θ, a box in the free coordinates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mixexp.models.layout import Layout

Array = NDArray[np.float64]


class Box(NamedTuple):
    """Lower and upper bounds of θ, each (P,)."""

    lower: Array
    upper: Array

    def project(self, theta: Array) -> Array:
        """The nearest point of the box."""
        return np.clip(theta, self.lower, self.upper)

    @property
    def known(self) -> NDArray[np.bool_]:
        """Coordinates with equal bounds: their values are given, and no fit can be on a bound."""
        return self.lower == self.upper

    def free(self, theta: Array, gradient: Array) -> NDArray[np.bool_]:
        """Coordinates that can move uphill: those not held on a bound by the gradient."""
        slack = 1e-12 * (1.0 + np.abs(theta))
        low = (theta <= self.lower + slack) & (gradient <= 0.0)
        high = (theta >= self.upper - slack) & (gradient >= 0.0)
        return ~(low | high)


@dataclass(frozen=True)
class Bounds:
    """Bounds of Θ on the scale the solver works on.

    With ``standardize=True`` (the default of the estimators) covariates and response have mean 0
    and standard deviation 1 there, so the numbers are in standard deviations of the data.

    Parameters
    ----------
    gate : float, default=1000
        Largest absolute gate coefficient. A logit of slope 1000 switches within 0.005 standard
        deviations of x: steeper ones only matter between neighbouring observations.
    expert : float, default=1000
        Largest absolute coefficient of an expert's mean.
    scale : (float, float), default=(1e-6, 1e3)
        Smallest and largest standard deviation of an expert. The likelihood is unbounded without a
        floor.
    temperature : (float, float), default=(1e-3, 1e3)
        Smallest and largest free temperature of a gate.

    Examples
    --------
    >>> Bounds.parse({"gate": 50, "scale": (0.01, 10)})
    Bounds(gate=50.0, expert=1000.0, scale=(0.01, 10.0), temperature=(0.001, 1000.0))
    """

    gate: float = 1e3
    expert: float = 1e3
    scale: tuple[float, float] = (1e-6, 1e3)
    temperature: tuple[float, float] = (1e-3, 1e3)

    def __post_init__(self) -> None:
        ranges = (self.scale, self.temperature)
        ordered = all(0.0 < low < high < np.inf for low, high in ranges)
        if not (self.gate > 0.0 and self.expert > 0.0 and ordered):
            raise ValueError(
                "bounds must be positive, with scale=(low, high), temperature=(low, high) and "
                f"low < high; got {self}"
            )

    @classmethod
    def parse(cls, bounds: Bounds | Mapping[str, Any] | None) -> Bounds:
        """Bounds from None (the defaults), a mapping of some of the fields, or Bounds."""
        if isinstance(bounds, Bounds):
            return bounds
        values = dict(bounds or {})
        default = cls()
        known = ("gate", "expert", "scale", "temperature")
        if unknown := set(values) - set(known):
            raise ValueError(
                f"bounds has no entry {sorted(unknown)}; use {', '.join(map(repr, known))}"
            )
        try:
            gate, expert = (float(values.get(key, getattr(default, key))) for key in known[:2])
            pairs = [tuple(map(float, values.get(key, getattr(default, key)))) for key in known[2:]]
            (low, high), (cold, hot) = pairs
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"bounds={bounds!r}: 'gate' and 'expert' must be numbers, 'scale' and "
                "'temperature' pairs of numbers"
            ) from error
        return cls(gate, expert, (low, high), (cold, hot))

    def box(self, layout: Layout) -> Box:
        """The box of a layout."""
        low, high = 2.0 * np.log(self.scale)
        cold, hot = np.log(self.temperature)
        lower = {"gate": -self.gate, "expert": -self.expert, "scale": low, "temperature": cold}
        upper = {"gate": self.gate, "expert": self.expert, "scale": high, "temperature": hot}
        return Box(layout.fill(lower), layout.fill(upper))
