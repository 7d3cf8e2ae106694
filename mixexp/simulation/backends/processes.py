"""Local worker processes by joblib's loky."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager

from mixexp.simulation._execute import TaskResult
from mixexp.simulation.backends.pool import Pool
from mixexp.simulation.backends.serial import execute_serially
from mixexp.simulation.study import StudyTask

ONE_THREAD = dict.fromkeys(
    (
        "BLIS_NUM_THREADS",
        "MKL_NUM_THREADS",
        "NUMBA_NUM_THREADS",
        "OMP_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "VECLIB_MAXIMUM_THREADS",
    ),
    "1",
)
"""Environment of workers: libraries read it when they are loaded."""
_IDLE_SECONDS = 300


def number_of_workers(n_jobs: int) -> int:
    """Worker processes in joblib's convention: -1 means all cores.

    Raises
    ------
    ValueError
        If `n_jobs` is 0.
    """
    from joblib import effective_n_jobs

    if n_jobs == 0:
        raise ValueError("n_jobs=0 runs nothing: use 1 for this process or -1 for all cores")
    return int(effective_n_jobs(n_jobs))


@contextmanager
def loky_pool(workers: int) -> Iterator[Pool]:
    """So many processes, kept for the next study unless this one is interrupted."""
    # Loky has one executor in a process: made by joblib, it also serves joblib.Parallel.
    from joblib.executor import get_memmapping_executor
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    def submit(task: StudyTask, deadline: float | None) -> Future[TaskResult | None]:
        # Asked for anew each time: an executor that lost a worker is replaced.
        executor = get_memmapping_executor(workers, timeout=_IDLE_SECONDS, env=ONE_THREAD)
        try:
            return executor.submit(execute_serially, task, deadline)
        except TerminatedWorkerError as error:
            # It lost a worker just now: that is an outcome of the task, as it is a moment later.
            refused: Future[TaskResult | None] = Future()
            refused.set_exception(error)
            return refused

    try:
        yield Pool(submit, lambda: 2 * workers, (TerminatedWorkerError,))
    except BaseException:
        get_memmapping_executor(workers, timeout=_IDLE_SECONDS, env=ONE_THREAD).shutdown(
            kill_workers=True
        )
        raise
