"""Sums of outer products of scores: the variance of the score, estimated from the rows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mixexp.inference.fitted import Fitted
from mixexp.inference.parts import on_part

Array = NDArray[np.float64]


def outer_products(fitted: Fitted, weights: str = "frequency") -> Array:
    r"""The variance of the score, :math:`B=\sum_i w_i^p\,s_is_i^\top`, (P, P).

    :math:`s_i=\nabla_\theta\log p(y_i|x_i;\hat\theta)`; p = 1 for frequency weights (a row of
    weight two is two rows), p = 2 for sampling weights (a row of weight two is one observation that
    stands for two). Rows are read in blocks: the scores are never held all together.

    Parameters
    ----------
    fitted : Fitted
    weights : {"frequency", "sampling"}
    """
    n = fitted.n_free
    total = np.zeros((n, n))
    for part in fitted.objective.data.parts():
        for rows, scores in on_part(fitted.objective, part).score_blocks(fitted.theta):
            if part.weight is None or weights == "sampling":
                total += scores.T @ scores
            else:
                total += scores.T @ (scores / part.weight[rows, None])
    return 0.5 * (total + total.T)


def clustered_products(fitted: Fitted, groups: NDArray[np.intp]) -> Array:
    r"""The same with rows that depend on each other, :math:`\frac{G}{G-1}\sum_g S_gS_g^\top`.

    :math:`S_g=\sum_{i\in g}w_is_i` over the rows of group g = 1..G. The factor makes the mean of B
    right where the groups are few and alike; no other correction for small samples is made.

    Parameters
    ----------
    fitted : Fitted
    groups : array of int (n,)
        The group of each row, 0..G-1, with G ≥ 2.
    """
    n_groups = int(groups.max()) + 1
    sums = np.zeros((n_groups, fitted.n_free))
    for rows, scores in fitted.objective.score_blocks(fitted.theta):
        np.add.at(sums, groups[rows], scores)
    return n_groups / (n_groups - 1.0) * (sums.T @ sums)
