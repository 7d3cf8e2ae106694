r"""Boundaries of a top-K gate in the plane: half-lines :math:`\{t(\cos\varphi,\sin\varphi)\}`.

Experts i and j trade places where :math:`(\beta_{1i}-\beta_{1j})^\top x=0` and exactly K - 1 other
experts have higher scores. Selection by scores without biases depends on the direction of x alone,
so a boundary is an angle :math:`\varphi`. With K = 1 or 2 of three experts each pair has exactly
one, and the three angles fix the triangle of the :math:`\beta_1` up to its size and position.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mixexp.models import MixingMeasure
from mixexp.simulation.claims.measures.basic import Columns, Fitted, Measure

Array = NDArray[np.float64]


class Boundary(NamedTuple):
    """The half-line at ``angle``, in (-π, π], where experts of a ``pair`` (i < j) trade places."""

    pair: tuple[int, int]
    angle: float


def boundary_angles(slopes: ArrayLike, n_active: int) -> list[Boundary]:
    r"""Half-lines on which the K experts with the largest scores change.

    Parameters
    ----------
    slopes : array (k, 2)
        Gate slopes :math:`\beta_1`.
    n_active : int
        K.

    Returns
    -------
    list of Boundary
        In the order of pairs (0, 1), (0, 2), ...; pairs with equal slopes have none, and ties
        of three experts at one angle count for each pair that takes part.

    Raises
    ------
    ValueError
        If ``slopes`` are not those of two covariates.

    Examples
    --------
    >>> [b.pair for b in boundary_angles([[1.0, 0.0], [0.0, 1.0], [-1.0, -1.0]], 1)]
    [(0, 1), (0, 2), (1, 2)]
    >>> boundary_angles([[1.0, 0.0], [0.0, 1.0], [-1.0, -1.0]], 1)[0].angle / np.pi
    0.25
    """
    beta = np.asarray(slopes, dtype=float)
    if beta.ndim != 2 or beta.shape[1] != 2:
        raise ValueError(f"slopes has shape {beta.shape}; boundary angles need two covariates")
    found = []
    for i, j in combinations(range(len(beta)), 2):
        edge = beta[i] - beta[j]
        if not edge.any():
            continue
        for normal in (np.array([-edge[1], edge[0]]), np.array([edge[1], -edge[0]])):
            score = beta @ normal
            others = np.delete(score, [i, j])
            above = int(np.sum(others > score[i])), int(np.sum(others >= score[i]))
            if above[0] <= n_active - 1 <= above[1]:
                found.append(Boundary((i, j), float(np.arctan2(normal[1], normal[0]))))
    return found


def angle_between(first: float, second: float) -> float:
    """Distance of two angles around the circle, in [0, π].

    Examples
    --------
    >>> angle_between(3.1, -3.1)
    0.083
    """
    return float(abs((first - second + np.pi) % (2.0 * np.pi) - np.pi))


@dataclass(frozen=True)
class Angles(Measure):
    r"""Errors of the boundary angles, radians, of a fit with as many experts as the truth.

    Columns: ``angle_1``, ``angle_2``, ..., one for every boundary of the truth in the order of
    pairs of true experts, with fitted experts matched by their expert blocks; NaN where the fit
    has no boundary of the pair, the closest one where it has two. ``angle_max``, the largest;
    ``scale``, :math:`|s/s^*-1|` with s the Frobenius norm of the centred :math:`\beta_1`, the size
    of the triangle, which is no matter of boundaries.

    The likelihood is constant in an angle between two neighbouring rows but for what is smooth, so
    its maximiser is an interval. With K = 1 the fit lies in the middle of the gap, measured along
    the last move of one expert's scores that was accepted; with K > 1 at the best point of a
    parabola well inside the gap. Both choices are of the order 1/n of the gap itself.

    Parameters
    ----------
    n_active : int
        K, of the truth and of the fit.
    """

    n_active: int

    def __call__(self, fitted: Fitted) -> Columns:
        aligned = fitted.measure.align(fitted.truth)
        there = boundary_angles(aligned["gate_coef"], self.n_active)
        errors = []
        for true in boundary_angles(fitted.truth["gate_coef"], self.n_active):
            same = [angle_between(b.angle, true.angle) for b in there if b.pair == true.pair]
            errors.append(min(same, default=float("nan")))
        columns: Columns = {f"angle_{i}": error for i, error in enumerate(errors, start=1)}
        size, true_size = _size(aligned), _size(fitted.truth)
        return columns | {"angle_max": float(np.max(errors)), "scale": abs(size / true_size - 1.0)}


def _size(measure: MixingMeasure) -> float:
    slopes = measure["gate_coef"]
    return float(np.linalg.norm(slopes - slopes.mean(axis=0)))
