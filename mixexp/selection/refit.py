"""One candidate fitted until it is a certified, regular optimum, or its restarts are used up."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

from mixexp.selection.fingerprint import fingerprint
from mixexp.selection.selector_contrast import contrast, is_penalised
from mixexp.selection.selector_rows import Rows

# A log-likelihood that falls by less than this, in nats and relative, has not fallen.
_TOLERANCE = (1e-6, 1e-9)

ON_FLOOR = "scale on floor"

Starts = Callable[[int], Sequence[Any]]


@dataclass(frozen=True)
class Search:
    """How hard to look for each optimum.

    Attributes
    ----------
    likelihood : {"auto", "conditional", "joint"}
        What fits are compared by.
    warm_starts : bool
        Whether splits of the fit with fewer experts are among the starts from the beginning.
    restarts : int
        Further attempts for a fit that is not certified.
    seed : int
        What the seeds of all fits derive from.
    keeps_seed : bool
        Whether the first attempt uses the estimator's own ``random_state`` if it has one.
    """

    likelihood: str = "auto"
    warm_starts: bool = True
    restarts: int = 2
    seed: int = 0
    keeps_seed: bool = False


@dataclass(frozen=True)
class FitRecord:
    """What came of a candidate.

    Attributes
    ----------
    estimator : fitted estimator, or None if every attempt failed
    loglik : float
        Log-likelihood, nats; NaN if there is none.
    certified : bool
        Whether the estimator says ``converged_``.
    on_floor : bool
        Whether it says that a scale is on its floor: the likelihood is then as high as the floor is
        low, and nothing to compare.
    n_restarts : int
        Attempts after the first.
    seconds : float
        Time of all attempts.
    error : str or None
        What was raised, if every attempt failed.
    warnings : tuple of str
        What the fit warned of, except that it is not certified.
    """

    estimator: Any
    loglik: float = np.nan
    certified: bool = False
    on_floor: bool = False
    n_restarts: int = 0
    seconds: float = 0.0
    error: str | None = None
    warnings: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether the fit is what was looked for: certified, and no scale on its floor."""
        return self.certified and not self.on_floor

    @property
    def rank(self) -> tuple[bool, bool, bool, float]:
        """Fits with a likelihood of its own, certified ones, and high ones are the better ones."""
        known = not np.isnan(self.loglik)
        return known, not self.on_floor, self.certified, self.loglik if known else -np.inf


def fit_certified(
    estimator: Any, rows: Rows, search: Search, splits: Starts | None = None, floor: float = -np.inf
) -> FitRecord:
    """Fit once, and again from another seed and twice as many starts until the fit is certified.

    It is made again as well if a scale is on its floor.

    Parameters
    ----------
    estimator : estimator
        It is cloned, and comes back with its own parameters: the starts that are added here
        (``init``, ``n_init``) are not kept.
    rows : Rows
    search : Search
    splits : callable, optional
        ``splits(m)`` gives starts by splitting m components of a smaller fit.
    floor : float
        Log-likelihood of that smaller fit. A fit below it has missed an optimum and is fitted again
        from more splits, unless it is penalised and the fall may be the penalty's.

    Returns
    -------
    FitRecord
        The highest certified fit, or the highest of all if none is certified.
    """
    tried: list[FitRecord] = []
    begin = time.perf_counter()
    floor = -np.inf if is_penalised(estimator) else floor
    for attempt in range(search.restarts + 1):
        missed = bool(tried) and not _reaches(tried[-1].loglik, floor)
        wanted = splits if search.warm_starts or missed else None
        record = _from_splits(estimator, rows, search, wanted, attempt)
        tried.append(record)
        if record.error is not None or (record.holds and _reaches(record.loglik, floor)):
            break
    best = max(tried, key=lambda record: record.rank)
    if best.estimator is not None:
        _restore(best.estimator, estimator)
    return replace(best, n_restarts=len(tried) - 1, seconds=time.perf_counter() - begin)


def _from_splits(
    estimator: Any, rows: Rows, search: Search, splits: Starts | None, attempt: int
) -> FitRecord:
    """One attempt; what a law cannot be started from need not keep it from being fitted."""
    error = None
    try:
        starts = [] if splits is None else list(splits(2 * (attempt + 1)))
    except Exception as raised:
        starts, error = [], f"{type(raised).__name__}: {raised}"
    record = _attempt(_prepared(estimator, search, starts, attempt), rows, search.likelihood)
    if record.error is not None and starts:
        error = record.error
        record = _attempt(_prepared(estimator, search, (), attempt), rows, search.likelihood)
    if error is None:
        return record
    text = f"there are no starts by splitting: {error}"
    return replace(record, warnings=(*record.warnings, text))


def flags_of(estimator: Any) -> list[str]:
    """What a fitted estimator itself says of the optimum that is its answer."""
    optima: Any = getattr(estimator, "optima_", None)
    if "flags" not in getattr(optima, "columns", ()):
        return []
    return [flag for flag in str(optima["flags"].iloc[0]).split(", ") if flag]


def falls(loglik: float, floor: float) -> bool:
    """Whether a log-likelihood lies below a floor by more than rounding."""
    return loglik < floor - _TOLERANCE[0] - _TOLERANCE[1] * abs(floor)


def derived_seed(*key: Any) -> int:
    """A seed below 2**31 that depends on the contents of a key, not on an order of fits."""
    return int(fingerprint(*key)[:8], 16) >> 1


def _reaches(loglik: float, floor: float) -> bool:
    return not np.isnan(loglik) and (floor == -np.inf or not falls(loglik, floor))


def _prepared(estimator: Any, search: Search, starts: Sequence[Any], attempt: int) -> Any:
    """A clone with the seed, the number of starts and the starts of an attempt."""
    params = estimator.get_params(deep=False)
    changes: dict[str, Any] = {}
    keeps = search.keeps_seed and attempt == 0 and params.get("random_state") is not None
    if "random_state" in params and not keeps:
        others = {name: value for name, value in params.items() if name != "random_state"}
        changes["random_state"] = derived_seed(search.seed, type(estimator), others, attempt)
    added = len(starts) if "init" in params else 0
    if added:
        changes["init"] = [*starts, *_own_starts(params["init"])]
    if "n_init" in params:
        # Given starts count towards n_init; these come on top.
        changes["n_init"] = params["n_init"] * 2**attempt + added
    return clone(estimator).set_params(**changes)


def _own_starts(init: Any) -> list[Any]:
    """The user's starts as a list: one that is given alone may be a list of lists of numbers."""
    if init is None:
        return []
    if not isinstance(init, list) or (len(init) and np.ndim(init[0]) == 1):
        return [init]
    return init


def _restore(fitted: Any, estimator: Any) -> None:
    """Give a fitted estimator the parameters of its candidate, but for the seed it had."""
    params = estimator.get_params(deep=False)
    kept = {name: params[name] for name in ("init", "n_init") if name in params}
    if kept:
        fitted.set_params(**kept)


def _attempt(estimator: Any, rows: Rows, likelihood: str) -> FitRecord:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            weight = {} if rows.weight is None else {"sample_weight": rows.weight}
            estimator.fit(rows.X, rows.y, **weight, **rows.known)
            loglik = contrast(estimator, likelihood).loglik
        except Exception as error:
            return FitRecord(None, error=f"{type(error).__name__}: {error}")
    texts = [str(w.message) for w in caught if not issubclass(w.category, ConvergenceWarning)]
    certified = bool(getattr(estimator, "converged_", False)) and bool(np.isfinite(loglik))
    on_floor = ON_FLOOR in flags_of(estimator)
    return FitRecord(estimator, loglik, certified, on_floor, warnings=tuple(dict.fromkeys(texts)))
