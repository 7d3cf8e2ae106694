"""EM as the simulations of the literature ran it: from starts near the truth, stopped early."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mixexp.estimation.box import Bounds, Box
from mixexp.estimation.data import Data
from mixexp.estimation.objective import Objective
from mixexp.estimation.penalty import Ridge
from mixexp.estimation.solvers import EM
from mixexp.models import MixtureOfExperts, MixtureParams
from mixexp.simulation.claims.arms import LiteratureEM
from mixexp.simulation.claims.problem import Outcome

Array = NDArray[np.float64]


def em(
    model: MixtureOfExperts,
    bounds: Bounds,
    starts: Sequence[MixtureParams],
    x: Array,
    y: Array,
    arm: LiteratureEM,
) -> Outcome:
    """The best by likelihood of EM runs from `starts`; the column ``n_iter`` counts its steps.

    A step is the full M-step of the experts and one Newton step of the gate, halved until the
    likelihood does not fall.
    """
    data = Data.from_rows(
        x, model.expert.encode(y), None, standardize=False,
        standardize_y=model.expert.standardizes, common_scale=model.expert.common_scale,
        take_y=True,
    )  # fmt: skip
    objective = Objective(model, data, Ridge.build(model.layout, None, None))
    box = bounds.box(model.layout)
    ended = []
    for start in starts:
        theta = box.project(model.layout.vector(model.coefficients(start)))
        ended.append(_climb(objective, box, theta, arm))
    _, theta, steps = max(ended, key=lambda end: end[0])
    params = model.to_params(model.layout.coefficients(theta))
    loglik = float(model.log_prob(params, x, y).sum())
    return Outcome(model.measure(params), loglik, {"n_iter": steps, "n_starts": len(ended)})


def _climb(
    objective: Objective, box: Box, theta: Array, arm: LiteratureEM
) -> tuple[float, Array, int]:
    """Log-likelihood and θ where the rule stops EM, and the number of its steps."""
    solver, steps = EM(), 0
    state = solver.start(objective, theta, box)
    while steps < arm.max_iter and not state.stalled:
        before, steps = state.value, steps + 1
        state = solver.step(objective, state, box)
        if abs(state.value - before) <= arm.rtol * abs(before):
            break
    return state.value, state.theta, steps
