"""Progress of a study on the standard error stream."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Any, TextIO

_SECONDS_BETWEEN_LINES = 10.0


class Progress:
    """Tasks done, and the time left ``elapsed * (cost left) / (cost done)``.

    On a terminal a bar; elsewhere (a log file, a pipe) a line about every ten seconds.

    Parameters
    ----------
    title : str
        First words of every line.
    n_tasks : int
        Tasks to run.
    cost : float
        Their total cost, in any unit.
    time_limit : float, optional
        Seconds after which no task starts; the time left is at most what remains of it.
    enabled : bool
        Whether to print at all.
    stream : text stream, optional
        Where to print (default: standard error).

    Examples
    --------
    >>> import io
    >>> log = io.StringIO()
    >>> with Progress("demo", n_tasks=2, cost=1100.0, stream=log) as progress:
    ...     progress.advance(1000.0, failed=False)
    ...     progress.advance(100.0, failed=True)
    >>> print(log.getvalue())
    demo: 0/2 tasks
    demo: 2/2 tasks, 100 % of the work, 0:00 elapsed, 0:00 left, 1 failed
    """

    def __init__(
        self,
        title: str,
        n_tasks: int,
        cost: float,
        *,
        time_limit: float | None = None,
        enabled: bool = True,
        stream: TextIO | None = None,
    ) -> None:
        self.title, self.n_tasks, self.cost = title, n_tasks, cost
        self.time_limit, self.enabled = time_limit, enabled
        self.stream = sys.stderr if stream is None else stream
        self.done = self.failed = 0
        self.cost_done = 0.0
        self._bar: Any = None

    def __enter__(self) -> Progress:
        self._start = self._last_line = time.monotonic()
        if not self.enabled:
            return self
        if self.stream.isatty():
            from tqdm import tqdm

            layout = "{desc}: {percentage:3.0f}%|{bar}| {postfix}"
            self._bar = tqdm(total=self.cost, desc=self.title, bar_format=layout, file=self.stream)
            self._bar.set_postfix_str(self._state())
        else:
            print(f"{self.title}: 0/{self.n_tasks} tasks", file=self.stream, flush=True)
        return self

    def advance(self, cost: float, *, failed: bool) -> None:
        """Count one task that has ended."""
        self.done += 1
        self.failed += failed
        self.cost_done += cost
        if self._bar is not None:
            self._bar.set_postfix_str(self._state(), refresh=False)
            self._bar.update(cost)
        elif self.enabled and time.monotonic() - self._last_line >= _SECONDS_BETWEEN_LINES:
            self._print_line()

    def seconds_left(self) -> float | None:
        """Estimated seconds to the end; None before the first task has ended."""
        if self.cost_done <= 0.0:
            return None
        elapsed = time.monotonic() - self._start
        left = elapsed * max(self.cost - self.cost_done, 0.0) / self.cost_done
        return left if self.time_limit is None else min(left, max(self.time_limit - elapsed, 0.0))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.set_postfix_str(self._state())
            self._bar.close()
        elif self.enabled:
            self._print_line()

    def _print_line(self) -> None:
        self._last_line = time.monotonic()
        share = f"{100 * self.cost_done / self.cost:.0f} % of the work" if self.cost else ""
        head, *rest = self._state().split(", ")
        print(f"{self.title}: {', '.join([head, share, *rest])}", file=self.stream, flush=True)

    def _state(self) -> str:
        left = self.seconds_left()
        parts = [
            f"{self.done}/{self.n_tasks} tasks",
            f"{_clock(time.monotonic() - self._start)} elapsed",
            f"{'?' if left is None else _clock(left)} left",
            f"{self.failed} failed",
        ]
        return ", ".join(parts)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
