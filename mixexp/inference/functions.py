"""Functions of the parameters at given x with standard errors and intervals, as data frames."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mixexp.estimation.assembly import Assembly
from mixexp.estimation.data import Data
from mixexp.estimation.objective import Objective
from mixexp.inference import intervals
from mixexp.inference.covariance import Covariance
from mixexp.inference.fitted import Fitted
from mixexp.inference.gradients import Gradients, Local, blocks
from mixexp.inference.overspecification import Overspecification

if TYPE_CHECKING:
    from pandas import DataFrame

Array = NDArray[np.float64]

_UNDETERMINED = "the data do not determine it: it changes along directions without information"


def reasons(covariance: Covariance, error: Array) -> list[str]:
    """Why standard errors are NaN; an empty text where they are not."""
    why = covariance.failure or _UNDETERMINED
    return [why if missing else "" for missing in np.isnan(error)]


def without(table: DataFrame, over: Overspecification) -> DataFrame:
    """A table without standard errors, and what follows from them, of experts that may be one."""
    if over.found:
        named = [c for c in ("expert", "from", "to") if c in table]
        lines = table[named].isin(over.pair).any(axis=1)
        numbers = [c for c in ("se", "z", "pvalue", "lower", "upper") if c in table]
        table.loc[lines, numbers] = np.nan
        table.loc[lines, "withheld"] = over.message
    return table


class Rows(NamedTuple):
    """Rows at which functions are evaluated.

    Attributes
    ----------
    z : array (n_columns, n)
        Columns on the solver's scale.
    known : array (n,) or None
        Exposures or trials; None stands for ones.
    names : sequence
        What the n rows are called in tables.
    """

    z: Array
    known: Array | None
    names: Sequence[Any]

    @classmethod
    def of(cls, estimator: Any, X: Any, known: Any = None) -> Rows:
        """Rows of X as a fitted estimator reads them; a data frame keeps its index."""
        rows = cls.of_gate(estimator, X)
        of_rows = estimator._row_known(estimator._known(X, known), rows.z.shape[1])
        return rows._replace(known=of_rows)

    @classmethod
    def of_gate(cls, estimator: Any, X: Any) -> Rows:
        """Rows of X for the gate, which depends on no exposure and no number of trials."""
        z = np.ascontiguousarray(estimator._check(X).T)
        return cls(z, None, labels_of(X, z.shape[1]))


def labels_of(X: Any, n_rows: int) -> Sequence[Any]:
    """The index of a data frame, or positions."""
    return list(X.index) if hasattr(X, "iloc") else range(n_rows)


def gate_proba(
    fitted: Fitted, covariance: Covariance, rows: Rows, level: float = 0.95
) -> DataFrame:
    r"""Gate probabilities :math:`\pi_k(x_i)`, with intervals that are symmetric in the log odds.

    Where a gate switches experts off, the choice at a row is taken as known: an expert that is off
    has probability zero and standard error zero.

    Returns
    -------
    DataFrame
        ``row``, ``expert``, ``estimate``, ``se``, ``lower``, ``upper`` and ``withheld``: why there
        is no standard error, or an empty text. One line for each row and expert.
    """
    experts = range(fitted.model.n_experts)
    found = _evaluated(
        fitted, covariance, rows, Gradients.gate_proba, len(experts), _probabilities(1), level
    )
    return _table(rows.names, {"expert": experts}, found, covariance)


def mean(
    fitted: Fitted,
    covariance: Covariance,
    rows: Rows,
    level: float = 0.95,
    *,
    labels: dict[str, Sequence[Any]] | None = None,
) -> DataFrame:
    r"""The mean :math:`\sum_k\pi_k(x_i)\,E_k(y\mid x_i)`; of classes, their probabilities.

    Intervals stay in the range of the mean: symmetric in its logarithm for counts, in the log odds
    for proportions and classes, plain for responses of any sign. They are about the mean, not about
    a new response.

    Parameters
    ----------
    fitted : Fitted
    covariance : Covariance
    rows : Rows
    level : float
    labels : dict, optional
        Name of the column, and names of the classes or responses in order; see :func:`outcomes`.

    Returns
    -------
    DataFrame
        As of :func:`gate_proba`, with the labels for the experts.
    """
    named = outcomes(fitted) if labels is None else labels
    functions = mean_of(named)
    scaling = _means(fitted, rows, named, 1)
    found = _evaluated(fitted, covariance, rows, functions, _count(named), scaling, level)
    return _table(rows.names, named, found, covariance)


def expert_mean(
    fitted: Fitted,
    covariance: Covariance,
    rows: Rows,
    level: float = 0.95,
    *,
    labels: dict[str, Sequence[Any]] | None = None,
) -> DataFrame:
    """The mean of each expert, E_k(y | x_i), or its class probabilities; as :func:`mean`."""
    named = outcomes(fitted) if labels is None else labels
    experts = range(fitted.model.n_experts)
    scaling, m = _means(fitted, rows, named, len(experts)), len(experts) * _count(named)
    found = _evaluated(fitted, covariance, rows, Gradients.expert_means, m, scaling, level)
    return _table(rows.names, {"expert": experts, **named}, found, covariance)


def density(
    fitted: Fitted, covariance: Covariance, rows: Rows, y: Array, level: float = 0.95
) -> DataFrame:
    """The density or probability p(y_i | x_i), with intervals symmetric in its logarithm.

    Parameters
    ----------
    fitted : Fitted
    covariance : Covariance
    rows : Rows
    y : array
        Responses as the experts read them, one for each row.
    level : float
    """
    z = intervals.quantile(level)
    response, affine = fitted.model.expert.encode(y), fitted.objective.data.affine
    if fitted.model.expert.standardizes:
        response = (response.T - affine.y_center).T / np.reshape(affine.y_scale, (-1, 1))
    values, errors = [], []
    for some in blocks(fitted.model, rows.z.shape[1], 1):
        data = Data(rows.z[:, some].copy(), response[:, some].copy(), None, affine)
        objective = Objective(fitted.model, data)
        logs = objective.log_prob(fitted.theta) - data.log_scale / data.n_rows
        values.append(np.exp(logs))
        errors.append(values[-1] * covariance.standard_error(objective.scores(fitted.theta), 1.0))
    value, error = np.concatenate(values), np.concatenate(errors)
    found = _Found(value, error, *intervals.positive(value, error, z))
    return _table(rows.names, {}, found, covariance)


def outcomes(fitted: Fitted, classes: Sequence[Any] | None = None) -> dict[str, Sequence[Any]]:
    """What the numbers of a mean are called: classes, responses y0, y1, ..., or nothing if one."""
    if classes is not None:
        return {"class": list(classes)}
    model = fitted.model
    m = len(Gradients(model, fitted.theta, np.zeros((model.n_columns, 1))).mean().value)
    if m == 1:
        return {}
    if np.isfinite(model.expert.mean_range()[1]):
        return {"class": range(m)}
    return {"response": [f"y{j}" for j in range(m)]}


def mean_of(labels: dict[str, Sequence[Any]]) -> Callable[[Gradients], Local]:
    """The mean as functions of θ; of classes, with derivatives that are accurate near one."""
    if "class" in labels:
        return lambda at: at.mean().probabilities()
    return Gradients.mean


class _Found(NamedTuple):
    """Estimates, standard errors and limits, each (n m,) with the functions of a row together."""

    estimate: Array
    se: Array
    lower: Array
    upper: Array


class _Scale(NamedTuple):
    """How limits of functions with values (m, B) are made.

    ``unit`` (m, B) says what is a large value of each; ``rest`` is what is left to the top of the
    range, None where there is none.
    """

    kind: str
    unit: Array
    rest: Array | None = None


_Scaling = Callable[[Array, slice], _Scale]


def _probabilities(n_laws: int) -> _Scaling:
    """Probabilities of several laws; what is left to one is the sum of the others of a law."""

    def scale(value: Array, some: slice) -> _Scale:
        laws = value.reshape(n_laws, -1, value.shape[1])
        rest = [np.delete(laws, j, axis=1).sum(axis=1) for j in range(laws.shape[1])]
        return _Scale("within", np.ones_like(value), np.stack(rest, axis=1).reshape(value.shape))

    return scale


def _means(fitted: Fitted, rows: Rows, labels: dict[str, Sequence[Any]], n_laws: int) -> _Scaling:
    """The scaling of the means of one law, or of those of all experts."""
    if "class" in labels:
        return _probabilities(n_laws)
    low, high = fitted.model.expert.mean_range(rows.known)
    size = np.reshape(np.asarray(fitted.objective.data.affine.y_scale, dtype=float), (-1, 1))

    def scale(value: Array, some: slice) -> _Scale:
        if low == -np.inf:
            units = np.tile(size, (len(value) // len(size), 1))
            return _Scale("plain", np.broadcast_to(units, value.shape))
        top = np.broadcast_to(high, rows.z.shape[1:])[some]
        if np.isinf(top).all():
            return _Scale("positive", value)
        return _Scale("within", np.broadcast_to(top, value.shape), top - value)

    return scale


def _evaluated(
    fitted: Fitted,
    covariance: Covariance,
    rows: Rows,
    functions: Callable[[Gradients], Local],
    n_functions: int,
    scaling: _Scaling,
    level: float,
) -> _Found:
    z, assembly, parts = intervals.quantile(level), Assembly(fitted.model.layout), []
    for some in blocks(fitted.model, rows.z.shape[1], n_functions):
        known = None if rows.known is None else rows.known[some]
        at = Gradients(fitted.model, fitted.theta, rows.z[:, some], known, assembly=assembly)
        local = functions(at)
        kind, unit, rest = scaling(local.value, some)
        error = _errors(covariance, at.rows(local), unit)
        if kind == "plain":
            limits = intervals.plain(local.value, error, z)
        elif kind == "positive":
            limits = intervals.positive(local.value, error, z)
        else:
            limits = intervals.within(local.value, error, z, unit, rest)
        parts.append([v.T.ravel() for v in (local.value, error, *limits)])
    return _Found(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _errors(covariance: Covariance, gradient: Array, unit: Array) -> Array:
    """Standard errors (m, B) from gradients (m, B, P); what counts as no change is in units."""
    m, n, p = gradient.shape
    size = np.where(unit > 0.0, unit, 1.0)
    relative = (gradient / size[..., None]).reshape(-1, p)
    return size * covariance.standard_error(relative, 1.0).reshape(m, n)


def _count(labels: dict[str, Sequence[Any]]) -> int:
    return int(np.prod([len(names) for names in labels.values()]))


def _table(
    rows: Sequence[Any],
    labels: dict[str, Sequence[Any]],
    found: _Found,
    covariance: Covariance,
) -> DataFrame:
    """One line for each row and each combination of labels, the last varying fastest."""
    import pandas as pd

    columns: dict[str, Any] = {}
    each = len(found.estimate)
    repeat, tile = each // max(len(rows), 1), 1
    for name, values in {"row": rows, **labels}.items():
        if name != "row":
            repeat //= len(values)
        columns[name] = np.tile(np.repeat(np.asarray(values), repeat), tile)
        tile *= len(values)
    withheld = reasons(covariance, found.se)
    return pd.DataFrame({**columns, **found._asdict(), "withheld": withheld})
