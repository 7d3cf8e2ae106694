"""Reading the arguments of an estimator: columns, weights, starts, threads."""

from __future__ import annotations

import os
from collections.abc import Sequence
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import check_random_state
from sklearn.utils.validation import _check_sample_weight

from mixexp.models import MixingMeasure, MixtureOfExperts, MixtureParams

Array = NDArray[np.float64]

_LEAST_WEIGHT, _LARGEST_WEIGHT = 1e-3, 1e15


def select_columns(
    features: Sequence[Any] | None, names: Sequence[str] | None, n_columns: int, argument: str
) -> tuple[int, ...] | None:
    """Columns meant by a list of names or indices; None means all of them.

    Raises
    ------
    ValueError
        If a name is unknown, an index out of range, a column is listed twice, or an entry is
        neither a name nor an integer.
    """
    if features is None:
        return None
    if isinstance(features, str):
        raise ValueError(
            f"{argument}={features!r} must be a list of columns, such as [{features!r}]"
        )
    chosen = []
    for feature in features:
        if isinstance(feature, str):
            if names is None or feature not in names:
                known = "X has no column names" if names is None else f"X has {list(names)}"
                raise ValueError(f"{argument} names the column {feature!r}, but {known}")
            chosen.append(list(names).index(feature))
        else:
            if not isinstance(feature, Integral) or isinstance(feature, bool | np.bool):
                raise ValueError(f"{argument} has the entry {feature!r}; use names or integers")
            index = int(feature)
            if not -n_columns <= index < n_columns:
                raise ValueError(f"{argument} has the index {index}, but X has {n_columns} columns")
            chosen.append(index % n_columns)
    if len(set(chosen)) < len(chosen):
        raise ValueError(f"{argument}={list(features)!r} lists a column twice")
    return tuple(chosen)


def check_weights(sample_weight: Any, x: Array) -> Array | None:
    """Weights as an array, or None if there are none.

    Raises
    ------
    ValueError
        If a weight is negative or not finite, or all are zero.
    """
    if sample_weight is None:
        return None
    if _is_plain(sample_weight, len(x)):
        return np.asarray(sample_weight)
    weight = _check_sample_weight(
        sample_weight, x, dtype=np.float64, ensure_non_negative=True, copy=False
    )
    if not np.any(weight > 0.0):
        raise ValueError("sample_weight is zero for every row; give at least one a positive weight")
    total = float(weight.sum())
    if not _LEAST_WEIGHT <= total <= _LARGEST_WEIGHT:
        # The tolerance is in nats, and a nat is worth what the weights are worth.
        raise ValueError(
            f"sample_weight sums to {total:.3g}, out of [{_LEAST_WEIGHT:g}, {_LARGEST_WEIGHT:g}]; "
            "rescale it, to a sum of the number of rows for instance"
        )
    return weight


def _is_plain(weight: Any, n: int) -> bool:
    """Whether weights are as they should be, at a hundredth of the time of the whole check."""
    return (
        type(weight) is np.ndarray
        and weight.dtype == np.float64
        and weight.shape == (n,)
        and weight.flags.c_contiguous
        and bool(np.all(weight >= 0.0))
        and _LEAST_WEIGHT <= float(weight.sum()) <= _LARGEST_WEIGHT
    )


def of_rows(values: Any, n: int, argument: str) -> Array | None:
    """A number for each of n rows, from one for each or a single one for all; None stays None.

    Raises
    ------
    ValueError
        If the values are not numbers or not as many as the rows.
    """
    if values is None:
        return None
    try:
        numbers = np.asarray(values, dtype=float)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{argument} must be numbers, one for each row: {error}") from error
    if numbers.ndim == 0:
        return np.full(n, float(numbers))
    if numbers.shape != (n,):
        raise ValueError(
            f"{argument} has shape {numbers.shape}, but X has {n} rows; give one number for each "
            "row, or a single one for all"
        )
    return numbers


def of_groups(groups: Any, used: NDArray[np.bool_]) -> Any:
    """Labels of groups (n,) at the rows in use; None stays None.

    Raises
    ------
    ValueError
        If there is not one label for each row.
    """
    if groups is None:
        return None
    labels = np.asarray(groups)
    if labels.shape != used.shape:
        raise ValueError(
            f"groups has shape {labels.shape}, but X has {len(used)} rows; give one label for each"
        )
    return labels[used]


def as_starts(init: Any, model: MixtureOfExperts, x: Array) -> list[MixtureParams | Array]:
    """The user's starts: measures, parameters or responsibilities, one or several.

    Raises
    ------
    ValueError
        If responsibilities have the wrong shape, or a measure the wrong number of atoms.
    """
    if init is None:
        return []
    if isinstance(init, MixtureParams | MixingMeasure) or not isinstance(init, list | tuple):
        init = [init]
    elif len(init) and not isinstance(init[0], tuple | MixingMeasure) and np.ndim(init[0]) == 1:
        init = [np.asarray(init)]
    return [_as_start(start, model, x) for start in init]


def _as_start(start: Any, model: MixtureOfExperts, x: Array) -> MixtureParams | Array:
    k = model.n_experts
    if isinstance(start, MixingMeasure):
        start = of_measure(model, start)
    if isinstance(start, MixtureParams):
        try:
            shapes = [t.shape for t in model.coefficients(start)]
        except (AttributeError, IndexError, ValueError) as error:
            raise ValueError(
                f"init has {type(start.gate).__name__} and {type(start.expert).__name__}, which "
                f"are not parameters of {model.gate!r} and {model.expert!r}: {error}"
            ) from error
        if shapes != (expected := _shapes(model)):
            raise ValueError(f"init has coefficients of shapes {shapes}; this model has {expected}")
        return start
    return as_law(start, len(x), k, "MixtureParams")


def of_measure(model: Any, measure: MixingMeasure) -> Any:
    """Parameters of a model from a measure with its blocks and its number of atoms."""
    if measure.n_atoms != model.n_experts:
        raise ValueError(f"init has {measure.n_atoms} atoms, but n_experts={model.n_experts}")
    try:
        return model.from_measure(measure)
    except KeyError as error:
        raise ValueError(
            f"init is a measure of the blocks {sorted(measure.atoms)}; {error} is missing"
        ) from error


def as_law(start: Any, n_rows: int, n_experts: int, params: str) -> Array:
    """Responsibilities (n, K) that sum to one; ``params`` names what other starts could be."""
    responsibilities = np.asarray(start, dtype=float)
    if responsibilities.shape != (n_rows, n_experts):
        raise ValueError(
            f"init has shape {responsibilities.shape}; responsibilities are (n_samples, n_experts) "
            f"= ({n_rows}, {n_experts}), and other starts a MixingMeasure or {params}"
        )
    sums = responsibilities.sum(axis=1, keepdims=True)
    if not np.all(responsibilities >= 0.0) or not np.all((sums > 0.0) & (sums < np.inf)):
        raise ValueError(
            "init has responsibilities that are negative, not finite, or zero in a whole row; each "
            "row is a law on the experts"
        )
    return responsibilities / sums


def fits(params: MixtureParams | None, model: MixtureOfExperts) -> bool:
    """Whether parameters of an earlier fit are parameters of this model."""
    if params is None:
        return False
    try:
        return [t.shape for t in model.coefficients(params)] == _shapes(model)
    except (AttributeError, IndexError, ValueError):
        # Those of another gate or of another family of experts.
        return False


def _shapes(model: MixtureOfExperts) -> list[tuple[int, ...]]:
    zero = model.layout.coefficients(np.zeros(model.layout.n_free))
    return [t.shape for t in zero]


def n_threads(n_jobs: int | None) -> int:
    """Threads for ``n_jobs`` as scikit-learn reads it: None is 1, -1 all processors."""
    if n_jobs is None:
        return 1
    if n_jobs == 0:
        raise ValueError("n_jobs=0 has no meaning; use None, a positive number, or -1 for all")
    available = os.cpu_count() or 1
    return n_jobs if n_jobs > 0 else max(1, available + 1 + n_jobs)


def draw_seed(random_state: Any) -> int:
    """A seed from whatever scikit-learn takes as a random state."""
    return int(check_random_state(random_state).randint(2**31 - 1))
