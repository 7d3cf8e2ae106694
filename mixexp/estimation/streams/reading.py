"""From a chunk as the user has it to rows a fit can use, or an error that names the row."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mixexp.estimation.streams._base import Chunk

Array = NDArray[np.float64]


# Makes numbers, as the experts read them, of the responses of a chunk.
Code = Callable[[Any], Array]


class Read(NamedTuple):
    """Rows of positive weight on the user's scale.

    ``x`` (m, d), ``coded`` (m,) or (m, D') are responses as the experts read them, ``y`` (D, m)
    what they made of them, ``weight`` (m,) or None.
    """

    x: Array
    coded: Array
    y: Array
    weight: Array | None


@dataclass(frozen=True)
class Reader:
    """Checks chunks and turns their responses into what the experts read. Can be pickled.

    Parameters
    ----------
    encode : callable
        ``encode`` of the family of experts.
    columns : sequence of str
        Names of the columns of X.
    code : callable, optional
        What turns the user's responses into numbers first, such as the positions of labels.
    """

    encode: Callable[[Any], Array]
    columns: Sequence[str]
    code: Code | None = None

    def __call__(self, chunk: Chunk, place: str) -> Read:
        """The rows of a chunk that carry weight.

        Raises
        ------
        ValueError
            Naming the column, the partition in the words of ``place``, and the row in it.
        """
        x = np.ascontiguousarray(chunk.x, dtype=np.float64)
        y = np.asarray(chunk.y)
        if x.ndim != 2 or x.shape[1] != len(self.columns):
            raise ValueError(
                f"X of {place} has shape {x.shape}; every partition has {len(self.columns)} "
                f"column(s), {', '.join(self.columns)}"
            )
        weight = None if chunk.weight is None else np.asarray(chunk.weight, dtype=np.float64)
        for name, values in {"y": y, "sample_weight": weight}.items():
            if values is not None and (values.ndim == 0 or len(values) != len(x)):
                raise ValueError(
                    f"{name} of {place} has shape {values.shape}, but X has {len(x)} rows; give "
                    "one for each row"
                )
        x, y, weight = self._weighted(x, y, weight, place)
        if len(x) < len(chunk.x):
            # As rows are counted from here on.
            place = f"the rows with weight of {place}"
        _check_finite(x, self.columns, place)
        return self._coded(x, y, weight, place)

    def _weighted(
        self, x: Array, y: NDArray[Any], weight: Array | None, place: str
    ) -> tuple[Array, NDArray[Any], Array | None]:
        if weight is None:
            return x, y, None
        if weight.ndim != 1:
            raise ValueError(f"sample_weight of {place} has shape {weight.shape}; it is (n,)")
        bad = ~np.isfinite(weight) | (weight < 0.0)
        if bad.any():
            row = int(np.argmax(bad))
            raise ValueError(
                f"sample_weight holds {weight[row]} in row {row} of {place}; weights are finite "
                "and not negative, and zero leaves a row out"
            )
        used = weight > 0.0
        return (x, y, weight) if used.all() else (x[used], y[used], weight[used])

    def _coded(self, x: Array, y: NDArray[Any], weight: Array | None, place: str) -> Read:
        try:
            coded = np.asarray(y if self.code is None else self.code(y), dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise ValueError(f"y of {place} cannot be read: {error}") from error
        _check_finite(coded[:, None] if coded.ndim == 1 else coded, None, place)
        if not len(x):
            return Read(x, coded, np.empty((0, 0)), weight)
        try:
            return Read(x, coded, self.encode(coded), weight)
        except ValueError as error:
            raise ValueError(f"in {place}: {error}") from error


def _check_finite(values: Array, columns: Sequence[str] | None, place: str) -> None:
    # A sum shows what is not finite at a fraction of the price of looking at every number.
    with np.errstate(over="ignore", invalid="ignore"):
        if np.isfinite(values.sum()):
            return
    bad = np.argwhere(~np.isfinite(values))
    if len(bad):
        row, j = (int(i) for i in bad[0])
        what = "y" if columns is None else f"X[{columns[j]!r}]"
        raise ValueError(
            f"{what} holds {values[row, j]} in row {row} of {place}; drop such rows or fill them "
            "in before the fit"
        )
