"""Passes over the data, counted by kind and weighed by what they cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from mixexp.estimation.objective import Objective
from mixexp.estimation.solvers import regions

# Times of an EM pass at n = 20000, K = 3, rounded: what a pass of each kind counts in EM passes.
COSTS = {
    "": 0.4,
    "mass": 0.4,
    "by row": 0.4,
    "profile": 0.5,
    "gradient": 0.6,
    "em_statistics": 1.0,
    "hessian": 1.5,
}


class Passes:
    """Passes of each kind, in passes over ``n_rows`` rows: one over a third of them is a third.

    Examples
    --------
    >>> passes = Passes(n_rows=100)
    >>> passes.add("em_statistics", 100)
    >>> passes.add("hessian", 50)
    >>> passes.number, passes.cost
    (1.5, 1.75)
    """

    def __init__(self, n_rows: int):
        self.n_rows = n_rows
        self.rows: Counter[str] = Counter()

    def add(self, kind: str, rows: int) -> None:
        """Count a pass over so many rows."""
        self.rows[kind] += rows

    @property
    def number(self) -> float:
        """Passes of any kind."""
        return sum(self.rows.values()) / self.n_rows

    @property
    def cost(self) -> float:
        """The same in EM passes: value 0.4, score 0.6, EM 1, score and information 1.5."""
        return sum(COSTS[kind] * rows for kind, rows in self.rows.items()) / self.n_rows


@contextmanager
def counted(n_rows: int) -> Iterator[Passes]:
    """Count every pass of every objective inside; to order a gate's scores costs nothing."""
    passes = Passes(n_rows)
    with (
        _before(Objective, "_sum", lambda of, theta, part, *_: passes.add(part, of.data.n_rows)),
        _before(Objective, "_blocks", lambda of, *_: passes.add("by row", of.data.n_rows)),
        _before(regions, "crossings", lambda of, *_: passes.add("profile", of.data.n_rows)),
    ):
        yield passes


@contextmanager
def _before(owner: Any, name: str, call: Callable[..., None]) -> Iterator[None]:
    """Have ``call`` get the arguments of every call of a function first."""
    original = getattr(owner, name)

    def both(*args: Any, **kwargs: Any) -> Any:
        call(*args, *kwargs.values())
        return original(*args, **kwargs)

    setattr(owner, name, both)
    try:
        yield
    finally:
        setattr(owner, name, original)
