"""P0, k = k* + 1: the rates inside the cell of two atoms."""

from mixexp.estimation.box import Bounds
from mixexp.simulation import Expectation, Quantity, log_spaced_sizes
from mixexp.simulation.claims import Cells, Claim, Conditional, Cost, Hellinger, Loss
from mixexp.simulation.claims.measures.split_cell import SplitCell
from mixexp.theory.exponents.directions import Split
from mixexp.theory.losses import softmax_gaussian
from mixexp.theory.truths.named import TRUTHS

THETA = Bounds(gate=6.0, expert=6.0, scale=(0.02**0.5, 20.0**0.5))
HALF = Expectation(-1 / 2)
STATED_SLOPE = Expectation(
    -1 / 8, derivation="The gate slope of a split cell converges faster than stated (derived)"
)

CLAIM = Claim(
    name="p0_over_one",
    title="Softmax gate, Gaussian experts, one expert too many",
    statement=(
        "Theorem 2: h and D2 fall like n^(-1/2) up to logarithms; in a cell of two atoms slopes "
        "and variances like n^(-1/4), intercepts and gate slopes like n^(-1/8). Derived here: "
        "gate slopes like n^(-1/4). Which of the two cells is split changes the constants, not "
        "the rates: gate slopes and intercepts are shown for both. Below n = 1e5 intercepts may "
        "fall faster than n^(-1/8) and variances faster than n^(-1/4): superfluous experts of "
        "tiny weight chase a few observations."
    ),
    source="arXiv:2305.03288, Theorem 2",
    problem=Conditional(TRUTHS["balanced"], k=3, bounds=THETA),
    sizes=log_spaced_sizes(1000, 100_000, 5),
    seconds=1100.0,
    cost=Cost(3.0, 1.5e-4),
    measures=(
        Loss("d2", softmax_gaussian.d2),
        Loss("d2_sharp", softmax_gaussian.d2_sharp),
        Cells(softmax_gaussian.d2_sharp),
        SplitCell(softmax_gaussian.d2_sharp),
        Hellinger(),
    ),
    quantities=(
        Quantity("hellinger", "Hellinger distance", HALF),
        Quantity("d2", "D2", HALF),
        Quantity("d2_sharp", "sharper D2", Expectation(-1 / 2, kind="derived here")),
        Quantity("weight", "weights of cells", HALF),
        Quantity("single", "single cell, all blocks", HALF),
        Quantity("pair_gate_coef", "split cell: gate slope", STATED_SLOPE),
        Quantity(
            "pair_gate_coef", "split cell: gate slope", Expectation(-1 / 4, kind="derived here")
        ),
        Quantity("pair_coef", "split cell: expert slope", Expectation(-1 / 4)),
        Quantity("pair_intercept", "split cell: expert intercept", Expectation(-1 / 8)),
        Quantity("pair_variance", "split cell: variance", Expectation(-1 / 4)),
        Quantity(
            "mean_intercept",
            "split cell: mean of intercepts",
            Expectation(-1 / 2, kind="derived here"),
        ),
        *(
            Quantity(f"cell_{j}_{block}", f"cell {j} split: {label}", expectation)
            for j in (0, 1)
            for block, label, expectation in (
                ("gate_coef", "gate slope", Expectation(-1 / 4, kind="derived here")),
                ("intercept", "expert intercept", Expectation(-1 / 8)),
            )
        ),
    ),
    directions={
        "pair_gate_coef": Split("gate_coef"),
        "pair_coef": Split("coef"),
        "pair_intercept": Split("intercept"),
        "pair_variance": Split("variance"),
    },
    figure=(
        "hellinger",
        "d2",
        "single",
        "pair_gate_coef",
        "pair_coef",
        "pair_intercept",
        "pair_variance",
        "mean_intercept",
    ),
    exact=True,
)
