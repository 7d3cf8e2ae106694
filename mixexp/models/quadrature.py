"""Composite Gauss-Legendre quadrature on panels, for many integrands at once.

:func:`integrate` takes the panels as they are; :mod:`mixexp.models.adaptive` refines them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import roots_legendre

_ORDER = 10
_NEGLIGIBLE = 1e-10


@cache
def rule() -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights of the Gauss-Legendre rule on [-1, 1]."""
    node, weight = roots_legendre(_ORDER)
    node.flags.writeable = weight.flags.writeable = False
    return node, weight


class Panels(NamedTuple):
    """Intervals of integration: panel p is ``[lower[p], upper[p]]``, for integrand ``row[p]``.

    All three have shape (P,). The panels of a row are disjoint and cover its domain.
    """

    row: np.ndarray
    lower: np.ndarray
    upper: np.ndarray

    def nodes(self) -> tuple[np.ndarray, np.ndarray]:
        """Gauss-Legendre nodes and weights, both of shape (P, order)."""
        node, weight = rule()
        half = 0.5 * (self.upper - self.lower)[:, None]
        return 0.5 * (self.upper + self.lower)[:, None] + half * node, half * weight

    def halves(self, which: np.ndarray | slice = slice(None)) -> Panels:
        """The chosen panels cut in the middle: all lower halves, then all upper ones."""
        row, lower, upper = self.row[which], self.lower[which], self.upper[which]
        middle = 0.5 * (lower + upper)
        return Panels(
            np.tile(row, 2), np.concatenate([lower, middle]), np.concatenate([middle, upper])
        )

    def joined(self, width: np.ndarray) -> Panels:
        """Neighbours joined where they begin in one cell of the row's ``width``, (n_rows,).

        The panels of a row must follow each other without gaps. Each joined one is wider than its
        last member by less than ``width``.
        """
        cell = np.floor(self.lower / width[self.row])
        starts = np.append(True, (np.diff(self.row) > 0) | (np.diff(cell) > 0))
        ends = np.append(starts[1:], True)
        return Panels(self.row[starts], self.lower[starts], self.upper[ends])

    def cut(self, which: np.ndarray, first: np.ndarray, second: np.ndarray) -> Panels:
        """The chosen panels, each cut into three at two points."""
        edges = [self.lower[which], first[which], second[which], self.upper[which]]
        return Panels(
            np.tile(self.row[which], 3), np.concatenate(edges[:-1]), np.concatenate(edges[1:])
        )


Integrand = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""f(row, y): values at y, shape (P, q), of the integrands ``row``, shape (P, 1)."""


def panels_between(points: ArrayLike) -> Panels:
    """Panels between the sorted break points of every row.

    Parameters
    ----------
    points : array of shape (n_rows, m) or (m,)
        Break points in any order; repeated points make empty panels, which are dropped.

    Examples
    --------
    >>> panels_between([0.0, 1.0, 3.0, 1.0]).upper
    array([1., 3.])
    """
    edge = np.sort(np.atleast_2d(np.asarray(points, dtype=float)), axis=1)
    lower, upper = edge[:, :-1], edge[:, 1:]
    kept = upper > lower
    return Panels(np.nonzero(kept)[0], lower[kept], upper[kept])


def integrate(f: Integrand, panels: Panels, n_rows: int) -> np.ndarray:
    """Integral of every row's integrand over its panels, shape (n_rows,).

    Examples
    --------
    >>> integrate(lambda row, y: y ** (row + 1), panels_between([[0.0, 1.0], [0.0, 3.0]]), 2)
    array([0.5, 9. ])
    """
    y, weight = panels.nodes()
    parts = np.sum(weight * f(panels.row[:, None], y), axis=1)
    return np.bincount(panels.row, parts, minlength=n_rows)


def integrate_absolute(f: Integrand, panels: Panels, n_rows: int) -> np.ndarray:
    """Integral of the absolute value, shape (n_rows,).

    A panel in which the sign changes is cut around the change, until it adds less than 1e-10: the
    kink then costs about a hundredth of that. The sign is read at the nodes and at both ends of
    a panel; a pair of roots between two of them is not seen.

    Examples
    --------
    >>> integrate_absolute(lambda row, y: y - 0.3, panels_between([0.0, 1.0]), 1)
    array([0.29])
    """
    total = np.zeros(n_rows)
    while panels.row.size:
        y, weight = panels.nodes()
        at = np.column_stack([panels.lower, y, panels.upper])
        value = f(panels.row[:, None], at)
        parts = np.sum(weight * np.abs(value[:, 1:-1]), axis=1)
        changes = np.diff(value < 0, axis=1)
        unsettled = np.any(changes, axis=1) & (parts > _NEGLIGIBLE)
        total += np.bincount(panels.row[~unsettled], parts[~unsettled], minlength=n_rows)
        place, panel = np.argmax(changes, axis=1), np.arange(len(at))
        panels = panels.cut(unsettled, at[panel, place], at[panel, place + 1])
    return total
