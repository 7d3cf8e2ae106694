"""Certificates of many climbs: the facts that decide whether each of them holds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mixexp.estimation.box import Box
from mixexp.estimation.certificate import _MAX_CLIMBS, _PROBE_STEPS, NULL_CURVATURE
from mixexp.estimation.small.batch import Batch, Indices, Points
from mixexp.estimation.small.climb import Climbs, em

Array = NDArray[np.float64]


@dataclass
class Verdicts:
    """What :func:`mixexp.estimation.certificate.certify` says of M climbs, without the words.

    ``information`` (M, 2) holds the extreme eigenvalues of the observed information on the
    coordinates that no bound holds, in nats and not per row; ``best`` (M, P) the highest point that
    probes along null directions found, θ itself if none rose. The other fields are (M,).
    """

    holds: NDArray[np.bool_]
    probe_gain: Array
    information: Array
    n_null: Indices
    n_held: Indices
    best: Array
    n_evaluations: Indices


def verdicts(batch: Batch, problem: Indices, climbs: Climbs, tol: float) -> Verdicts:
    """Judge where Newton's method ended; ``problem`` (M,) has the rows of each climb."""
    points, m = climbs.points, len(problem)
    found = Verdicts(
        np.zeros(m, dtype=bool), np.zeros(m), np.full((m, 2), np.nan), np.zeros(m, dtype=np.int64),
        np.zeros(m, dtype=np.int64), points.theta.copy(), np.zeros(m, dtype=np.int64),
    )  # fmt: skip
    sound = np.isfinite(points.value)
    free = Box(batch.lower, batch.upper).free(points.theta, points.gradient)
    found.n_held = np.count_nonzero(~free & (batch.lower < batch.upper), axis=1)
    ascent = np.zeros(m, dtype=bool)
    for jobs, inside in _alike(free, sound):
        values, vectors = np.linalg.eigh(-points.hessian[np.ix_(jobs, inside, inside)])
        largest = np.abs(values).max(axis=1, keepdims=True)
        noise = 4.0 * np.finfo(float).eps * free.shape[1] * largest
        null = np.abs(values) <= np.maximum(NULL_CURVATURE, noise)
        found.information[jobs], found.n_null[jobs] = values[:, [0, -1]], null.sum(axis=1)
        ascent[jobs] = values[:, 0] < -np.maximum(2.0 * tol, noise[:, 0])
        for i in np.flatnonzero(null.any(axis=1)):
            directions = np.zeros((found.n_null[jobs[i]], free.shape[1]))
            directions[:, inside] = vectors[i][:, null[i]].T
            _probe(batch, problem[jobs[i]], climbs, int(jobs[i]), directions, found)
    gain = np.where(sound, climbs.gain, np.inf)
    found.holds = sound & (gain <= tol) & (found.probe_gain <= 10.0 * tol) & ~ascent
    return found


def _alike(free: NDArray[np.bool_], sound: NDArray[np.bool_]) -> Iterator[tuple[Indices, Indices]]:
    """Jobs whose bounds hold the same coordinates, and the coordinates that are free."""
    left = np.flatnonzero(sound & free.any(axis=1))
    while len(left):
        same = np.all(free[left] == free[left[0]], axis=1)
        yield left[same], np.flatnonzero(free[left[0]])
        left = left[~same]


def _probe(
    batch: Batch, problem: int, climbs: Climbs, job: int, directions: Array, found: Verdicts
) -> None:
    """Finite steps both ways along the directions (m, P), and EM steps from the best of them."""
    theta, value = climbs.points.theta[job], climbs.points.value[job]
    steps = np.array([0.1, -0.1, 1.0, -1.0])
    tried = theta + (directions[:, None, :] * steps[:, None]).reshape(-1, len(theta))
    points = Points.at(np.clip(tried, batch.lower, batch.upper), batch.form.n_experts)
    rows = np.full(len(tried), problem)
    batch.evaluate(rows, points, np.arange(len(tried)), 0)
    order = np.argsort(-points.value, kind="stable")[:_MAX_CLIMBS]
    climbed = em(batch, rows[order], points.theta[order], tol=1e-8, max_iter=_PROBE_STEPS)
    found.n_evaluations[job] = len(tried) + climbed.n_evaluations.sum()
    heights = np.append(points.value[order[:1]], climbed.points.value)
    ends = np.concatenate([points.theta[order[:1]], climbed.points.theta])
    best = int(np.nanargmax(heights))
    if heights[best] - value > 1e-14 * (1.0 + abs(value)):
        found.probe_gain[job], found.best[job] = heights[best] - value, ends[best]
