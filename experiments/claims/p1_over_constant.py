"""P1, k = k* + 1, with an expert that does not depend on x (regime 2): both gates."""

from mixexp.estimation.box import Bounds
from mixexp.simulation import Expectation, Quantity, log_spaced_sizes
from mixexp.simulation.claims import (
    Cells,
    Claim,
    Conditional,
    Cost,
    Hellinger,
    Loss,
    NearTruth,
    Search,
)
from mixexp.simulation.claims.measures.barycentre import Barycentre
from mixexp.simulation.claims.measures.split_cell import SplitCell
from mixexp.theory.exponents.directions import Split
from mixexp.theory.losses import softmax_multinomial
from mixexp.theory.truths.named import TRUTHS

THETA = Bounds(gate=5.0, expert=5.0)
NONE = Expectation(None)
HALF = Expectation(-1 / 2, kind="stated")
QUARTER = Expectation(-1 / 4, kind="stated")
SLOPE = Expectation(-1 / 4, kind="derived here")
DERIVED = Expectation(-1 / 2, kind="derived here")
PLATEAU = Expectation(0.0, kind="plateau")

COMMON = (
    "Derived here, for either gate: an expert that does not depend on x splits into two with the "
    "same gate and other class probabilities of the same mean, and the law stays the same; so its "
    "a is not estimable when it is split, and its error has a plateau, while weights of cells "
    "fall like n^(-1/2), and the gate slope like n^(-1/4). Mean class probabilities fall like "
    "n^(-1/2) for the transformed gate and n^(-1/4) for the softmax, where slopes of gate and "
    "classes can hide their error to first order (declared as n^(-1/2) for both at first, and "
    "corrected by that argument after the study had begun). Known before "
    "the study: which of the two cells is split varies between replicates, and cell_1_* "
    "are conditional on the constant one; where it is split, the number of replicates is small; "
    "split cells have errors of the size of Theta, and many fits end on its bounds."
)
STANDARD = (
    "As stated in the literature, for the softmax gate: h falls like n^(-1/2), and some parameters "
    "of split cells more slowly than any polynomial. "
)
MODIFIED = (
    "As stated in the literature, for a gate in transformed covariates: h and D3 fall like "
    "n^(-1/2), gate slope, a and b of a split cell like n^(-1/4), also for experts that do not "
    "depend on x, unless the paper's assumptions exclude them. "
)

CLAIMS = tuple(
    Claim(
        name=name,
        title=f"{gate} gate, one of two experts constant, one expert too many",
        statement=stated + COMMON,
        source="arXiv:2310.14188, regime 2, as stated in the literature; derived here",
        problem=Conditional(TRUTHS[truth], k=3, bounds=THETA),
        sizes=log_spaced_sizes(1000, 31_623, 4),
        seconds=300.0,
        cost=Cost(4.0, 4.5e-4),
        measures=(
            Loss("d3", softmax_multinomial.d3),
            Loss("d3_barycentre", softmax_multinomial.d3_barycentre),
            Cells(softmax_multinomial.d3),
            SplitCell(softmax_multinomial.d3),
            Barycentre(softmax_multinomial.d3, -3.0, 3.0),
            Hellinger(),
        ),
        quantities=(
            Quantity("hellinger", "Hellinger distance", HALF),
            Quantity("d3", "D3", whole),
            Quantity("d3_barycentre", "D3, mean probabilities in the constant cell", DERIVED),
            Quantity("weight", "weights of cells", DERIVED),
            Quantity("barycentre_1", "constant cell: mean class probabilities", mean),
            Quantity("barycentre_split", "split cell: mean class probabilities", mean),
            Quantity("cell_1_gate_coef", "constant cell, split: gate slope", slope),
            Quantity("cell_1_intercept", "constant cell, split: a", parts),
            Quantity("cell_1_intercept", "constant cell, split: a", PLATEAU),
            Quantity("cell_1_coef", "constant cell, split: b", parts),
            Quantity("cell_0_intercept", "other cell, split: a", parts),
            Quantity("cell_0_coef", "other cell, split: b", parts),
        ),
        arms=(Search(n_starts=20), NearTruth()),
        directions={
            "cell_1_gate_coef": Split("gate_coef", cell=1),
            "cell_1_intercept": Split("intercept", cell=1),
            "cell_1_coef": Split("coef", cell=1),
            "cell_0_intercept": Split("intercept"),
            "cell_0_coef": Split("coef"),
        },
        exact=True,
    )
    for name, gate, truth, stated, whole, slope, parts, mean in (
        ("p1_over_constant", "Softmax", "multinomial-constant", STANDARD, NONE, SLOPE, NONE,
         SLOPE),
        ("p1_over_constant_tanh", "Transformed", "multinomial-constant-tanh", MODIFIED, HALF,
         QUARTER, QUARTER, DERIVED),
    )
)  # fmt: skip
