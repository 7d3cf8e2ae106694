"""Criterion of the dendrogram for the candidates of a selection."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mixexp.selection.candidates import UnreliableSelectionWarning
from mixexp.selection.dendrogram import dendrogram_of
from mixexp.selection.dendrogram_errors import CannotMergeError
from mixexp.selection.grid import size
from mixexp.selection.refit import FitRecord
from mixexp.selection.selector_rows import Rows

Array = NDArray[np.float64]


class Judged(NamedTuple):
    """DSC of M candidates, (M,), and for each why it has none; an empty text where it may have."""

    values: Array
    reasons: tuple[str, ...]


def dendrogram_criterion(
    records: Sequence[FitRecord], chains: Sequence[Sequence[int]], rows: Rows
) -> Array:
    """DSC of every candidate, from the largest fit of its chain, merged down; (M,).

    Unlike the other criteria it judges a number of experts, not the candidate's own fit, and K = 1
    has no value. NaN where the atoms cannot be merged.

    Parameters
    ----------
    records : sequence of M fits
    chains : sequence of sequences of int
        Positions of candidates that differ in the number of experts only, smallest first.
    rows : Rows
        The data of the fits.

    Warns
    -----
    UnreliableSelectionWarning
        For every reason why candidates have no value.
    """
    judged = judge(records, chains, rows)
    for reason in dict.fromkeys(filter(None, judged.reasons)):
        warnings.warn(UnreliableSelectionWarning(reason), stacklevel=2)
    return judged.values


def judge(records: Sequence[FitRecord], chains: Sequence[Sequence[int]], rows: Rows) -> Judged:
    """DSC of every candidate, and why there is none."""
    values = np.full(len(records), np.nan)
    reasons = [""] * len(records)
    for chain in chains:
        usable = [i for i in chain if records[i].estimator is not None and not records[i].on_floor]
        if not usable:
            continue
        largest = records[usable[-1]].estimator
        try:
            if rows.known:
                raise CannotMergeError(
                    f"measures are evaluated without {', '.join(rows.known)}; call dendrogram(), "
                    "with a log-likelihood that has it"
                )
            found = dendrogram_of(largest, rows.X, rows.y).criterion
        except CannotMergeError as error:
            for i in usable:
                reasons[i] = f"no dendrogram of {type(largest).__name__}: {error}"
            continue
        for i in usable:
            values[i] = found.get(size(records[i].estimator), np.nan)
    return Judged(values, tuple(reasons))
