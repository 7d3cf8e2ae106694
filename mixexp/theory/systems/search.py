r"""Search for solutions of the location-scale system: verified ones, or the residual that is left.

Solutions are sought on the normalised set

.. math:: s_{11}=1,\quad|s_{1i}|\le1,\quad|s_{2i}|\le b,\quad w_0\le w_i\le1,

which holds a scaled and renumbered copy of every non-trivial solution whose weights lie within a
factor :math:`1/w_0` of each other and whose :math:`|s_2|` is at most :math:`b\max s_1^2`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from math import factorial
from typing import Any

import numpy as np
from scipy.optimize import least_squares

from mixexp.theory.systems.interval import choose_free, polish, solution_box
from mixexp.theory.systems.solvability import Solvability, as_witness
from mixexp.theory.systems.system import (
    PolynomialSystem,
    check_integers,
    location_scale_system,
)

SOLVED = 1e-10
"""Norm of the relative residual below which a point is handed to the interval test."""


def verified_solution(m: int, r: int, *, n_starts: int = 20, seed: int = 0) -> Solvability:
    """A solution found numerically, and an interval test that one exists there.

    All variables but as many as there are equations are fixed at rational numbers, one abs(s1) at 1
    among them; Newton's method with 30 digits solves for the rest; and the test of
    :func:`~mixexp.theory.systems.interval.solution_box` proves that an exact real solution
    with positive weights lies within 1e-10.

    Parameters
    ----------
    m, r : int
        Number of atoms, largest order of an equation.
    n_starts : int
        Random starts that are tried before giving up.
    seed : int
        Seed of the starts.

    Returns
    -------
    Solvability
        Status "verified" with the witness; or, if no start leads to a verified solution, status
        "evidence" with ``solvable`` None and the smallest residual.

    Raises
    ------
    ImportError
        If mpmath is not installed.

    Examples
    --------
    >>> verified_solution(3, 5).statement
    'r-bar(3) > 5'
    """
    start = time.perf_counter()
    system = location_scale_system(m, r)
    best = np.inf
    for norm, values in minima(system, n_starts, seed, min_weight=0.05):
        best = min(best, norm)
        if norm < SOLVED and (witness := verify(system, values)) is not None:
            method = "found by least squares, existence by an interval test (Krawczyk)"
            seconds = time.perf_counter() - start
            return Solvability(m, r, True, "verified", method, witness, seconds=seconds)
    method = f"no verified solution from {n_starts} starts"
    seconds = time.perf_counter() - start
    return Solvability(m, r, None, "evidence", method, None, float(best), seconds)


def verify(system: PolynomialSystem, values: np.ndarray) -> tuple[tuple[float, ...], ...] | None:
    """The centre of a box that provably holds a non-trivial solution near the values, or None.

    Examples
    --------
    >>> values = np.array([[1.0, -0.5, 0.5], [-1.0, -0.5, 0.5]])
    >>> verify(location_scale_system(2, 3), values) is not None
    True
    >>> verify(location_scale_system(2, 4), values) is None
    True
    """
    free = choose_free(system, values)
    # Multiples of 1/1024 are exact in every arithmetic.
    rounded = np.where(free, values, np.round(values * 1024) / 1024)
    try:
        centre = polish(system, rounded, free)
        box = solution_box(system, centre, free)
    except (ZeroDivisionError, np.linalg.LinAlgError):  # a singular Jacobian proves nothing
        return None
    if box is None or not all(weight.a > 0 for weight in box[:, -1]):
        return None
    if not any(s1.a > 0 or s1.b < 0 for s1 in box[:, 0]):
        return None
    return as_witness(centre)


def residual_lower_bound(
    m: int,
    r: int,
    *,
    n_starts: int = 10,
    seed: int = 0,
    min_weight: float = 0.02,
    box: float = 2.0,
    max_iterations: int = 300,
) -> Solvability:
    r"""Smallest residual that a search finds on the normalised set: evidence, not a proof.

    .. math:: \min\frac{\|(\ell!\,f_\ell(s_1,s_2,w))_{\ell\le r}\|}{\sum_iw_i}

    with f the equations as printed. The factors make equation l the l-th moment of the formal
    mixture of normal laws with means s1 and variances 2 s2, which a solution has equal to zero.
    A value far above rounding error suggests that there is no solution in the set, as every
    start would have to miss it.

    Parameters
    ----------
    m, r : int
        Number of atoms, largest order of an equation.
    n_starts, seed : int
        Number of random starts and their seed.
    min_weight, box : float
        The bounds :math:`w_0` and b of the normalised set.
    max_iterations : int
        Evaluations per start; near r-bar the valleys are flat and the limit is often met.

    Returns
    -------
    Solvability
        Status "evidence", ``solvable`` None.

    Examples
    --------
    >>> found = residual_lower_bound(2, 4, n_starts=3)
    >>> found.status, found.residual > 1e-4, residual_lower_bound(2, 3).residual < 1e-8
    ('evidence', True, True)
    """
    start = time.perf_counter()
    system = location_scale_system(m, r)
    found = list(minima(system, n_starts, seed, min_weight, box, max_iterations, tolerance=1e-8))
    norm, values = min(found, key=lambda pair: pair[0])
    reached = sum(other <= 1.05 * norm for other, _ in found)
    method = (
        f"least squares with max abs(s1) = 1, abs(s2) <= {box:g}, weights in [{min_weight:g}, 1]; "
        f"{reached} of {n_starts} starts end within 5 per cent of the smallest"
    )
    seconds = time.perf_counter() - start
    return Solvability(m, r, None, "evidence", method, as_witness(values), norm, seconds)


def minima(
    system: PolynomialSystem,
    n_starts: int,
    seed: int,
    min_weight: float,
    box: float = 2.0,
    max_iterations: int = 300,
    tolerance: float = 1e-15,
) -> Iterator[tuple[float, np.ndarray]]:
    """Local minima of the norm of the relative residual, one for each random start.

    Examples
    --------
    >>> [(norm, values)] = minima(location_scale_system(2, 2), 1, seed=0, min_weight=0.1)
    >>> norm < 1e-12, values.shape
    (True, (2, 3))
    """
    check_integers(n_starts=n_starts)
    if not 0 < min_weight < 1:
        raise ValueError(f"min_weight is {min_weight}; give a number between 0 and 1")
    rng = np.random.default_rng(seed)
    m = system.n_atoms
    lower = np.tile([-1.0, -box, min_weight], (m, 1)).ravel()[1:]
    upper = np.tile([1.0, box, 1.0], (m, 1)).ravel()[1:]
    for _ in range(n_starts):
        first = np.column_stack(
            (rng.uniform(-1, 1, m), rng.uniform(-1, 0.5, m), rng.uniform(min_weight, 1, m))
        )
        result: Any = least_squares(
            lambda z: _relative(system, _unpack(z, m)),
            np.clip(first.ravel()[1:], lower, upper),
            lambda z: _relative_jacobian(system, _unpack(z, m)),
            bounds=(lower, upper),
            xtol=tolerance,
            ftol=tolerance,
            gtol=tolerance,
            max_nfev=max_iterations,
        )
        yield float(np.linalg.norm(result.fun)), _unpack(result.x, m)


def _unpack(z: np.ndarray, m: int) -> np.ndarray:
    return np.concatenate(([1.0], z)).reshape(m, 3)


def _relative(system: PolynomialSystem, values: np.ndarray) -> np.ndarray:
    return system.residual(values) * _factorials(system) / np.sum(values[:, -1])


def _relative_jacobian(system: PolynomialSystem, values: np.ndarray) -> np.ndarray:
    total = np.sum(values[:, -1])
    jacobian = system.jacobian(values) / total
    jacobian[:, :, -1] -= system.residual(values)[:, None] / total**2
    return (jacobian.reshape(system.n_equations, -1) * _factorials(system)[:, None])[:, 1:]


def _factorials(system: PolynomialSystem) -> np.ndarray:
    return np.array([float(factorial(label[0])) for label, _ in system.equations])
