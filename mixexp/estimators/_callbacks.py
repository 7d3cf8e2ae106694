"""Callbacks of scikit-learn: they hear of every start of a fit, and can end the search."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mixexp.estimation.fit import Fit, Options, Report, fit
from mixexp.estimation.known import affine_of
from mixexp.estimation.objective import Objective
from mixexp.estimation.penalty import Ridge
from mixexp.estimation.solvers.multistart import Optimum
from mixexp.estimation.streams import Reader, Source
from mixexp.estimation.streams.watch import Watch
from mixexp.estimators._bound import Given
from mixexp.estimators._optima import FittedOptimum
from mixexp.models import MixtureOfExperts, MixtureParams

try:
    from sklearn.callback import CallbackSupportMixin
except ImportError:  # scikit-learn before 1.9

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Stands in for scikit-learn's: no callbacks."""


Array = NDArray[np.float64]


class Rows(NamedTuple):
    """What is fitted to: x (n, n_columns), responses as the experts read them, weights or None."""

    x: Array
    y: Array
    weight: Array | None


@dataclass(frozen=True)
class Problem:
    """A model, the rows it is fitted to, and how."""

    model: MixtureOfExperts
    rows: Rows
    options: Options

    # On the sketch and on the data.
    n_phases: ClassVar[int] = 2

    @cached_property
    def objective(self) -> Objective:
        """The log-likelihood of all rows on the scale of the solver."""
        from mixexp.inference import refit

        model = replace(self.model, gate=self.model.gate.in_gauge())
        response = np.array(model.expert.encode(self.rows.y), dtype=float)
        x, _, weight = self.rows
        return refit.Problem.of(model, x, response, weight, self.options).objective

    def ending_in(self, optimum: Optimum) -> Fit:
        """A fit that has this optimum only, with its likelihood and shares of all rows."""
        theta = optimum.theta
        solution = replace(optimum.solution, value=self.objective.evaluate(theta).value)
        whole = replace(optimum, solution=solution, shares=self.objective.shares(theta))
        return Fit(self.objective, [whole])

    def fit(
        self,
        options: Options,
        given: Sequence[MixtureParams | Array],
        columns: Sequence[str] | None,
        report: Report | None = None,
    ) -> Fit:
        """A fit to the rows with options of its own."""
        return fit(
            self.model, *self.rows, options=options, given=given, columns=columns, report=report
        )

    def solve(
        self, starts: Sequence[MixtureParams | Array], columns: Sequence[str] | None, report: Report
    ) -> Fit:
        """The fit from the user's starts and those that are drawn."""
        return self.fit(self.options, starts, columns, report)

    def finish(self, optimum: Optimum, n_ended: int, columns: Sequence[str] | None) -> Fit:
        """The certified fit that goes on from an optimum, of a search that was ended there."""
        start = FittedOptimum.build(self.ending_in(optimum), optimum).params
        # A warm-up at another temperature would leave the optimum.
        once = replace(self.options, n_init=1, schedule=None)
        found = self.fit(once, [start], columns)
        told = (
            f"a callback ended the search after {n_ended} starts: this is the best of where they "
            "ended, and the others were not made",
        )
        return replace(found, optima=[o.adding(told) for o in found.optima])


@dataclass(frozen=True)
class SourceProblem(Problem):
    """A model, a source of rows it is fitted to, and how.

    Parameters
    ----------
    rows : Source
    code : callable
        What turns the responses of the source into numbers as the experts read them.
    watch : Watch
        Follows the passes.
    """

    rows: Source  # type: ignore[assignment]
    code: Callable[[Any], Array]
    watch: Watch

    # On a sample as well, where there is one.
    n_phases: ClassVar[int] = 3

    @cached_property
    def objective(self) -> Objective:
        """The log-likelihood of all rows on the scale of the solver; each value is a pass."""
        model = replace(self.model, gate=self.model.gate.in_gauge())
        options, survey = self.options, self.watch.survey
        columns = self.rows.columns or [f"x{j}" for j in range(model.n_columns)]
        affine = affine_of(model, survey, standardize=options.standardize)
        reader = Reader(model.expert.encode, columns, self.code)
        rows = self.watch.rows(self.rows.rows(reader, survey, affine, self.watch.part))
        penalty = Ridge.build(model.layout, options.gate_penalty, options.expert_penalty)
        return Objective(model, rows, penalty, options.n_threads)

    def fit(
        self,
        options: Options,
        given: Sequence[MixtureParams | Array],
        columns: Sequence[str] | None,
        report: Report | None = None,
    ) -> Fit:
        """A fit to the source with options of its own."""
        return fit(
            self.model, self.rows, options=options, given=given, columns=columns, report=report,
            code=self.code, watch=self.watch,
        )  # fmt: skip


class _Ended(Exception):
    """A callback has asked to end the search."""


class Monitor:
    """Tells the callbacks of an estimator what its fit does.

    The task ``fit`` has one subtask for each phase, ``starts on the sketch`` and ``starts on the
    data``, and they have one for each start, which is announced when it has ended. A callback that
    asks for ``fitted_estimator`` gets the best optimum of the phase so far, without a certificate,
    but with its likelihood of all rows. If one returns True at the end of a start, this optimum is
    climbed on all rows and certified, and the fit is over.

    Weights, exposures and trials come as metadata. The scorers of scikit-learn do not take the last
    two; a ``ScoringMonitor`` of such a fit does with
    ``scoring=lambda fitted, x, y, **known: {"r2": fitted.score(x, y, **known)}``.

    Parameters
    ----------
    estimator : MoEBase
    given : Given
        The data as the user gave them, for callbacks that score.
    problem : Problem
    n_given : int
        Starts of the user's.
    """

    def __init__(self, estimator: Any, given: Given, problem: Problem, n_given: int):
        self._estimator, self._problem = estimator, problem
        self._data = {"X": given.X, "y": given.y, "metadata": metadata(estimator, given)}
        self._phase, self._n_ended = "", 0
        self._best: Optimum | None = None
        self._level: Any = None
        self._task: Any = None
        if hasattr(estimator, "_init_callback_context"):
            n_phases = problem.n_phases if problem.options.n_init > n_given else 1
            self._task = estimator._init_callback_context(max_subtasks=n_phases)
            self._begin(self._task)

    def search(
        self,
        starts: Sequence[MixtureParams | Array],
        columns: Sequence[str] | None,
        report: Report,
    ) -> Fit:
        """Fit from starts, and tell ``report`` and the callbacks of each."""

        def both(phase: str, number: int, total: int, optimum: Optimum) -> None:
            report(phase, number, total, optimum)
            self._hear(phase, number, total, optimum)

        try:
            return self._problem.solve(starts, columns, both)
        except _Ended:
            assert self._best is not None
            return self._problem.finish(self._best, self._n_ended, columns)

    def end(self) -> None:
        """The estimator is fitted."""
        if self._task is not None:
            self._end(self._level)
            self._end(self._task, {})

    def _hear(self, phase: str, number: int, total: int, optimum: Optimum) -> None:
        """One start has ended."""
        if self._task is None:
            return
        asked = phase != self._phase and self._enter(phase, total)
        best = self._best
        self._best = optimum if best is None else max(best, optimum, key=Optimum.rank)
        self._n_ended += 1
        start = self._level.subcontext(task_name=f"start ({optimum.kind})")
        self._begin(start)
        asked |= self._end(start, self._attributes)
        if asked and (phase, number) != ("data", total):
            raise _Ended

    def _enter(self, phase: str, total: int) -> bool:
        """Begin a phase; whether a callback asked to end the search at the end of the last one."""
        asked = self._end(self._level)
        # Likelihoods of a sketch and of the data are not comparable.
        self._phase, self._best = phase, None
        self._level = self._task.subcontext(
            task_name=f"starts on the {phase}", max_subtasks=total or None
        )
        self._begin(self._level)
        return asked

    def _begin(self, task: Any) -> None:
        task.call_on_fit_task_begin(estimator=self._estimator, **self._data)

    def _end(self, task: Any, attributes: Any = None) -> bool:
        if task is None:
            return False
        return task.call_on_fit_task_end(
            estimator=self._estimator, **self._data, reconstruction_attributes=attributes
        )

    def _attributes(self) -> dict[str, Any]:
        """What the estimator would be if the search had ended here."""
        assert self._best is not None
        made = copy.copy(self._estimator)
        made._keep(self._problem.model, self._problem.ending_in(self._best))
        return vars(made)


def metadata(estimator: Any, given: Given) -> dict[str, Any] | None:
    """Weights and known numbers of the rows by the names that ``fit`` has for them, if any.

    Examples
    --------
    >>> from mixexp import PoissonMoE
    >>> metadata(PoissonMoE(), Given(X=None, y=None, known=[2.0, 1.0]))
    {'exposure': [2.0, 1.0]}
    """
    known_as = [
        name
        for name in inspect.signature(type(estimator).fit).parameters
        if name not in ("self", "X", "y", "sample_weight", "checkpoint")
    ]
    values = {"sample_weight": given.weight, **dict.fromkeys(known_as, given.known)}
    return {name: value for name, value in values.items() if value is not None} or None
