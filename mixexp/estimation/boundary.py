"""Exact profiles of the likelihood over the position of a boundary between active experts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mixexp._kernels import topk
from mixexp.estimation.data import Data
from mixexp.estimation.objective import Objective
from mixexp.estimation.pieces import BLOCK_ROWS, pieces_of

Array = NDArray[np.float64]

# Windows around the present position, as parts of the largest move, whose best points are tried.
_WINDOWS = (1.0, 0.3, 0.1, 0.03, 0.01)
# A jump in the profile below this many nats is not worth a refit.
_WORTH = 1e-7
# Part of a gap between two rows that is left free next to each of them.
_MARGIN = 0.05


def crossings(
    objective: Objective, theta: Array, expert: int, direction: Array
) -> tuple[Array, Array]:
    """Where rows cross as one expert's scores move, and the jumps of the likelihood there.

    With scores s_k + t du of the moving expert, a row switches it on or off at the t at which it
    meets the K-th largest score of the others. The jump is the change in log-likelihood, nats, when
    the two trade places, everything else held at θ.

    Returns
    -------
    t, jump : arrays (n,)
        Rows that never cross have t = nan.
    """
    coefficients = objective.layout.coefficients(theta)
    blocks = [
        _crossings_of(objective, coefficients, expert, direction, part, start)
        for part in objective.data.parts()
        for start in range(0, part.n_rows, BLOCK_ROWS)
    ]
    times, jumps = zip(*blocks, strict=True)
    return np.concatenate(times), np.concatenate(jumps)


def _crossings_of(
    objective: Objective,
    coefficients: list[Array],
    expert: int,
    direction: Array,
    data: Data,
    start: int,
) -> tuple[Array, Array]:
    """:func:`crossings` of the rows of a block, from ``start`` on."""
    pieces, layout = pieces_of(objective), objective.layout
    assert pieces is not None and pieces.jumps and pieces.linear
    rows = slice(start, min(start + BLOCK_ROWS, data.n_rows))
    features = layout.features(np.ascontiguousarray(data.z[:, rows]))
    predictors = layout.predictors(coefficients, features)
    scores = np.ascontiguousarray(predictors[pieces.coordinate])
    chosen = np.empty((pieces.n_active + 1, scores.shape[1]), dtype=np.int64)
    topk.select(scores, chosen)
    active, traded, at = _trade(chosen, expert)
    speed = direction @ features[layout.basis_of[pieces.coordinate]]
    with np.errstate(divide="ignore", invalid="ignore"):
        t = (np.take_along_axis(scores, at[None], axis=0)[0] - scores[expert]) / speed
    logits, density = _joint(objective, predictors, np.ascontiguousarray(data.y[:, rows]))
    jump = _loglik(logits, density, traded) - _loglik(logits, density, active)
    if data.weight is not None:
        jump *= data.weight[rows]
    return np.where(np.isfinite(t), t, np.nan), jump


def _trade(chosen: NDArray[np.int64], expert: int):  # type: ignore[no-untyped-def]
    """Active experts now and after the trade, and the expert whose score decides."""
    active = chosen[:-1]
    inside = active == expert
    on = inside.any(axis=0)
    traded = np.where(inside, chosen[-1], active)
    traded[-1] = np.where(on, traded[-1], expert)
    return active, traded, np.where(on, chosen[-1], active[-1])


def _joint(objective: Objective, predictors: list[Array], y: Array) -> tuple[Array, Array]:
    """Logits without the selection, and log densities, each (K, B)."""
    model, n_gate = objective.model, len(objective.layout.gate)
    shape = (model.n_experts, y.shape[1])
    dense = model.gate.with_active(model.n_experts)  # type: ignore[attr-defined]
    logits = np.ascontiguousarray(dense.logits(predictors[:n_gate], np.empty(shape)))
    return logits, model.expert.log_density(predictors[n_gate:], y, np.empty(shape))


def _loglik(logits: Array, density: Array, active: NDArray[np.int64]) -> Array:
    a = np.take_along_axis(logits, active, axis=0)
    f = a + np.take_along_axis(density, active, axis=0)
    return np.logaddexp.reduce(f, axis=0) - np.logaddexp.reduce(a, axis=0)


def profile_candidates(
    t: Array, jump: Array, largest: float = 1.0, smooth: tuple[float, float] = (0.0, 0.0)
) -> list[float]:
    """Positions where the profile is highest on the way from 0, best first.

    The profile is the sum of the jumps passed plus what the likelihood gains while no row crosses,
    of which ``smooth`` holds the first two derivatives along the move. Without them each position
    is the middle of its gap, with them the best point well inside it.
    """
    found: dict[float, float] = {}
    slope, curvature = smooth
    for sign in (1.0, -1.0):
        ahead = sign * t
        use = np.flatnonzero((ahead > 0.0) & (ahead <= 4.0 * largest))
        if not use.size:
            continue
        use = use[np.argsort(ahead[use], kind="stable")]
        at, total = ahead[use], np.cumsum(jump[use])
        ends = np.append(at[1:], 1.5 * at[-1])
        position = _inside(at, ends, sign * slope, curvature)
        total += position * (sign * slope + 0.5 * curvature * position)
        # Rows that cross together have no gap between them.
        total = np.where(ends > at * (1.0 + 1e-12), total, -np.inf)
        for window in _WINDOWS:
            inside = np.searchsorted(at, window * largest, side="right")
            if inside:
                best = int(np.argmax(total[:inside]))
                if total[best] > _WORTH:
                    found[sign * float(position[best])] = float(total[best])
    return sorted(found, key=lambda position: -found[position])


def _inside(start: Array, end: Array, slope: float, curvature: float) -> Array:
    """Where in each gap a parabola through 0 is highest; its middle if there is none."""
    middle = 0.5 * (start + end)
    if slope == 0.0 and curvature == 0.0:
        return middle
    top = -slope / curvature if curvature < 0.0 else np.copysign(np.inf, slope)
    room = (0.5 - _MARGIN) * (end - start)
    return np.clip(top, middle - room, middle + room)
