"""A start that grows from one expert, by the best split each time."""

from __future__ import annotations

import numpy as np

from mixexp.estimation.gllim.climb import Climb, Climber
from mixexp.estimation.gllim.starts import for_experts, splits

_TRIED_STEPS, _KEPT_STEPS = 4, 8


def grown(climber: Climber, n_steps: int) -> Climb:
    """From K = 1 upwards, every expert split in turn and the likeliest split kept."""
    target = climber.model.n_experts
    current = _of(climber, 1)
    n = climber.data.n_rows
    best = current.em_steps(current.em.from_responsibilities(np.ones((n, 1))), 1, 0.0)
    for k in range(2, target + 1):
        wider = _of(climber, k)
        tried = [
            wider.em_steps(wider.em.from_responsibilities(r), _TRIED_STEPS, 0.0, kind)
            for kind, r in splits(current.em, best.params)
        ]
        likeliest = max(tried, key=lambda t: t.value)
        steps = n_steps if k == target else _KEPT_STEPS
        best = wider.em_steps(likeliest.params, steps, 1e-3, "grown by splits")
        current = wider
    return best


def _of(climber: Climber, n_experts: int) -> Climber:
    """The same climber for another number of experts."""
    return Climber(for_experts(climber.model, n_experts), climber.data, climber.bounds)
