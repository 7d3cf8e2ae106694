"""What is fitted: data, a model, a start, and mixexp's side of the comparison."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning

from benchmarks.peers.forms import Mapping, Regressions
from benchmarks.timing import cpu, interleaved

Array = NDArray[np.float64]
Parameters = TypeVar("Parameters", Regressions, Mapping)


class Certified(NamedTuple):
    """A whole fit of mixexp's from one start: least seconds, log-likelihood, whether certified."""

    seconds: float
    loglik: float
    holds: bool


class Climb(NamedTuple):
    """Log-likelihoods (nats) in the order in which they were reached, and seconds so far."""

    seconds: Array
    loglik: Array

    def seconds_to(self, loglik: float, within: float = 1e-6) -> float | None:
        """Seconds to the first value at least ``loglik - within``; None if there is none.

        Examples
        --------
        >>> climb = Climb(np.array([0.1, 0.2]), np.array([-9.0, -5.0]))
        >>> climb.seconds_to(-6.0), climb.seconds_to(-4.0)
        (0.2, None)
        """
        reached = self.loglik >= loglik - within
        return float(self.seconds[reached.argmax()]) if reached.any() else None


@dataclass(frozen=True)
class Problem(ABC, Generic[Parameters]):
    """Rows x (n, d) and y (n,) or (n, D), a number of experts and where to start.

    ``group`` is the model in words, ``size`` what tells problems of one group apart.
    """

    group: str
    size: str
    x: Array
    y: Array
    n_experts: int
    start: Parameters

    @property
    def name(self) -> str:
        """Group and size."""
        return f"{self.group}, {self.size}"

    @abstractmethod
    def loglik(self, parameters: Parameters) -> float:
        """Log-likelihood of parameters on the data, nats, every constant included."""

    @abstractmethod
    def posterior(self, parameters: Parameters) -> Array:
        """Responsibilities (n, K)."""

    @abstractmethod
    def _fit(self, start: Parameters) -> tuple[float, bool]:
        """A fit by the public estimator from this start alone: log-likelihood, certified."""

    @abstractmethod
    def _climb(self, start: Parameters, watch: Watch) -> float:
        """The solver alone; returns what to add to its values to have log-likelihoods."""

    def certified(self, start: Parameters, rounds: int = 3) -> Certified:
        """mixexp's fit from a start down to its certificate."""

        def run() -> tuple[float, bool]:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)
                return self._fit(start)

        loglik, holds = run()
        return Certified(interleaved({"fit": run}, rounds)["fit"], loglik, holds)

    def climb(self, start: Parameters, rounds: int = 3) -> Climb:
        """mixexp's way up from a start, everything from the user's arrays on included.

        The least time over the rounds; all of them pass through the same values.
        """
        best: Climb | None = None
        for _ in range(rounds):
            watch = Watch(cpu)
            shift = self._climb(start, watch)
            climb = Climb(np.array(watch.seconds), np.array(watch.values) + shift)
            if best is None or climb.seconds[-1] < best.seconds[-1]:
                best = climb
        assert best is not None
        return best


class Watch:
    """A stop watch for an objective: when each of its evaluations ended, and its value.

    ``watch.on(objective, "evaluate")`` is the objective, its method ``evaluate`` watched.

    Parameters
    ----------
    clock : callable
        Seconds.
    """

    def __init__(self, clock: Callable[[], float]):
        self._clock, self._began = clock, clock()
        self.seconds: list[float] = []
        self.values: list[float] = []

    def on(self, objective: Any, *methods: str) -> Any:
        """The objective, with these methods watched."""
        for method in methods:
            # Some objectives are frozen: what they compute is not changed by being watched.
            object.__setattr__(objective, method, self._watched(getattr(objective, method)))
        return objective

    def _watched(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            found = method(*arguments, **options)
            self.seconds.append(self._clock() - self._began)
            self.values.append(float(found.value))
            return found

        return call
