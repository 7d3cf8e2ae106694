"""The packages: what each one fits, and which of its drivers does it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.peers import environments
from benchmarks.peers.environments import Found
from benchmarks.peers.forms import Mapping, Mixture, Regressions
from benchmarks.peers.mappings import MappingProblem
from benchmarks.peers.problem import Problem
from benchmarks.peers.regressions import RegressionProblem

_HERE = Path(__file__).parent

Fits = Callable[[Any], bool]


@dataclass(frozen=True)
class Package:
    """A package and what it can fit.

    Parameters
    ----------
    name : str
        As its registry spells it.
    language : {"Python", "R"}
    driver : str
        File that fits, in ``drivers`` or ``r``.
    fits : callable
        Whether it has the model of a problem.
    form : type
        Form of its parameters.
    takes_start : bool
        Whether it can be given a start; otherwise it starts as it does by default.
    """

    name: str
    language: str
    driver: str
    fits: Fits = field(repr=False)
    form: type = Regressions
    takes_start: bool = True

    @property
    def path(self) -> Path:
        """The driver."""
        return _HERE / ("r" if self.language == "R" else "drivers") / self.driver

    def found(self) -> Found:
        """Where it runs."""
        return environments.find(self.name, self.language)


def _regressions(problem: Problem[Any]) -> bool:
    return isinstance(problem, RegressionProblem)


def _softmax(problem: Problem[Any]) -> bool:
    """One and the same set of columns everywhere, with at least one in the gate."""
    return (
        isinstance(problem, RegressionProblem)
        and problem.gate_columns == tuple(range(problem.x.shape[1]))
        and problem.expert_columns in ((), problem.gate_columns)
    )


def _constant(problem: Problem[Any]) -> bool:
    return isinstance(problem, RegressionProblem) and not problem.gate_columns


def _hme(problem: Problem[Any]) -> bool:
    """hmeEM: two experts, and one and the same column in the gate and in the experts."""
    return _constant(problem) or (
        isinstance(problem, RegressionProblem)
        and problem.n_experts == 2
        and problem.gate_columns == problem.expert_columns
        and len(problem.gate_columns) == 1
    )


def _polynomials(problem: Problem[Any]) -> bool:
    """meteorits: polynomials in one column."""
    return (
        isinstance(problem, RegressionProblem)
        and problem.x.shape[1] == 1
        and bool(problem.expert_columns)
    )


def _mixture(problem: Problem[Any]) -> bool:
    return isinstance(problem, MappingProblem) and not problem.diagonal


def _classes(problem: Problem[Any]) -> bool:
    """stepmix: latent classes, whose experts see no columns."""
    return _mixture(problem) or (
        isinstance(problem, RegressionProblem)
        and bool(problem.gate_columns)
        and not problem.expert_columns
    )


def _mapping(problem: Problem[Any]) -> bool:
    return isinstance(problem, MappingProblem)


PACKAGES = (
    Package("flexmix", "R", "run_flexmix.R", _regressions),
    Package("mixtools", "R", "run_mixtools.R", _hme),
    Package("meteorits", "R", "run_meteorits.R", _polynomials, takes_start=False),
    Package("MoEClust", "R", "run_moeclust.R", _regressions),
    Package("cgmm", "Python", "run_cgmm.py", _softmax, takes_start=False),
    Package("em-fit", "Python", "run_em_fit.py", _constant, takes_start=False),
    Package("stepmix", "Python", "run_stepmix.py", _classes, Mixture, takes_start=False),
    Package("xllim", "Python", "run_xllim.py", _mapping, Mapping, takes_start=False),
    Package("scikit-learn", "Python", "run_sklearn.py", _mixture, Mixture),
    Package("gmr", "Python", "run_gmr.py", _mixture, Mixture),
)
