"""Ratios that got worse since the last recorded run, after they have been measured again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from benchmarks.measurement import Measurement
from benchmarks.record import Last, Results
from benchmarks.table import number

# A loss in one run may be the machine's; one in three runs on end is not.
AGAIN = 2


class Loss(NamedTuple):
    """A ratio that got worse: the benchmark's name, what it is now and what it was."""

    benchmark: str
    now: Measurement
    before: float

    @property
    def factor(self) -> float:
        """How many times worse."""
        return self.now.loss(self.before)


def losses(results: Results, last: Last, tolerance: float) -> list[Loss]:
    """Ratios whose loss exceeds 1 + tolerance, the worst first; never absolute times or bytes.

    Examples
    --------
    >>> now = {"passes": [Measurement("EM", 6.0, "x exp"), Measurement("EM, time", 9.0, "ns")]}
    >>> last = {("passes", "EM"): 4.0, ("passes", "EM, time"): 1.0}
    >>> [(loss.now.name, loss.factor) for loss in losses(now, last, 0.25)]
    [('EM', 1.5)]
    """
    found = [
        Loss(benchmark, m, last[benchmark, m.name])
        for benchmark, measured in results.items()
        for m in measured
        if m.is_ratio and (benchmark, m.name) in last
    ]
    worse = [loss for loss in found if loss.factor > 1.0 + tolerance]
    return sorted(worse, key=lambda loss: loss.factor, reverse=True)


def settled(
    results: Results,
    last: Last,
    tolerance: float,
    measure: Callable[[str], Sequence[Measurement]],
) -> tuple[Results, list[Loss]]:
    """The results with ratios that got worse measured again, best kept, and what is lost still.

    Parameters
    ----------
    results : mapping from the name of a benchmark to its measurements
    last : mapping from the names of benchmark and measurement to the value in the last run
    tolerance : float
        A loss up to 1 + tolerance passes.
    measure : callable
        Runs a benchmark again, given its name.
    """
    for _ in range(AGAIN):
        lost = losses(results, last, tolerance)
        if not lost:
            break
        again = {name: measure(name) for name in dict.fromkeys(loss.benchmark for loss in lost)}
        results = _with_better(results, again, lost)
    return results, losses(results, last, tolerance)


def _with_better(results: Results, again: Results, lost: Sequence[Loss]) -> Results:
    """The results in which each lost ratio is the better one of two values."""
    before = {(loss.benchmark, loss.now.name): loss.before for loss in lost}
    second = {(name, m.name): m for name, found in again.items() for m in found}

    def better(name: str, m: Measurement) -> Measurement:
        key = (name, m.name)
        if key not in before or key not in second:
            return m
        return min(m, second[key], key=lambda one: one.loss(before[key]))

    return {name: [better(name, m) for m in found] for name, found in results.items()}


def changed_names(results: Results, last: Last) -> tuple[list[str], list[str]]:
    """Measurements of these benchmarks that are gone since the last run, and those that are new.

    Examples
    --------
    >>> changed_names({"passes": [Measurement("b", 1.0, "s")]}, {("passes", "a"): 1.0})
    (['passes: a'], ['passes: b'])
    """
    now = [(name, m.name) for name, found in results.items() for m in found]
    gone = [f"{name}: {m}" for name, m in last if name in results and (name, m) not in now]
    return gone, [f"{name}: {m}" for name, m in now if (name, m) not in last]


def report(lost: Sequence[Loss], results: Results, last: Last) -> str:
    """What got worse, is gone or is new, in lines; empty if there is nothing to say.

    Examples
    --------
    >>> lost = [Loss("passes", Measurement("EM", 6.0, "x exp"), 4.0)]
    >>> now = {"passes": [lost[0].now]}
    >>> print(report(lost, now, {("passes", "EM"): 4.0}))
    worse than in the last run, in each of 3 measurements:
      passes: EM, 4.00 -> 6.00 x exp, 1.50 times worse
    """
    gone, new = changed_names(results, last)
    lines = [
        f"  {loss.benchmark}: {loss.now.name}, {number(loss.before)} -> {number(loss.now.value)} "
        f"{loss.now.unit}, {number(loss.factor)} times worse"
        for loss in lost
    ]
    if lines:
        lines.insert(0, f"worse than in the last run, in each of {1 + AGAIN} measurements:")
    for title, names in (("no longer measured", gone), ("measured for the first time", new)):
        if names and last:
            lines += [f"{title}:", *(f"  {name}" for name in names)]
    return "\n".join(lines)
