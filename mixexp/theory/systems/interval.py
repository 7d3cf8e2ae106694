r"""Existence of a real solution near an approximate one, by interval arithmetic.

For a square system f with approximate zero c, a box X around it and any matrix Y, usually near
the inverse of the Jacobian at c, the Krawczyk operator is

.. math:: K(X)=c-Y f(c)+(I-Y J(X))(X-c).

If K(X) lies in the interior of X, then f has one and only one zero in X. Intervals are rounded
outwards, so this is a proof up to the correctness of the arithmetic.

References
----------
.. [1] Krawczyk, R. (1969). Newton-Algorithmen zur Bestimmung von Nullstellen mit
   Fehlerschranken. Computing 4.
.. [2] Moore, R. E., Kearfott, R. B. and Cloud, M. J. (2009). Introduction to Interval Analysis.
   SIAM, chapter 8.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
from scipy.linalg import qr

from mixexp.theory.systems.system import PolynomialSystem, require

DIGITS = 30


def solution_box(
    system: PolynomialSystem, values: np.ndarray, free: np.ndarray, radius: float = 1e-10
) -> np.ndarray | None:
    """A box that contains exactly one solution in the free variables, or None if none is proved.

    Parameters
    ----------
    system : PolynomialSystem
    values : array, shape (n_atoms, n_names)
        Approximate solution; the entries that are not free are taken as they are, exactly.
    free : array of bool, shape (n_atoms, n_names)
        As many as there are equations.
    radius : float
        Half the width of the box in every free variable.

    Returns
    -------
    array of object, shape (n_atoms, n_names), or None
        mpmath intervals, of width zero for the fixed variables. None proves nothing.

    Raises
    ------
    ValueError
        If the number of free variables is not the number of equations.

    Examples
    --------
    >>> from mixexp.theory.systems.system import location_scale_system
    >>> values = np.array([[1.0, -0.5, 0.5], [-1.0, -0.5, 0.5]])
    >>> free = np.array([[False, True, True], [True, False, False]])
    >>> solution_box(location_scale_system(2, 3), values, free) is not None
    True
    >>> solution_box(location_scale_system(2, 3), values + [0.01, 0.0, 0.0], free) is None
    True
    """
    if np.sum(free) != system.n_equations:
        raise ValueError(
            f"free: {np.sum(free)} variables for {system.n_equations} equations; give as many"
        )
    iv = require("mpmath").iv
    before, iv.dps = iv.prec, DIGITS
    try:
        centre = np.frompyfunc(_interval, 1, 1)(values)
        box = centre.copy()
        box[free] = centre[free] + iv.mpf([-radius, radius])
        preconditioner = np.linalg.inv(_float(system.jacobian(centre)[:, free])).astype(object)
        shift = preconditioner @ system.residual(centre)
        slope = preconditioner @ system.jacobian(box)[:, free]
        spread = (np.eye(len(shift)).astype(object) - slope) @ (box - centre)[free]
        image = centre[free] - shift + spread
        inside = all(b.a < k.a and k.b < b.b for k, b in zip(image, box[free], strict=True))
        return box if inside else None
    finally:
        iv.prec = before


def polish(system: PolynomialSystem, values: np.ndarray, free: np.ndarray) -> np.ndarray:
    """Newton's method in the free variables with 30 digits, the others left alone.

    Examples
    --------
    >>> from mixexp.theory.systems.system import location_scale_system
    >>> values = np.array([[1.0, -0.5, 0.5], [-1.0, -0.5, 0.5]])
    >>> free = np.array([[False, True, True], [True, False, False]])
    >>> close = values + 1e-3 * free
    >>> bool(np.max(np.abs(polish(location_scale_system(2, 3), close, free) - values)) < 1e-25)
    True
    """
    mpmath = require("mpmath")
    with mpmath.workdps(DIGITS):
        x = np.frompyfunc(mpmath.mpf, 1, 1)(values)
        for _ in range(8):
            jacobian = mpmath.matrix(system.jacobian(x)[:, free].tolist())
            step = mpmath.lu_solve(jacobian, mpmath.matrix(system.residual(x).tolist()))
            x[free] -= np.array(list(step), dtype=object)
        return x


def choose_free(system: PolynomialSystem, values: np.ndarray) -> np.ndarray:
    """As many variables as equations, with a well-conditioned Jacobian: QR with pivoting.

    The largest abs(s1), the first column, stays fixed: it normalises the solution.

    Examples
    --------
    >>> from mixexp.theory.systems.system import location_scale_system
    >>> choose_free(location_scale_system(2, 3), np.array([[1.0, -0.5, 0.5], [-1.0, -0.5, 0.5]]))
    array([[False, True, True],
           [False, True, False]])
    """
    jacobian = system.jacobian(values)
    jacobian[:, np.argmax(np.abs(values[:, 0])), 0] = 0.0
    _, _, order = qr(jacobian.reshape(system.n_equations, -1), mode="economic", pivoting=True)
    free = np.zeros(values.size, dtype=bool)
    free[order[: system.n_equations]] = True
    return free.reshape(values.shape)


def _interval(value: Any) -> Any:
    iv = require("mpmath").iv
    if isinstance(value, Fraction):
        return iv.mpf(value.numerator) / value.denominator
    return iv.mpf(value)


def _float(intervals: np.ndarray) -> np.ndarray:
    return np.frompyfunc(lambda v: float(v.mid), 1, 1)(intervals).astype(float)
