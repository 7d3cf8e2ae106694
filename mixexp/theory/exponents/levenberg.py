r"""Least squares in a box, for residuals that nearly vanish along curved valleys.

Minimises :math:`\|r(z)\|^2` over lower ≤ z ≤ upper by Levenberg's damped Gauss-Newton steps with
Marquardt's scaling. Distances between densities call for it: their residuals are tiny at the
minimum, so Gauss-Newton converges fast, and a QR decomposition of the Jacobian keeps the small
singular values that normal equations would square away.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import qr

Array = NDArray[np.float64]

Residual = Callable[[Array], tuple[Array, Array]]
"""z (n,) to the residuals (m,) and their Jacobian (m, n)."""

_DAMPING = 1e-3
_LEAST_DAMPING = 1e-15
_MOST_DAMPING = 1e12


class LocalMinimum(NamedTuple):
    """Where a search ended.

    ``gain`` is the relative decrease of the squared distance that the last model promised, and
    ``converged`` whether it is below the tolerance.
    """

    z: Array
    value: float
    n_iter: int
    gain: float
    converged: bool


def least_squares(
    residual: Residual,
    start: Array,
    lower: Array,
    upper: Array,
    *,
    tol: float = 1e-5,
    zero: float = 0.0,
    max_iter: int = 200,
) -> LocalMinimum:
    r"""Local minimum of :math:`\|r(z)\|` in a box.

    Parameters
    ----------
    residual : callable
        z to residuals (m,) and Jacobian (m, n).
    start, lower, upper : arrays (n,)
        The start is projected onto the box.
    tol : float
        Relative decrease of the squared norm, promised by the Gauss-Newton model, below which
        too little is left to gain to go on.
    zero : float
        Norm that counts as zero.
    max_iter : int

    Examples
    --------
    >>> def valley(z):
    ...     r = np.array([z[1] - z[0] ** 2, 0.1 * (z[0] - 3.0)])
    ...     return r, np.array([[-2.0 * z[0], 1.0], [0.1, 0.0]])
    >>> free = np.full(2, np.inf)
    >>> least_squares(valley, np.zeros(2), -free, free).z.round(2)
    array([3., 9.])
    >>> least_squares(valley, np.zeros(2), -free, np.array([2.0, np.inf])).z.round(2)
    array([2., 4.])
    """
    z = np.clip(start, lower, upper)
    r, jacobian = residual(z)
    cost = float(r @ r)
    scale = np.zeros(len(z))
    damping, gain = _DAMPING, np.inf
    for iteration in range(max_iter):
        scale = np.maximum(scale, np.linalg.norm(jacobian, axis=0))
        triangle, image = _reduce(jacobian, r)
        free = _free(z, jacobian.T @ r, lower, upper)
        gain = _promise(triangle, image, free, scale, _LEAST_DAMPING) / max(cost, 1e-300)
        if gain <= tol or cost <= zero**2:
            return LocalMinimum(z, float(np.sqrt(cost)), iteration, gain, True)
        while True:
            candidate = np.clip(z + _step(triangle, image, free, scale, damping), lower, upper)
            r_new, jacobian_new = residual(candidate)
            cost_new = float(r_new @ r_new)
            if np.isfinite(cost_new) and cost_new < cost:
                break
            damping *= 8.0
            if damping > _MOST_DAMPING or np.array_equal(candidate, z):
                return LocalMinimum(z, float(np.sqrt(cost)), iteration, gain, False)
        # The part of the promised decrease that came tells how far the model can be trusted.
        moved = image + triangle @ (candidate - z)
        promised = float(image @ image - moved @ moved)
        came = (cost - cost_new) / promised if promised > 0.0 else 0.0
        damping = max(damping * (0.1 if came > 0.5 else 1.0 if came > 0.1 else 4.0), _LEAST_DAMPING)
        z, r, jacobian, cost = candidate, r_new, jacobian_new, cost_new
    return LocalMinimum(z, float(np.sqrt(cost)), max_iter, gain, False)


def _reduce(jacobian: Array, r: Array) -> tuple[Array, Array]:
    """R and Qᵀr of J = QR: the problem of a step in n instead of m rows."""
    n = jacobian.shape[1]
    triangle = qr(np.column_stack([jacobian, r]), mode="r", check_finite=False)[0]
    return triangle[: n + 1, :n], triangle[: n + 1, n]


def _free(z: Array, gradient: Array, lower: Array, upper: Array) -> NDArray[np.bool_]:
    """Coordinates that are not held on a bound by the gradient."""
    return ~(((z <= lower) & (gradient > 0.0)) | ((z >= upper) & (gradient < 0.0)))


def _step(
    triangle: Array, image: Array, free: NDArray[np.bool_], scale: Array, damping: float
) -> Array:
    """Damped Gauss-Newton step in the free coordinates, zero in the others."""
    step = np.zeros(len(scale))
    size = np.where(scale[free] > 0.0, scale[free], 1.0)
    left = np.vstack([triangle[:, free] / size, np.sqrt(damping) * np.eye(int(free.sum()))])
    right = np.concatenate([-image, np.zeros(int(free.sum()))])
    step[free] = np.linalg.lstsq(left, right, rcond=None)[0] / size
    return step


def _promise(
    triangle: Array, image: Array, free: NDArray[np.bool_], scale: Array, damping: float
) -> float:
    """Decrease of the squared norm that the linear model promises for the step."""
    moved = image + triangle @ _step(triangle, image, free, scale, damping)
    return float(image @ image - moved @ moved)
