"""A few rows that stand for a large design: none of its directions is lost, weights stay honest."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import qr

from mixexp.models.mixture import MixtureOfExperts, MixtureParams

Array = NDArray[np.float64]

# Directions of features below this part of the largest are none.
_NONE = 1e-11


def distinct(x: Array, weight: Array | None, known: Array | None) -> tuple[Array, Array]:
    """The distinct rows of (x, known) in order, and the weight of each.

    ``known`` is the last column of what is returned, if it was given.
    """
    table = x if known is None else np.column_stack([x, known])
    rows, member = np.unique(table, axis=0, return_inverse=True)
    return rows, np.bincount(member.ravel(), weight, minlength=len(rows)).astype(float)


def thinned(
    model: MixtureOfExperts,
    params: MixtureParams,
    x: Array,
    weight: Array | None,
    known: Array | None,
    n_rows: int,
) -> tuple[Array, Array]:
    r"""At most ``n_rows`` distinct rows of (x, known), and weights w̃ for them.

    Rows are taken in their order at equal steps of :math:`\sum_i q_i`, half of q their shares w of
    the weight and half their leverages in the features, averaged over the experts, each of which
    sees the rows weighted by its gate probability. A row counts :math:`\tilde w_i\propto w_i/q_i`
    as often as it is taken, or just w if it is certain to be, so that sums over the rows keep their
    values. Rows that span the
    features of an expert are among them, whatever their weight: a rare level is not left out.

    ``known`` is the last column of what is returned, if it was given.

    Examples
    --------
    One row in a thousand has a 1 in its second column, and it is kept.

    >>> from mixexp.models import Gaussian, GaussianParams, Softmax, SoftmaxParams
    >>> model = MixtureOfExperts(Softmax(), Gaussian(), n_experts=1, n_columns=2)
    >>> params = MixtureParams(
    ...     SoftmaxParams(np.zeros(1), np.zeros((1, 2))),
    ...     GaussianParams(np.ones(1), np.ones((1, 2)), np.ones(1)),
    ... )
    >>> x = np.column_stack([np.linspace(-1.0, 1.0, 1000), np.arange(1000) == 500])
    >>> rows, share = thinned(model, params, x, None, None, 20)
    >>> len(rows) <= 20, float(share @ rows[:, 1])
    (True, 1.0)
    """
    rows, share = distinct(x, weight, known)
    if len(rows) <= n_rows:
        return rows, share
    leverage, spanning = _leverages(model, params, rows[:, : x.shape[1]], share, n_rows // 2)
    q = share / share.sum()
    if (total := leverage.sum()) > 0.0:
        q = 0.5 * q + 0.5 * leverage / total
    n = n_rows - len(spanning)
    ends = np.cumsum(q)
    taken = np.searchsorted(ends, (np.arange(n) + 0.5) / n * ends[-1]).clip(max=len(rows) - 1)
    times = np.bincount(taken, minlength=len(rows))
    # A row without weight is taken by rounding only.
    mass = times * share / (n * np.where(q > 0.0, q, 1.0))
    # Rows that are taken for certain stand for themselves.
    certain = n * q >= 1.0
    certain[spanning[times[spanning] == 0]] = True
    mass[certain] = share[certain]
    chosen = np.flatnonzero(mass > 0.0)
    return rows[chosen], mass[chosen]


def _leverages(
    model: MixtureOfExperts, params: MixtureParams, x: Array, share: Array, most: int
) -> tuple[Array, NDArray[np.intp]]:
    """Mean leverages of rows, (m,), and at most ``most`` rows that span every expert's features."""
    features = model.layout.features(np.ascontiguousarray(x.T))
    weights = model.weights(params, x) * (share / share.sum())[:, None]
    leverage, spanning = np.zeros(len(x)), []
    for phi in features:
        size = np.sqrt(np.mean(phi**2, axis=1))
        table = phi.T / np.where(size > 0.0, size, 1.0)
        for expert in weights.T:
            basis, scale, _ = np.linalg.svd(np.sqrt(expert)[:, None] * table, full_matrices=False)
            kept = basis[:, scale > _NONE * scale[0]] if scale[0] > 0.0 else basis[:, :0]
            leverage += np.sum(kept**2, axis=1)
            if kept.shape[1]:
                spanning.append(qr(kept.T, mode="r", pivoting=True)[1][: kept.shape[1]])
    # The first pivots of all experts before the second ones of any.
    turns = [
        pivots[i]
        for i in range(max(map(len, spanning), default=0))
        for pivots in spanning
        if i < len(pivots)
    ]
    unique = np.array(list(dict.fromkeys(turns)), dtype=np.intp)
    return leverage, unique[:most]
