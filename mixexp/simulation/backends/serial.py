"""Tasks one after the other in this process, and how every worker computes one."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator, Iterator

from mixexp.simulation._execute import TaskResult, execute_task
from mixexp.simulation.study import StudyTask

POLL_SECONDS = 0.5

Offers = Iterator[StudyTask | None]
"""Tasks to compute; None says that there is nothing to do now but may be later."""

_ONE_AT_A_TIME = threading.Lock()


def execute_serially(task: StudyTask, deadline: float | None = None) -> TaskResult | None:
    """`execute_task` with one BLAS thread and no other task in this process.

    BLAS may round differently with more threads, so every backend computes with one; that limit
    holds for the whole process, hence the lock (a Dask worker may have several threads).

    Examples
    --------
    >>> from mixexp.simulation import Study
    >>> task, = Study("demo", (10,), 1, lambda task: {"n_squared": task.n**2}).tasks()
    >>> execute_serially(task).rows
    ({'n_squared': 100},)
    """
    from threadpoolctl import threadpool_limits

    with _ONE_AT_A_TIME, threadpool_limits(limits=1):
        return execute_task(task, deadline)


def in_process(offers: Offers, deadline: float | None) -> Generator[TaskResult]:
    """Results of the tasks, computed here, until they or the time are over.

    Parameters
    ----------
    offers : iterator of StudyTask or None
        The tasks.
    deadline : float or None
        Clock time (``time.time()``) after which no task starts.
    """
    for task in offers:
        if task is not None:
            result = execute_serially(task, deadline)
            if result is None:
                return
            yield result
        elif is_over(deadline):
            return
        else:
            time.sleep(POLL_SECONDS)


def is_over(deadline: float | None) -> bool:
    """Whether the deadline has passed."""
    return deadline is not None and time.time() >= deadline
