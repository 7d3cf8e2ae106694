"""Timing on a machine that others use too: interleaved repeats and their minimum."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Mapping
from typing import Any, TypeVar

# Processor time of the calling thread: other processes that take the core away do not count. For
# work on one thread it equals wall time on an idle machine.
cpu = time.thread_time
wall = time.perf_counter

Name = TypeVar("Name", bound=Hashable)


def interleaved(
    calls: Mapping[Name, Callable[[], Any]], rounds: int, clock: Callable[[], float] = cpu
) -> dict[Name, float]:
    """Least seconds that each call took, the calls taking turns ``rounds`` times.

    A disturbance then hits all of them, not one; each is called once before, untimed.

    Examples
    --------
    >>> sorted(interleaved({"a": lambda: None, "b": lambda: sum(range(1000))}, rounds=3))
    ['a', 'b']
    """
    best = dict.fromkeys(calls, float("inf"))
    for call in calls.values():
        call()
    for _ in range(rounds):
        for name, call in calls.items():
            start = clock()
            call()
            best[name] = min(best[name], clock() - start)
    return best
