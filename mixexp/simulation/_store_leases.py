"""Who is computing a task: leases by process, so that two runners share the work of one store."""

from __future__ import annotations

import os
import socket
import time
from functools import cache
from pathlib import Path
from typing import NamedTuple

LEASE_SECONDS = 3600.0
"""Age at which a lease counts for nothing if nobody can tell whether its process lives."""


class Lease(NamedTuple):
    """The process that computes a task, and since when (``time.time()``).

    `born` tells a process from a later one with the same number; it is empty where the system does
    not say.
    """

    host: str
    pid: int
    born: str
    taken: float

    @property
    def is_mine(self) -> bool:
        """Whether this process holds it."""
        return self[:3] == _this_process(os.getpid())

    @property
    def is_stale(self) -> bool:
        """Whether its process has ended, or, where that cannot be told, it is too old."""
        here = self.host == socket.gethostname()
        if here and not _is_alive(self.pid, self.born):
            return True
        # Without a start time a living process may be a later one of the same number.
        known = here and self.born != ""
        return not known and time.time() - self.taken > LEASE_SECONDS


def new_lease() -> Lease:
    """A lease of this process from now on.

    Examples
    --------
    >>> lease = new_lease()
    >>> lease.is_mine, lease.is_stale, lease._replace(host="elsewhere", taken=0.0).is_stale
    (True, False, True)
    """
    return Lease(*_this_process(os.getpid()), time.time())


@cache
def _this_process(pid: int) -> tuple[str, int, str]:
    # Keyed by pid: a forked child is another process.
    return socket.gethostname(), pid, _born(pid)


def _is_alive(pid: int, born: str) -> bool:
    if os.name != "posix":  # there, a signal of 0 would end the process
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    state = _state(pid)
    return not state or (state[0] != "Z" and born in ("", state[19]))


def _born(pid: int) -> str:
    state = _state(pid)
    return state[19] if state else ""


def _state(pid: int) -> list[str]:
    """Fields 3, 4, ... of Linux' ``/proc/PID/stat``: the state, and as 20th the start time."""
    try:
        # The second field, a name in brackets, may hold blanks and brackets.
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []
