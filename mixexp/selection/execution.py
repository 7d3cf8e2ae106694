"""Chains of nested candidates, fitted in this process or in workers, each fit stored at once."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pickle import PicklingError
from typing import Any, NamedTuple

import numpy as np

from mixexp.estimation.executors import in_workers, number_of_workers
from mixexp.selection.crossvalidation import held_out_loglik
from mixexp.selection.fingerprint import fingerprint
from mixexp.selection.fits_store import FitsStore
from mixexp.selection.refit import FitRecord, Search, derived_seed, fit_certified
from mixexp.selection.selector_rows import Rows
from mixexp.selection.warm_starts import starts_from

WHOLE = -1
"""The fold of a fit to all rows."""


@dataclass(frozen=True, eq=False)
class Chain:
    """Candidates to fit in this order to one set of rows.

    Attributes
    ----------
    positions : sequence of int
        Where they stand among all candidates.
    estimators : sequence of estimators
        Each nested in the next.
    rows : Rows
        What they are fitted to.
    held_out : Rows or None
        What their log density is evaluated on.
    fold : int
        Number of the fold, or ``WHOLE``.
    """

    positions: Sequence[int]
    estimators: Sequence[Any]
    rows: Rows
    held_out: Rows | None = None
    fold: int = WHOLE


class Outcome(NamedTuple):
    """A fit of the candidate at a position to a fold, and log densities of the rows held out."""

    position: int
    fold: int
    record: FitRecord
    held_out: Any


def run_chains(
    chains: Sequence[Chain], search: Search, store: FitsStore | None, n_jobs: int | None
) -> Iterator[Outcome]:
    """Outcomes of all chains, as they come.

    Workers are separate processes with one BLAS and one numba thread each; a chain is fitted by one
    of them. The outcomes do not depend on their number.

    Parameters
    ----------
    chains : sequence of Chain
    search : Search
    store : FitsStore or None
        Fits found there are not made again; fits that are made are put there at once.
    n_jobs : int or None
        Worker processes in joblib's convention; None and 1 stay in this process.

    Raises
    ------
    ValueError
        If `n_jobs` is 0.
    """
    workers = min(number_of_workers(n_jobs), len(chains))
    results = (
        _in_process(chains, search, store)
        if workers == 1
        else _in_workers(chains, search, store, workers)
    )
    with closing(results):
        yield from results


def fit_chain(chain: Chain, search: Search, store: FitsStore | None = None) -> Iterator[Outcome]:
    """Fit the candidates of a chain, each from splits of the one before that could be fitted."""
    # The data are long; they are read for their name once.
    data = None if store is None else chain.rows.fingerprint()
    before: FitRecord | None = None
    before_key: str | None = None
    floor = -np.inf
    seeded = replace(search, seed=derived_seed(search.seed, chain.fold))
    for position, estimator in zip(chain.positions, chain.estimators, strict=True):
        key = None if data is None else _key(estimator, data, seeded, before_key)
        record = None if store is None or key is None else store.get(key)
        if not isinstance(record, FitRecord):
            record = _fit_next(estimator, chain.rows, seeded, before, floor)
            if store is not None and key is not None and record.error is None:
                record = _stored(store, key, record)
        if record.error is None:
            before, before_key = record, key
            # A likelihood that the floor of a scale makes is no bound for others.
            floor = floor if record.on_floor else float(np.fmax(floor, record.loglik))
        yield Outcome(position, chain.fold, record, _evaluated(record, chain.held_out))


def _fit_next(
    estimator: Any, rows: Rows, search: Search, before: FitRecord | None, floor: float
) -> FitRecord:
    if before is None:
        return fit_certified(estimator, rows, search)
    smaller = before.estimator
    known = rows.known_to(getattr(smaller, "responsibilities", smaller.fit))
    splits = partial(starts_from, smaller, rows.X, rows.y, known)
    return fit_certified(estimator, rows, search, splits, floor)


def _evaluated(record: FitRecord, rows: Rows | None) -> Any:
    if rows is None or record.estimator is None:
        return None
    return held_out_loglik(record.estimator, rows)


def _key(estimator: Any, data: str, search: Search, before: str | None) -> str:
    """The name of a fit: everything that it depends on, as far as this package knows."""
    from mixexp import __version__

    params = estimator.get_params(deep=False)
    return fingerprint(__version__, type(estimator), params, data, search, before)


def _stored(store: FitsStore, key: str, record: FitRecord) -> FitRecord:
    try:
        store.put(key, record)
    except (PicklingError, AttributeError, TypeError) as error:
        text = f"the fit could not be stored: {error}"
        return replace(record, warnings=(*record.warnings, text))
    return record


def _in_process(
    chains: Sequence[Chain], search: Search, store: FitsStore | None
) -> Generator[Outcome]:
    from threadpoolctl import threadpool_limits

    for chain in chains:
        outcomes = fit_chain(chain, search, store)
        while True:
            # BLAS may round differently with more threads; workers have one. The limit must not
            # last while the caller has the outcome.
            with threadpool_limits(limits=1):
                outcome = next(outcomes, None)
            if outcome is None:
                break
            yield outcome


def _in_workers(
    chains: Sequence[Chain], search: Search, store: FitsStore | None, workers: int
) -> Generator[Outcome]:
    whole = partial(_whole_chain, search=search, store=store)
    with closing(in_workers(whole, chains, workers)) as results:
        for _, outcomes in results:
            yield from outcomes


def _whole_chain(chain: Chain, search: Search, store: FitsStore | None) -> list[Outcome]:
    return list(fit_chain(chain, search, store))
