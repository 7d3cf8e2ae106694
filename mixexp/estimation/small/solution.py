"""One small problem, solved in compiled code as the general engine solves it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mixexp.estimation.box import Box
from mixexp.estimation.data import Data
from mixexp.estimation.objective import Objective
from mixexp.estimation.small.batch import Batch
from mixexp.estimation.small.climb import REASONS, em, newton
from mixexp.estimation.small.form import Form
from mixexp.estimation.solvers._base import Solution

Array = NDArray[np.float64]

_ONE = np.zeros(1, dtype=np.int64)


def small_form(objective: Objective) -> Form | None:
    """The compiled form of an objective, if it has one and its rows are few; else None."""
    data = objective.data
    if not isinstance(data, Data):
        return None
    form = Form.of(objective.model)
    return form if form is not None and form.is_small(data.n_rows) else None


def solve_small(
    form: Form, objective: Objective, theta: Array, box: Box, *, n_em: int, tol: float,
    max_iter: int,
) -> Solution:  # fmt: skip
    """EM steps, then Newton's method: the solution of the solver ``"auto"``, trace included.

    Parameters
    ----------
    form : Form
        That of ``objective``, whose rows are in memory.
    objective : Objective
    theta : array (P,)
    box : Box
    n_em, max_iter : int
        Steps of the two methods.
    tol : float
        Remaining gain at which to stop, nats.
    """
    data, trace = objective.data, []
    assert isinstance(data, Data)
    features = np.concatenate(
        [b.expand(data.z, np.empty((b.n_terms, data.n_rows))) for b in form.bases]
    )
    starts = np.array([0, data.n_rows])
    batch = Batch.pack(form, starts, features, data.y, data.weight, objective.penalty.matrix, box)
    point = np.array(theta, dtype=float)[None]
    if n_em > 0:
        first = em(batch, _ONE, point, tol=tol, max_iter=n_em)
        objective.n_evaluations += int(first.n_evaluations[0])
        trace, point = first.trace[0, : first.n_steps[0]].tolist(), first.points.theta
    last = newton(batch, _ONE, point, tol=tol, max_iter=max_iter)
    objective.n_evaluations += int(last.n_evaluations[0])
    trace += last.trace[0, : last.n_steps[0] + 1].tolist()
    reason = REASONS[int(last.reason[0])]
    return Solution(last.points.theta[0], float(last.points.value[0]), reason, trace)
