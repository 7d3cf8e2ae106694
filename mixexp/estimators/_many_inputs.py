"""Many data sets and their starts, as the user gives them."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

from mixexp.estimators import _inputs
from mixexp.models import MixingMeasure, MixtureOfExperts, MixtureParams

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class DataSets:
    """The rows of all problems, one problem after the other.

    Attributes
    ----------
    starts : array (M + 1,)
        Where the rows of each problem begin, and where those of the last end.
    x : array (N, d)
    y : array (N,) or (N, D)
        Coded as the experts read it; ``given`` is what the user gave.
    given : array (N,) or (N, D)
    weight : array (N,) or None
    known : array (N,) or None
        Exposures or trials; ``argument`` is what the estimator calls them.
    argument : str
    columns : list of str or None
        Names of the columns of X.
    """

    starts: NDArray[np.int64]
    x: Array
    y: Any
    given: Any
    weight: Array | None
    known: Array | None
    argument: str
    columns: list[str] | None

    @classmethod
    def read(
        cls, settings: Any, X: Any, y: Any, sample_weight: Any, known: Any, argument: str
    ) -> Self:
        """Check the data sets and join them.

        Raises
        ------
        ValueError
            If a data set has NaN, weights that cannot be used, or fewer rows than experts; or if
            their shapes or the names of their columns do not agree.
        """
        given = _by_problem(X, y, sample_weight, known, argument)
        columns = _columns([one[0] for one in given])
        if columns is not None:
            settings.feature_names_in_ = np.array(columns, dtype=object)
        each: list[_Rows] = []
        for i, one in enumerate(given):
            try:
                each.append(_Rows.read(settings, *one, argument, each[0] if each else None))
            except ValueError as error:
                raise ValueError(f"problem {i}: {error}") from error
        starts = np.cumsum([0, *(len(one.x) for one in each)], dtype=np.int64)
        x, response, weight, numbers = (_joined(parts, starts) for parts in zip(*each, strict=True))
        settings._learn(response)
        # GaussianMoE takes the number of responses from the data.
        if response.ndim == 2:
            settings._n_responses = response.shape[1]
        coded = _coded(settings, response, numbers, starts)
        return cls(starts, x, coded, response, weight, numbers, argument, columns)

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def n_columns(self) -> int:
        """Columns of every X."""
        return self.x.shape[1]

    @property
    def largest(self) -> int:
        """Rows of the largest data set."""
        return int(np.diff(self.starts).max())

    def fit(self, settings: Any, index: int, starts: Sequence[MixtureParams] | None) -> Any:
        """An estimator with these settings, fitted to one data set by the general engine.

        Raises
        ------
        ValueError
            If the data set cannot be fitted alone; the message names the problem.
        """
        rows = slice(int(self.starts[index]), int(self.starts[index + 1]))
        estimator = clone(settings)
        if starts is not None:
            estimator.set_params(init=list(starts), n_init=len(starts))
        x: Any = self.x[rows]
        if self.columns is not None:
            from pandas import DataFrame

            x = DataFrame(x, columns=self.columns)
        known = {} if self.known is None else {self.argument: self.known[rows]}
        weight = None if self.weight is None else self.weight[rows]
        try:
            _check_classes(settings, self.given[rows])
            with warnings.catch_warnings():
                # What did not converge is flagged in the result.
                warnings.simplefilter("ignore", ConvergenceWarning)
                fitted = estimator.fit(x, self.given[rows], weight, **known)
        except ValueError as error:
            raise ValueError(f"problem {index}: {error}") from error
        return fitted.set_params(init=settings.init, n_init=settings.n_init)


class _Rows(NamedTuple):
    """The rows of positive weight of one problem."""

    x: Array
    y: Any
    weight: Array | None
    known: Array | None

    @classmethod
    def read(
        cls, settings: Any, X: Any, y: Any, weight: Any, known: Any, argument: str,
        first: _Rows | None,
    ) -> Self:  # fmt: skip
        """Check one data set; ``first`` is that of the first problem."""
        x, y = _arrays(settings, X, y, first)
        weight = _inputs.check_weights(weight, x)
        used = slice(None) if weight is None else weight > 0.0
        n = len(x[used])
        if settings.n_experts > n:
            raise ValueError(
                f"n_experts={settings.n_experts} is larger than n_samples={n} (rows of positive "
                "weight); fit fewer experts"
            )
        numbers = _inputs.of_rows(known, len(x), argument)

        def kept(part: Array | None) -> Array | None:
            return None if part is None else part[used]

        return cls(x[used], y[used], kept(weight), kept(numbers))


def _by_problem(
    X: Any, y: Any, sample_weight: Any, known: Any, argument: str
) -> list[tuple[Any, Any, Any, Any]]:
    """X, y, weights and exposures or trials of each problem."""
    sets, responses = list(X), list(y)
    weights = [None] * len(sets) if sample_weight is None else list(sample_weight)
    if not sets or not len(sets) == len(responses) == len(weights):
        raise ValueError(
            f"X has {len(sets)} data sets, y {len(responses)}, sample_weight {len(weights)}; give "
            "one of each for every problem"
        )
    # One number for all, or something for each.
    numbers = list(known) if np.iterable(known) else [known] * len(sets)
    if len(numbers) != len(sets):
        raise ValueError(
            f"{argument} has {len(numbers)} entries, but there are {len(sets)} problems; give "
            "numbers (n,) for each, or a single number for all"
        )
    return list(zip(sets, responses, weights, numbers, strict=True))


def _columns(X: Sequence[Any]) -> list[str] | None:
    """The names that the columns of all data sets have, in the same order; None without names."""
    each = [(i, list(one.columns)) for i, one in enumerate(X) if hasattr(one, "columns")]
    for i, names in each:
        if names != each[0][1]:
            raise ValueError(
                f"problem {i}: X has the columns {names}, and that of problem {each[0][0]} "
                f"{each[0][1]}; give all of them the same columns in the same order"
            )
    return each[0][1] if each and all(isinstance(name, str) for name in each[0][1]) else None


def _arrays(settings: Any, rows: Any, response: Any, first: _Rows | None) -> tuple[Array, Any]:
    """X and y of a data set as arrays, shaped as those of the first one."""
    x, y = _numbers(rows, "X"), np.asarray(response)
    if settings._numeric:
        y = _numbers(y, "y")
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if first is None:
        n_columns = x.shape[1] if x.ndim == 2 else "d"
        like = y.shape[1:] if settings.__sklearn_tags__().target_tags.multi_output else ()
    else:
        n_columns, like = first.x.shape[1], first.y.shape[1:]
    if x.ndim != 2 or x.shape[1] != n_columns or y.shape != (len(x), *like):
        form = ", ".join(["n", *map(str, like)]) if like else "n,"
        raise ValueError(
            f"X has shape {x.shape} and y {y.shape}; give every problem an X (n, {n_columns}) and "
            f"a y ({form})"
        )
    if not np.isfinite(x).all() or (y.dtype.kind == "f" and not np.isfinite(y).all()):
        raise ValueError("X or y has NaN or infinity; leave such rows out")
    return x, y


def _numbers(values: Any, name: str) -> Array:
    """Real numbers as an array."""
    found = np.asarray(values)
    if found.dtype.kind == "c":
        raise ValueError(f"{name} has complex numbers; give their real and imaginary parts")
    try:
        return found.astype(np.float64, copy=False)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} must be an array of numbers: {error}") from error


def _joined(parts: Sequence[Any], starts: NDArray[np.int64]) -> Any:
    """Arrays of all problems, one after the other; where some have none, theirs is of ones."""
    if all(part is None for part in parts):
        return None
    sizes = np.diff(starts)
    return np.concatenate(
        [np.ones(n) if part is None else part for part, n in zip(parts, sizes, strict=True)]
    )


def _coded(settings: Any, given: Any, known: Array | None, starts: NDArray[np.int64]) -> Any:
    """All responses as the experts read them; an error is that of the first problem that has it."""
    everything = np.ones(len(given), dtype=bool)
    try:
        return settings._coded(given, known, everything)
    except ValueError:
        for i, (start, stop) in enumerate(pairwise(starts)):
            rows = slice(start, stop)
            some = None if known is None else known[rows]
            try:
                settings._coded(given[rows], some, everything[rows])
            except ValueError as error:
                raise ValueError(f"problem {i}: {error}") from error
        raise


def _check_classes(settings: Any, y: Any) -> None:
    """An ordinary fit knows the classes of its own rows only."""
    classes = getattr(settings, "classes_", None)
    if classes is not None and len(own := np.unique(y)) < len(classes):
        raise ValueError(
            f"its rows have the classes {own.tolist()}, all problems together {classes.tolist()}; "
            "a fit of these rows alone is another model. Use params_of, or leave the problem out"
        )


def starts_of(
    init: Any, model: MixtureOfExperts, n_problems: int
) -> list[list[MixtureParams]] | None:
    """Starts of each problem; None if none are given.

    Raises
    ------
    ValueError
        If they are not parameters of the model, or not one entry for each problem.
    """
    if init is None:
        return None
    if isinstance(init, MixtureParams | MixingMeasure):
        return [_several(init, model, "init")] * n_problems
    each = list(init)
    if len(each) != n_problems:
        raise ValueError(
            f"init has {len(each)} entries, but there are {n_problems} problems; give one start "
            "for all, or one or a list of them for each"
        )
    return [_several(one, model, f"init[{i}]") for i, one in enumerate(each)]


def _several(start: Any, model: MixtureOfExperts, name: str) -> list[MixtureParams]:
    found = [start] if isinstance(start, MixtureParams | MixingMeasure) else list(start)
    if not found or not all(isinstance(s, MixtureParams | MixingMeasure) for s in found):
        raise ValueError(
            f"{name} is of the type {type(start).__name__}, not MixtureParams, a MixingMeasure or "
            "a list of them; an ordinary fit makes parameters of responsibilities"
        )
    empty = np.empty((0, model.n_columns))
    # Of a variance that is negative the logarithm is nan.
    with np.errstate(invalid="ignore"):
        checked = _inputs.as_starts(found, model, empty)
        starts = [s for s in checked if isinstance(s, MixtureParams)]
        if any(np.isnan(table).any() for s in starts for table in model.coefficients(s)):
            raise ValueError(f"{name} has NaN or a negative variance: {found}")
    return starts
