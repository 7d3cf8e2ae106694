"""From a table of fits to the selected one: what each criterion minimises."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mixexp.selection.candidates import Candidates, penalised
from mixexp.selection.heuristics import slope_heuristics
from mixexp.selection.jump import FEWEST_FOR_JUMP, dimension_jump
from mixexp.selection.slope import FEWEST_FOR_SLOPE, slope_estimation

if TYPE_CHECKING:
    from pandas import DataFrame

Array = NDArray[np.float64]

COLUMNS = ("aic", "bic", "icl", "dsc")
CROSS_VALIDATED = ("cv", "cv_1se")
_FEWEST = {"slope": FEWEST_FOR_SLOPE, "ddse": FEWEST_FOR_SLOPE, "jump": FEWEST_FOR_JUMP}
_RULES: dict[str, Callable[[Candidates], Any]] = {
    "slope": slope_heuristics,
    "jump": dimension_jump,
    "ddse": slope_estimation,
}
# Values this close, relative to their size, differ by rounding and by the tolerance of the fits.
_EQUAL = 1e-8
CRITERIA = (*COLUMNS, *_RULES, *CROSS_VALIDATED)


class Choice(NamedTuple):
    """Values (M,) that were compared, smaller being better, the position chosen, and by what."""

    values: Array
    best: int
    selection: Any = None


def check_criterion(criterion: Any, n_candidates: int) -> None:
    """Refuse before any fit what could not decide after all of them.

    Raises
    ------
    ValueError
        If the criterion is unknown, or a slope heuristic is asked of too few candidates.

    Examples
    --------
    >>> check_criterion("bic", 3)
    >>> check_criterion("jump", 3)
    Traceback (most recent call last):
    ...
    ValueError: criterion='jump' needs at least 11 candidates, got 3; add candidates, ...
    """
    if callable(criterion):
        return
    if criterion not in CRITERIA:
        raise ValueError(
            f"criterion={criterion!r} is unknown; use one of {list(CRITERIA)} or a function of "
            "(estimator, X, y)"
        )
    if n_candidates < (fewest := _FEWEST.get(criterion, 1)):
        raise ValueError(
            f"criterion={criterion!r} needs at least {fewest} candidates, got {n_candidates}; add "
            "candidates, larger ones above all, or use a criterion such as 'bic'"
        )


def choose(criterion: Any, table: DataFrame, labels: Sequence[str]) -> Choice:
    """The candidate that a criterion selects from the table of all fits.

    Parameters
    ----------
    criterion : str or callable
        ``"cv_1se"`` takes the smallest model whose cross-validated log-likelihood is within one
        standard error of the best one's.
    table : DataFrame
        Columns ``loglik``, ``n_parameters`` and what the criterion reads: its own column,
        ``cv_mean`` and ``cv_standard_error``, or ``criterion`` for a callable. Missing values leave
        a candidate out.
    labels : sequence of str
        What to call the candidates.

    Raises
    ------
    ValueError
        If no candidate has a value.

    References
    ----------
    Breiman, L., Friedman, J., Olshen, R. and Stone, C. (1984). Classification and Regression Trees,
    section 3.4.3 (the one-standard-error rule).
    """
    if criterion in _RULES:
        return _by_slope(_RULES[criterion], table, list(labels))
    sizes = table["n_parameters"].to_numpy(dtype=float)
    if criterion not in CROSS_VALIDATED:
        column = "criterion" if callable(criterion) else criterion
        values = table[column].to_numpy(dtype=float)
        return Choice(values, _smallest(values, sizes, criterion))
    values = -table["cv_mean"].to_numpy(dtype=float)
    best = _smallest(values, sizes, criterion)
    if criterion == "cv_1se":
        error = float(table["cv_standard_error"].iloc[best])
        near = np.flatnonzero(values <= values[best] + error)
        best = int(min(near, key=lambda i: (sizes[i], values[i])))
    return Choice(values, best)


def ranks(values: Array, best: int) -> list[int | None]:
    """Places from 1 on, the selected candidate first; None without a finite value.

    Examples
    --------
    >>> ranks(np.array([3.0, np.nan, 1.0, 2.0]), best=3)
    [3, None, 2, 1]
    """
    known = [i for i in range(len(values)) if np.isfinite(values[i]) or i == best]
    order = sorted(known, key=lambda i: (i != best, values[i]))
    places: list[int | None] = [None] * len(values)
    for place, i in enumerate(order):
        places[i] = place + 1
    return places


def _by_slope(rule: Callable[[Candidates], Any], table: DataFrame, labels: list[str]) -> Choice:
    candidates = Candidates(tuple(labels), table["n_parameters"], -table["loglik"])
    selection = rule(candidates)
    values = np.full(len(labels), np.nan)
    # Without a jump there is no penalty to apply, and nothing to rank by but the choice itself.
    if np.isfinite(selection.kappa):
        at = [labels.index(str(name)) for name in candidates.names]
        values[at] = penalised(candidates, selection.kappa)
    return Choice(values, labels.index(str(selection.selected)), selection)


def _smallest(values: Array, sizes: Array, criterion: Any) -> int:
    """Position of the smallest finite value; of equal ones the smaller, then the first model's."""
    known = np.flatnonzero(np.isfinite(values))
    if not known.size:
        raise ValueError(
            f"criterion={criterion!r} has no finite value for any candidate; the column 'error' of "
            "table_ says why, where a fit failed"
        )
    least = float(values[known].min())
    tied = known[values[known] <= least + _EQUAL * abs(least)]
    return int(min(tied, key=lambda i: sizes[i]))
