"""Hand tasks to a pool of worker processes, a few at a time, and outlive the death of workers."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import AbstractContextManager
from dataclasses import dataclass

from mixexp.simulation._execute import TaskResult
from mixexp.simulation.backends.serial import POLL_SECONDS, Offers, is_over
from mixexp.simulation.study import StudyTask


@dataclass(frozen=True)
class Pool:
    """Worker processes.

    Attributes
    ----------
    submit : callable
        From a task and a deadline to the future of `execute_serially` in some worker.
    width : callable
        How many tasks may be in flight; raises a RuntimeError if no worker is left and none comes.
    died : tuple of exception types
        What a future raises whose worker process died.
    """

    submit: Callable[[StudyTask, float | None], Future[TaskResult | None]]
    width: Callable[[], int]
    died: tuple[type[BaseException], ...]


def in_pool(
    opened: AbstractContextManager[Pool], offers: Offers, deadline: float | None
) -> Generator[TaskResult]:
    """Results of the tasks as they come, until they or the time are over.

    When a worker process dies, the tasks that were in flight are repeated one at a time: the one
    that kills its worker again is recorded as failed, the others are not blamed.

    Parameters
    ----------
    opened : context manager of Pool
        Opened here, and closed at the end.
    offers : iterator of StudyTask or None
        Read only as far as there is room in flight, so that memory stays bounded.
    deadline : float or None
        Clock time (``time.time()``) after which no task starts.
    """
    flying: dict[Future[TaskResult | None], StudyTask] = {}
    suspects: deque[StudyTask] = deque()
    repeated: StudyTask | None = None
    left = True
    with opened as pool:
        while True:
            room = pool.width()
            if suspects and not flying:
                repeated = suspects.popleft()
                flying[pool.submit(repeated, deadline)] = repeated
            while left and not suspects and not repeated and len(flying) < room:
                # A task that is offered is always handed out: it has been claimed.
                task, left = _next(offers, deadline)
                if task is None:
                    break
                flying[pool.submit(task, deadline)] = task
            if not flying:
                if not left:
                    return
                time.sleep(POLL_SECONDS)
            for future in wait(flying, POLL_SECONDS, FIRST_COMPLETED).done if flying else ():
                task = flying.pop(future)
                try:
                    result = future.result()
                except pool.died as error:
                    result = _killed(task, error) if task is repeated else None
                    if result is None:
                        suspects.append(task)
                if task is repeated:
                    repeated = None
                if result is not None:
                    yield result


def _next(offers: Offers, deadline: float | None) -> tuple[StudyTask | None, bool]:
    """The next task, if there is one now, and whether there may be more."""
    if is_over(deadline):
        return None, False
    try:
        return next(offers), True
    except StopIteration:
        return None, False


def _killed(task: StudyTask, error: BaseException) -> TaskResult:
    text = (
        "the worker process of this task died, and died again when the task was repeated alone: "
        f"killed from outside, out of memory, or crashed in compiled code ({error})"
    )
    return TaskResult(task.n, task.replicate, ({},), 0.0, text)
