"""What is remembered of each start: its kind, its climb, and the optimum it ended in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Self

from mixexp.estimation.objective import Objective
from mixexp.estimation.solvers._base import Solution

if TYPE_CHECKING:
    from pandas import DataFrame

# The optimum of a start on the sketch that was not continued on the data.
NOT_CONTINUED = -1


@dataclass(frozen=True)
class Run:
    """The climb from one start.

    Attributes
    ----------
    phase : str
        ``"sketch"``, at most 1024 of the distinct rows, ``"data"``, all rows, or ``"sample"``
        between them, where the rows are not in memory.
    kind : str
        Kind of the start.
    n_starts : int
        Starts it stands for: those on the sketch that ended where it begins.
    loglik : float
        Log-likelihood reached, of the rows of the phase, without penalties, nats.
    trace : tuple of float
        What was climbed, before the first step and after each one: the log-likelihood minus
        penalties, nats.
    stopped : str
        Why it stopped.
    weight : float
        Total weight of the rows of the phase: likelihoods of equal weights are comparable.
    optimum : int
        Position among the distinct optima, best first; -1 if it was not continued on the data.
    """

    kind: str
    n_starts: int
    loglik: float
    trace: tuple[float, ...] = field(repr=False)
    stopped: str
    weight: float
    phase: str = "data"
    optimum: int = NOT_CONTINUED

    @classmethod
    def of(cls, solution: Solution, kind: str, n_starts: int, objective: Objective) -> Self:
        """The record of a solution, whose values are on the solver's scale."""
        data, penalty = objective.data, objective.penalty.value(solution.theta)
        trace = tuple(float(value) - data.log_scale for value in solution.trace)
        reached = float(solution.value) + penalty - data.log_scale
        return cls(kind, n_starts, reached, trace, solution.reason.value, data.total_weight)

    @property
    def n_iter(self) -> int:
        """Number of steps."""
        return max(0, len(self.trace) - 1)

    def ending_in(self, optimum: int) -> Self:
        """The same climb with the position of its optimum."""
        return replace(self, optimum=optimum)


def continued(sketch: Sequence[Run], order: Sequence[int], data: Sequence[Run]) -> list[Run]:
    """Climbs on a sketch or sample with the optima that their continuations ended in.

    Parameters
    ----------
    sketch : sequence of Run
        Their ``optimum`` is that of their own rows, as it was found.
    order : sequence of int
        Those optima that were continued, in the order of ``data``.
    data : sequence of Run
        The continuations.
    """
    ends = {there: run.optimum for there, run in zip(order, data, strict=True)}
    return [replace(run, optimum=ends.get(run.optimum, NOT_CONTINUED)) for run in sketch]


def table(runs: Sequence[Run]) -> DataFrame:
    """One row for each start, in the order in which they were made."""
    from pandas import DataFrame

    columns = [
        "phase", "kind", "n_starts", "weight", "n_iter", "loglik", "stopped", "optimum", "trace",
    ]  # fmt: skip
    return DataFrame(
        [{name: getattr(run, name) for name in columns} for run in runs], columns=columns
    )
