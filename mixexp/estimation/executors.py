"""Independent tasks here, in worker processes or on a cluster, the same results in each."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import closing
from typing import Any, TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")


def active_client() -> Any:
    """The client of ``joblib.parallel_config(backend="dask")`` where that is active, or None.

    A task of a cluster has none: it is computed where it is, whatever it consists of.

    Examples
    --------
    >>> active_client() is None
    True
    """
    client = _client_of_context()
    return None if client is None or _in_task() else client


def number_of_workers(n_jobs: int | None) -> int:
    """Tasks at the same time in joblib's convention: None is 1 or what its context says, -1 all.

    On a Dask cluster (:func:`active_client`) None and -1 are the threads of all its workers.

    Raises
    ------
    ValueError
        If `n_jobs` is 0.

    Examples
    --------
    >>> number_of_workers(None), number_of_workers(3)
    (1, 3)
    """
    if n_jobs == 0:
        raise ValueError("n_jobs=0 runs nothing: use None for this process or -1 for all cores")
    client = _client_of_context()
    if client is not None and n_jobs != 1:
        return 1 if _in_task() else _of_cluster(client, n_jobs)
    if n_jobs is None:
        return _of_context()
    from joblib import effective_n_jobs

    return int(effective_n_jobs(n_jobs))


def _client_of_context() -> Any:
    # Whoever made a client has imported the package.
    if "distributed" not in sys.modules:
        return None
    from distributed import Client
    from joblib.parallel import get_active_backend

    client = getattr(get_active_backend()[0], "client", None)
    return client if isinstance(client, Client) else None


def _in_task() -> bool:
    from mixexp.estimation.cluster.worker import is_here

    return is_here()


def _of_cluster(client: Any, n_jobs: int | None) -> int:
    # A cluster without workers may have to grow first.
    return n_jobs if n_jobs is not None and n_jobs > 0 else max(2, _threads(client))


def _threads(client: Any) -> int:
    return sum(client.nthreads().values())


def _of_context() -> int:
    """Workers of the context of joblib, where it has processes; 1 without a context."""
    from joblib.parallel import get_active_backend

    backend, n_jobs = get_active_backend()
    # Threads would wait for each other's Python, and the tasks of tasks have no processes.
    if n_jobs is None or getattr(backend, "uses_threads", False) or backend.nesting_level:
        return 1
    return int(backend.effective_n_jobs(n_jobs))


def run_tasks(
    function: Callable[[Task], Result], tasks: Sequence[Task], n_jobs: int | None = None
) -> Generator[tuple[int, Result]]:
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
        Worker processes in joblib's convention; 1 stays in this process, and so does None unless
        ``joblib.parallel_config`` says where to go.

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


def in_order(function: Callable[[Task], Result], tasks: Iterable[Task]) -> Generator[Result]:
    """``function`` of each task in their order, on the workers that joblib's context names.

    Without a context a task is taken, and computed here, when its result is asked for.

    Parameters
    ----------
    function : callable
    tasks : iterable

    Examples
    --------
    >>> list(in_order(abs, [-3, 2]))
    [3, 2]
    """
    if number_of_workers(None) == 1:
        yield from map(function, tasks)
        return
    from mixexp.estimation.cluster.watch import in_order as sorted_by_number

    with closing(run_tasks(function, list(tasks))) as pairs:
        yield from sorted_by_number(pairs)


def in_process(
    function: Callable[[Task], Result], tasks: Sequence[Task]
) -> Generator[tuple[int, Result]]:
    """The pairs of :func:`run_tasks`, computed one after the other when they are asked for."""
    from threadpoolctl import threadpool_limits

    from mixexp.estimation.blocks import single_threaded_blas

    for i, task in enumerate(tasks):
        # BLAS may round differently with more threads; workers have one. The limit must not last
        # while the caller has the result.
        with single_threaded_blas(), threadpool_limits(limits=1, user_api="openmp"):
            result = function(task)
        yield i, result


def in_workers(
    function: Callable[[Task], Result], tasks: Sequence[Task], workers: int
) -> Generator[tuple[int, Result]]:
    """The pairs of :func:`run_tasks`, computed by workers of a cluster or of loky."""
    client = active_client()
    if client is None:
        return _in_processes(function, tasks, workers)
    from mixexp.estimation.cluster.tasks import on_cluster

    # A cluster that gives all it has keeps its own queue, and may grow to shorten it.
    at_once = workers if workers < _threads(client) else None
    return on_cluster(client, function, tasks, at_once)


def _in_processes(
    function: Callable[[Task], Result], tasks: Sequence[Task], workers: int
) -> Generator[tuple[int, Result]]:
    from joblib import Parallel, delayed, parallel_config

    # Long arrays are shared through files; compiled kernels want arrays that could be written to.
    with parallel_config(backend="loky", inner_max_num_threads=1, mmap_mode="c"):
        pool: Any = Parallel(n_jobs=workers, return_as="generator_unordered", batch_size=1)
    calls = (delayed(_numbered)(function, i, task) for i, task in enumerate(tasks))
    with closing(pool(calls)) as results:
        yield from results


def _numbered(function: Callable[[Task], Result], number: int, task: Task) -> tuple[int, Result]:
    return number, function(task)
