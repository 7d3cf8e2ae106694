"""Worker processes of a Dask cluster, an existing one or one made for the study."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from typing import Any

from mixexp.simulation._execute import TaskResult
from mixexp.simulation.backends.pool import Pool
from mixexp.simulation.backends.processes import ONE_THREAD
from mixexp.simulation.backends.serial import execute_serially
from mixexp.simulation.study import StudyTask

WAIT_SECONDS = 60.0
"""How long a cluster may be without any worker."""


@contextmanager
def dask_pool(workers: int, scheduler: str | None) -> Iterator[Pool]:
    """The workers of a scheduler, or a local cluster of so many processes that ends with the study.

    Parameters
    ----------
    workers : int
        Processes of the local cluster, one thread each; not used with a scheduler.
    scheduler : str or None
        Address such as ``tcp://host:8786``. Its workers need mixexp and the module of the task
        function.

    Raises
    ------
    ImportError
        If dask or distributed are not installed.
    RuntimeError
        If there is no worker for a minute.
    """
    try:
        from distributed import Client, KilledWorker
    except ImportError as error:
        raise ImportError(
            'backend="dask" needs dask and distributed: pip install mixexp[dask]'
        ) from error
    with ExitStack() as stack:
        address = stack.enter_context(_local_cluster(workers)) if scheduler is None else scheduler
        client = stack.enter_context(Client(address, set_as_default=False))
        # The same task may be repeated after its worker died, hence not pure.
        executor = client.get_executor(pure=False)
        stack.callback(executor.shutdown, wait=False)

        def submit(task: StudyTask, deadline: float | None) -> Future[TaskResult | None]:
            return executor.submit(execute_serially, task, deadline)

        yield Pool(submit, _Width(client), (KilledWorker,))


class _Width:
    """Two tasks for each worker there is now; a cluster may grow and shrink."""

    def __init__(self, client: Any) -> None:
        self.client, self.seen = client, time.monotonic()

    def __call__(self) -> int:
        while not (workers := len(self.client.nthreads())):
            if time.monotonic() - self.seen > WAIT_SECONDS:
                raise RuntimeError(
                    f"the Dask cluster has had no worker for {WAIT_SECONDS:g} seconds; what was "
                    "computed is stored: start workers and run again"
                )
            time.sleep(0.5)
        self.seen = time.monotonic()
        return 2 * workers


@contextmanager
def _local_cluster(workers: int) -> Iterator[Any]:
    import dask
    from distributed import LocalCluster

    # A worker that dies is reported at once: the pool repeats its tasks one at a time.
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 0}),
        LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            processes=True,
            dashboard_address=":0",
            env=ONE_THREAD,
        ) as cluster,
    ):
        yield cluster
