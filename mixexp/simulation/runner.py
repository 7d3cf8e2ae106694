"""Run the tasks of a study in worker processes and store each row as it comes."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Generator
from contextlib import closing, nullcontext
from typing import TYPE_CHECKING

from mixexp.simulation._execute import TaskResult, execute_task
from mixexp.simulation._progress import Progress
from mixexp.simulation.store import ResultStore
from mixexp.simulation.study import Study, StudyTask

if TYPE_CHECKING:
    import pandas as pd


def run(
    study: Study,
    store: ResultStore | str | os.PathLike[str],
    *,
    n_jobs: int = 2,
    progress: bool = True,
    time_limit: float | None = None,
    retry_failed: bool = False,
) -> pd.DataFrame:
    """Run what the store does not have yet and return the table of the study.

    Workers are separate processes with one BLAS and one numba thread each. Only this process
    writes, one transaction per task, so an interruption of any kind loses at most the tasks under
    way; calling `run` again resumes and ends with the same table. The costliest tasks go first, so
    that no long task is left for the end. With a `time_limit` replicate 0 of every size goes first,
    then replicate 1, and so on: whatever the clock cuts off, the sizes keep about equal numbers.

    Parameters
    ----------
    study : Study
        The study.
    store : ResultStore or path
        Where the rows go; a path is opened and closed here.
    n_jobs : int
        Worker processes, in joblib's convention (-1: all cores); 1 runs in this process.
    progress : bool
        Whether to report progress on standard error.
    time_limit : float, optional
        Seconds after which no task starts; tasks under way are finished.
    retry_failed : bool
        Whether tasks that failed before are run again.

    Returns
    -------
    pandas.DataFrame
        One row per task and part, sorted by (n, replicate, part): the columns of the task function,
        the key, ``seed_key``, ``mixexp_version``, ``wall_seconds`` and ``error`` (missing, or the
        traceback of a failed task).

    Raises
    ------
    KeyboardInterrupt
        After everything that had ended is stored.
    joblib.externals.loky.process_executor.TerminatedWorkerError
        If a worker process dies (killed, out of memory); rows stored before are kept.
    ValueError
        If `n_jobs` is 0 or `time_limit` is negative.

    Examples
    --------
    >>> from mixexp.simulation import Study
    >>> def mean_error(task):
    ...     return {"error_of_mean": abs(float(task.rng().normal(size=task.n).mean()))}
    >>> study = Study("normal-mean", sizes=(100, 400), replicates=2, run=mean_error)
    >>> frame = run(study, ":memory:", n_jobs=1, progress=False)
    >>> frame[["n", "replicate", "seed_key"]].values.tolist()[0]
    [100, 0, 'normal-mean:100:0']
    """
    if time_limit is not None and not time_limit >= 0:
        raise ValueError(f"time_limit must be None or at least 0 seconds, got {time_limit}")
    with nullcontext(store) if isinstance(store, ResultStore) else ResultStore(store) as opened:
        finished = opened.finished(study, with_failed=not retry_failed)
        tasks = [task for task in study.tasks() if (task.n, task.replicate) not in finished]
        _run_tasks(study, opened, tasks, n_jobs, progress, time_limit)
        return opened.to_frame(study)


def _run_tasks(
    study: Study,
    store: ResultStore,
    tasks: list[StudyTask],
    n_jobs: int,
    progress: bool,
    time_limit: float | None,
) -> None:
    costs = {n: study.task_cost(n) for n in study.sizes}
    tasks = sorted(tasks, key=_by_cost(costs, balanced=time_limit is not None))
    workers = min(_number_of_workers(n_jobs), len(tasks))
    if not workers:
        return
    deadline = None if time_limit is None else time.time() + time_limit
    total = sum(costs[task.n] for task in tasks)
    results = (
        _in_process(tasks, deadline) if workers == 1 else _in_workers(tasks, workers, deadline)
    )
    bar = Progress(study.name, len(tasks), total, time_limit=time_limit, enabled=progress)
    try:
        with bar, closing(results):
            for result in results:
                store.put(study, result)
                bar.advance(costs[result.n], failed=result.error is not None)
    except KeyboardInterrupt:
        print(
            f"{study.name}: interrupted, {bar.done} of {len(tasks)} tasks stored in {store.path}; "
            "run again to resume",
            file=sys.stderr,
        )
        raise


def _by_cost(
    costs: dict[int, float], *, balanced: bool
) -> Callable[[StudyTask], tuple[float, ...]]:
    def key(task: StudyTask) -> tuple[float, ...]:
        order = (-costs[task.n], -task.n, task.replicate)
        return (task.replicate, *order) if balanced else order

    return key


def _number_of_workers(n_jobs: int) -> int:
    from joblib import effective_n_jobs

    if n_jobs == 0:
        raise ValueError("n_jobs=0 runs nothing: use 1 for this process or -1 for all cores")
    return effective_n_jobs(n_jobs)


def _in_process(tasks: list[StudyTask], deadline: float | None) -> Generator[TaskResult]:
    from threadpoolctl import threadpool_limits

    # BLAS may round differently with more threads; workers have one.
    with threadpool_limits(limits=1):
        for task in tasks:
            result = execute_task(task, deadline)
            if result is None:
                return
            yield result


def _in_workers(
    tasks: list[StudyTask], workers: int, deadline: float | None
) -> Generator[TaskResult]:
    from joblib import Parallel, delayed, parallel_config

    with parallel_config(backend="loky", inner_max_num_threads=1):
        pool = Parallel(n_jobs=workers, return_as="generator_unordered", batch_size=1)
    with closing(pool(delayed(execute_task)(task, deadline) for task in tasks)) as results:
        for result in results:
            if result is not None:
                yield result
