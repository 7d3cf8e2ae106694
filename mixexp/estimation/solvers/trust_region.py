"""The exact trust-region problem in a box: where a quadratic model is largest within a radius."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_ROUNDING = 1e-12


class Step(NamedTuple):
    """A step and the gain the quadratic model promises for it (nats, not negative)."""

    step: Array
    gain: float


class QuadraticModel:
    """The model m(s) = gᵀs + ½ sᵀHs on a box of steps; its largest value within any radius.

    Without active bounds the maximiser is exact, indefinite and singular H and the hard case
    included (Moré & Sorensen 1983). Coordinates whose bound the step would cross are fixed there
    and the rest is solved again; the best of that and of paths along the bounds is returned. The
    gain is positive wherever the gradient leaves a coordinate free to move uphill, and where H has
    no positive eigenvalue the path ends at the maximum; a saddle near bounds may hide a better one.

    Parameters
    ----------
    gradient : (P,)
    hessian : (P, P), symmetric
    lower, upper : (P,)
        Bounds of the step; ``lower <= 0 <= upper``.
    """

    def __init__(self, gradient: Array, hessian: Array, lower: Array, upper: Array):
        self.gradient, self.hessian, self.lower, self.upper = gradient, hessian, lower, upper
        # A coordinate on a bound, with the gradient pointing out, cannot move uphill.
        self._held = ((lower >= 0.0) & (gradient <= 0.0)) | ((upper <= 0.0) & (gradient >= 0.0))
        free = ~self._held
        inside = hessian if free.all() else hessian[np.ix_(free, free)]
        self._eigen = np.linalg.eigh(-inside) if free.any() else None

    @property
    def concave(self) -> bool:
        """Whether it is strictly concave in the coordinates that are not held on their bounds."""
        return self._eigen is not None and bool(self._eigen[0][0] > 0.0)

    def value(self, step: Array) -> float:
        """m(s)."""
        return float(self.gradient @ step + 0.5 * step @ self.hessian @ step)

    def maximize(self, radius: float) -> Step:
        """The best step with ‖s‖ ≤ radius and lower ≤ s ≤ upper."""
        first = np.zeros_like(self.gradient)
        if self._eigen is None:
            return Step(first, 0.0)
        free = ~self._held
        first[free] = _ball(self.gradient[free], *self._eigen, radius)
        fits = np.all(first >= self.lower) and np.all(first <= self.upper)
        if fits and not np.any(self._held & self._inward(first, free, radius)):
            return self._or_nothing(Step(first, self.value(first)))
        found = [self._bend(first, radius), self._climb(first, radius)]
        values, vectors = self._eigen
        if values[0] < 0.0:
            # Across a saddle the other side may have more room.
            other = first.copy()
            other[free] -= 2.0 * float(vectors[:, 0] @ first[free]) * vectors[:, 0]
            found.append(self._climb(other, radius))
        return self._or_nothing(max(found, key=lambda step: step.gain))

    def _climb(self, target: Array, radius: float) -> Step:
        """Go towards the best step, hold the bounds that are met, and go on inside that face.

        The model never falls on the way, and it rises wherever a free coordinate can move uphill:
        bounds that are met at once leave the path a face in which the gradient still points up. At
        the top of a face the bounds that hold the path back no more are released.
        """
        step, held, top = np.zeros_like(target), self._held, -np.inf
        for _ in range(3 * len(target)):
            move = target - step
            with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
                room = np.where(move > 0.0, (self.upper - step) / move, (self.lower - step) / move)
            room = np.where(move == 0.0, np.inf, room)
            part = float(np.clip(room.min(), 0.0, 1.0))
            met = room <= part
            there = np.clip(step + part * move, self.lower, self.upper)
            there[met] = np.where(move > 0.0, self.upper, self.lower)[met]
            if self.value(there) > self.value(step):
                step = there
            held = held | met
            if room.min() >= 1.0 or held.all():
                inward, value = held & self._inward(step, ~held, radius), self.value(step)
                # A round that gained no more than rounding only goes back and forth between bounds.
                if not inward.any() or value <= top * (1.0 + _ROUNDING):
                    break
                held, top = held & ~inward, value
            target = self._best_in_face(step, held, radius)
        return Step(step, self.value(step))

    def _inward(self, step: Array, free: NDArray[np.bool_], radius: float) -> NDArray[np.bool_]:
        """Coordinates on a bound that the model, with the ball's multiplier, draws off it."""
        slope = self.gradient + self.hessian @ step
        low, high = step <= self.lower, step >= self.upper
        inside = float(step[free] @ step[free])
        if inside > 0.0 and float(step @ step) >= (1.0 - 1e-8) * radius**2:
            slope = slope - max(float(slope[free] @ step[free]), 0.0) / inside * step
        return (low & ~high & (slope > 0.0)) | (high & ~low & (slope < 0.0))

    def _best_in_face(self, step: Array, held: NDArray[np.bool_], radius: float) -> Array:
        """The best step in the ball that agrees with ``step`` in the held coordinates."""
        best, free = step.copy(), ~held
        room = np.sqrt(max(radius**2 - float(step[held] @ step[held]), 0.0))
        if room > 0.0:
            slope = self.gradient[free] + self.hessian[np.ix_(free, held)] @ step[held]
            inside = np.linalg.eigh(-self.hessian[np.ix_(free, free)])
            best[free] = _ball(slope, *inside, float(room))
        return best

    def _bend(self, step: Array, radius: float) -> Step:
        """Fix what crosses a bound there, and solve for the rest until nothing crosses."""
        held, step = self._held.copy(), step.copy()
        while True:
            out = ~held & ((step < self.lower) | (step > self.upper))
            if not out.any():
                break
            step = np.clip(step, self.lower, self.upper)
            held |= out
            if held.all():
                break
            step = self._best_in_face(step, held, radius)
        step = np.clip(step, self.lower, self.upper)
        step *= min(1.0, radius / max(float(np.linalg.norm(step)), np.finfo(float).tiny))
        return Step(step, self.value(step))

    @staticmethod
    def _or_nothing(step: Step) -> Step:
        return step if step.gain > 0.0 else Step(np.zeros_like(step.step), 0.0)


def maximize_model(
    gradient: Array, hessian: Array, lower: Array, upper: Array, radius: float
) -> Step:
    """Maximise gᵀs + ½ sᵀHs over ‖s‖ ≤ radius and lower ≤ s ≤ upper.

    Examples
    --------
    A saddle point with zero gradient: the gain lies along the direction of positive curvature.

    >>> wide = np.full(2, 9.0)
    >>> maximize_model(np.zeros(2), np.diag([-1.0, 0.5]), -wide, wide, 1.0).gain
    0.25
    """
    return QuadraticModel(gradient, hessian, lower, upper).maximize(radius)


# A curvature of 1e-160 promises a step whose square overflows: longer than any radius, that is all.
@np.errstate(over="ignore")
def _ball(gradient: Array, values: Array, vectors: Array, radius: float) -> Array:
    """Maximiser of the model in the ball, given eigenvalues and eigenvectors of -H."""
    slope = vectors.T @ gradient
    # A negative curvature within the rounding of the Hessian's sums is no direction of ascent.
    noise = 4.0 * np.finfo(float).eps * len(values) * max(abs(values[0]), abs(values[-1]))
    values = np.where((values < 0.0) & (values >= -noise), 0.0, values)
    smallest = values[0]
    if smallest > 0.0:
        step = slope / values
        if np.linalg.norm(step) <= radius:
            return vectors @ step
    shift = max(0.0, -smallest)
    flat = values + shift <= 0.0
    tiny = 1e-14 * max(1.0, float(np.abs(slope).max(initial=0.0)))
    if np.all(np.abs(slope[flat]) <= tiny):
        # Hard case: the shifted system is solvable, and what is left of the radius goes along the
        # direction of largest curvature (either sign has the same model gain).
        step = np.divide(slope, values + shift, out=np.zeros_like(slope), where=~flat)
        length = float(np.linalg.norm(step))
        if length <= radius:
            if smallest < 0.0:
                step[0] += np.sqrt(max(radius**2 - length**2, 0.0))
            return vectors @ step
    return vectors @ (slope / (values + _secular(slope, values, shift, radius)))


def _secular(slope: Array, values: Array, shift: float, radius: float) -> float:
    """λ > shift with ‖slope / (values + λ)‖ = radius, by safeguarded Newton steps on 1/‖·‖."""
    size = float(np.linalg.norm(slope))
    low, high = shift, shift + size / radius + abs(values[0])
    lam = high
    for _ in range(60):
        scaled = slope / (values + lam)
        length = float(np.linalg.norm(scaled))
        if abs(length - radius) <= 1e-10 * radius:
            break
        if length > radius:
            low = lam
        else:
            high = lam
        curvature = float(np.sum(scaled**2 / (values + lam)))
        if not curvature > 0.0:
            # The squares of a step of 1e-160 underflow.
            break
        lam += (length / radius - 1.0) * length**2 / curvature
        if not low < lam < high:
            lam = 0.5 * (low + high)
        if not low < lam < high:
            # Neighbouring numbers: the lower end may be the pole itself.
            return high
    return lam
