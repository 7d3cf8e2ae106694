"""P0, k = k*: with the number of experts known, everything has the rate of one parameter."""

from mixexp.estimation.box import Bounds
from mixexp.simulation import Expectation, Quantity, log_spaced_sizes
from mixexp.simulation.claims import (
    Cells,
    Claim,
    Conditional,
    Cost,
    Hellinger,
    LiteratureEM,
    Loss,
    NearTruth,
    Search,
    Unfitted,
)
from mixexp.theory.losses import softmax_gaussian
from mixexp.theory.truths.named import TRUTHS

THETA = Bounds(gate=6.0, expert=6.0, scale=(0.02**0.5, 20.0**0.5))
HALF = Expectation(-1 / 2)
STATEMENT = (
    "Proposition 2 and Theorem 1: h and D1 fall like n^(-1/2) up to logarithms, and so do the "
    "weights, gate slopes, slopes, intercepts and variances of all experts."
)
# One optimum is found from nearly every start.
ARMS = (Search(n_starts=6), NearTruth(), LiteratureEM(), Unfitted())
MEASURES = (Loss("d1", softmax_gaussian.d1), Cells(softmax_gaussian.d1), Hellinger())
QUANTITIES = (
    Quantity("hellinger", "Hellinger distance", HALF),
    Quantity("d1", "D1", HALF),
    Quantity("weight", "weights", HALF),
    Quantity("single_gate_coef", "gate slopes", HALF),
    Quantity("single_coef", "expert slopes", HALF),
    Quantity("single_intercept", "expert intercepts", HALF),
    Quantity("single_variance", "variances", HALF),
)

CLAIMS = (
    Claim(
        name="p0_exact",
        title="Softmax gate, Gaussian experts, two experts known",
        statement=STATEMENT,
        source="arXiv:2305.03288, Proposition 2 and Theorem 1",
        problem=Conditional(TRUTHS["balanced"], k=2, bounds=THETA),
        sizes=log_spaced_sizes(1000, 100_000, 5),
        seconds=150.0,
        cost=Cost(0.9, 3.5e-5),
        arms=ARMS,
        measures=MEASURES,
        quantities=QUANTITIES,
    ),
    Claim(
        name="p0_exact_four",
        title="Softmax gate, Gaussian experts, four experts known",
        statement=STATEMENT,
        source="arXiv:2305.03288, Proposition 2 and Theorem 1",
        problem=Conditional(TRUTHS["four"], k=4, bounds=THETA),
        sizes=log_spaced_sizes(1000, 31_600, 4),
        seconds=150.0,
        cost=Cost(3.0, 8e-5),
        arms=ARMS,
        measures=MEASURES,
        quantities=QUANTITIES,
    ),
)
