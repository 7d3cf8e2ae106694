"""Which columns are X, the responses and the weights."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple


class Names(NamedTuple):
    """Columns of X, of the responses and of the weights.

    ``several`` says that responses were named in a sequence: they are then (m, D), also for D = 1.
    """

    x: tuple[str, ...]
    y: tuple[str, ...]
    weight: str | None
    several: bool

    @classmethod
    def of(cls, X: str | Sequence[str], y: str | Sequence[str], weight: str | None) -> Names:
        """The names as a user gives them.

        Raises
        ------
        ValueError
            If X or y names no column, or a column is named twice.
        """
        x = (X,) if isinstance(X, str) else tuple(X)
        responses = (y,) if isinstance(y, str) else tuple(y)
        names = cls(x, responses, weight, not isinstance(y, str))
        for argument, given in {"X": x, "y": responses}.items():
            if not given or not all(isinstance(name, str) for name in given):
                raise ValueError(
                    f"{argument}={given!r} must name columns: a string or several of them"
                )
        twice = {name for name in names.every if names.every.count(name) > 1}
        if twice:
            raise ValueError(f"columns {sorted(twice)} are named twice in X, y and sample_weight")
        return names

    @property
    def every(self) -> list[str]:
        """All of them."""
        return [*self.x, *self.y, *([] if self.weight is None else [self.weight])]

    def check(self, there: Collection[str], place: str) -> None:
        """Refuse a table that lacks one of the columns.

        Raises
        ------
        ValueError
        """
        missing = [name for name in self.every if name not in there]
        if missing:
            raise ValueError(
                f"{place} has no column {', '.join(map(repr, missing))}; its columns are "
                f"{', '.join(map(repr, there))}"
            )
