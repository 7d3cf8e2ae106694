"""P1, k = k* + 1: three classes, both experts depend on x (regime 1)."""

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
from mixexp.simulation.claims.measures.barycentre import Barycentre
from mixexp.theory.exponents.directions import Split
from mixexp.theory.losses import softmax_multinomial
from mixexp.theory.truths.named import TRUTHS

TRUTH = TRUTHS["multinomial"]
THETA = Bounds(gate=5.0, expert=5.0)
HALF = Expectation(-1 / 2, kind="stated")
QUARTER = Expectation(-1 / 4, kind="stated")

CLAIM = Claim(
    name="p1_over",
    title="Softmax gate, multinomial experts of three classes, one expert too many",
    statement=(
        "As stated in the literature, for experts that all depend on x: h, D1 and the weights of "
        "cells fall like n^(-1/2) up to logarithms, single cells too; in a cell of two atoms gate "
        "slope, a and b fall like n^(-1/4). Derived here: the mean class probabilities of a split "
        "cell fall like n^(-1/2). Known before the study: the second-order information about a and "
        "b is so small that their errors in a split cell are 1.5 or more at n = 1e5, of the size "
        "of Theta, and many fits end on its bounds; no truth of three classes is known on which "
        "n^(-1/4) shows for a and b by 1e5 when everything is free. Their slopes, and those of "
        "D1, which holds their squares, say little about the claim: see the deterministic "
        "exponents, the study with one expert known, and the mean class probabilities."
    ),
    source="arXiv:2310.14188, loss D1, as stated in the literature",
    problem=Conditional(TRUTH, k=3, bounds=THETA),
    sizes=log_spaced_sizes(1000, 31_623, 4),
    seconds=450.0,
    cost=Cost(6.0, 4.1e-4),
    measures=(
        Loss("d1", softmax_multinomial.d1),
        Cells(softmax_multinomial.d1),
        Barycentre(softmax_multinomial.d1, TRUTH.lower, TRUTH.upper),
        Hellinger(),
    ),
    quantities=(
        Quantity("hellinger", "Hellinger distance", HALF),
        Quantity("d1", "D1", HALF),
        Quantity("weight", "weights of cells", HALF),
        Quantity("single", "single cell, all blocks", HALF),
        Quantity(
            "barycentre_split",
            "split cell: mean class probabilities",
            Expectation(-1 / 2, kind="derived here"),
        ),
        Quantity("pair_gate_coef", "split cell: gate slope", QUARTER),
        Quantity("pair_intercept", "split cell: class intercepts a", QUARTER),
        Quantity("pair_coef", "split cell: class slopes b", QUARTER),
    ),
    arms=(Search(n_starts=20), NearTruth(), LiteratureEM(), Unfitted()),
    directions={
        "pair_gate_coef": Split("gate_coef"),
        "pair_intercept": Split("intercept"),
        "pair_coef": Split("coef"),
    },
    exact=True,
)
