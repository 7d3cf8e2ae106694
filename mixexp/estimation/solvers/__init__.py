"""Solvers: one method a file, one shared loop."""

from mixexp.estimation.solvers._base import Reason, Solution, Solver
from mixexp.estimation.solvers.annealing import TemperatureSchedule
from mixexp.estimation.solvers.chain import SOLVERS, solve
from mixexp.estimation.solvers.em import EM
from mixexp.estimation.solvers.lbfgs import LBFGS
from mixexp.estimation.solvers.newton import Newton

__all__ = [
    "EM",
    "LBFGS",
    "SOLVERS",
    "Newton",
    "Reason",
    "Solution",
    "Solver",
    "TemperatureSchedule",
    "solve",
]
