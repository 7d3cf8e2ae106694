"""A catalogue of one claim that takes seconds, for the tests of the command line."""

from __future__ import annotations

from dataclasses import replace

from toy_claim import claim

from mixexp.simulation.claims.arms import NearTruth, Search
from mixexp.simulation.claims.budget import Cost
from mixexp.theory.exponents.directions import Move
from mixexp.theory.truths.named import TRUTHS

TOY = replace(
    claim(),
    name="toy_small",
    problem=replace(claim().problem, truth=TRUTHS["balanced"], k=2),
    sizes=(60, 120, 240),
    # Four replicates of the two smallest sizes at the quick level.
    seconds=10.0 / 0.04,
    cost=Cost(1.0, 1e-3),
    arms=(Search(n_starts=2), NearTruth(n_starts=1)),
    directions={"d2": Move("intercept")},
    exact=False,
)


def toy_catalogue():
    """File names to claims."""
    return {"toy": [TOY]}
