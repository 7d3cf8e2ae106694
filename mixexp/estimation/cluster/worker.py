"""What is done in a worker of a cluster, with one BLAS thread whoever else computes there."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


class _Limit:
    """One BLAS thread while anyone is inside.

    The limit holds for the whole process: with several tasks at the same time, the first sets it
    and the last one lifts it.
    """

    def __init__(self) -> None:
        self._lock, self._inside = threading.Lock(), 0
        self._controller: Any = None
        self._limits: Any = None

    @contextmanager
    def __call__(self) -> Iterator[None]:
        self._enter()
        try:
            yield
        finally:
            self._leave()

    def _enter(self) -> None:
        from threadpoolctl import ThreadpoolController

        with self._lock:
            # Looking for the libraries takes longer than many a task.
            self._controller = self._controller or ThreadpoolController()
            if not self._inside:
                self._limits = self._controller.limit(limits=1, user_api="blas")
            self._inside += 1

    def _leave(self) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                self._limits.restore_original_limits()


one_blas_thread = _Limit()
"""Context manager: BLAS may round differently with more threads."""


def call(function: Callable[..., Any], *arguments: Any) -> Any:
    """``function(*arguments)`` with one BLAS thread."""
    with one_blas_thread():
        return function(*arguments)


def is_here() -> bool:
    """Whether this is a task of a cluster, computed in one of its workers."""
    from distributed import get_worker

    try:
        get_worker()
    except ValueError:
        return False
    return True
