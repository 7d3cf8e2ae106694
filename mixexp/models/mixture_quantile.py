"""Quantiles of finite mixtures: a root search that works on the logarithm of a tail."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixexp.models.components import Components, FloatArray
from mixexp.models.discrete_quantile import count_quantile

_BLOCK = 8192
# Halving a bracket of 1e30 local scales to rounding error takes 150 steps.
_MAX_STEPS = 200


def log_sum_exp(terms: FloatArray) -> FloatArray:
    r"""Return :math:`\log\sum_k e^{t_k}` over the last axis, without overflow or underflow.

    Rows that are all ``-inf`` give ``-inf``; NaN stays NaN.

    Examples
    --------
    >>> import numpy as np
    >>> from mixexp.models.mixture_quantile import log_sum_exp
    >>> log_sum_exp(np.array([[-1000.0, -1000.0], [-np.inf, -np.inf]]))
    array([-999.3069, -inf])
    """
    top = terms.max(axis=-1)
    shift = np.where(np.isinf(top), 0.0, top)
    total = np.exp(terms - shift[..., None]).sum(axis=-1)
    return np.where(np.isinf(top), top, shift + np.log(np.where(total > 0, total, 1.0)))


def mixture_quantile(
    weights: FloatArray,
    log_weights: FloatArray,
    components: Components,
    p: FloatArray,
    *,
    upper: bool,
) -> FloatArray:
    r"""Solve :math:`P(Y \le y) = p`, or :math:`P(Y > y) = p` if ``upper``, in blocks of rows.

    Parameters
    ----------
    weights, log_weights : arrays of shape (n, K)
        Weights that sum to one, and their logarithms.
    components : Components of shape (n, K)
    p : array of shape (m n,)
        Probabilities in [0, 1]; number j belongs to row j mod n.
    upper : bool

    Returns
    -------
    array of shape (m n,)
        Quantiles; of discrete laws the smallest integers that reach the probabilities.

    Examples
    --------
    >>> import numpy as np
    >>> from mixexp.models.discrete_components import PoissonComponents
    >>> from mixexp.models.mixture_quantile import mixture_quantile
    >>> laws, p = PoissonComponents([[1.0], [100.0]]), np.full(2, 0.5)
    >>> mixture_quantile(np.ones((2, 1)), np.zeros((2, 1)), laws, p, upper=False)
    array([  1., 100.])
    """
    y = np.empty_like(p)
    if components.discrete:
        for block in _blocks(np.arange(p.size)):
            rows = block % len(weights)
            y[block] = count_quantile(weights[rows], components[rows], p[block], upper=upper)
        return y
    # 1 - p is exact for p >= 1/2, so the smaller tail loses nothing.
    tail = np.minimum(p, 1.0 - p)
    in_upper = (p > 0.5) != upper
    y[...] = np.where(in_upper, np.inf, -np.inf)
    for side in (False, True):
        for block in _blocks(np.flatnonzero((in_upper == side) & (tail > 0))):
            rows = block % len(log_weights)
            laws = components[rows]
            y[block] = tail_quantile(log_weights[rows], laws, tail[block], upper=side)
    return y


def _blocks(positions: NDArray[np.intp]) -> list[NDArray[np.intp]]:
    return [positions[i : i + _BLOCK] for i in range(0, positions.size, _BLOCK)]


def tail_quantile(
    log_weights: FloatArray, components: Components, p: FloatArray, *, upper: bool
) -> FloatArray:
    r"""Solve :math:`\log\sum_k w_{ik}F_k(y_i) = \log p_i` (or with :math:`1-F_k`) for every row.

    The root lies between the smallest and the largest quantile of the components that carry
    weight. Newton's method on the logarithm of the tail is fast in both centre and tail; a step
    that leaves the bracket or is more than half as long as the last one is replaced by a halving
    of the bracket, so flat stretches between components cannot stop the search.

    Parameters
    ----------
    log_weights : array of shape (N, K)
        Logarithms of the weights, ``-inf`` for a component without weight.
    components : Components of shape (N, K)
        The component laws of the N problems.
    p : array of shape (N,)
        Tail probabilities, ``0 < p <= 1/2``.
    upper : bool
        Solve ``P(Y > y) = p`` instead of ``P(Y <= y) = p``.

    Returns
    -------
    array of shape (N,)
        Points at which the logarithm of the tail equals log p up to a few units of rounding, or
        floating-point numbers next to the root where the tail steps over p between two of them.

    Examples
    --------
    >>> import numpy as np
    >>> from mixexp.models.components import NormalComponents
    >>> from mixexp.models.mixture_quantile import tail_quantile
    >>> pair = NormalComponents(mean=[[1.0, 1e6]], scale=[1.0, 1e-6])
    >>> tail_quantile(np.log([[0.5, 0.5]]), pair, np.array([0.25]), upper=False)
    array([1.])
    """
    ends = components.iccdf(p) if upper else components.icdf(p)
    low, high, y, todo = _bracket(log_weights, ends)
    log_p = np.log(p)
    last, probe = high - low, np.full_like(y, 2.0)
    for _ in range(_MAX_STEPS):
        if not todo.size:
            break
        here = y[todo]
        excess, step = _excess(log_weights[todo], components[todo], here, log_p[todo], upper)
        low[todo] = left = np.where(excess < 0, here, low[todo])
        high[todo] = right = np.where(excess > 0, here, high[todo])
        middle = 0.5 * left + 0.5 * right
        # A step of the size of rounding is lengthened until it encloses the root.
        shortest = probe[todo] * np.spacing(np.abs(here))
        tiny = np.abs(step) <= shortest
        newton = here - np.where(tiny, np.copysign(shortest, excess), step)
        good = (left < newton) & (newton < right)
        good &= tiny | (np.abs(step) <= 0.5 * last[todo])
        probe[todo[tiny]] *= 4.0
        new = np.where(good, newton, middle)
        last[todo] = np.abs(new - here)
        solved = np.abs(excess) <= 16 * np.finfo(float).eps * np.maximum(1.0, -log_p[todo])
        y[todo] = np.where(solved, here, new)
        todo = todo[~solved & (left < middle) & (middle < right)]
    return y


def _bracket(log_weights: FloatArray, ends: FloatArray) -> tuple[Any, ...]:
    """Return bounds of the roots, points to start from, and the rows that need a search."""
    has_weight = log_weights > -np.inf
    low = np.where(has_weight, ends, np.inf).min(axis=-1)
    high = np.where(has_weight, ends, -np.inf).max(axis=-1)
    start = np.clip((np.exp(log_weights) * ends).sum(axis=-1), low, high)
    # The ends are themselves rounded, and the root may lie at one of them.
    slack = 4 * np.spacing(np.abs(low)), 4 * np.spacing(np.abs(high))
    return low - slack[0], high + slack[1], start, np.flatnonzero(low < high)


def _excess(
    log_weights: FloatArray, laws: Components, y: FloatArray, log_p: FloatArray, upper: bool
) -> tuple[FloatArray, FloatArray]:
    """Return ``log tail - log p``, signed so that it grows with y, and the Newton step back."""
    log_tail = log_sum_exp(log_weights + (laws.logccdf(y) if upper else laws.logcdf(y)))
    log_density = log_sum_exp(log_weights + laws.logpdf(y))
    excess = log_p - log_tail if upper else log_tail - log_p
    # Capped because a step of this length leaves every bracket anyway.
    return excess, excess * np.exp(np.minimum(log_tail - log_density, 300.0))
