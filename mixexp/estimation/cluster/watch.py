"""Results of a cluster in the order in which they come, although workers come and go."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Generator, Iterable, Iterator
from concurrent.futures import CancelledError, wait
from contextlib import suppress
from itertools import islice
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

Value = TypeVar("Value")

WAIT_SECONDS = 60.0
"""How long a cluster may be without any worker."""

_POLL_SECONDS = 1.0
# A task or the data it needs may be lost with a worker so often.
_MAX_LOSSES = 5


class Watch:
    """Notices that a cluster is gone; waiting for its results would have no end.

    Parameters
    ----------
    client : distributed.Client
    """

    def __init__(self, client: Any) -> None:
        self.client, self._seen = client, time.monotonic()

    def check(self) -> None:
        """Ask for the workers.

        Raises
        ------
        RuntimeError
            If the scheduler does not answer, or there has been no worker for a minute.
        """
        try:
            # A connection that was cut is made again, or given up, within the client's timeout.
            while self.client.status == "connecting":
                time.sleep(0.1)
            workers = len(self.client.nthreads()) if self.client.status == "running" else None
        # What distributed raises depends on how far a connection had come.
        except (OSError, RuntimeError, TimeoutError, AttributeError):
            workers = None
        if workers is None:
            raise RuntimeError(
                f"the scheduler of the Dask cluster ({_address(self.client)}) is gone; start it "
                "and its workers again, connect a new Client, and fit again"
            )
        if workers:
            self._seen = time.monotonic()
        elif time.monotonic() - self._seen > WAIT_SECONDS:
            raise RuntimeError(
                f"the Dask cluster ({_address(self.client)}) has had no worker for "
                f"{WAIT_SECONDS:g} seconds; start workers and fit again"
            )

    def wait(self, coming: Coroutine[Any, Any, Value]) -> Value:
        """What a coroutine of the client returns, however long that takes."""
        loop = self.client.loop.asyncio_loop
        future = asyncio.run_coroutine_threadsafe(coming, loop)
        try:
            while not wait([future], timeout=_POLL_SECONDS).done:
                self.check()
            return future.result()
        finally:
            future.cancel()


def results(
    client: Any,
    submit: Callable[[list[int]], list[Any]],
    number: int,
    *,
    at_once: int | None = None,
    recover: Callable[[], None] = lambda: None,
) -> Generator[tuple[int, Any]]:
    """Pairs (i, result of task i) as they come; what is lost with a worker is done again.

    Dask itself repeats the tasks of a worker that died, and recomputes the data they need. What it
    cannot recompute, scattered data, cancels all tasks that need it: those are submitted again.

    Parameters
    ----------
    client : distributed.Client
    submit : callable
        Hands tasks of these numbers to the cluster and returns their futures.
    number : int
        Number of tasks.
    at_once : int, optional
        Tasks that are with the cluster at the same time; all of them by default.
    recover : callable
        Called before lost tasks are submitted again.

    Raises
    ------
    RuntimeError
        If the cluster is gone, or loses the same task again and again.
    """
    watch, done = Watch(client), SimpleQueue[Any]()
    running: dict[int, tuple[int, Any]] = {}
    losses = [0] * number

    def hand_out(some: list[int]) -> None:
        for i, future in zip(some, submit(some) if some else (), strict=True):
            running[id(future)] = i, future
            future.add_done_callback(done.put)

    following = iter(range(number))
    try:
        hand_out(list(islice(following, at_once)))
        while running:
            # One journey for all that have ended: over a network it is the journeys that count.
            ended = [running.pop(id(future)) for future in _ended(done, watch)]
            lost = [i for i, future in ended if _is_lost(future)]
            came = [pair for pair in ended if pair[0] not in lost]
            try:
                values = watch.wait(_gathered(client, [future for _, future in came]))
            except CancelledError:
                lost, came, values = [i for i, _ in ended], [], []
            while lost:
                _count(lost, losses, watch)
                # A cluster that is just ending still takes tasks, or fails in many ways.
                with suppress(OSError, TimeoutError):
                    recover()
                    hand_out(lost)
                    lost = []
            hand_out(list(islice(following, len(came))))
            yield from zip((i for i, _ in came), values, strict=True)
    finally:
        _give_up(client, [future for _, future in running.values()])


def in_order(pairs: Iterable[tuple[int, Any]]) -> Iterator[Any]:
    """The results of pairs (i, result) in the order of their numbers, each as soon as it can be.

    Examples
    --------
    >>> list(in_order([(1, "b"), (0, "a"), (2, "c")]))
    ['a', 'b', 'c']
    """
    early: dict[int, Any] = {}
    expected = 0
    for i, result in pairs:
        early[i] = result
        while expected in early:
            yield early.pop(expected)
            expected += 1


def _ended(done: SimpleQueue[Any], watch: Watch) -> list[Any]:
    """The futures that have ended since, at least one, however long that takes."""
    while True:
        try:
            ended = [done.get(timeout=_POLL_SECONDS)]
            break
        except Empty:
            watch.check()
    # Only this thread takes from the queue.
    return ended + [done.get() for _ in range(done.qsize())]


def _is_lost(future: Any) -> bool:
    return future.status in ("cancelled", "lost")


async def _gathered(client: Any, futures: list[Any]) -> list[Any]:
    from distributed import KilledWorker

    try:
        return await client.gather(futures, asynchronous=True) if futures else []
    except KilledWorker as error:
        raise RuntimeError(
            f"several workers of the Dask cluster have died over the same partition or task "
            f"({error}); most likely their memory is too small for it: give them more, fewer "
            "threads each, or make partitions smaller with repartition"
        ) from error


def _count(lost: list[int], losses: list[int], watch: Watch) -> None:
    """Count the losses, and wait a little: what else was lost may be reported a moment later."""
    for i in lost:
        losses[i] += 1
    worst = max(losses[i] for i in lost)
    time.sleep(0.1 * worst)
    watch.check()
    if worst > _MAX_LOSSES:
        raise RuntimeError(
            f"the Dask cluster has lost the data of a task {worst} times with the workers that "
            "held them; use workers that live longer, or data that Dask can read again (files, not "
            "client.scatter)"
        )


def _give_up(client: Any, futures: list[Any]) -> None:
    """Cancel futures, unless there is nobody left to tell."""
    if futures and client.status == "running":
        client.cancel(futures)


def _address(client: Any) -> str:
    return str(getattr(client.scheduler, "address", None) or "an unknown address")
