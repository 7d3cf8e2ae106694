"""A claim small enough for tests."""

from dataclasses import dataclass, replace

from mixexp.estimation.box import Bounds
from mixexp.simulation import Expectation, Quantity
from mixexp.simulation.claims.arms import LiteratureEM, NearTruth, Search, Unfitted
from mixexp.simulation.claims.budget import Cost
from mixexp.simulation.claims.claim import Claim
from mixexp.simulation.claims.measures.basic import Loss, Measure
from mixexp.simulation.claims.problems.conditional import Conditional
from mixexp.theory.losses import softmax_gaussian
from mixexp.theory.truths.named import TRUTHS

THETA = Bounds(gate=6.0, expert=6.0, scale=(0.1, 5.0))


@dataclass(frozen=True)
class Rows(Measure):
    """Number of rows and the first covariate: which data a measure is told of."""

    def __call__(self, fitted):
        return {"rows": len(fitted.x), "first": float(fitted.x[0, 0])}


def claim(**changes):
    given = Claim(
        name="toy", title="toy", statement="toy", source="none",
        problem=Conditional(TRUTHS["balanced"], 3, THETA), sizes=(200, 400, 800), seconds=100.0,
        cost=Cost(0.5, 1e-3),
        measures=(Loss("d2", softmax_gaussian.d2), Rows()),
        quantities=(Quantity("d2", "D2", Expectation(-0.5)),),
        arms=(Search(n_starts=3), NearTruth(n_starts=2), LiteratureEM(n_starts=2), Unfitted()),
        exact=True,
    )  # fmt: skip
    return replace(given, **changes)
