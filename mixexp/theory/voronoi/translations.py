r"""Exact infimum over the translations that a softmax gate cannot see.

The two shifts of a Voronoi loss separate. The intercept shift is a weighted median. The slope
shift minimises a convex function of t in R^d,

.. math:: F(t)=\sum_i w_i\,(\|t-u_i\|^2+c_i^2)^{p_i/2},\qquad p_i\ge1,

which has a kink at u_i if c_i = 0 and p_i = 1, and almost one if p_i is little more than 1. The
minimiser lies in the convex hull of the centres u_i, because the projection onto the hull shortens
every distance. So, by convexity,

.. math:: F(t)-\inf F\le\max_i\nabla F(t)^\top(t-u_i),

a certificate that costs one gradient.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.optimize import brentq

_MAX_NEWTON_STEPS = 200
_RELATIVE_GAP = 1e-15


class Minimum(NamedTuple):
    """A minimiser, the value there, and a bound on ``value - infimum``, proven up to rounding."""

    point: np.ndarray
    value: float
    gap: float


def weighted_median(value: np.ndarray, weight: np.ndarray) -> float:
    r"""Smallest minimiser of :math:`s\mapsto\sum_j w_j|s-v_j|`.

    Parameters
    ----------
    value, weight : arrays of shape (m,)
        The :math:`v_j` and the :math:`w_j>0`.

    Examples
    --------
    >>> weighted_median(np.array([1.0, 5.0, 2.0]), np.array([1.0, 1.0, 3.0]))
    2.0
    """
    order = np.argsort(value)
    below = np.cumsum(weight[order])
    # Half of a sum of rounded weights can miss a tie by an ulp, which changes the argmin only.
    return float(value[order[np.searchsorted(below, 0.5 * below[-1])]])


@dataclass(frozen=True)
class DistancePowers:
    r"""The convex function :math:`F(t)=\sum_iw_i(\|t-u_i\|^2+c_i^2)^{p_i/2}`.

    Parameters
    ----------
    centre : array of shape (m, d)
        The :math:`u_i`.
    offset, weight, power : arrays of shape (m,)
        The :math:`c_i\ge0`, the :math:`w_i>0` and the :math:`p_i\ge1`.

    Examples
    --------
    The Fermat point of an equilateral triangle is its centre, at distance 1 from the corners.

    >>> angle = 2 * np.pi * np.arange(3) / 3
    >>> corner = np.column_stack([np.cos(angle), np.sin(angle)])
    >>> best = DistancePowers(corner, np.zeros(3), np.ones(3), np.ones(3)).minimise()
    >>> best.value, bool(best.gap < 1e-12)
    (3.0, True)
    """

    centre: np.ndarray
    offset: np.ndarray
    weight: np.ndarray
    power: np.ndarray

    def value(self, t: np.ndarray) -> float:
        """F(t)."""
        return float(self.weight @ self._reach(t) ** self.power)

    def minimise(self) -> Minimum:
        """The minimum over all t, with its certificate."""
        at_centres = [self.value(u) for u in self.centre]
        origin = self.centre[int(np.argmin(at_centres))]
        # With the best centre as origin, a minimiser next to that centre keeps all its digits.
        moved = DistancePowers(self.centre - origin, self.offset, self.weight, self.power)
        step, value, gap = moved._newton()
        return Minimum(origin + step, value, gap)

    def gap(self, t: np.ndarray) -> float:
        r"""Bound on :math:`F(t)-\inf F`, for t in the convex hull of the centres.

        The bound of the module by gradients, with one refinement. Every vector v is an
        :math:`\varepsilon`-subgradient of a term f at t, by Fenchel's inequality with
        :math:`\varepsilon=f(t)+f^*(v)-v^\top(t-u_i)`, and if :math:`p_i<2` that is small near the
        centre for every :math:`\|v\|\le w_i`, or nearly so. Near and at kinks such vectors may
        cancel the gradient of the other terms; the best choice of terms is taken.
        """
        reach, away = self._reach(t), t - self.centre
        sharp = [i for i in np.argsort(reach) if self.power[i] < 2]
        bounds = []
        for n in range(len(sharp) + 1):
            near = sharp[:n]
            gradient = self._gradient(t, np.delete(np.arange(len(reach)), near))
            norm, slack = np.linalg.norm(gradient), self.weight[near].sum()
            kept = min(1.0, slack / norm) if norm > 0 else 1.0
            left = gradient * (1 - kept)
            pull = np.outer(self.weight[near], -kept * gradient / slack) if n else away[:0]
            cost = self._young(np.array(near, dtype=int), pull, reach, away)
            bounds.append(cost + max(np.max(away @ left), 0.0))
        return float(min(bounds))

    def _young(
        self, terms: np.ndarray, pull: np.ndarray, reach: np.ndarray, away: np.ndarray
    ) -> float:
        r"""Sum of :math:`f(t)+f^*(v)-v^\top(t-u)` over terms, with f* from above.

        For :math:`\|v\|=w\,s\le w`: :math:`f^*(v)\le w(p-1)(s/p)^{p/(p-1)}`, and 0 if p = 1; the
        offset only lowers it.
        """
        w, p = self.weight[terms], self.power[terms]
        share = np.linalg.norm(pull, axis=1) / w / p
        above = np.where(p > 1, p - 1, 1.0)
        conjugate = np.where(p > 1, w * (p - 1) * share ** (p / above), 0.0)
        return float(np.sum(w * reach[terms] ** p + conjugate - np.sum(pull * away[terms], axis=1)))

    def _newton(self) -> Minimum:
        """Newton directions with exact line searches, from the origin."""
        t = np.zeros(self.centre.shape[1])
        value, gap = self.value(t), self.gap(t)
        for _ in range(_MAX_NEWTON_STEPS):
            if gap <= _RELATIVE_GAP * value:
                break
            direction = self._direction(t)
            candidate = t + self._along(t, direction) * direction
            lower, tighter = self.value(candidate), self.gap(candidate)
            # The value stalls at half the digits of t; the gap then still tells progress.
            if not (lower < value or tighter < gap):
                break
            t, value, gap = candidate, lower, tighter
        return Minimum(t, value, gap)

    def _reach(self, t: np.ndarray) -> np.ndarray:
        return np.hypot(np.linalg.norm(t - self.centre, axis=1), self.offset)

    def _gradient(self, t: np.ndarray, terms: np.ndarray) -> np.ndarray:
        """Sum of the gradients of some terms; a term at its kink counts as zero."""
        reach = self._reach(t)
        terms = terms[reach[terms] > 0]
        pull = self.weight[terms] * self.power[terms] * reach[terms] ** (self.power[terms] - 2)
        return pull @ (t - self.centre[terms])

    def _direction(self, t: np.ndarray) -> np.ndarray:
        """Newton direction, up to a factor; at a kink the direction of steepest descent."""
        gradient = self._gradient(t, np.arange(len(self.power)))
        reach = self._reach(t)
        smooth = reach > 0
        if np.any(self.power[~smooth] == 1):
            # The kink pushes back equally in all directions, so Newton's may lead uphill.
            return gradient
        reach, away, p = reach[smooth], (t - self.centre)[smooth], self.power[smooth]
        pull = self.weight[smooth] * p * reach ** (p - 2)
        unit = away / reach[:, None]
        hessian = pull.sum() * np.eye(len(t)) + (unit.T * (pull * (p - 2))) @ unit
        curvature, axes = np.linalg.eigh(hessian)
        curvature = np.maximum(curvature, max(1e-14 * curvature[-1], np.finfo(float).tiny))
        # The exact line search makes the factor irrelevant; without one this could overflow.
        return axes @ ((axes.T @ gradient) * (curvature[0] / curvature))

    def _along(self, t: np.ndarray, direction: np.ndarray) -> float:
        """Exact minimiser of F along a line, in units of the direction."""
        length = float(np.linalg.norm(direction))
        unit = direction / length
        position = (self.centre - t) @ unit
        aside = np.linalg.norm(self.centre - t - position[:, None] * unit, axis=1)
        return _minimise_on_line(position, np.hypot(aside, self.offset), self) / length


def _minimise_on_line(position: np.ndarray, offset: np.ndarray, terms: DistancePowers) -> float:
    """Exact minimiser of the sum of w_i (|t - position_i|^2 + offset_i^2)^(p_i/2) over real t.

    The slope increases in t. Its sign at the positions, from the left and from the right, tells
    whether a position is a minimiser (a kink, say) or between which two the slope has its root.
    """

    def slope(t: float, side: float) -> float:
        reach = np.hypot(t - position, offset)
        at_kink = (reach == 0) & (terms.power == 1)
        reach = np.where(reach == 0, 1.0, reach)
        pull = terms.power * reach ** (terms.power - 2) * (t - position)
        return float(terms.weight @ np.where(at_kink, side, pull))

    knots = np.unique(position)
    low, high = 0, len(knots) - 1
    while low < high:
        middle = (low + high) // 2
        if slope(knots[middle], 1.0) >= 0:
            high = middle
        else:
            low = middle + 1
    right = knots[low]
    if low == 0 or slope(right, -1.0) <= 0:
        return float(right)
    left = knots[low - 1]
    return brentq(
        lambda t: slope(t, 1.0 if t == left else -1.0),
        left,
        right,
        xtol=np.finfo(float).tiny,
        rtol=4 * np.finfo(float).eps,
        maxiter=2000,
    )
