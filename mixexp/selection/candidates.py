r"""The table a penalty is chosen from: complexity, penalty shape and contrast of every model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    import pandas

Array = NDArray[np.float64]


class UnreliableSelectionWarning(UserWarning):
    """A model was selected, but a check says that the selection should not be relied upon."""


class CannotRun(ValueError):
    """A rule cannot run on a table, though its options are in order."""


@dataclass(frozen=True, eq=False)
class Candidates:
    r"""Models m with contrasts :math:`\gamma_m`, to be compared by :math:`\gamma_m+\kappa p_m`.

    Models are sorted by (penalty shape, contrast). Those with a number that is not finite, which
    failed fits leave behind, are left out; `findings` says so.

    Parameters
    ----------
    names : sequence
        What to call the models: labels, numbers of experts, anything hashable. Each once.
    complexity : array (M,)
        Dimension :math:`D_m`, at least 0: the number of free parameters.
    contrast : array (M,)
        Smallest negative log-likelihood :math:`\gamma_m=-\ell_m` of the model: of the whole sample,
        not its mean, in nats. A constant added to all of them changes nothing.
    penalty_shape : array (M,), optional
        Shape :math:`p_m` of the penalty, never falling where the complexity rises; by default the
        complexity.

    Attributes
    ----------
    dropped : tuple
        Names of models that were left out.
    findings : tuple of str
        What was noticed, in words.

    Raises
    ------
    ValueError
        If lengths differ, names are repeated, no finite row is left, a complexity or penalty is
        negative, or a more complex model has a smaller penalty.

    Examples
    --------
    >>> table = Candidates(["K=2", "K=1", "K=3"], [8, 3, 13], [90.0, 100.0, float("nan")])
    >>> table.names, table.contrast
    (('K=1', 'K=2'), array([100., 90.]))
    >>> table.findings
    ('1 model is left out because a number of it is not finite: K=3',)
    """

    names: tuple[Hashable, ...]
    complexity: Array
    contrast: Array
    # None is replaced by the complexity before anybody sees it.
    penalty_shape: Array = None  # type: ignore[assignment]
    dropped: tuple[Hashable, ...] = field(init=False, default=())
    findings: tuple[str, ...] = field(init=False, default=())

    def __post_init__(self) -> None:
        names = tuple(self.names)
        shape = self.complexity if self.penalty_shape is None else self.penalty_shape
        given = {"complexity": self.complexity, "contrast": self.contrast, "penalty_shape": shape}
        columns = {name: _column(name, values, len(names)) for name, values in given.items()}
        repeated = [name for name, count in Counter(names).items() if count > 1]
        if repeated:
            raise ValueError(f"names repeats {repeated[0]!r}; give every model its own name")
        finite = np.logical_and.reduce([np.isfinite(values) for values in columns.values()])
        if not finite.any():
            raise ValueError(
                f"none of the {len(names)} models has a finite complexity, penalty_shape and "
                "contrast; refit them"
            )
        order = np.lexsort((columns["contrast"], columns["penalty_shape"]))
        order = order[finite[order]]
        for name, values in columns.items():
            kept = values[order]
            kept.flags.writeable = False
            object.__setattr__(self, name, kept)
        object.__setattr__(self, "names", tuple(names[i] for i in order))
        dropped = tuple(names[i] for i in np.flatnonzero(~finite))
        object.__setattr__(self, "dropped", dropped)
        _check_numbers(self)
        object.__setattr__(self, "findings", (*_dropped_words(dropped), *_tie_words(self)))

    @classmethod
    def from_frame(
        cls,
        frame: pandas.DataFrame,
        *,
        name: str = "name",
        complexity: str = "complexity",
        contrast: str = "contrast",
        penalty_shape: str | None = None,
    ) -> Candidates:
        """Candidates from columns of a data frame, called as the arguments say.

        Raises
        ------
        ValueError
            If a column does not exist, and as of the class.

        Examples
        --------
        >>> import pandas as pd
        >>> frame = pd.DataFrame({"K": [1, 2], "dim": [3, 8], "nll": [100.0, 90.0]})
        >>> Candidates.from_frame(frame, name="K", complexity="dim", contrast="nll").names
        (1, 2)
        """
        wanted = [name, complexity, contrast, *([penalty_shape] if penalty_shape else [])]
        absent = [column for column in wanted if column not in frame]
        if absent:
            raise ValueError(
                f"the frame has no column {absent[0]!r}; it has {list(frame.columns)}: say which "
                "columns to take"
            )
        shape = frame[penalty_shape] if penalty_shape else None
        return cls.from_arrays(frame[complexity], frame[contrast], frame[name].tolist(), shape)

    @classmethod
    def from_arrays(
        cls,
        complexity: ArrayLike,
        contrast: ArrayLike,
        names: Sequence[Hashable] | None = None,
        penalty_shape: ArrayLike | None = None,
    ) -> Candidates:
        """Candidates from anything like arrays (M,), by default named 1, ..., M as given.

        Examples
        --------
        >>> Candidates.from_arrays([3, 8], [100.0, 90.0]).names
        (1, 2)
        """
        names = range(1, np.size(complexity) + 1) if names is None else names
        shape = complexity if penalty_shape is None else penalty_shape
        return cls(tuple(names), np.asarray(complexity), np.asarray(contrast), np.asarray(shape))

    def __len__(self) -> int:
        return len(self.names)

    def take(self, rows: ArrayLike) -> Candidates:
        """The models at the given positions, with the findings about all of them."""
        at = np.arange(len(self))[np.asarray(rows)]
        names = tuple(self.names[i] for i in at)
        part = Candidates(names, self.complexity[at], self.contrast[at], self.penalty_shape[at])
        object.__setattr__(part, "dropped", self.dropped)
        object.__setattr__(part, "findings", self.findings)
        return part


def penalised(candidates: Candidates, kappa: float, factor: float = 1.0) -> Array:
    r"""Penalised contrasts :math:`\gamma_m+c\,\kappa\,p_m`, shape (M,), nats; smaller is better.

    With the complexity as penalty shape, :math:`c\kappa=1` is AIC / 2 and
    :math:`c\kappa=\tfrac12\log n` is BIC / 2.

    Parameters
    ----------
    candidates : Candidates
    kappa : float
        Slope :math:`\kappa`, or the whole multiple of the shape if `factor` is one.
    factor : float
        c; the slope heuristics take 2.

    Returns
    -------
    array (M,)
        In the order of ``candidates.names``.

    Raises
    ------
    ValueError
        If `kappa` or `factor` is not finite.

    Examples
    --------
    >>> table = Candidates.from_arrays([3, 8, 13], [100.0, 90.0, 89.0])
    >>> penalised(table, 0.5, factor=2.0)
    array([103., 98., 102.])
    """
    if not (np.isfinite(kappa) and np.isfinite(factor)):
        raise ValueError(f"kappa={kappa!r} and factor={factor!r} must be finite numbers")
    return candidates.contrast + factor * kappa * candidates.penalty_shape


def check_factor(factor: float) -> None:
    """Raise ValueError unless a factor of the slope is positive and finite."""
    if not (np.isfinite(factor) and factor > 0):
        raise ValueError(f"factor is {factor!r}; give a positive number, 2 in the slope heuristics")


def _column(name: str, values: Any, length: int) -> Array:
    try:
        column = np.array(values, dtype=float)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} must hold numbers, one a model: {error}") from None
    if column.shape != (length,):
        raise ValueError(
            f"{name} has shape {column.shape}; give one number for each of {length} names"
        )
    return column


def _dropped_words(dropped: tuple[Hashable, ...]) -> tuple[str, ...]:
    if not dropped:
        return ()
    models = "model is" if len(dropped) == 1 else "models are"
    return (
        f"{len(dropped)} {models} left out because a number of "
        f"{'it' if len(dropped) == 1 else 'them'} is not finite: {', '.join(map(str, dropped))}",
    )


def _tie_words(table: Candidates) -> tuple[str, ...]:
    distinct = np.unique(table.penalty_shape).size
    if distinct == len(table):
        return ()
    return (
        f"{len(table)} models share {distinct} penalties; of equal penalties only the model with "
        "the smallest contrast can be selected",
    )


def _check_numbers(table: Candidates) -> None:
    for name, values in (("complexity", table.complexity), ("penalty_shape", table.penalty_shape)):
        if (values < 0).any():
            row = int(np.argmin(values))
            raise ValueError(
                f"{name} of {table.names[row]!r} is {values[row]:g}; it must not be negative"
            )
    order = np.lexsort((table.penalty_shape, table.complexity))
    falls = np.flatnonzero(np.diff(table.penalty_shape[order]) < 0)
    if falls.size:
        low, high = order[falls[0]], order[falls[0] + 1]
        shapes, sizes = table.penalty_shape, table.complexity
        raise ValueError(
            f"penalty_shape falls from {shapes[low]:g} to {shapes[high]:g} where the complexity "
            f"rises from {sizes[low]:g} ({table.names[low]!r}) to {sizes[high]:g} "
            f"({table.names[high]!r}); a larger model needs a larger penalty"
        )
