"""P0, four true experts and one or two too many: cells of two atoms and of three."""

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
from mixexp.theory.exponents.directions import Split
from mixexp.theory.losses import softmax_gaussian
from mixexp.theory.truths.named import TRUTHS

THETA = Bounds(gate=6.0, expert=6.0, scale=(0.02**0.5, 20.0**0.5))
HALF = Expectation(-1 / 2)
DERIVED_HALF = Expectation(-1 / 2, kind="derived here")
DERIVED_QUARTER = Expectation(-1 / 4, kind="derived here")
SHARPER = "The gate slope of a split cell converges faster than stated (derived)"
SOURCE = "arXiv:2305.03288, Theorem 2"
MEASURES = (
    Loss("d2", softmax_gaussian.d2),
    Loss("d2_sharp", softmax_gaussian.d2_sharp),
    Cells(softmax_gaussian.d2_sharp),
    Hellinger(),
)
COMMON = (
    Quantity("hellinger", "Hellinger distance", HALF),
    Quantity("d2", "D2", HALF),
    Quantity("d2_sharp", "sharper D2", DERIVED_HALF),
    Quantity("weight", "weights of cells", HALF),
    Quantity("single", "single cells, all blocks", HALF),
)
PAIR = (
    Quantity("pair_gate_coef", "cell of two: gate slope", Expectation(-1 / 8, derivation=SHARPER)),
    Quantity("pair_gate_coef", "cell of two: gate slope", DERIVED_QUARTER),
    Quantity("pair_coef", "cell of two: expert slope", Expectation(-1 / 4)),
    Quantity("pair_intercept", "cell of two: expert intercept", Expectation(-1 / 8)),
    Quantity("pair_variance", "cell of two: variance", Expectation(-1 / 4)),
)
TRIPLE = (
    Quantity(
        "triple_gate_coef", "cell of three: gate slope", Expectation(-1 / 12, derivation=SHARPER)
    ),
    Quantity("triple_gate_coef", "cell of three: gate slope", DERIVED_QUARTER),
    Quantity("triple_coef", "cell of three: expert slope", Expectation(-1 / 6, derivation=SHARPER)),
    Quantity("triple_coef", "cell of three: expert slope", DERIVED_QUARTER),
    Quantity("triple_intercept", "cell of three: expert intercept", Expectation(-1 / 12)),
    Quantity("triple_variance", "cell of three: variance", Expectation(-1 / 6)),
)
BLOCKS = ("gate_coef", "coef", "intercept", "variance")

CLAIMS = (
    Claim(
        name="p0_over_two",
        title="Softmax gate, Gaussian experts, two experts too many",
        statement=(
            "Theorem 2: h and D2 fall like n^(-1/2) up to logarithms. In a cell of two atoms "
            "slopes and variances fall like n^(-1/4), intercepts and gate slopes like n^(-1/8); "
            "in a cell of three like n^(-1/6) and n^(-1/12). Derived here for k < 2k*: slopes and "
            "gate slopes like n^(-1/4) in both. The superfluous two share a cell or not as the "
            "data have it: errors are of those replicates whose pattern has such a cell. Cells of "
            "three are rare, and n^(-1/12) cannot be told from n^(-1/8) at these sizes."
        ),
        source=SOURCE,
        # 6 < 2 k* = 8, so that D2 is a loss.
        problem=Conditional(TRUTHS["four"], k=6, bounds=THETA),
        sizes=log_spaced_sizes(1000, 31_600, 4),
        seconds=600.0,
        cost=Cost(15.0, 4.5e-4),
        arms=(Search(n_starts=16), NearTruth(), LiteratureEM(), Unfitted()),
        measures=MEASURES,
        quantities=(*COMMON, *PAIR, *TRIPLE),
        directions={
            **{f"pair_{block}": Split(block) for block in BLOCKS},
            **{f"triple_{block}": Split(block, copies=3) for block in BLOCKS},
        },
        figure=("d2", "single", "pair_intercept", "triple_intercept", "triple_gate_coef"),
        exact=True,
    ),
    Claim(
        name="p0_over_two_five",
        title="Softmax gate, Gaussian experts, one of five too many",
        statement=(
            "Theorem 2: h and D2 fall like n^(-1/2) up to logarithms; in a cell of two atoms "
            "slopes and variances like n^(-1/4), intercepts and gate slopes like n^(-1/8). "
            "Derived here: gate slopes like n^(-1/4)."
        ),
        source=SOURCE,
        problem=Conditional(TRUTHS["four"], k=5, bounds=THETA),
        sizes=log_spaced_sizes(1000, 31_600, 4),
        seconds=250.0,
        cost=Cost(3.5, 1.4e-4),
        measures=MEASURES,
        quantities=(*COMMON, *PAIR),
        directions={f"pair_{block}": Split(block) for block in BLOCKS},
        exact=True,
    ),
)
