"""Rows of data beside a fit: responses, exposures and trials, and the laws at these rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from inspect import signature
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mixexp.plotting._slice import frame_of

Array = NDArray[np.float64]

_KNOWN = ("exposure", "trials")


@dataclass(frozen=True)
class Rows:
    """Rows X with their responses.

    Attributes
    ----------
    X : array or DataFrame of n rows
    y : array (n,), (n, D), or labels
        As the estimator takes them.
    name : str
        Name of the response that is drawn.
    response : int or None
        Its column, if there are several.
    known : dict
        ``{"exposure": (n,)}``, ``{"trials": (n,)}`` or nothing.
    """

    X: Any
    y: Any
    name: str
    response: int | None = None
    known: dict[str, Array] = field(default_factory=dict)

    @property
    def unit(self) -> Array | float:
        """What a count is divided by to be drawn: exposure, trials or one."""
        return next(iter(self.known.values()), 1.0)

    @property
    def drawn(self) -> Array:
        """The response as it is drawn, (n,): rates and proportions where these are known."""
        y = np.asarray(self.y, dtype=float)
        return (y if self.response is None else y[:, self.response]) / self.unit

    @property
    def label(self) -> str:
        """Label of the axis of the response."""
        return " / ".join([self.name, *self.known])

    def law(self, estimator: Any) -> Any:
        """The law of the response that is drawn, at every row."""
        return law_of(estimator, self.X, self.response, self.known)


def rows_of(
    estimator: Any, X: Any, y: Any, *, response: int | None = None, **known: ArrayLike | None
) -> Rows:
    """Rows as they are given to a plot.

    Parameters
    ----------
    estimator : object
        Fitted. If it is bound to a formula, X is a frame and y may be None.
    X, y : as the estimator takes them
    response : int, optional
        Which of several responses to draw.
    **known : array (n,), number or None
        exposure= or trials=.

    Raises
    ------
    ValueError
        If the responses are several and none is chosen, or the estimator has no use for what is
        known.
    """
    X, y, known = given(estimator, X, y, known)
    values = np.asarray(y)
    if values.ndim == 2 and values.shape[1] == 1 and response is None:
        response = 0
    if values.ndim == 2 and response is None:
        raise ValueError(
            f"y has {values.shape[1]} responses; choose one by response=0 to "
            f"response={values.shape[1] - 1}"
        )
    if response is not None and (values.ndim != 2 or not 0 <= response < values.shape[1]):
        raise ValueError(f"response={response!r} is not a column of y of shape {values.shape}")
    return Rows(X, y, _name(y, response), response, known_of(estimator, len(values), known))


def given(
    estimator: Any, X: Any, y: Any, known: dict[str, ArrayLike | None]
) -> tuple[Any, Any, dict[str, ArrayLike | None]]:
    """Rows, responses and what is known, completed by the formula if there is one.

    Raises
    ------
    ValueError
        If X or y is missing and there is no formula.
    """
    bound = getattr(estimator, "formula_", None) is not None
    own = bound and X is None
    X = frame_of(estimator, X)
    if not bound:
        if y is None:
            raise ValueError("y is None; give the responses of the rows of X")
        return X, y, known
    name = estimator._bound.known_as
    found = estimator._rows(None if own else X, y, None, known.get(name))
    return X, found.y, {**known, **({} if name is None else {name: found.known})}


def per_unit(method: Any) -> dict[str, float]:
    """An exposure of one, for methods that know exposures: a formula would look for its column."""
    return {"exposure": 1.0} if "exposure" in signature(method).parameters else {}


def known_of(estimator: Any, n: int, known: dict[str, ArrayLike | None]) -> dict[str, Array]:
    """What is known about n rows beside x, checked: at most one array (n,) by its name.

    Raises
    ------
    ValueError
        If the estimator has no use for it, or it does not fit the rows.
    """
    takes = signature(getattr(estimator, "predict_dist", estimator.predict)).parameters
    found: dict[str, Array] = {}
    for name, values in known.items():
        if values is None:
            continue
        if name not in takes:
            raise ValueError(f"{name}= means nothing to a {type(estimator).__name__}; leave it out")
        array = np.asarray(values, dtype=float)
        if array.shape not in ((), (n,)):
            raise ValueError(f"{name} has shape {array.shape}; give a number for each of {n} rows")
        found[name] = np.broadcast_to(array, (n,))
    return found


def law_of(estimator: Any, X: Any, response: int | None, known: dict[str, Array]) -> Any:
    """The law p(y | x), or the marginal one of a response, at every row of X.

    Raises
    ------
    ValueError
        If responses are classes, which are not drawn on an axis.
    """
    if not hasattr(estimator, "predict_dist"):
        raise ValueError(
            f"a {type(estimator).__name__} predicts classes, which have no order to draw them in; "
            "use plot_classes"
        )
    law = estimator.predict_dist(X, **known)
    if not hasattr(law, "marginal"):
        return law
    if response is None:
        raise ValueError(
            f"the law has {law.n_responses} responses; choose one by response=0 to "
            f"response={law.n_responses - 1}"
        )
    return law.marginal(response)


def counts(estimator: Any) -> bool:
    """Whether responses are counts: their estimators know exposures or trials."""
    method = getattr(estimator, "predict_dist", None)
    return method is not None and bool(set(_KNOWN) & set(signature(method).parameters))


def refuse_classes(estimator: Any, instead: str) -> None:
    """Say what to draw of an estimator of classes.

    Raises
    ------
    ValueError
        If the estimator predicts classes.
    """
    if hasattr(estimator, "classes_"):
        raise ValueError(
            f"the responses of a {type(estimator).__name__} are classes, which have no numbers to "
            f"draw; use {instead}"
        )


def _name(y: Any, response: int | None) -> str:
    if response is not None:
        return str(y.columns[response]) if hasattr(y, "columns") else f"y{response}"
    name = getattr(y, "name", None)
    return "y" if name is None else str(name)
