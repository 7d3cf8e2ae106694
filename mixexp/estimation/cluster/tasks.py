"""Independent tasks of one function on the workers of a cluster."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from typing import Any

from mixexp.estimation.cluster.watch import results
from mixexp.estimation.cluster.worker import call


def on_cluster(
    client: Any, function: Callable[[Any], Any], tasks: Sequence[Any], at_once: int | None = None
) -> Generator[tuple[int, Any]]:
    """Pairs (i, ``function(tasks[i])``) as they come.

    The function, and with it the data that it holds, is sent to the workers once, not with every
    task; if all workers that have it die, it is sent again.

    Parameters
    ----------
    client : distributed.Client
    function : callable
        Can be pickled, and does not change what it holds: tasks of a worker share it.
    tasks : sequence
    at_once : int, optional
        Tasks that are with the cluster at the same time.

    Raises
    ------
    RuntimeError
        If the cluster is gone.
    """
    shared = _Shared(client, function)

    def submit(some: list[int]) -> list[Any]:
        # A repeated task has the key of the one that was lost, unless it is not pure.
        return [client.submit(call, shared.future, tasks[i], pure=False) for i in some]

    pairs = results(client, submit, len(tasks), at_once=at_once, recover=shared.restore)
    with closing(pairs):
        yield from pairs


class _Shared:
    """A value that every worker has."""

    def __init__(self, client: Any, value: Any) -> None:
        self._client, self._value, self.future = client, value, None
        self.restore()

    def restore(self) -> None:
        """Send the value, if the workers have not got it."""
        if self.future is None or self.future.status in ("cancelled", "lost"):
            # A hash would be computed of all the data.
            self.future = self._client.scatter(self._value, broadcast=True, hash=False)
