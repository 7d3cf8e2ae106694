"""A claim about rates, as declared before any number is seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

from mixexp.simulation.claims.arms import USUAL, Arm
from mixexp.simulation.claims.budget import Cost, replicates_for
from mixexp.simulation.claims.measures.basic import Measure
from mixexp.simulation.claims.problem import Problem
from mixexp.simulation.claims.replicate import one_replicate
from mixexp.simulation.expectation import Quantity
from mixexp.simulation.study import Study
from mixexp.theory.exponents.directions import Direction

Level = Literal["quick", "default", "full"]

# Share of the declared time.
LEVELS: Mapping[Level, float] = {"quick": 0.04, "default": 0.25, "full": 1.0}


@dataclass(frozen=True, eq=False)
class Claim:
    """Truth, model, sizes, time, arms, measures and predicted exponents of one statement.

    Parameters
    ----------
    name : str
        Key of its random numbers and of its results.
    title : str
        One line.
    statement : str
        What is claimed, by whom, and with which standing: what a paper proves, what is stated in
        the literature, what is derived in this project.
    source : str
        Paper and theorem.
    problem : Problem
        Truth, model and compact parameter space Θ.
    sizes : tuple of int
        Sample sizes.
    seconds : float
        Time on one core for the full study; with `cost` it determines the replicates.
    cost : Cost
        Seconds of one replicate.
    measures : tuple of Measure
        What is measured of a fit.
    quantities : tuple of Quantity
        Columns with their predicted exponents; the verdicts are about the first arm.
    arms : tuple of Arm
        The first is the one that counts.
    directions : mapping from column to Direction, optional
        Directions at the truth whose deterministic exponent r stands beside the slope: -1/(2r).
    figure : tuple of str, optional
        Columns of the figure's panels; by default all of `quantities`.
    exact : bool
        Whether the k*-expert fit is made too, to see what the superfluous experts gain.
    published : mapping from column to path, optional
        Tables of published curves of a column, with columns ``n``, ``mean``, ``sd`` and quantiles.
    version : str
        Raise it when code that `repr` does not show changes the numbers.

    Examples
    --------
    See the files of ``experiments/claims``.
    """

    name: str
    title: str
    statement: str
    source: str
    problem: Problem
    sizes: tuple[int, ...]
    seconds: float
    cost: Cost
    measures: tuple[Measure, ...]
    quantities: tuple[Quantity, ...]
    arms: tuple[Arm, ...] = USUAL
    directions: Mapping[str, Direction] = field(default_factory=dict)
    figure: tuple[str, ...] = ()
    exact: bool = False
    version: str = "1"
    published: Mapping[str, str] = field(default_factory=dict)

    def study(self, level: Level = "full") -> Study:
        """The study of a level; cells of a smaller level are cells of every larger one."""
        bought: dict[int, int] = {}
        for each, share in LEVELS.items():
            # A time that buys one more size buys fewer replicates of the others.
            more = replicates_for(share * self.seconds, self.sizes, self.cost)
            bought = {n: max(bought.get(n, 0), count) for n, count in more.items()}
            if each == level:
                break
        return Study(
            self.name,
            sizes=tuple(bought),
            replicates=bought,
            run=partial(one_replicate, self),
            params={
                "problem": repr(self.problem),
                "arms": [repr(arm) for arm in self.arms],
                "measures": [repr(measure) for measure in self.measures],
                "exact": self.exact,
            },
            version=self.version,
            cost=self.cost.seconds,
        )
