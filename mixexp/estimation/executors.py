"""Independent tasks in this process or in worker processes, the same results in either."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from typing import Any, TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")


def number_of_workers(n_jobs: int | None) -> int:
    """Worker processes in joblib's convention: None is 1, -1 all cores.

    Raises
    ------
    ValueError
        If `n_jobs` is 0.

    Examples
    --------
    >>> number_of_workers(None), number_of_workers(3)
    (1, 3)
    """
    from joblib import effective_n_jobs

    if n_jobs == 0:
        raise ValueError("n_jobs=0 runs nothing: use None for this process or -1 for all cores")
    return int(effective_n_jobs(1 if n_jobs is None else n_jobs))


def run_tasks(
    function: Callable[[Task], Result], tasks: Sequence[Task], n_jobs: int | None = None
) -> Iterator[tuple[int, Result]]:
    """Pairs (i, ``function(tasks[i])``) as they come, in any order.

    Every call has one BLAS thread, here as in a worker, so that a result does not depend on where
    it was computed. Workers that are busy when the iterator is closed or interrupted are given up;
    what came before is the caller's.

    Parameters
    ----------
    function : callable
        What it needs of the outside must be part of it or of its tasks, and picklable if there are
        workers.
    tasks : sequence
    n_jobs : int or None
        Worker processes in joblib's convention; None and 1 stay in this process.

    Raises
    ------
    ValueError
        If `n_jobs` is 0.

    Examples
    --------
    >>> sorted(run_tasks(abs, [-3, 2]))
    [(0, 3), (1, 2)]
    """
    workers = min(number_of_workers(n_jobs), max(len(tasks), 1))
    results = in_process(function, tasks) if workers == 1 else in_workers(function, tasks, workers)
    with closing(results):
        yield from results


def in_process(
    function: Callable[[Task], Result], tasks: Sequence[Task]
) -> Generator[tuple[int, Result]]:
    """The pairs of :func:`run_tasks`, computed one after the other when they are asked for."""
    from threadpoolctl import threadpool_limits

    for i, task in enumerate(tasks):
        # BLAS may round differently with more threads; workers have one. The limit must not last
        # while the caller has the result.
        with threadpool_limits(limits=1):
            result = function(task)
        yield i, result


def in_workers(
    function: Callable[[Task], Result], tasks: Sequence[Task], workers: int
) -> Generator[tuple[int, Result]]:
    """The pairs of :func:`run_tasks`, computed by loky workers with one thread each."""
    from joblib import Parallel, delayed, parallel_config

    with parallel_config(backend="loky", inner_max_num_threads=1):
        pool: Any = Parallel(n_jobs=workers, return_as="generator_unordered", batch_size=1)
    calls = (delayed(_numbered)(function, i, task) for i, task in enumerate(tasks))
    with closing(pool(calls)) as results:
        yield from results


def _numbered(function: Callable[[Task], Result], number: int, task: Task) -> tuple[int, Result]:
    return number, function(task)
