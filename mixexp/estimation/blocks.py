"""Sums over blocks of rows, on any number of threads, with the same bits on every one of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from contextvars import copy_context
from functools import cache, partial
from threading import Lock
from typing import Any

import numpy as np
import threadpoolctl
from numpy.typing import NDArray

Array = NDArray[np.float64]
Sums = list[Array]


class _Limit:
    """BLAS at one thread from the first to enter to the last to leave, whatever thread they are on.

    Most libraries have one number of threads for the process: one who restored it for himself would
    change it for those still inside, and the last one would restore the limit of another. Those
    with a number for each of our threads (OpenMP's) are limited for each.
    """

    def __init__(self) -> None:
        self._lock, self._n_inside = Lock(), 0
        self._restore: Callable[[], None] | None = None

    def enter(self) -> Any:
        """The libraries that are left for each thread to limit, None if there are none."""
        shared, own = _libraries()
        with self._lock:
            if not self._n_inside:
                _free_control()
                self._restore = shared.limit(limits=1).restore_original_limits
            self._n_inside += 1
        return own

    def leave(self) -> None:
        with self._lock:
            self._n_inside = max(self._n_inside - 1, 0)
            if not self._n_inside:
                self._lift()

    def after_fork(self) -> None:
        """Of the threads that were inside none is left."""
        self._lock, self._n_inside = Lock(), 0
        self._lift()

    def _lift(self) -> None:
        if self._restore is not None:
            _free_control()
            self._restore()
            _free_control()
            self._restore = None


@cache
def _libraries() -> tuple[Any, Any]:
    """Libraries with one number of threads for the process, and with one for each thread."""
    # Compiled kernels call SciPy's BLAS; only libraries that are loaded by now are found.
    import scipy.linalg.cython_blas  # noqa: F401

    blas = threadpoolctl.ThreadpoolController().select(user_api="blas")
    layers = {library.get("threading_layer") for library in blas.info()}
    own = blas.select(threading_layer="openmp") if "openmp" in layers else None
    return blas.select(threading_layer=list(layers - {"openmp"})), own


def _free_control() -> None:
    # From version 3.8 on, what a thread asks of threadpoolctl is ignored while another one is in
    # control: the last to leave could not restore what the first to enter had set.
    controller: Any = getattr(threadpoolctl, "OpenBLASController", None)
    if hasattr(controller, "clear_controlling_thread"):
        controller.clear_controlling_thread(force=True)


_limit = _Limit()


@contextmanager
def single_threaded_blas() -> Iterator[None]:
    """One BLAS thread inside: the bits of a matrix product may depend on their number."""
    own = _limit.enter()
    try:
        if own is None:
            yield
        else:
            with own.limit(limits=1):
                yield
    finally:
        _limit.leave()


class _Ordered:
    """A sum of tasks that any number of threads take from, added in the order of the tasks.

    What ends early waits for what comes before it; as tasks are taken in order, few ever wait, and
    the memory of partial sums does not depend on the number of tasks.
    """

    def __init__(self, task: Callable[[int], Sums], n_tasks: int):
        self._task, self._next, self._lock = task, iter(range(n_tasks)), Lock()
        self._waiting: dict[int, Sums] = {}
        self._n_added = 0
        self.total: Sums = []

    def stop(self) -> None:
        """Leave the tasks that nobody has taken."""
        with self._lock:
            self._next = iter(())

    def work(self) -> None:
        """Take tasks until there are none left."""
        while True:
            with self._lock:
                index = next(self._next, None)
            if index is None:
                return
            try:
                found = self._task(index)
            except BaseException:
                self.stop()
                raise
            with self._lock:
                self._waiting[index] = found
                while self._n_added in self._waiting:
                    add_into(self.total, self._waiting.pop(self._n_added))
                    self._n_added += 1


@cache
def _pool(n_threads: int) -> ThreadPoolExecutor:
    # Starting threads takes as long as a pass over ten thousand rows: they are kept.
    return ThreadPoolExecutor(n_threads, thread_name_prefix="mixexp")


def _after_fork() -> None:
    # Threads do not survive a fork: neither those kept here, nor those inside of the limit.
    _pool.cache_clear()
    _limit.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def sum_over_blocks(
    block_sums: Callable[[int, int], Sums], n_rows: int, block_rows: int, n_threads: int = 1
) -> Sums:
    """Add ``block_sums(start, stop)`` over consecutive blocks of rows.

    Parameters
    ----------
    block_sums : callable
        Returns a list of freshly allocated arrays, the same shapes for every block.
    n_rows, block_rows : int
    n_threads : int
        Blocks are computed on this many threads, the caller's one of them, and added in order. That
        is faster where blocks spend their time without the interpreter's lock.
    """
    starts = range(0, n_rows, block_rows)

    def task(index: int) -> Sums:
        return block_sums(starts[index], min(starts[index] + block_rows, n_rows))

    ordered = _Ordered(task, len(starts))
    n_others = min(n_threads, len(starts)) - 1
    others: list[Future[None]] = []
    try:
        for _ in range(n_others):
            # The treatment of floating-point errors is one of the caller's context.
            work = partial(copy_context().run, single_threaded_blas()(ordered.work))
            others.append(_pool(n_threads - 1).submit(work))
        ordered.work()
    finally:
        ordered.stop()
        # Those that never came to their turn are not needed any more.
        running = [other for other in others if not other.cancel()]
        wait(running)
    for other in running:
        other.result()
    return ordered.total


def add_into(total: Sums, part: Sums) -> None:
    """Add ``part`` to ``total`` in place; an empty total takes over the arrays of the part."""
    if not total:
        total.extend(part)
        return
    for a, b in zip(total, part, strict=True):
        a += b
