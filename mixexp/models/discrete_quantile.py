"""Quantiles of laws on the integers: the smallest y that reaches a probability, by bisection."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixexp.models.components import Components, FloatArray


def smallest_integer(
    holds: Callable[[FloatArray, NDArray[np.intp]], NDArray[np.bool_]],
    guess: FloatArray,
    first: FloatArray,
    last: FloatArray,
) -> FloatArray:
    """Smallest integer y in [first, last] at which a monotone statement holds, for N problems.

    The search gallops away from the guess until it has passed the answer, and halves from there.

    Parameters
    ----------
    holds : callable
        ``holds(y, which)`` says whether the statement holds at y (m,) for the problems ``which``
        (m,); once it holds, it holds for all larger y. It is taken to hold at ``last``.
    guess, first, last : arrays of shape (N,)
        ``last`` may be infinite.

    Examples
    --------
    >>> ends = np.zeros(2), np.full(2, np.inf)
    >>> smallest_integer(lambda y, which: y**2 >= np.array([10.0, 1e12])[which], ends[0], *ends)
    array([4.e+00, 1.e+06])
    """
    low, high = first - 1.0, last.copy()
    y = np.floor(np.clip(guess, first, np.maximum(last - 1.0, first)))
    # Beyond 2^53 not every integer is a floating-point number, and adding one changes nothing.
    stride = np.maximum(1.0, 4.0 * np.finfo(float).eps * y)
    todo = np.flatnonzero(first < last)
    while todo.size:
        here = y[todo]
        reached = holds(here, todo)
        high[todo] = right = np.where(reached, here, high[todo])
        low[todo] = left = np.where(reached, low[todo], here)
        middle = np.floor(left + 0.5 * (right - left))
        y[todo] = new = np.where(
            reached,
            np.maximum(right - stride[todo], middle),
            np.minimum(left + stride[todo], middle),
        )
        stride *= 2.0
        todo = todo[(left < new) & (new < right)]
    return high


def reaches(below: FloatArray, above: FloatArray, p: FloatArray, upper: bool) -> Any:
    """Whether ``P(Y <= y) >= p``, or ``P(Y > y) <= p`` if ``upper``, from both tails at y.

    Above one half the statement about the other tail counts as well: it is the accurate one, while
    the plain one makes ``icdf(cdf(y))`` equal to y.

    Examples
    --------
    >>> p = np.array([1.0 - 2.0**-53])
    >>> reaches(p - 2.0**-53, np.array([1e-18]), p, upper=False)
    array([ True])
    """
    met, other = (above <= p, below >= 1.0 - p) if upper else (below >= p, above <= 1.0 - p)
    return met | ((p > 0.5) & other)


def count_quantile(
    weights: FloatArray, components: Components, p: FloatArray, *, upper: bool
) -> FloatArray:
    r"""Smallest integers with :math:`\sum_k w_{ik}F_k(y_i) \ge p_i`.

    The answer lies between the smallest and the largest quantile of the components that carry
    weight. Probability 0 gives the lower end of the support and 1 the upper end.

    Parameters
    ----------
    weights : array of shape (N, K)
    components : Components of shape (N, K)
        Laws on the integers.
    p : array of shape (N,)
        Probabilities in [0, 1].
    upper : bool
        Solve :math:`P(Y > y) \le p` instead.

    Returns
    -------
    array of shape (N,)
        Integers as floats; infinite where all of an unbounded support is asked for.

    Examples
    --------
    >>> from mixexp.models.discrete_components import PoissonComponents
    >>> pair = PoissonComponents(rate=[[1.0, 100.0]])
    >>> count_quantile(np.array([[0.5, 0.5]]), pair, np.array([0.25]), upper=False)
    array([1.])
    """
    ends = components.iccdf(p) if upper else components.icdf(p)
    has_weight = weights > 0.0
    first = np.where(has_weight, ends, np.inf).min(axis=-1)
    last = np.where(has_weight, ends, -np.inf).max(axis=-1)
    # All of the probability is asked for: the end of the support, not where a sum rounds to one.
    first = np.where(p == (0.0 if upper else 1.0), last, first)

    def holds(y: FloatArray, which: NDArray[np.intp]) -> NDArray[np.bool_]:
        laws, w = components[which], weights[which]
        below = (w * laws.cdf(y)).sum(axis=-1)
        return reaches(below, (w * laws.ccdf(y)).sum(axis=-1), p[which], upper)

    return smallest_integer(holds, 0.5 * first + 0.5 * last, first, last)
