"""One cell of a claim: sample, fit by every arm, measure; one row an arm."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from mixexp.simulation.claims.measures.basic import Fitted
from mixexp.simulation.study import Row, StudyTask

if TYPE_CHECKING:
    from mixexp.simulation.claims.claim import Claim


def one_replicate(claim: Claim, task: StudyTask) -> list[Row]:
    """Rows of one replicate, in the order of the arms.

    Columns: ``arm``, what the fit says about itself (see
    :class:`~mixexp.simulation.claims.problem.Outcome`), ``gain`` over the truth's log-likelihood,
    ``gain_over_exact`` over that of k* experts, ``shortfall`` below the best arm of the
    replicate (all in nats), ``seconds``, and those of the measures.
    """
    problem = claim.problem
    x, y = problem.sample(task.n, task.rng())
    # Distinct from the numbers the data were drawn with.
    seed = int(task.seed_sequence().spawn(1)[0].generate_state(1)[0] >> 1)
    true = problem.loglik_of_truth(x, y)
    exact = problem.loglik_of_exact(x, y, seed) if claim.exact else None
    rows: list[Row] = []
    gains: list[float] = []
    for arm in claim.arms:
        start = time.perf_counter()
        outcome = problem.fit(arm, x, y, seed)
        seconds = time.perf_counter() - start
        gains.append(outcome.loglik - true)
        row: Row = {"arm": arm.name, **outcome.about, "gain": gains[-1]}
        if exact is not None:
            row["gain_over_exact"] = outcome.loglik - exact
        fitted = Fitted(outcome.measure, problem.truth_measure, problem, x)
        for measure in claim.measures:
            row.update(measure(fitted))
        rows.append({**row, "seconds": seconds})
    best = (
        max(gain for gain in gains if np.isfinite(gain)) if any(map(np.isfinite, gains)) else np.nan
    )
    return [{**row, "shortfall": best - gain} for row, gain in zip(rows, gains, strict=True)]
