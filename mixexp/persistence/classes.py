"""The classes and named functions that a saved estimator may be made of; nothing else is built."""

from __future__ import annotations

import dataclasses
import inspect
from functools import cache
from importlib import import_module
from typing import Any

from sklearn.base import BaseEstimator

# Where the records of slope heuristics are; some modules share their name with a function.
_SELECTION = tuple(
    f"mixexp.selection.{name}"
    for name in ("candidates", "heuristics", "jump", "robust_line", "slope", "tail", "validity")
)


@cache
def _classes() -> dict[str, type]:
    from mixexp.estimation.box import Bounds
    from mixexp.estimation.certificate import Certificate
    from mixexp.estimation.gllim.block_path import Refit
    from mixexp.estimation.separation import Separation
    from mixexp.estimation.solvers import TemperatureSchedule, runs
    from mixexp.estimators._block_choice import BlockChoice
    from mixexp.estimators._generative_optima import GenerativeOptimum
    from mixexp.estimators._optima import FittedOptimum
    from mixexp.models import MixingMeasure, MixtureOfExperts, MixtureParams, gates
    from mixexp.models import covariances as shapes
    from mixexp.models import experts as families
    from mixexp.models.basis import Affine
    from mixexp.models.gllim import GLLiM, GLLiMParams, Scaling

    own: list[type] = [
        Affine, BlockChoice, Bounds, Certificate, FittedOptimum, GLLiM, GLLiMParams,
        GenerativeOptimum, MixingMeasure, MixtureOfExperts, MixtureParams, Refit, Scaling,
        Separation, TemperatureSchedule, runs.Run,
    ]  # fmt: skip
    for module in map(import_module, _SELECTION):
        found = [c for _, c in inspect.getmembers(module, inspect.isclass)]
        own += [c for c in found if c.__module__ == module.__name__ and _is_record(c)]
    for package in (gates, families, shapes):
        own += [c for _, c in inspect.getmembers(package, inspect.isclass)]
    concrete = [c for c in own if not inspect.isabstract(c)]
    return {f"{c.__module__.split('.')[1]}.{c.__name__}": c for c in concrete}


@cache
def _constants() -> dict[str, Any]:
    from mixexp.models import activations, maps

    functions = {f"activations.{name}": f for name, f in vars(activations).items()}
    functions |= {f"maps.{name}": f for name, f in vars(maps).items()}
    return {
        name: found
        for name, found in functions.items()
        if isinstance(found, activations.ActivationFunction | maps.Map)
    }


def constant_of(value: Any) -> str | None:
    """The name of a function of ours, None for any other value."""
    return next((name for name, known in _constants().items() if known is value), None)


def constant(name: str) -> Any:
    """A function of ours by its name.

    Raises
    ------
    ValueError
        If there is none.
    """
    if name not in _constants():
        raise ValueError(f"there is no function called {name!r} here")
    return _constants()[name]


def name_of(value: Any) -> str | None:
    """The name under which objects of this class are saved, None if they are not.

    Examples
    --------
    >>> from mixexp import Softmax
    >>> name_of(Softmax()), name_of(print)
    ('models.Softmax', None)
    """
    kind = type(value)
    return next((name for name, known in _classes().items() if known is kind), None)


def fields_of(value: Any) -> dict[str, Any]:
    """What an object of a known class is built from."""
    if dataclasses.is_dataclass(value):
        names = [field.name for field in dataclasses.fields(value)]
    elif hasattr(value, "_fields"):
        names = list(value._fields)
    elif isinstance(value, BaseEstimator):
        return dict(value.get_params(deep=False))
    else:
        names = list(inspect.signature(type(value)).parameters)
    return {name: getattr(value, name) for name in names}


def build(name: str, fields: dict[str, Any]) -> Any:
    """An object of a known class from its fields.

    Raises
    ------
    ValueError
        If the class is not one of ours, or the fields are not its.
    """
    if name not in _classes():
        raise ValueError(f"there is no class called {name!r} here")
    kind = _classes()[name]
    late = []
    if dataclasses.is_dataclass(kind):
        late = [field.name for field in dataclasses.fields(kind) if not field.init]
    try:
        made = kind(**{key: value for key, value in fields.items() if key not in late})
        for key in late:
            object.__setattr__(made, key, fields[key])
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"an object of class {name!r} has the fields {sorted(fields)}") from error
    return made


def _is_record(kind: type) -> bool:
    return dataclasses.is_dataclass(kind) or hasattr(kind, "_fields")
