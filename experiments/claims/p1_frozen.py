"""P1, k = k* + 1, one of the two experts known: the atoms of the other's cell are fitted."""

from mixexp.estimation.box import Bounds
from mixexp.models import Multinomial, Softmax
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
from mixexp.simulation.claims.problems.frozen import knowing_last
from mixexp.theory.losses import softmax_multinomial
from mixexp.theory.truths.make import make_truth

# Of the truths of three classes tried by hill climbing, the one with most second-order information.
TRUTH = make_truth(
    "multinomial-informative", Softmax(), Multinomial(3), [0.0, 0.0], lower=-3.0, upper=3.0,
    gate_coef=[[-0.5, 1.5], [0.0, 0.0]],
    intercept=[[-1.5, -1.0, 0.0], [-1.0, -1.0, 0.0]],
    coef=[[[-0.5, 3.5], [-2.5, 2.0], [0.0, 0.0]], [[-2.0, 0.5], [3.0, 2.0], [0.0, 0.0]]],
)  # fmt: skip
THETA = knowing_last(TRUTH, Bounds(gate=5.0, expert=5.0))
HALF = Expectation(-1 / 2, kind="stated")
QUARTER = Expectation(-1 / 4, kind="stated")
DERIVED = Expectation(-1 / 2, kind="derived here")

CLAIM = Claim(
    name="p1_frozen",
    title="Softmax gate, multinomial experts, one expert too many beside one that is known",
    statement=(
        "As stated in the literature: gate slope, a and b of a split cell fall like n^(-1/4), D1 "
        "and h like n^(-1/2). The parameters of the second expert and its gate, the reference, are "
        "held at the truth, so that more second-order information about the first cell is left "
        "than when everything is free. Known before the study: with everything free the expected "
        "errors of a and b at this truth are about 1.9 at n = 1e4 and 1.1 at 1e5; errors of that "
        "size are no small perturbations, so these slopes may still say little. The free atom may "
        "as well join the cell of the known expert: cell_0_* are conditional on the first "
        "cell being split."
    ),
    source="arXiv:2310.14188, loss D1, as stated in the literature",
    problem=Conditional(TRUTH, k=3, bounds=THETA),
    sizes=log_spaced_sizes(3000, 100_000, 4),
    seconds=350.0,
    cost=Cost(2.0, 2.7e-4),
    measures=(
        Loss("d1", softmax_multinomial.d1),
        Cells(softmax_multinomial.d1),
        SplitCell(softmax_multinomial.d1),
        Barycentre(softmax_multinomial.d1, TRUTH.lower, TRUTH.upper),
        Hellinger(),
    ),
    quantities=(
        Quantity("hellinger", "Hellinger distance", HALF),
        Quantity("d1", "D1", HALF),
        Quantity("weight", "weights of cells", HALF),
        Quantity("barycentre_0", "first cell: mean class probabilities", DERIVED),
        Quantity("cell_0_gate_coef", "first cell, split: gate slope", QUARTER),
        Quantity("cell_0_intercept", "first cell, split: class intercepts a", QUARTER),
        Quantity("cell_0_coef", "first cell, split: class slopes b", QUARTER),
    ),
    arms=(Search(n_starts=12), NearTruth()),
    exact=True,
)
