"""Roots of many functions at once, from values at the nodes of a quadrature rule."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.typing import NDArray

from mixexp.models.quadrature import rule

Array = NDArray[np.float64]


def find_roots(
    f: Callable[[np.ndarray, Array], Array],
    at: Array,
    values: Array,
    place: NDArray[np.intp],
    enough: Array,
    max_steps: int = 60,
) -> tuple[Array, Array]:
    r"""One root of each of R functions, between two nodes where its sign changes.

    The first guess is the root of the polynomial through all values, often good enough; steps of
    the secant and bisections follow in turn. A cut at r, off the root by e, misses the area
    :math:`2\int|f|\approx e^2|f'|\approx f(r)^2/|f'|` of the absolute value.

    Parameters
    ----------
    f : callable
        f(which, y): values of the functions ``which`` at y, both (m,).
    at, values : arrays (R, q)
        The nodes of the Gauss-Legendre rule with the ends of its interval, and the values there.
    place : array (R,)
        The change of sign lies between the nodes ``place`` and ``place + 1``.
    enough : array (R,)
        Areas that may be missed.

    Returns
    -------
    root, missed : arrays (R,)
        The roots, and bounds of the areas missed.

    Examples
    --------
    >>> from mixexp.models.quadrature import panels_between
    >>> y = np.array([[0.0, *panels_between([0.0, 1.0]).nodes()[0][0], 1.0]])
    >>> f = lambda which, y: np.exp(y) - 2.0
    >>> root, missed = find_roots(f, y, f(0, y), np.array([6]), np.array([1e-12]))
    >>> print(root[0], np.log(2.0), bool(missed[0] < 1e-12))
    0.69314718 0.69314718 True
    """
    every = np.arange(len(at))
    a, b = at[every, place], at[every, place + 1]
    value_a, value_b = values[every, place], values[every, place + 1]
    middle, half = 0.5 * (at[:, 0] + at[:, -1]), 0.5 * (at[:, -1] - at[:, 0])
    root = middle + half * _polynomial_roots(values, place)
    missed = np.full(len(at), np.inf)
    which = every
    for step in range(max_steps):
        value = f(which, root[which])
        # The slope of the secant stands for the one at the root, with a margin.
        slope = np.abs((value_b - value_a) / (b - a))[which]
        missed[which] = 4.0 * value**2 / slope
        on = missed[which] > enough[which]
        which, value = which[on], value[on]
        if not which.size:
            break
        left = (value < 0) == (value_a[which] < 0)
        a[which[left]], value_a[which[left]] = root[which[left]], value[left]
        b[which[~left]], value_b[which[~left]] = root[which[~left]], value[~left]
        ratio = value_a[which] / (value_a[which] - value_b[which])
        root[which] = a[which] + (ratio if step % 2 == 0 else 0.5) * (b - a)[which]
    return root, missed


@cache
def _barycentric() -> tuple[Array, Array]:
    """The nodes with both ends of [-1, 1], and their weights in the barycentric formula."""
    node = np.concatenate([[-1.0], rule()[0], [1.0]])
    gap = node[:, None] - node
    np.fill_diagonal(gap, 1.0)
    return node, 1.0 / np.prod(2.0 * gap, axis=1)


def _polynomial_roots(values: Array, place: NDArray[np.intp]) -> Array:
    """Roots on [-1, 1] of the polynomials through ``values`` (R, q), by bisection."""
    node, weight = _barycentric()
    low, high = node[place].copy(), node[place + 1].copy()
    rising = values[np.arange(len(values)), place] < 0
    for _ in range(30):
        middle = 0.5 * (low + high)
        gap = middle[:, None] - node
        # A node that is hit stands for its value.
        gap[gap == 0.0] = 1e-200
        scaled = weight / gap
        negative = np.sum(scaled * values, axis=1) / np.sum(scaled, axis=1) < 0
        below = negative == rising
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return 0.5 * (low + high)
