"""The candidates of a selection: a grid of parameters, or estimators, as estimators with labels."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sklearn.base import clone

from mixexp.selection.fingerprint import fingerprint

SIZES = ("n_experts", "n_components")
"""Parameters that count experts: models that differ in nothing else are nested."""


@dataclass(frozen=True)
class GridPoint:
    """One candidate: what to call it, the parameters that were asked for, and the estimator."""

    label: str
    params: Mapping[str, Any]
    estimator: Any = field(repr=False)


def expand(estimator: Any, candidates: Any) -> list[GridPoint]:
    """All candidates in the order in which they were given.

    Parameters
    ----------
    estimator : estimator or None
        What the parameters are set on; a list of estimators needs none.
    candidates : dict of lists, list of dicts, or list of estimators
        A dict gives all combinations of its values; in a list of dicts each does, and a value that
        is not a list stands for itself. Names with ``__`` reach into nested parameters.

    Returns
    -------
    list of GridPoint

    Raises
    ------
    ValueError
        If there is no candidate, one occurs twice, or a parameter is unknown.
    TypeError
        If the candidates are something else.

    Examples
    --------
    >>> from sklearn.mixture import GaussianMixture
    >>> points = expand(GaussianMixture(), {"n_components": [1, 2], "covariance_type": ["full"]})
    >>> [point.label for point in points]
    ['n_components=1', 'n_components=2']
    """
    if isinstance(candidates, Mapping):
        points = [_point(estimator, params) for params in _combinations(candidates)]
    elif not isinstance(candidates, list | tuple):
        raise TypeError(
            f"candidates={candidates!r} is neither a dict of lists, a list of dicts, nor a list of "
            "estimators"
        )
    elif all(isinstance(c, Mapping) for c in candidates):
        points = [_point(estimator, p) for grid in candidates for p in _combinations(grid)]
    else:
        points = [_as_point(c) for c in candidates]
    if not points:
        raise ValueError(f"candidates={candidates!r} holds no candidate; give at least one")
    _check_distinct(points)
    return _labelled(points)


def chains(points: Sequence[GridPoint]) -> list[list[int]]:
    """Positions of candidates that differ in the number of experts only, by that number.

    Candidates without such a parameter are chains of one. Chains come in the order of their first
    candidate.

    Examples
    --------
    >>> from sklearn.mixture import GaussianMixture
    >>> grid = {"n_components": [3, 1], "covariance_type": ["full", "diag"]}
    >>> chains(expand(GaussianMixture(), grid))
    [[1, 0], [3, 2]]
    """
    groups: dict[Hashable, list[int]] = defaultdict(list)
    for i, point in enumerate(points):
        params = point.estimator.get_params(deep=False)
        name = size_name(point.estimator)
        key = fingerprint(type(point.estimator), {k: v for k, v in params.items() if k != name})
        groups[i if name is None else key].append(i)
    return [sorted(group, key=lambda i: size(points[i].estimator)) for group in groups.values()]


def size_name(estimator: Any) -> str | None:
    """The parameter that counts the experts of an estimator, None if it has none."""
    names = estimator.get_params(deep=False)
    return next((name for name in SIZES if name in names), None)


def size(estimator: Any) -> int:
    """Number of experts an estimator is to have, 0 if it has no such parameter."""
    name = size_name(estimator)
    return 0 if name is None else int(getattr(estimator, name))


def _combinations(grid: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    from sklearn.model_selection import ParameterGrid

    lists = {name: list(v) if _is_several(v) else [v] for name, v in grid.items()}
    empty = [name for name, values in lists.items() if not values]
    if empty:
        raise ValueError(f"candidates[{empty[0]!r}] is empty; give at least one value")
    return iter(ParameterGrid(lists)) if lists else iter(())


def _is_several(values: Any) -> bool:
    return isinstance(values, list | tuple | range) or (
        isinstance(values, np.ndarray) and values.ndim == 1
    )


def _point(estimator: Any, params: Mapping[str, Any]) -> GridPoint:
    if estimator is None or not hasattr(estimator, "get_params"):
        raise TypeError(f"estimator={estimator!r} cannot be given parameters; pass an estimator")
    known = estimator.get_params()
    # Setting gate=TopK() makes the parameters of that gate known.
    for name in params:
        head = name.split("__")[0]
        if name not in known and not (head in params and head in known and head != name):
            raise ValueError(
                f"candidates names the parameter {name!r}, which {type(estimator).__name__} does "
                f"not have; it has {sorted(known)}"
            )
    own = {k: _own(v) for k, v in params.items()}
    return GridPoint("", own, clone(estimator).set_params(**own))


def _own(value: Any) -> Any:
    # A nested estimator that several candidates share would be changed by all of them.
    if isinstance(value, np.generic):
        return value.item()
    return clone(value) if hasattr(value, "get_params") and not isinstance(value, type) else value


def _as_point(candidate: Any) -> GridPoint:
    if isinstance(candidate, type) or not all(
        hasattr(candidate, name) for name in ("fit", "get_params")
    ):
        raise TypeError(
            f"candidates has the entry {candidate!r}, which is neither a dict nor an estimator; "
            "give all of one kind"
        )
    return GridPoint("", {"estimator": candidate}, clone(candidate))


def _check_distinct(points: Sequence[GridPoint]) -> None:
    seen: dict[str, int] = {}
    for i, point in enumerate(points):
        key = fingerprint(type(point.estimator), point.estimator.get_params(deep=False))
        if key in seen:
            raise ValueError(
                f"candidates {seen[key]} and {i} are the same: {point.estimator!r}; leave one out"
            )
        seen[key] = i


def _labelled(points: Sequence[GridPoint]) -> list[GridPoint]:
    """The points with labels that name what varies, each once."""
    texts = [{name: repr(value) for name, value in p.params.items()} for p in points]
    values = defaultdict(set)
    for text in texts:
        for name in set().union(*texts):
            values[name].add(text.get(name))
    labels = [
        ", ".join(
            value if name == "estimator" else f"{name}={value}"
            for name, value in text.items()
            if len(values[name]) > 1 or len(text) == 1
        )
        for text in texts
    ]
    count = Counter(labels)
    names = [
        f"{label} (candidate {i})" if count[label] > 1 or not label else label
        for i, label in enumerate(labels)
    ]
    return [GridPoint(name, p.params, p.estimator) for name, p in zip(names, points, strict=True)]
