"""Separation inside experts: the likelihood rises towards infinite coefficients of an expert."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mixexp.estimation.box import Box
from mixexp.estimation.objective import Evaluation, Objective
from mixexp.estimation.pieces import FixedRegions
from mixexp.estimation.separation import gain_along, null_space
from mixexp.estimation.solvers.newton import Newton

Array = NDArray[np.float64]

# An expert whose coefficients grow this much without losing a nat predicts with certainty.
_GROWTH = 10.0
# How far the bounds of the experts are lifted to look for separation beyond them.
_LIFT = 100.0


class ExpertSeparation(NamedTuple):
    """An expert in which responses separate, the gain of its supremum (nats), and words."""

    expert: int
    gain: float
    message: str


def separated_experts(
    objective: Objective | FixedRegions,
    theta: Array,
    evaluation: Evaluation,
    box: Box,
    null: Array,
    names: list[str],
) -> list[ExpertSeparation]:
    """Experts of a discrete family whose own coefficients have no finite maximum.

    Where an expert's rows tell the class for certain, or all its counts are zero, its coefficients
    grow without end. The solver leaves them where the likelihood has become flat, or on the bound;
    there the search goes on in a wider box, as it does for the gate.

    Parameters
    ----------
    objective : Objective or FixedRegions
        Of a family without a scale that could shrink: counts, classes.
    theta : array (P,)
        An optimum in the box.
    evaluation : Evaluation
        Value and gradient there.
    box : Box
    null : array (P, m)
        Null directions of the information.
    names : list of str
        Names of the entries of θ.
    """
    layout, n_gate = objective.layout, objective.layout.n_gate
    assert evaluation.gradient is not None
    owner = layout.expert_of.copy()
    owner[:n_gate] = -1
    wider = (owner >= 0) & ~box.known
    held = ~box.free(theta, evaluation.gradient) & wider
    value, rise = evaluation.value, 0.0
    if held.any():
        stretch = np.where(wider, _LIFT, 1.0)
        wide = Box(box.lower * stretch, box.upper * stretch)
        solution = Newton().solve(objective, theta, wide, max_iter=60)  # type: ignore[arg-type]
        rise = solution.value - value
        theta, value, null = solution.theta, solution.value, null_space(objective, solution)
    found = []
    for k in range(layout.n_experts):
        mine = owner == k
        direction = np.zeros_like(theta)
        direction[mine] = null[mine] @ (null[mine].T @ theta[mine])
        if 4.0 * float(np.linalg.norm(direction)) <= _GROWTH:
            continue
        gain = gain_along(objective, theta, value, direction)
        if gain is not None:
            found.append(
                ExpertSeparation(
                    k, rise + gain, _words(k, direction, names, objective.penalty.expert > 0.0)
                )
            )
    return found


def _words(expert: int, direction: Array, names: list[str], ridged: bool) -> str:
    visible = np.abs(direction) > 0.1 * np.abs(direction).max()
    listed = ", ".join(name for name, part in zip(names, visible, strict=True) if part)
    remedy = "expert_penalty= gives finite slopes"
    if ridged:
        remedy = "expert_penalty= keeps slopes finite and leaves intercepts alone"
    return (
        f"the responses separate in expert {expert}: the likelihood rises towards infinite "
        f"coefficients of {listed}; some outcomes are certain there, so read its predictions, not "
        f"its coefficients ({remedy})"
    )
