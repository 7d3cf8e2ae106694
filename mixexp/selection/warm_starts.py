"""Starts for K + 1 experts: fits with K experts, the most promising of which is split in two."""

from __future__ import annotations

from inspect import signature
from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mixexp.models import MixingMeasure

Array = NDArray[np.float64]

# A component of less than this share of the rows is not worth two experts.
_LEAST_SHARE = 1e-3
_LEAST_WITHIN = 1e-12


def split_responsibilities(r: ArrayLike, points: ArrayLike, n_splits: int = 2) -> list[Array]:
    r"""Responsibilities :math:`r_{ik}` with one column split in two at the mean of a projection.

    The points :math:`z_i` are standardised over all rows. Component k is cut at its weighted mean
    along a principal direction v of its points: rows with :math:`t_i=v^\top(z_i-\bar z_k)>0` keep
    column k, the others move to a new last column. Cuts are ranked by what two normal laws of a
    common variance gain over one, in nats,

    .. math:: \Delta = \tfrac12\sum_i r_{ik}\,\log\frac{s^2}{s^2_{\mathrm{within}}},

    with the weighted variances of :math:`t` about its mean and about the means of the two halves.
    All principal directions are tried: a component may hold two experts that are apart in the
    residual, or one that is bent, apart in x.

    Parameters
    ----------
    r : array (n, K)
        Responsibilities of a fit.
    points : array (n, d) or (n, K, d)
        Points to tell rows apart by, covariates and residuals for instance; with three axes each
        component has its own.
    n_splits : int
        How many splits to return, at most; fewer where there are not so many cuts.

    Returns
    -------
    list of array (n, K + 1)
        The best cut first.

    Raises
    ------
    ValueError
        If the shapes do not fit or `n_splits` is below 1.

    Examples
    --------
    >>> points = np.array([[0.0], [0.1], [5.0], [5.2]])
    >>> split_responsibilities(np.ones((4, 1)), points)[0]
    array([[0., 1.],
           [0., 1.],
           [1., 0.],
           [1., 0.]])
    """
    r, points = np.asarray(r, dtype=float), np.asarray(points, dtype=float)
    if r.ndim != 2 or points.ndim not in (2, 3) or len(points) != len(r):
        raise ValueError(
            f"r has shape {r.shape} and points {points.shape}; give (n, K) and (n, d) or (n, K, d)"
        )
    if points.ndim == 3 and points.shape[1] != r.shape[1]:
        raise ValueError(f"points are of {points.shape[1]} components, r of {r.shape[1]}")
    if n_splits < 1:
        raise ValueError(f"n_splits={n_splits} gives no start; use at least 1")
    if points.ndim == 2:
        points = np.repeat(points[:, None, :], r.shape[1], axis=1)
    z = _standardised(points, r)
    cuts = [cut for k in range(r.shape[1]) for cut in _cuts(r[:, k], z[:, k], k)]
    cuts.sort(key=lambda cut: cut[0], reverse=True)
    return [_split(r, k, above) for _, k, above in cuts[:n_splits]]


def split_measures(measure: MixingMeasure, shares: ArrayLike, n_splits: int = 2) -> list[Any]:
    r"""A fitted law written with K + 1 atoms, :math:`\pi_k=\tfrac12\pi_k+\tfrac12\pi_k`.

    Under softmax and transformed gates the likelihood of such a start is that of the fit with K
    experts, so whatever climbs from it ends no lower: nested fits cannot lose.

    Parameters
    ----------
    measure : MixingMeasure
        The fitted measure, K atoms.
    shares : array (K,)
        The atoms with the largest are split.
    n_splits : int
        How many measures to return, at most.

    Examples
    --------
    >>> G = MixingMeasure([1.0, 3.0], {"intercept": [2.0, -2.0]})
    >>> split_measures(G, [0.25, 0.75], n_splits=1)[0].weight
    array([1. , 1.5, 1.5])
    """
    order = np.argsort(-np.asarray(shares, dtype=float), kind="stable")[:n_splits]
    return [measure.split(int(k), [0.5, 0.5]) for k in order]


def starts_from(fitted: Any, X: Any, y: Any, known: dict[str, Any], n_splits: int = 2) -> list[Any]:
    """Values of ``init=`` for one expert more than a fitted estimator has.

    Its own ``split_starts(X, y)`` where it has that method; otherwise splits of its
    responsibilities along (x, residual), and of its measure where it has one.

    Parameters
    ----------
    fitted : estimator
    X : array or frame (n, d)
    y : array (n,) or (n, q)
    known : dict
        What else is known of the rows, passed on by name.
    n_splits : int
        Starts of each kind.

    Returns
    -------
    list
        Empty if the estimator offers nothing to split.
    """
    if hasattr(fitted, "split_starts"):
        return list(fitted.split_starts(X, y))
    if not hasattr(fitted, "responsibilities"):
        return []
    r = np.asarray(fitted.responsibilities(X, y, **known), dtype=float)
    starts: list[Any] = split_responsibilities(r, _points(fitted, X, y, known), n_splits)
    measure = getattr(fitted, "measure_", None)
    if isinstance(measure, MixingMeasure) and measure.n_atoms == r.shape[1]:
        starts += split_measures(measure, r.sum(axis=0), n_splits)
    return starts


def _points(fitted: Any, X: Any, y: Any, known: dict[str, Any]) -> Array:
    """Covariates and the residuals of each expert, shape (n, K, d + q)."""
    x = np.asarray(X, dtype=float)
    accepted = {k: v for k, v in known.items() if k in signature(fitted.predict_expert).parameters}
    means = np.asarray(fitted.predict_expert(X, **accepted), dtype=float)
    n, k = means.shape[:2]
    means = means.reshape(n, k, -1)
    response = _response(fitted, y, n, means.shape[2])
    if "trials" in known:
        # Experts of proportions are asked for proportions.
        response = response / np.asarray(known["trials"], dtype=float)[:, None]
    residual = response[:, None, :] - means
    return np.concatenate([np.repeat(x[:, None, :], k, axis=1), residual], axis=2)


def _response(fitted: Any, y: Any, n: int, width: int) -> Array:
    """Responses on the scale of the experts' means: numbers, or indicators of the classes."""
    classes = getattr(fitted, "classes_", None)
    if classes is not None:
        return cast(Array, (np.asarray(y).reshape(n, 1) == np.asarray(classes)).astype(float))
    return np.asarray(y, dtype=float).reshape(n, -1)[:, :width]


def _standardised(points: Array, r: Array) -> Array:
    """Points in units of their spread over all rows, a coordinate without spread at zero."""
    weight = r[:, :, None] / r.sum()
    center = (weight * points).sum(axis=(0, 1))
    spread = np.sqrt((weight * (points - center) ** 2).sum(axis=(0, 1)))
    return (points - center) / np.where(spread > 0.0, spread, np.inf)


def _cuts(weight: Array, z: Array, k: int) -> list[tuple[float, int, NDArray[np.bool_]]]:
    """Cuts of one component: the gain of each, the component, and the rows above."""
    mass = float(weight.sum())
    if mass < _LEAST_SHARE * len(weight):
        return []
    centred = z - weight @ z / mass
    _, directions = np.linalg.eigh((centred * weight[:, None]).T @ centred)
    cuts = []
    for direction in directions.T:
        t = centred @ direction
        above = t > 0.0
        up, down = float(weight[above].sum()), float(weight[~above].sum())
        if min(up, down) <= 0.0:
            continue
        gap = weight[above] @ t[above] / up - weight[~above] @ t[~above] / down
        total = float(weight @ t**2)
        within = total - up * down / mass * float(gap) ** 2
        # Two points have no variance within.
        gain = 0.5 * mass * float(np.log(total / max(within, _LEAST_WITHIN * total)))
        cuts.append((gain, k, above))
    return cuts


def _split(r: Array, k: int, above: NDArray[np.bool_]) -> Array:
    split = np.column_stack([r, np.where(above, 0.0, r[:, k])])
    split[:, k] = np.where(above, r[:, k], 0.0)
    return split
