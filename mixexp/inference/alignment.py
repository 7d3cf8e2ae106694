"""Labels of experts matched between two fits of one model."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from mixexp.models.coordinates import Sharing
from mixexp.models.layout import Layout

Array = NDArray[np.float64]
Order = NDArray[np.intp]


def matching_order(
    reference: Array, other: Array, weight: Array | None = None, *, last_stays: bool = False
) -> Order:
    r"""The permutation π that maximises :math:`\sum_i w_i\sum_k\sqrt{r_{ik}\,r'_{i\pi(k)}}`.

    r and r' are responsibilities of two fits at the same rows: what experts say and where their
    gate uses them both count, in no unit, and experts without rows near them do not matter.

    Parameters
    ----------
    reference, other : arrays (n, K)
        Responsibilities r and r'.
    weight : array (n,), optional
    last_stays : bool
        Whether only permutations that keep the last expert are allowed.

    Returns
    -------
    array (K,) of int
        The experts of the other fit in the order of the reference.

    References
    ----------
    Stephens (2000), Dealing with label switching in mixture models, JRSS B 62, for relabelling by
    responsibilities.

    Examples
    --------
    >>> r = np.array([[0.9, 0.1], [0.2, 0.8]])
    >>> matching_order(r, r[:, ::-1])
    array([1, 0])
    """
    root = np.sqrt(reference)
    if weight is not None:
        root = root * weight[:, None]
    affinity = root.T @ np.sqrt(other)
    n = len(affinity) - last_stays
    order: Order = np.arange(len(affinity))
    order[:n] = linear_sum_assignment(affinity[:n, :n], maximize=True)[1]
    return order


def has_pinned_reference(layout: Layout) -> bool:
    """Whether the last expert cannot change places: its own coefficients are fixed at zero."""
    return any(c.sharing is Sharing.PINNED for c in layout.coordinates)


def permuted(layout: Layout, theta: Array, order: Order) -> Array:
    """θ of the same law with its experts in another order.

    Contrasts become contrasts to the expert that is last now.

    Parameters
    ----------
    layout : Layout
    theta : array (P,)
        On any scale.
    order : array (K,) of int
        Expert k of the result is expert ``order[k]`` of θ.

    Raises
    ------
    ValueError
        If the order moves a last expert whose coefficients are fixed at zero.
    """
    if has_pinned_reference(layout) and order[-1] != len(order) - 1:
        raise ValueError(
            f"order={order.tolist()} moves the last expert, the reference of a gate whose scores "
            "cannot be shifted; keep it last"
        )
    tables = []
    for c, table in zip(layout.coordinates, layout.coefficients(theta), strict=True):
        if c.sharing is not Sharing.SHARED:
            table = table[order]
        if c.sharing is Sharing.CONTRAST:
            table = table - table[-1]
        tables.append(table)
    return layout.vector(tables)
