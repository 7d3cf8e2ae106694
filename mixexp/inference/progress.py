"""Tasks collected as they end, with a bar, and what was done before an interrupt."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar

from mixexp.estimation.executors import run_tasks

Task = TypeVar("Task")
Result = TypeVar("Result")


class Collected(NamedTuple):
    """Results in the order of their tasks, and whether the user stopped before all were there."""

    results: list[Any]
    interrupted: bool


def collect(
    function: Callable[[Task], Result],
    tasks: Sequence[Task],
    *,
    n_jobs: int | None = None,
    progress: bool = False,
    title: str = "",
) -> Collected:
    """Run independent tasks; an interrupt (Ctrl-C) keeps the results that are there.

    Parameters
    ----------
    function, tasks, n_jobs
        As :func:`mixexp.estimation.executors.run_tasks` takes them.
    progress : bool
        Whether to show a bar on standard error.
    title : str
        The bar's.

    Raises
    ------
    KeyboardInterrupt
        If it comes before there is any result.

    Examples
    --------
    >>> collect(abs, [-3, 2])
    Collected(results=[3, 2], interrupted=False)
    """
    done: dict[int, Any] = {}
    bar = _bar(len(tasks), title) if progress else None
    interrupted = False
    try:
        for i, result in run_tasks(function, tasks, n_jobs):
            done[i] = result
            if bar is not None:
                bar.update()
    except KeyboardInterrupt:
        if not done:
            raise
        interrupted = True
    finally:
        if bar is not None:
            bar.close()
    return Collected([done[i] for i in sorted(done)], interrupted)


def _bar(total: int, title: str) -> Any:
    from tqdm import tqdm

    return tqdm(total=total, desc=title)
