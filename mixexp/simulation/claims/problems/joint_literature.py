"""EM for joint laws as the simulations of the literature ran it: near starts, stopped early."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mixexp.estimation.box import Bounds
from mixexp.estimation.gllim.data import JointData
from mixexp.estimation.gllim.em import Floors, JointEM
from mixexp.models.gllim import GLLiM, GLLiMParams
from mixexp.simulation.claims.arms import LiteratureEM
from mixexp.simulation.claims.problem import Outcome

Array = NDArray[np.float64]


def joint_em(
    model: GLLiM,
    bounds: Bounds,
    starts: Sequence[GLLiMParams],
    x: Array,
    y: Array,
    arm: LiteratureEM,
) -> Outcome:
    """The best by likelihood of EM runs from `starts`; the column ``n_iter`` counts its steps.

    The M-step is in closed form; eigenvalues of covariances stay above the floor of Θ. The
    literature's code also stops once no parameter changes by more than 1e-5; its relative rule for
    the log-likelihood binds first.

    Parameters
    ----------
    model : GLLiM
    bounds : Bounds
        Only the lower end of ``scale`` is used.
    starts : sequence of GLLiMParams
    x, y : arrays (n, d) and (n,)
    arm : LiteratureEM
    """
    model, data = JointData.from_rows(model, x, y[:, None], standardize=False)
    floor = bounds.scale[0] ** 2
    em = JointEM(model, data, Floors(floor, floor))
    ended = [_climb(em, start, arm) for start in starts]
    value, params, steps = max(ended, key=lambda end: end[0])
    return Outcome(model.measure(params), value, {"n_iter": steps, "n_starts": len(ended)})


def _climb(em: JointEM, params: GLLiMParams, arm: LiteratureEM) -> tuple[float, GLLiMParams, int]:
    now, steps, converged = em.statistics(params), 0, False
    while steps < arm.max_iter and not converged:
        params = em.m_step(params, now)
        before, now = now.value, em.statistics(params)
        steps += 1
        converged = abs(now.value - before) <= arm.rtol * abs(before)
    return now.value, params, steps
