r"""Adaptive Gauss-Legendre quadrature of several integrands a row, on many rows at once.

A panel is integrated as a whole and in two halves. The halves are the value, their distance from
the whole is its error estimate: it bounds the error of the whole, and that of the halves is smaller
by a factor :math:`2^{2m}` for m nodes where the integrand is smooth, by 4 at a kink. Panels in
doubt are halved again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mixexp.models.quadrature import Panels
from mixexp.models.sign_changes import find_roots

Array = NDArray[np.float64]

Integrands = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""f(row, y): values (m, P, q) of m integrands of the rows ``row``, (P, 1), at y, (P, q)."""

Tolerance = Callable[[np.ndarray], np.ndarray]
"""From the integrals found so far, (m, n_rows), to the errors that are good enough."""


class Integral(NamedTuple):
    """Integrals and bounds of their errors, both (m, n_rows)."""

    value: Array
    error: Array


def relative(rtol: float = 1e-9, atol: float = 1e-15) -> Tolerance:
    """The tolerance max(rtol |integral|, atol)."""
    return lambda value: np.maximum(rtol * np.abs(value), atol)


def integrate_adaptively(
    f: Integrands,
    panels: Panels,
    n_rows: int,
    tolerance: Tolerance | None = None,
    *,
    absolute: int | None = None,
    max_depth: int = 30,
) -> Integral:
    """Integrals of every row's integrands over its panels, with a bound of their errors.

    Parameters
    ----------
    f : callable
        All integrands of a point at once, so that what they share is computed once. Values may be
        inf, which makes the integral inf.
    panels : Panels
        Where to begin: fine enough that no structure falls between the nodes of a panel.
    n_rows : int
    tolerance : callable, default=relative()
        Refinement goes on until every error of a row is below it.
    absolute : int, optional
        The integrand of which the absolute value is integrated. Panels are first cut at its roots,
        where the absolute value has kinks; a kink that is missed is left to the refinement.
    max_depth : int
        How often a panel may be halved. What is in doubt after that stays in the error.

    Examples
    --------
    >>> from mixexp.models.quadrature import panels_between
    >>> found = integrate_adaptively(
    ...     lambda row, y: np.stack([np.sqrt(y), y - 0.3]), panels_between([0, 1]), 1, absolute=1)
    >>> print(found.value[:, 0], bool(np.all(found.error < 1e-9)))
    [0.66666667 0.29      ] True
    """
    enough = tolerance or relative()

    def integrals(panels: Panels) -> Array:
        y, weight = panels.nodes()
        values = f(panels.row[:, None], y)
        if absolute is not None:
            values[absolute] = np.abs(values[absolute])
        return np.einsum("mpq,pq->mp", values, weight)

    if absolute is None:
        whole, missed = integrals(panels), np.zeros(n_rows)
    else:
        panels, whole, missed = _start(f, panels, n_rows, enough, absolute, integrals)
    share = 0.25 / np.maximum(np.bincount(panels.row, minlength=n_rows), 1)
    # Panels that cannot matter, those in the tails, are not looked at twice.
    allowed = share * enough(_by_row(whole, panels.row, n_rows))
    faint = np.all(np.abs(whole) <= 0.01 * allowed[:, panels.row], axis=0)
    faint &= np.all(np.isfinite(whole), axis=0)
    value = _by_row(whole[:, faint], panels.row[faint], n_rows)
    found = Integral(value, np.abs(value))
    if absolute is not None:
        found.error[absolute] += missed
    panels, whole = Panels(*(part[~faint] for part in panels)), whole[:, ~faint]
    for depth in range(max_depth + 1):
        if not panels.row.size:
            break
        parts = integrals(panels.halves()).reshape(len(whole), 2, -1)
        better = parts.sum(axis=1)
        settled = _add_settled(found, panels, better, whole, share, enough, depth == max_depth)
        panels = panels.halves(~settled)
        whole = parts[:, :, ~settled].reshape(len(whole), -1)
    return found


def _add_settled(
    found: Integral,
    panels: Panels,
    better: Array,
    whole: Array,
    share: Array,
    enough: Tolerance,
    last: bool,
) -> NDArray[np.bool_]:
    """Add to the integrals what no refinement is needed of, all of it at the ``last`` pass."""
    n_rows = len(share)
    doubt = _distance(better, whole)
    allowed = enough(found.value + _by_row(better, panels.row, n_rows))
    good = found.error + _by_row(doubt, panels.row, n_rows) <= allowed
    settled = np.all(good[:, panels.row] | (doubt <= (share * allowed)[:, panels.row]), axis=0)
    settled |= last
    row = panels.row[settled]
    found.value[...] += _by_row(better[:, settled], row, n_rows)
    found.error[...] += _by_row(doubt[:, settled], row, n_rows)
    return settled


def _start(
    f: Integrands,
    panels: Panels,
    n_rows: int,
    enough: Tolerance,
    absolute: int,
    integrals: Callable[[Panels], Array],
) -> tuple[Panels, Array, Array]:
    """Panels cut at the roots of one integrand, the integrals over them, errors of the cuts."""
    y, weight = panels.nodes()
    at = np.column_stack([panels.lower, y, panels.upper])
    values = f(panels.row[:, None], at)
    sign = values[absolute]
    whole = np.einsum("mpq,pq->mp", values[:, :, 1:-1], weight)
    whole[absolute] = np.einsum("pq,pq->p", np.abs(sign[:, 1:-1]), weight)
    # Where next to nothing is integrated, signs are those of rounding errors.
    small = enough(_by_row(whole, panels.row, n_rows))[absolute]
    panel, place = np.nonzero(
        np.diff(sign < 0, axis=1) & (whole[absolute] > small[panels.row])[:, None]
    )
    if not panel.size:
        return panels, whole, np.zeros(n_rows)
    row = panels.row[panel]
    root, missed = find_roots(
        lambda which, y: f(row[which, None], y[:, None])[absolute, :, 0],
        at[panel], sign[panel], place, 1e-3 * small[row],
    )  # fmt: skip
    pieces = _cut_at(panels, panel, root)
    kept = np.ones(len(panels.row), dtype=bool)
    kept[panel] = False
    joined = Panels(*(np.concatenate([a[kept], b]) for a, b in zip(panels, pieces, strict=True)))
    whole = np.concatenate([whole[:, kept], integrals(pieces)], axis=1)
    return joined, whole, _by_row(missed[None], row, n_rows)[0]


def _cut_at(panels: Panels, panel: np.ndarray, at: Array) -> Panels:
    """The panels in which there is a point, cut at all of their points."""
    which = np.unique(panel)
    index = np.concatenate([which, panel])
    edge = np.concatenate([panels.lower[which], at])
    order = np.lexsort([edge, index])
    index, lower = index[order], edge[order]
    last = np.append(index[1:] != index[:-1], True)
    upper = np.where(last, panels.upper[index], np.append(lower[1:], np.inf))
    kept = upper > lower
    return Panels(panels.row[index[kept]], lower[kept], upper[kept])


def _distance(better: Array, whole: Array) -> Array:
    """The difference of two values of an integral, zero where they are both infinite."""
    apart = np.zeros_like(better)
    np.subtract(better, whole, out=apart, where=np.isfinite(better))
    apart = np.abs(apart)
    # Only one of them is infinite: the integral is, whatever the other says.
    apart[np.isinf(apart)] = 0.0
    return apart


def _by_row(parts: Array, row: np.ndarray, n_rows: int) -> Array:
    """Sums over the panels of every row, (m, n_rows)."""
    # Of no numbers at all, bincount makes integers.
    return np.stack([np.bincount(row, part, minlength=n_rows) for part in parts]).astype(float)
