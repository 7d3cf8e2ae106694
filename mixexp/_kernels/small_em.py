"""EM steps of many small problems: what to try next, given what was tried last.

The evaluations between two calls are those of :mod:`mixexp._kernels.small_pass`, order 1. The rules
are those of :class:`mixexp.estimation.solvers.em.EM` and of the families' M-steps.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

_CUTOFF = 1e-13
# Curvature of experts without a closed form, relative to the score, that is always there.
_CURVATURE = 1e-14
_LONGEST_STEP = 2.0

# Phases of a climb; those from ``DONE`` on say why it ended.
START, CLIMB, DONE, STATIONARY, MAX_ITER, STALLED, NOT_FINITE = 0, 1, 3, 3, 4, 5, 6

# Functions that only others of this file call: without what Python would need to call them.
_INNER: Any = {"nogil": True, "error_model": "numpy", "no_cpython_wrapper": True}


@njit(**_INNER)
def _solve(gram, cross, places, step):
    """Set ``step`` at ``places`` to the minimum-norm solution of gram @ step = cross there."""
    n, most = len(places), 1.0
    scale, scaled = np.zeros(n), np.empty((n, n))
    for j in range(n):
        scale[j] = np.sqrt(max(gram[places[j], places[j]], 0.0))
        most = max(most, scale[j])
    for j in range(n):
        # Scaling to a unit diagonal makes the cut-off independent of the columns' scales.
        scale[j] = 1.0 / scale[j] if scale[j] > 1e-100 * most else 0.0
    for j in range(n):
        for m in range(n):
            scaled[j, m] = gram[places[j], places[m]] * scale[j] * scale[m]
        step[places[j]] = 0.0
    values, vectors = np.linalg.eigh(scaled)
    for a in range(n):
        if values[a] > _CUTOFF * max(values[n - 1], 0.0):
            along = 0.0
            for j in range(n):
                along += vectors[j, a] * cross[places[j]] * scale[j]
            for j in range(n):
                step[places[j]] += along / values[a] * vectors[j, a] * scale[j]


@njit(**_INNER)
def _along_bounds(gram, cross, low, high, step):
    """The path along the bounds, each piece of which raises crossᵀs - ½ sᵀ gram s."""
    n = len(cross)
    held, slope = np.empty(n, dtype=np.bool_), np.empty(n)
    move, room = np.empty(n), np.empty(n)
    for j in range(n):
        step[j] = 0.0
        held[j] = (low[j] >= 0.0 and cross[j] <= 0.0) or (high[j] <= 0.0 and cross[j] >= 0.0)
    for _ in range(n):
        places, free, least = np.empty(n, dtype=np.int64), 0, np.inf
        for j in range(n):
            move[j], slope[j] = 0.0, cross[j]
            for m in range(n):
                slope[j] -= gram[j, m] * step[m]
            if not held[j]:
                places[free] = j
                free += 1
        if free == 0:
            break
        _solve(gram, slope, places[:free], move)
        for j in range(n):
            room[j] = np.inf
            if move[j] != 0.0:
                room[j] = ((high[j] if move[j] > 0.0 else low[j]) - step[j]) / move[j]
            least = min(least, room[j])
        part = min(max(least, 0.0), 1.0)
        for j in range(n):
            step[j] = min(max(step[j] + part * move[j], low[j]), high[j])
            held[j] = held[j] or room[j] <= part
        if least >= 1.0:
            break


@njit(cache=True, nogil=True, error_model="numpy")
def box_step(gram, cross, low, high, step):
    """Set ``step`` (p,) to what raises crossᵀs - ½ sᵀ gram s within low <= s <= high."""
    _solve(gram, cross, np.arange(len(cross)), step)
    for j in range(len(cross)):
        if step[j] < low[j] or step[j] > high[j]:
            _along_bounds(gram, cross, low, high, step)
            break


@njit(**_INNER)
def _quadratic(theta, gradient, hessian, penalty, lower, upper, places, curvature, step):
    """Set ``step`` to the best one of the coordinates ``places`` in the box."""
    n = len(places)
    gram, cross, low, high = np.empty((n, n)), np.empty(n), np.empty(n), np.empty(n)
    for a in range(n):
        i = places[a]
        cross[a] = gradient[i]
        for j in range(len(theta)):
            cross[a] -= penalty[i, j] * theta[j]
        for b in range(n):
            gram[a, b] = penalty[i, places[b]] - hessian[i, places[b]]
        gram[a, a] += curvature * abs(cross[a])
        low[a], high[a] = lower[i] - theta[i], upper[i] - theta[i]
    box_step(gram, cross, low, high, step)


@njit(**_INNER)
def _squares(places, move, gradient, hessian, where):
    """Σ w r e² / σ² after the means have moved, from what it was before."""
    total = -2.0 * hessian[where, where]
    for a in range(len(places)):
        total -= 2.0 * move[a] * gradient[places[a]]
        for b in range(len(places)):
            total -= move[a] * hessian[places[a], places[b]] * move[b]
    return total


@njit(**_INNER)
def _log_variance(old, squares, mass, low, high):
    """The likeliest log-variance; an expert without responsibility keeps its own."""
    if not mass > 0.0:
        return old
    ratio = max(squares, 0.0) / mass
    return min(max(old + np.log(ratio), low), high) if ratio > 0.0 else low


@njit(cache=True, nogil=True, error_model="numpy")
def m_step(theta, mass, gradient, hessian, family, coordinates, penalty, lower, upper, target):
    """Fill ``target`` (P,) with θ after a full M-step of the experts and a Newton step of the gate.

    ``gradient`` and ``hessian`` are the score and the Hessian of the expected complete
    log-likelihood, without penalty; ``family`` and ``coordinates`` as in the pass.
    """
    n_gate, n_experts, n_terms = coordinates[1, 2], len(mass), coordinates[1, 1]
    # Of Gaussian experts the last coordinate is the scale, and both have a closed form.
    exact = family == 0
    n_linear = 1 if exact else coordinates.shape[0] - 1
    step = np.zeros(len(theta))
    if n_gate:
        places = np.arange(n_gate)
        _quadratic(
            theta, gradient, hessian, penalty, lower, upper, places, 0.0, step[:n_gate]
        )  # fmt: skip
    places, move = np.empty(n_linear * n_terms, dtype=np.int64), np.zeros(n_linear * n_terms)
    squares, total = 0.0, 0.0
    for k in range(n_experts):
        for c in range(n_linear):
            for t in range(n_terms):
                places[c * n_terms + t] = coordinates[1 + c, 2] + k * n_terms + t
        if not exact and not mass[k] > 0.0:
            continue
        curvature = 0.0 if exact else _CURVATURE
        _quadratic(
            theta, gradient, hessian, penalty, lower, upper, places, curvature, move
        )  # fmt: skip
        length, scale = 0.0, 1.0
        for j in range(len(move)):
            length += move[j] * move[j]
        if not exact:
            scale = _LONGEST_STEP / max(np.sqrt(length), _LONGEST_STEP)
        for j in range(len(move)):
            step[places[j]] = scale * move[j]
        if exact:
            own = coordinates[2, 3] > 0
            where = coordinates[2, 2] + (k if own else 0)
            if own:
                squares, total = 0.0, 0.0
            squares += _squares(places, move, gradient, hessian, where)
            if not own and k > 0:
                # The one variance has the residuals of all experts in its derivatives.
                squares += 2.0 * hessian[where, where]
            total += mass[k]
            if own or k == n_experts - 1:
                fitted = _log_variance(theta[where], squares, total, lower[where], upper[where])
                step[where] = fitted - theta[where]
    for j in range(len(theta)):
        target[j] = min(max(theta[j] + step[j], lower[j]), upper[j])


@njit(**_INNER)
def _left(before, last):
    """Aitken's extrapolation of the last two gains; infinite where they do not fall."""
    if last <= 0.0:
        return 0.0
    if last >= before:
        return np.inf
    return last * last / (before - last)


@njit(cache=True, nogil=True, error_model="numpy")
def advance(
    jobs, lower, upper, settings, family, coordinates, penalty, phase, count, gains, trace,
    theta, value, mass, gradient, hessian,
    trial, value_there, mass_there, gradient_there, hessian_there,
):  # fmt: skip
    """Judge the trial points of ``jobs``, move where they are no lower, and set the next ones.

    Parameters
    ----------
    jobs : (M,) which jobs to look at; all other arrays have one entry for every job
    settings : (tol, max_iter, max_halvings)
    phase : START to NOT_FINITE
    count : (M, 3) steps made, halvings of the last one
    gains : (M, 2) the last two gains
    trace : (M, max_iter + 1) value after each step
    theta, value, mass, gradient, hessian : where a job is, with its statistics
    trial, value_there, ... : the trial point, evaluated
    """
    damped = coordinates[1, 2] if family == 0 else len(lower)
    for m in jobs:
        new, left = value_there[m], np.inf
        if phase[m] == START:
            phase[m] = CLIMB if np.isfinite(new) else NOT_FINITE
        elif new >= value[m] - 1e-13 * (1.0 + abs(value[m])):
            gains[m, 0], gains[m, 1] = gains[m, 1], new - value[m]
            count[m, 0] += 1
            count[m, 1] = 0
            if count[m, 0] > 1:
                left = _left(gains[m, 0], gains[m, 1])
        else:
            count[m, 1] += 1
            if count[m, 1] >= settings[2]:
                phase[m] = STALLED
            for j in range(damped):
                trial[m, j] = 0.5 * (trial[m, j] + theta[m, j])
            continue
        trace[m, count[m, 0]], value[m] = new, new
        for j in range(len(lower)):
            theta[m, j], gradient[m, j] = trial[m, j], gradient_there[m, j]
            for i in range(len(lower)):
                hessian[m, j, i] = hessian_there[m, j, i]
        for k in range(mass.shape[1]):
            mass[m, k] = mass_there[m, k]
        if phase[m] == NOT_FINITE:
            continue
        if count[m, 0] >= settings[1]:
            phase[m] = MAX_ITER
        elif left <= settings[0]:
            phase[m] = STATIONARY
        else:
            m_step(
                theta[m], mass[m], gradient[m], hessian[m], family, coordinates, penalty,
                lower, upper, trial[m],
            )  # fmt: skip
