"""Run one task and turn whatever happens into rows."""

from __future__ import annotations

import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from mixexp.simulation.study import Row, Scalar, StudyTask

KEY_COLUMNS = ("study", "config", "n", "replicate", "part")
ADDED_COLUMNS = ("seed_key", "mixexp_version", "wall_seconds", "error")


@dataclass(frozen=True)
class TaskResult:
    """What one task left: its rows, or one empty row and the text of the error."""

    n: int
    replicate: int
    rows: tuple[Row, ...]
    wall_seconds: float
    error: str | None


def execute_task(task: StudyTask, deadline: float | None = None) -> TaskResult | None:
    """``study.run(task)`` as a `TaskResult`; an exception becomes a failed row, not a crash.

    Parameters
    ----------
    task : StudyTask
        The task.
    deadline : float, optional
        Clock time (``time.time()``) after which no task starts.

    Returns
    -------
    TaskResult or None
        None if the deadline had passed before the start.

    Examples
    --------
    >>> from mixexp.simulation import Study
    >>> def broken(task):
    ...     raise ArithmeticError("no luck")
    >>> task, = Study("broken", sizes=(10,), replicates=1, run=broken).tasks()
    >>> result = execute_task(task)
    >>> result.rows, result.error.splitlines()[-1]
    (({},), 'ArithmeticError: no luck')
    """
    if deadline is not None and time.time() >= deadline:
        return None
    error = None
    start = time.perf_counter()
    try:
        rows = clean_rows(task.study.run(task))
    # A task that calls sys.exit must not take the study with it.
    except (Exception, SystemExit):
        rows, error = ({},), traceback.format_exc()
    return TaskResult(task.n, task.replicate, rows, time.perf_counter() - start, error)


def clean_rows(returned: Any) -> tuple[Row, ...]:
    """The value of a task function as flat rows of plain Python scalars.

    Parameters
    ----------
    returned : mapping or sequence of mappings
        One row or several.

    Returns
    -------
    tuple of dict

    Raises
    ------
    TypeError, ValueError
        If there is no row, a name is not a string or is one the runner adds, or a value is not a
        number, string, boolean or None.

    Examples
    --------
    >>> import numpy as np
    >>> clean_rows({"loss": np.float64(0.5), "certified": np.True_})
    ({'loss': 0.5, 'certified': True},)
    """
    rows = [returned] if isinstance(returned, Mapping) else returned
    if not isinstance(rows, (list, tuple)) or not all(isinstance(row, Mapping) for row in rows):
        raise TypeError(f"run must return a dict or a list of dicts, got {type(returned).__name__}")
    if not rows:
        raise ValueError("run returned an empty list: return one row per fit, or a row of None")
    return tuple(_clean_row(row) for row in rows)


def _clean_row(row: Mapping[str, Any]) -> Row:
    taken = [name for name in row if name in KEY_COLUMNS + ADDED_COLUMNS]
    if taken:
        raise ValueError(f"run returned the columns {taken}, which the runner adds: rename them")
    wrong = [name for name in row if not isinstance(name, str)]
    if wrong:
        raise TypeError(f"run returned the column names {wrong!r}: names must be strings")
    return {name: _scalar(name, value) for name, value in row.items()}


def _scalar(name: str, value: Any) -> Scalar:
    if isinstance(value, np.generic) or (isinstance(value, np.ndarray) and value.ndim == 0):
        value = value.item()
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise ValueError(f"column {name!r} holds {value}, beyond 64 bits: store it as a string")
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise TypeError(
        f"column {name!r} holds a {type(value).__name__}: a row is flat, give every number, "
        "string or boolean a column of its own"
    )
