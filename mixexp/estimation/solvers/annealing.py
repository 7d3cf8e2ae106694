"""Deterministic annealing: EM under a temperature of the gate that falls to one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from numbers import Integral

import numpy as np
from numpy.typing import NDArray

from mixexp.estimation.box import Box
from mixexp.estimation.objective import Objective
from mixexp.estimation.solvers.em import EM
from mixexp.models.gates import Gate

Array = NDArray[np.float64]


@dataclass(frozen=True)
class TemperatureSchedule:
    """Temperatures that divide the gate's logits in the EM steps before the solver, hot to cold.

    From a dense gate, in which every expert learns from every row, to the gate itself: the
    temperatures fall geometrically from ``start`` to 1, with ``n_each`` EM steps at each.

    Parameters
    ----------
    start : float, default=10
        First temperature, at least 1.
    n_steps : int, default=20
        Number of temperatures, at least 2.
    n_each : int, default=1
        EM steps at each.

    Raises
    ------
    ValueError
        If the first temperature is below 1, there are less than two, or no steps at each.

    Examples
    --------
    >>> TemperatureSchedule(start=8.0, n_steps=4).temperatures
    array([8., 4., 2., 1.])
    """

    start: float = 10.0
    n_steps: int = 20
    n_each: int = 1

    def __post_init__(self) -> None:
        whole = isinstance(self.n_steps, Integral) and isinstance(self.n_each, Integral)
        if not (whole and 1.0 <= self.start < np.inf and self.n_steps >= 2 and self.n_each >= 1):
            raise ValueError(
                f"{self} must start at a temperature of at least 1, fall in two or more steps to "
                "1, and make one or more EM steps at each"
            )

    @property
    def temperatures(self) -> Array:
        """The temperatures in the order of the steps."""
        return self.start ** np.linspace(1.0, 0.0, self.n_steps)

    def warm_up(self, objective: Objective, theta: Array, box: Box) -> Array:
        """θ after the EM steps of the schedule."""
        gate = objective.model.gate
        for tau in self.temperatures:
            tempered = objective if tau == 1.0 else with_gate(objective, gate.tempered(float(tau)))
            theta = EM().solve(tempered, theta, box, max_iter=self.n_each).theta
        return theta


def with_gate(objective: Objective, gate: Gate) -> Objective:
    """The objective of the same data with a gate of the same parameters."""
    model = replace(objective.model, gate=gate)
    return Objective(model, objective.data, objective.penalty, objective.n_threads)
