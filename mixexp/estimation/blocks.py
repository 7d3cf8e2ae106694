"""Sums over blocks of rows, on any number of threads, with the same bits on every one of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController

Array = NDArray[np.float64]
Sums = list[Array]

# Blocks of one task are added in order by one thread, and tasks are added in order: the grouping of
# the additions depends on the number of rows alone.
_BLOCKS_A_TASK = 16


@cache
def _controller() -> ThreadpoolController:
    return ThreadpoolController()


_limited = ContextVar("limited", default=False)


@contextmanager
def single_threaded_blas() -> Iterator[None]:
    """One BLAS thread inside: the bits of a matrix product may depend on their number."""
    if _limited.get():
        yield
        return
    token = _limited.set(True)
    try:
        with _controller().limit(limits=1, user_api="blas"):
            yield
    finally:
        _limited.reset(token)


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
        Tasks run on this many threads; kernels and BLAS release the interpreter's lock.
    """
    stride = block_rows * _BLOCKS_A_TASK

    def task(start: int) -> Sums:
        stop = min(start + stride, n_rows)
        total: Sums = []
        for first in range(start, stop, block_rows):
            add_into(total, block_sums(first, min(first + block_rows, stop)))
        return total

    starts = range(0, n_rows, stride)
    total: Sums = []
    if n_threads <= 1 or len(starts) <= 1:
        for start in starts:
            add_into(total, task(start))
        return total
    with ThreadPoolExecutor(n_threads) as pool:
        waiting: list[Future[Sums]] = []
        for start in starts:
            waiting.append(pool.submit(task, start))
            # A bounded queue keeps the memory of partial sums independent of the number of rows.
            if len(waiting) > 4 * n_threads:
                add_into(total, waiting.pop(0).result())
        for future in waiting:
            add_into(total, future.result())
    return total


def add_into(total: Sums, part: Sums) -> None:
    """Add ``part`` to ``total`` in place; an empty total takes over the arrays of the part."""
    if not total:
        total.extend(part)
        return
    for a, b in zip(total, part, strict=True):
        a += b
