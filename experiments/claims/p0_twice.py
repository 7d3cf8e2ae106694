"""P0, k = 2 k*: the density converges, the mixing measure need not."""

from mixexp.estimation.box import Bounds
from mixexp.simulation import Expectation, Quantity, log_spaced_sizes
from mixexp.simulation.claims import Cells, Claim, Conditional, Cost, Hellinger, Loss
from mixexp.simulation.claims.measures.gate_of_cells import GateOfCells
from mixexp.theory.losses import softmax_gaussian
from mixexp.theory.truths.named import TRUTHS

THETA = Bounds(gate=6.0, expert=6.0, scale=(0.02**0.5, 20.0**0.5))
HALF = Expectation(-1 / 2)
NONE = Expectation(None, kind="derived here")

CLAIM = Claim(
    name="p0_twice",
    title="Softmax gate, Gaussian experts, twice as many experts as there are",
    statement=(
        "Theorem 2 says that D2 falls like n^(-1/2) up to logarithms for every k > k*. Derived "
        "here: at k = 2 k* it does not follow from the density, because two atoms in every cell "
        "with gate slopes moved by +delta and -delta leave the density unchanged (common factor "
        "cosh(delta x)), so D2 and the gate slopes need not converge. h, and the probabilities of "
        "the two cells given x, which are constant along that orbit, still fall like n^(-1/2). "
        "Where three atoms share a cell there is no such orbit: medians mix both patterns."
    ),
    source="arXiv:2305.03288, Theorem 2",
    problem=Conditional(TRUTHS["balanced"], k=4, bounds=THETA),
    sizes=log_spaced_sizes(1000, 31_600, 4),
    seconds=300.0,
    cost=Cost(6.0, 1.5e-4),
    measures=(
        Loss("d2", softmax_gaussian.d2),
        Cells(softmax_gaussian.d2_sharp),
        GateOfCells(softmax_gaussian.d2_sharp),
        Hellinger(),
    ),
    quantities=(
        Quantity("hellinger", "Hellinger distance", HALF),
        Quantity("cell_gate", "probabilities of cells", Expectation(-1 / 2, kind="derived here")),
        Quantity("d2", "D2", HALF),
        Quantity("d2", "D2", NONE),
        Quantity("pair_gate_coef", "cells of two: gate slope", Expectation(-1 / 8)),
        Quantity("pair_gate_coef", "cells of two: gate slope", NONE),
        Quantity("triple_gate_coef", "cell of three: gate slope", Expectation(-1 / 12)),
    ),
    exact=True,
)
