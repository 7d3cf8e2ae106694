"""The table of a selection: one row for each candidate, whatever became of its fit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mixexp.selection.criteria import aic, bic, entropy_of, icl
from mixexp.selection.crossvalidation import HeldOut
from mixexp.selection.grid import GridPoint, size
from mixexp.selection.refit import FitRecord, falls, flags_of
from mixexp.selection.selector_contrast import contrast, is_penalised
from mixexp.selection.selector_rows import Rows

if TYPE_CHECKING:
    from pandas import DataFrame

NOT_CERTIFIED, RISES, FAILED, NO_LIKELIHOOD = (
    "not certified",
    "contrast rises",
    "failed",
    "log-likelihood is not finite",
)
_OWN = {
    "likelihood", "n_parameters", "loglik", "aic", "bic", "icl", "dsc", "cv_mean",
    "cv_standard_error", "criterion", "certified", "remaining_gain", "n_restarts", "seconds",
    "flags", "findings", "error", "rank", "selected",
}  # fmt: skip


def table_of(
    points: Sequence[GridPoint],
    records: Sequence[FitRecord],
    chains: Sequence[Sequence[int]],
    rows: Rows,
    likelihood: str,
    held_out: Sequence[HeldOut] | None = None,
    criterion: Callable[[Any, Any, Any], float] | None = None,
) -> DataFrame:
    """Parameters, contrast, criteria, and how each fit ended, as a data frame.

    Parameters
    ----------
    points, records : sequences of M entries
        Candidates and their fits.
    chains : sequence of sequences of int
        Positions of nested candidates, smallest first.
    rows : Rows
        What they were fitted to.
    likelihood : {"conditional", "joint"}
        What they are compared by.
    held_out : sequence of HeldOut, optional
        Cross-validated log-likelihoods.
    criterion : callable, optional
        ``criterion(estimator, X, y)``, smaller being better.

    Returns
    -------
    DataFrame
        M rows in the order of `points`.
    """
    from pandas import DataFrame

    risen = _risen(records, chains, likelihood)
    lines = []
    for i, (point, record) in enumerate(zip(points, records, strict=True)):
        line = {_column(name): _shown(value) for name, value in point.params.items()}
        line |= _criteria(record, rows, likelihood)
        if held_out is not None:
            line |= {
                "cv_mean": held_out[i].mean,
                "cv_standard_error": held_out[i].standard_error,
            }
        notes = list(record.warnings)
        if criterion is not None:
            line["criterion"] = _called(criterion, record, rows, notes)
        if held_out is not None and held_out[i].note:
            notes.append(f"cross-validation: {held_out[i].note}")
        lines.append(line | _ending(record, i in risen, notes))
    return DataFrame(lines)


def _criteria(record: FitRecord, rows: Rows, likelihood: str) -> dict[str, Any]:
    line: dict[str, Any] = {
        "likelihood": likelihood, "n_parameters": None, "loglik": np.nan,
        "aic": np.nan, "bic": np.nan, "icl": np.nan,
    }  # fmt: skip
    if record.estimator is None:
        return line
    loglik, dim = contrast(record.estimator, likelihood)
    line |= {"n_parameters": dim, "loglik": loglik}
    if np.isfinite(loglik):
        n = rows.total
        line |= {"aic": aic(loglik, dim), "bic": bic(loglik, dim, n)}
        entropy = _entropy(record.estimator, rows)
        if entropy is not None:
            line["icl"] = icl(loglik, dim, n, entropy)
    return line


def _entropy(estimator: Any, rows: Rows) -> float | None:
    """Entropy of the responsibilities, nats; None if the estimator has none that are laws."""
    if not hasattr(estimator, "responsibilities"):
        return None
    known = rows.known_to(estimator.responsibilities)
    # Rows of weight zero were not fitted, and may have no posterior.
    try:
        r = estimator.responsibilities(rows.X, rows.y, **known)
        return entropy_of(np.asarray(r, dtype=float), rows.weight)
    except ValueError:
        return None


def _called(
    criterion: Callable[[Any, Any, Any], float], record: FitRecord, rows: Rows, notes: list[str]
) -> float:
    if record.estimator is None:
        return np.nan
    try:
        return float(criterion(record.estimator, rows.X, rows.y))
    # Fits of hours are not lost to a function that fails on one of them.
    except Exception as error:
        notes.append(f"the criterion failed: {type(error).__name__}: {error}")
        return np.nan


def _ending(record: FitRecord, risen: bool, notes: list[str]) -> dict[str, Any]:
    """How a fit ended, in numbers, short flags and words."""
    certificate = getattr(record.estimator, "certificate_", None)
    failed = record.estimator is None
    facts = {
        FAILED: failed,
        NO_LIKELIHOOD: not failed and not np.isfinite(record.loglik),
        NOT_CERTIFIED: not failed and not record.certified,
        RISES: risen,
        "penalised": not failed and is_penalised(record.estimator),
    }
    flags = dict.fromkeys(flag for flag, holds in facts.items() if holds)
    flags |= dict.fromkeys(flags_of(record.estimator))
    return {
        "certified": record.certified,
        "remaining_gain": getattr(certificate, "remaining_gain", np.nan),
        "n_restarts": record.n_restarts,
        "seconds": record.seconds,
        "flags": ", ".join(flags),
        "findings": "\n".join([*notes, *getattr(certificate, "findings", ())]),
        "error": record.error or "",
    }


def _risen(
    records: Sequence[FitRecord], chains: Sequence[Sequence[int]], likelihood: str
) -> set[int]:
    """Positions of fits whose likelihood is below that of one with fewer experts."""
    risen = set()
    for chain in chains:
        highest, smallest = -np.inf, -1
        for i in chain:
            if records[i].estimator is None:
                continue
            loglik = contrast(records[i].estimator, likelihood).loglik
            if highest > -np.inf and falls(loglik, highest):
                risen.add(i)
            if records[i].on_floor:
                continue
            if size(records[i].estimator) > smallest and loglik > highest:
                highest, smallest = loglik, size(records[i].estimator)
    return risen


def _column(name: str) -> str:
    return f"param_{name}" if name in _OWN else name


def _shown(value: Any) -> Any:
    """Numbers and texts as they are, estimators and other objects as text."""
    plain = value is None or isinstance(value, bool | int | float | str)
    return value if plain else repr(value)
