"""Where the gate hands over from one expert to another, with a standard error."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mixexp.estimation.pieces import pieces_of
from mixexp.inference import functions, intervals
from mixexp.inference.covariance import Covariance
from mixexp.inference.covariates import Covariates
from mixexp.inference.fitted import Fitted
from mixexp.inference.gradients import Gradients

if TYPE_CHECKING:
    from pandas import DataFrame

Array = NDArray[np.float64]

_GRID, _BISECTIONS = 1001, 60
# Part of the range over which the slope of the log odds is taken.
_STEP = 1e-5
_SEPARATES = (
    "the gate is a step there: every place between two neighbouring rows has the same likelihood"
)
_JUMPS = "the likelihood jumps where the place crosses a row, so it has no normal limit law"


def gate_switches(
    fitted: Fitted,
    covariance: Covariance,
    estimator: Any,
    variable: str | None = None,
    X: Any = None,
    level: float = 0.95,
) -> DataFrame:
    r"""Values of a variable at which another expert becomes the most probable one.

    At a switch x* from expert k to l the log odds :math:`h=\log\pi_k-\log\pi_l` are zero, and by
    the implicit function theorem :math:`\partial x^*/\partial\theta=-(\partial h/\partial\theta)/
    (\partial h/\partial x)`; the standard error is the delta method's.

    Parameters
    ----------
    fitted : Fitted
    covariance : Covariance
    estimator
        The fitted estimator.
    variable : str, optional
        A variable that is a number, of the data if there is a formula; may be left out if there is
        only one.
    X : optional
        One row at whose values the other variables are held; by default at their means, categories
        at the most frequent.
    level : float

    Returns
    -------
    DataFrame
        A line for each switch within the range of the data: ``from``, ``to``, ``estimate`` (in the
        units of the variable), ``se``, ``lower``, ``upper`` and ``withheld``.

    Raises
    ------
    ValueError
        If the variable is unknown, no number, or not named where there are several; or X has not
        one row.
    """
    from pandas import DataFrame

    z = intervals.quantile(level)
    rows = Covariates.of(fitted, estimator, X)
    name = _pick(rows, variable)
    if X is None:
        rows = rows.at_means()
    elif len(rows.frame) != 1:
        raise ValueError(f"X has {len(rows.frame)} rows; give one, at which the others are held")

    def at(values: Array) -> Gradients:
        frame = rows.frame.iloc[np.zeros(len(values), dtype=int)].reset_index(drop=True)
        affine = fitted.objective.data.affine
        x = rows.design(frame.assign(**{name: values}))
        scaled = (x - affine.x_center) / affine.x_scale
        return Gradients(fitted.model, fitted.theta, np.ascontiguousarray(scaled.T))

    data = rows.reference[name].to_numpy(dtype=float)
    span = float(data.max() - data.min())
    place, first, second = _crossings(at, np.linspace(data.min(), data.max(), _GRID))
    lines = []
    for x, k, other in zip(place, first, second, strict=True):
        error = _error(fitted, covariance, at, x, (k, other), _STEP * span)
        why = _why(fitted, covariance, error)
        lower, upper = (float(v[0]) for v in intervals.plain(np.array([x]), np.array([error]), z))
        lines.append((k, other, x, error, lower, upper, why))
    columns = ["from", "to", "estimate", "se", "lower", "upper", "withheld"]
    return DataFrame(lines, columns=columns)


def _pick(rows: Covariates, variable: str | None) -> str:
    if variable is None and len(rows.variables) > 1:
        raise ValueError(f"variable is not named; the fit has {rows.variables}: choose one")
    (name,) = rows.check(rows.variables if variable is None else [variable])
    if not rows.is_number(name):
        raise ValueError(f"variable={name!r} is a category, along which nothing can switch")
    return name


def _crossings(
    at: Callable[[Array], Gradients], grid: Array
) -> tuple[Array, NDArray[np.intp], NDArray[np.intp]]:
    """Places where the most probable expert changes, by bisection, and the two experts."""
    leader = at(grid).pi.argmax(axis=0)
    where = np.flatnonzero(np.diff(leader))
    low, high = grid[where], grid[where + 1]
    before = leader[where]
    for _ in range(_BISECTIONS if len(where) else 0):
        middle = 0.5 * (low + high)
        same = at(middle).pi.argmax(axis=0) == before
        low, high = np.where(same, middle, low), np.where(same, high, middle)
    after = at(high).pi.argmax(axis=0) if len(where) else before
    return 0.5 * (low + high), before, after


def _error(
    fitted: Fitted,
    covariance: Covariance,
    at: Callable[[Array], Gradients],
    x: float,
    pair: tuple[int, int],
    step: float,
) -> float:
    """Standard error of a switch; NaN where the data do not determine it."""
    pieces = pieces_of(fitted.objective)
    if pieces is not None and pieces.jumps:
        return np.nan
    k, other = pair
    ends = np.log(at(np.array([x - step, x + step])).pi[[k, other]])
    slope = float(np.diff(ends[0] - ends[1])[0]) / (2.0 * step)
    here = at(np.array([x]))
    # Other experts may have no probability there at all.
    both = here.rows(here.gate_proba())[[k, other], 0] / here.pi[[k, other]]
    return float(covariance.standard_error((both[0] - both[1]) / slope)[0])


def _why(fitted: Fitted, covariance: Covariance, error: float) -> str:
    """Why there is no standard error; an empty text where there is one."""
    if not np.isnan(error):
        return ""
    pieces, certificate = pieces_of(fitted.objective), fitted.certificate
    if pieces is not None and pieces.jumps:
        return _JUMPS
    if not covariance.failure and certificate is not None and certificate.separation.found:
        return _SEPARATES
    return functions.reasons(covariance, np.array([error]))[0]
