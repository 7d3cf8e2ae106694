"""Trust-region Newton steps of many small problems: what to try next, given what was tried last.

The evaluations between two calls are those of :mod:`mixexp._kernels.small_pass`. The rules are
those of :class:`mixexp.estimation.solvers.newton.Newton` and the model problem is that of
:class:`mixexp.estimation.solvers.trust_region.QuadraticModel`, where the reasons are given. Loops
are written out: operations on whole arrays take the compiler ten times as long.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

_TINY = float(np.finfo(float).tiny)
_EPS = float(np.finfo(float).eps)

# Phases of a climb; those from ``DONE`` on say why it ended.
START, CLIMB, POLISH, DONE, STATIONARY, MAX_ITER, STALLED, NOT_FINITE = 0, 1, 2, 3, 3, 4, 5, 6

# Functions that only others of this file call: without what Python would need to call them.
_INNER: Any = {"nogil": True, "error_model": "numpy", "no_cpython_wrapper": True}


@njit(**_INNER)
def _dot(a, b):
    total = 0.0
    for j in range(len(a)):
        total += a[j] * b[j]
    return total


@njit(**_INNER)
def _clip(x, low, high):
    return min(max(x, low), high)


@njit(**_INNER)
def _eigen(hessian, held):
    """Positions not held (n,), eigenvalues of -H on them, eigenvectors there as rows (n, n)."""
    n = 0
    places = np.empty(len(held), dtype=np.int64)
    for j in range(len(held)):
        if not held[j]:
            places[n] = j
            n += 1
    inside = np.empty((n, n))
    for a in range(n):
        for b in range(n):
            inside[a, b] = -hessian[places[a], places[b]]
    values, rows = np.empty(n), np.empty((n, n))
    if n:
        found, vectors = np.linalg.eigh(inside)
        for a in range(n):
            values[a] = found[a]
            for b in range(n):
                rows[a, b] = vectors[b, a]
    return places[:n], values, rows


@njit(**_INNER)
def _secular(slope, values, shift, radius):
    """λ > shift with ‖slope / (values + λ)‖ = radius."""
    low, high = shift, shift + np.sqrt(_dot(slope, slope)) / radius + abs(values[0])
    lam = high
    for _ in range(60):
        square, curvature = 0.0, 0.0
        for j in range(len(slope)):
            scaled = slope[j] / (values[j] + lam)
            square += scaled * scaled
            curvature += scaled * scaled / (values[j] + lam)
        length = np.sqrt(square)
        if abs(length - radius) <= 1e-10 * radius:
            break
        if length > radius:
            low = lam
        else:
            high = lam
        if not curvature > 0.0:
            break
        lam += (length / radius - 1.0) * square / curvature
        if not (low < lam and lam < high):
            lam = 0.5 * (low + high)
        if not (low < lam and lam < high):
            return high
    return lam


@njit(**_INNER)
def _ball(gradient, places, values, rows, radius, step):
    """Set the entries ``places`` of ``step`` to the maximiser of the model in the ball."""
    n = len(values)
    slope, along, flat = np.empty(n), np.empty(n), np.empty(n)
    noise = 4.0 * _EPS * n * max(abs(values[0]), abs(values[n - 1]))
    largest, square = 0.0, 0.0
    for a in range(n):
        slope[a] = 0.0
        for b in range(n):
            slope[a] += rows[a, b] * gradient[places[b]]
        largest = max(largest, abs(slope[a]))
        flat[a] = 0.0 if -noise <= values[a] < 0.0 else values[a]
    shift, hard = max(0.0, -flat[0]), True
    for a in range(n):
        along[a] = 0.0
        if flat[a] + shift > 0.0:
            along[a] = slope[a] / (flat[a] + shift)
        elif abs(slope[a]) > 1e-14 * max(1.0, largest):
            hard = False
        square += along[a] * along[a]
    if hard and np.sqrt(square) <= radius:
        if flat[0] < 0.0:
            along[0] += np.sqrt(max(radius * radius - square, 0.0))
    else:
        lam = _secular(slope, flat, shift, radius)
        for a in range(n):
            along[a] = slope[a] / (flat[a] + lam)
    for b in range(n):
        total = 0.0
        for a in range(n):
            total += along[a] * rows[a, b]
        step[places[b]] = total


@njit(**_INNER)
def _value(gradient, hessian, step):
    total = 0.0
    for j in range(len(step)):
        total += step[j] * (gradient[j] + 0.5 * _dot(hessian[j], step))
    return total


@njit(**_INNER)
def _best_in_face(gradient, hessian, step, held, radius):
    """The best step in the ball that agrees with ``step`` in the held coordinates."""
    best, fixed, slope = np.copy(step), np.zeros(len(step)), np.empty(len(step))
    for j in range(len(step)):
        if held[j]:
            fixed[j] = step[j]
    room = np.sqrt(max(radius * radius - _dot(fixed, fixed), 0.0))
    places, values, rows = _eigen(hessian, held)
    if room > 0.0 and len(places):
        for j in range(len(step)):
            slope[j] = gradient[j] + _dot(hessian[j], fixed)
        _ball(slope, places, values, rows, room, best)
    return best


@njit(**_INNER)
def _inward(gradient, hessian, lower, upper, step, held, radius, inward):
    """Mark held coordinates on a bound that the model, with the ball's multiplier, draws off it."""
    n, inside, pull, found = len(step), 0.0, 0.0, False
    for j in range(n):
        if not held[j]:
            inside += step[j] * step[j]
            pull += step[j] * (gradient[j] + _dot(hessian[j], step))
    outer = inside > 0.0 and _dot(step, step) >= (1.0 - 1e-8) * radius * radius
    multiplier = max(pull, 0.0) / inside if outer else 0.0
    for j in range(n):
        slope = gradient[j] + _dot(hessian[j], step) - multiplier * step[j]
        low, high = step[j] <= lower[j], step[j] >= upper[j]
        off = (low and not high and slope > 0.0) or (high and not low and slope < 0.0)
        inward[j] = off and held[j]
        found = found or inward[j]
    return found


@njit(**_INNER)
def _towards(step, target, lower, upper, held, there):
    """Go from ``step`` towards ``target`` until a bound is met, and hold it; if all was gone."""
    n, least = len(step), np.inf
    room = np.empty(n)
    for j in range(n):
        move = target[j] - step[j]
        room[j] = np.inf
        if move != 0.0:
            room[j] = ((upper[j] if move > 0.0 else lower[j]) - step[j]) / move
        least = min(least, room[j])
    part, every = _clip(least, 0.0, 1.0), True
    for j in range(n):
        move = target[j] - step[j]
        there[j] = _clip(step[j] + part * move, lower[j], upper[j])
        if room[j] <= part:
            there[j] = upper[j] if move > 0.0 else lower[j]
            held[j] = True
        every = every and held[j]
    return least >= 1.0 or every


@njit(**_INNER)
def _climb(gradient, hessian, lower, upper, at_first, target, radius):
    """Towards the best step; hold the bounds that are met, and go on inside that face."""
    n = len(target)
    step, there, top, height = np.zeros(n), np.empty(n), -np.inf, 0.0
    held, inward = np.copy(at_first), np.zeros(n, dtype=np.bool_)
    for _ in range(3 * n):
        ended = _towards(step, target, lower, upper, held, there)
        value = _value(gradient, hessian, there)
        if value > height:
            height = value
            for j in range(n):
                step[j] = there[j]
        if ended:
            drawn = _inward(gradient, hessian, lower, upper, step, held, radius, inward)
            if not drawn or height <= top * (1.0 + 1e-12):
                break
            top = height
            for j in range(n):
                held[j] = held[j] and not inward[j]
        target = _best_in_face(gradient, hessian, step, held, radius)
    return step


@njit(**_INNER)
def _bend(gradient, hessian, lower, upper, at_first, first, radius):
    """Fix what crosses a bound there, and solve for the rest until nothing crosses."""
    step, held, crossed = np.copy(first), np.copy(at_first), True
    while crossed:
        crossed, every = False, True
        for j in range(len(step)):
            if not held[j] and (step[j] < lower[j] or step[j] > upper[j]):
                held[j], crossed = True, True
            step[j] = _clip(step[j], lower[j], upper[j])
            every = every and held[j]
        if every:
            break
        if crossed:
            step = _best_in_face(gradient, hessian, step, held, radius)
    scale = min(1.0, radius / max(np.sqrt(_dot(step, step)), _TINY))
    for j in range(len(step)):
        step[j] *= scale
    return step


@njit(**_INNER)
def _hold(gradient, lower, upper):
    """Coordinates on a bound with the gradient pointing out."""
    held = np.empty(len(gradient), dtype=np.bool_)
    for j in range(len(gradient)):
        held[j] = (lower[j] >= 0.0 and gradient[j] <= 0.0) or (
            upper[j] <= 0.0 and gradient[j] >= 0.0
        )
    return held


@njit(**_INNER)
def _maximize(gradient, hessian, lower, upper, held, places, values, rows, radius, step):
    """Set ``step`` to the best one with ‖s‖ <= radius in the box; returns the promised gain."""
    n, inside = len(gradient), True
    first, inward = np.zeros(n), np.zeros(n, dtype=np.bool_)
    if len(places):
        _ball(gradient, places, values, rows, radius, first)
    gain = _value(gradient, hessian, first)
    best = first
    for j in range(n):
        inside = inside and lower[j] <= first[j] <= upper[j]
    if inside and 0 < len(places) < n:
        inside = not _inward(gradient, hessian, lower, upper, first, held, radius, inward)
    if len(places) and not inside:
        best = _bend(gradient, hessian, lower, upper, held, first, radius)
        gain = _value(gradient, hessian, best)
        for side in range(2 if values[0] < 0.0 else 1):
            target, across = np.copy(first), 0.0
            for a in range(len(places)):
                across += 2.0 * side * rows[0, a] * first[places[a]]
            for a in range(len(places)):
                target[places[a]] -= across * rows[0, a]
            other = _climb(gradient, hessian, lower, upper, held, target, radius)
            height = _value(gradient, hessian, other)
            if height > gain:
                best, gain = other, height
    for j in range(n):
        step[j] = best[j] if gain > 0.0 else 0.0
    return max(gain, 0.0)


@njit(cache=True, nogil=True, error_model="numpy")
def maximize(gradient, hessian, lower, upper, radius, step):
    """Set ``step`` (P,) to the maximiser of gᵀs + ½ sᵀHs in the ball and the box; its gain."""
    held = _hold(gradient, lower, upper)
    places, values, rows = _eigen(hessian, held)
    return _maximize(gradient, hessian, lower, upper, held, places, values, rows, radius, step)


@njit(**_INNER)
def _ratio(value, before, promised):
    """Gain over promised gain; differences within rounding of the value count as promised."""
    if not np.isfinite(value):
        return -np.inf
    rounding = 1e-14 * (1.0 + abs(before))
    gain = value - before
    if abs(gain) <= rounding and promised <= 10.0 * rounding:
        return 1.0
    return gain / promised


@njit(**_INNER)
def _judge(settings, count, before, here, new, there, radius, promised):
    """Whether the trial point of a step is accepted, and the next trust radius."""
    ratio, square = _ratio(new, before, promised), 0.0
    for j in range(len(here)):
        square += (there[j] - here[j]) ** 2
    length = np.sqrt(square)
    if ratio > 0.75 and length > 0.9 * radius:
        radius = min(2.5 * radius, settings[3])
    elif ratio < 0.25:
        radius = 0.25 * length
    if ratio > 1e-4:
        count[0] += 1
        count[1] = 0
        return True, radius
    count[1] += 1
    return False, radius


@njit(cache=True, nogil=True, error_model="numpy")
def advance(
    jobs, lower, upper, settings, phase, count, trace, theta, value, mass, gradient, hessian,
    gain, radius, trial, value_there, mass_there, gradient_there, hessian_there,
):  # fmt: skip
    """Judge the trial points of ``jobs``, move where they are better, and set the next ones.

    Parameters
    ----------
    jobs : (M,) which jobs to look at; all other arrays have one entry for every job
    lower, upper : (P,)
    settings : (tol, max_iter, first radius, max_radius, max_rejected, max_polish, certificate
        radius, part of tol at which nothing is left to polish)
    phase : START to NOT_FINITE
    count : (M, 3) steps made, steps rejected in a row, polishing steps
    trace : (M, max_iter + 1) value after each step
    theta, value, mass, gradient, hessian : where a job is
    gain : what the model promises there within the certificate radius
    radius : (M, 2) trust radius, and gain promised for the trial point
    trial, value_there, ... : the trial point, evaluated
    """
    n = len(lower)
    low, high, step = np.empty(n), np.empty(n), np.empty(n)
    for m in jobs:
        new, polishing, moved = value_there[m], phase[m] == POLISH, True
        if phase[m] == START:
            radius[m, 0] = settings[2]
            phase[m] = CLIMB if np.isfinite(new) else NOT_FINITE
        elif not polishing:
            moved, radius[m, 0] = _judge(
                settings, count[m], value[m], theta[m], new, trial[m], radius[m, 0], radius[m, 1]
            )
        if moved and not polishing:
            trace[m, count[m, 0]] = new
        g, h, x = gradient[m], hessian[m], theta[m]
        if moved:
            g, h, x = gradient_there[m], hessian_there[m], trial[m]
        for j in range(n):
            low[j], high[j] = lower[j] - x[j], upper[j] - x[j]
        if phase[m] == NOT_FINITE or (polishing and not np.isfinite(new)):
            places, values, rows = np.empty(0, dtype=np.int64), np.empty(0), np.empty((0, 0))
            held, promise = np.ones(n, dtype=np.bool_), 0.0
        else:
            held = _hold(g, low, high)
            places, values, rows = _eigen(h, held)
            promise = _maximize(g, h, low, high, held, places, values, rows, settings[6], step)
        if polishing:
            lost = not new >= value[m] - 1e-14 * (1.0 + abs(value[m]))
            if lost or promise > gain[m]:
                phase[m] = STATIONARY
                continue
            count[m, 2] += 1
        if moved:
            value[m], gain[m] = new, promise
            for j in range(n):
                theta[m, j], gradient[m, j] = trial[m, j], g[j]
                for i in range(n):
                    hessian[m, j, i] = h[j, i]
            for k in range(mass.shape[1]):
                mass[m, k] = mass_there[m, k]
        if phase[m] == NOT_FINITE:
            continue
        if moved and not polishing and count[m, 0] >= settings[1]:
            phase[m] = MAX_ITER
        elif gain[m] <= settings[0]:
            phase[m] = POLISH
            if promise <= settings[7] * settings[0] or count[m, 2] >= settings[5]:
                phase[m] = STATIONARY
        else:
            radius[m, 1] = 0.0
            while count[m, 1] < settings[4] and radius[m, 1] == 0.0:
                radius[m, 1] = _maximize(
                    g, h, low, high, held, places, values, rows, radius[m, 0], step
                )
                if radius[m, 1] == 0.0:
                    radius[m, 0] *= 0.25
                    count[m, 1] += 1
            if radius[m, 1] == 0.0:
                phase[m] = STALLED
        for j in range(n):
            trial[m, j] = _clip(theta[m, j] + step[j], lower[j], upper[j])
