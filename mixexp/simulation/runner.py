"""Run the tasks of a study in worker processes and store each row as it comes."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, nullcontext
from typing import TYPE_CHECKING, Literal

from mixexp.simulation._execute import TaskResult
from mixexp.simulation._progress import Progress
from mixexp.simulation.backends import (
    Offers,
    dask_pool,
    in_pool,
    in_process,
    loky_pool,
    number_of_workers,
)
from mixexp.simulation.store import ResultStore
from mixexp.simulation.study import Study, StudyTask

if TYPE_CHECKING:
    import pandas as pd

Backend = Literal["loky", "dask"]


def run(
    study: Study,
    store: ResultStore | str | os.PathLike[str],
    *,
    n_jobs: int = 2,
    backend: Backend = "loky",
    scheduler: str | None = None,
    progress: bool = True,
    time_limit: float | None = None,
    retry_failed: bool = False,
) -> pd.DataFrame:
    """Run what the store does not have yet and return the table of the study.

    Workers are separate processes with one BLAS and one numba thread each, so the numbers depend
    neither on the backend nor on how many workers there are. Only this process writes, one
    transaction per task, so an interruption of any kind loses at most the tasks under way; calling
    `run` again resumes and ends with the same table. Several runners may share a store: each task
    is computed by one of them, and all return the whole table. A task whose worker process dies is
    repeated once, alone, and recorded as failed if it dies again. The costliest tasks go first, so
    that no long task is left for the end. With a `time_limit` replicate 0 of every size goes first,
    then replicate 1, and so on: whatever the clock cuts off, the sizes keep about equal numbers.

    Parameters
    ----------
    study : Study
        The study.
    store : ResultStore or path
        Where the rows go; a path is opened and closed here.
    n_jobs : int
        Worker processes, in joblib's convention (-1: all cores); 1 runs in this process. With a
        `scheduler` its workers are used, however many.
    backend : {"loky", "dask"}
        Processes of this machine, or a Dask cluster (``pip install mixexp[dask]``). A script that
        uses either needs ``if __name__ == "__main__":``, as worker processes import it.
    scheduler : str, optional
        Address of an existing Dask cluster, such as ``"tcp://host:8786"``; its clocks must agree
        for a `time_limit`. None: a cluster of `n_jobs` processes on this machine, which ends with
        the call.
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
    ImportError
        If `backend` is "dask" and dask or distributed are missing.
    RuntimeError
        If a Dask cluster has no worker for a minute; what was computed is stored.
    ValueError
        If `n_jobs` is 0, `time_limit` is negative, `backend` is another word, or a `scheduler` is
        given for the backend "loky".

    Warns
    -----
    DamagedStoreWarning
        If records of the store are damaged; their tasks are computed again.

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
    _check(backend, scheduler, time_limit)
    with nullcontext(store) if isinstance(store, ResultStore) else ResultStore(store) as opened:
        finished = opened.finished(study, with_failed=not retry_failed)
        tasks = [task for task in study.tasks() if (task.n, task.replicate) not in finished]
        workers = number_of_workers(n_jobs)
        if tasks:
            deadline = None if time_limit is None else time.time() + time_limit
            compute = _compute(backend, scheduler, min(workers, len(tasks)), deadline)
            _run_tasks(study, opened, tasks, compute, progress, time_limit, retry_failed)
        return opened.to_frame(study)


def _check(backend: str, scheduler: str | None, time_limit: float | None) -> None:
    if backend not in ("loky", "dask"):
        raise ValueError(f'backend must be "loky" or "dask", got {backend!r}')
    if backend == "loky" and scheduler is not None:
        raise ValueError(f'scheduler={scheduler!r} is of a Dask cluster: add backend="dask"')
    if time_limit is not None and not time_limit >= 0:
        raise ValueError(f"time_limit must be None or at least 0 seconds, got {time_limit}")


def _compute(
    backend: str, scheduler: str | None, workers: int, deadline: float | None
) -> Callable[[Offers], Generator[TaskResult]]:
    """The function from tasks to results that the options describe."""
    if backend == "dask":
        return lambda offers: in_pool(dask_pool(workers, scheduler), offers, deadline)
    if workers > 1:
        return lambda offers: in_pool(loky_pool(workers), offers, deadline)
    return lambda offers: in_process(offers, deadline)


def _run_tasks(
    study: Study,
    store: ResultStore,
    tasks: list[StudyTask],
    compute: Callable[[Offers], Generator[TaskResult]],
    progress: bool,
    time_limit: float | None,
    retry_failed: bool,
) -> None:
    costs = {n: study.task_cost(n) for n in study.sizes}
    tasks = sorted(tasks, key=_by_cost(costs, balanced=time_limit is not None))
    total = sum(costs[task.n] for task in tasks)
    bar = Progress(study.name, len(tasks), total, time_limit=time_limit, enabled=progress)

    def count_done_elsewhere(task: StudyTask) -> None:
        bar.advance(costs[task.n], failed=False)

    offers = _claimed(store, tasks, retry_failed, count_done_elsewhere)
    try:
        with bar, closing(compute(offers)) as results:
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
    finally:
        store.release(tasks)


def _claimed(
    store: ResultStore,
    tasks: list[StudyTask],
    retry_failed: bool,
    done_elsewhere: Callable[[StudyTask], None],
) -> Iterator[StudyTask | None]:
    """Tasks that this runner may compute; None while other runners have all that is left."""
    while tasks:
        leased = []
        for task in tasks:
            outcome = store.claim(task, retry_failed=retry_failed)
            if outcome == "taken":
                yield task
            elif outcome == "done":
                done_elsewhere(task)
            else:
                leased.append(task)
        if leased:
            yield None
        tasks = leased


def _by_cost(
    costs: dict[int, float], *, balanced: bool
) -> Callable[[StudyTask], tuple[float, ...]]:
    def key(task: StudyTask) -> tuple[float, ...]:
        order = (-costs[task.n], -task.n, task.replicate)
        return (task.replicate, *order) if balanced else order

    return key
