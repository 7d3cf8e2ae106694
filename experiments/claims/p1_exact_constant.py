"""P1, k = k*, with an expert that does not depend on x (regime 2): both gates."""

from mixexp.estimation.box import Bounds
from mixexp.simulation import Expectation, Quantity, log_spaced_sizes
from mixexp.simulation.claims import Cells, Claim, Conditional, Cost, Hellinger, Loss
from mixexp.theory.losses import softmax_multinomial
from mixexp.theory.truths.named import TRUTHS

THETA = Bounds(gate=5.0, expert=5.0)
STATED = Expectation(-1 / 2, kind="stated")
DERIVED = Expectation(-1 / 2, kind="derived here")

CLAIMS = tuple(
    Claim(
        name=name,
        title=f"{gate} gate, one of two experts constant, known number of experts",
        statement=(
            "Derived here: with one atom a cell all parameters fall like n^(-1/2) under either "
            "gate, also those of an expert that does not depend on x. As stated in the "
            "literature: h falls like n^(-1/2) up to logarithms."
        ),
        source="arXiv:2310.14188, regime 2, as stated in the literature; derived here",
        problem=Conditional(TRUTHS[truth], k=2, bounds=THETA),
        sizes=log_spaced_sizes(1000, 50_000, 5),
        seconds=150.0,
        cost=Cost(1.4, 6.5e-5),
        measures=(Loss("d1", softmax_multinomial.d1), Cells(softmax_multinomial.d1), Hellinger()),
        quantities=(
            Quantity("hellinger", "Hellinger distance", STATED),
            Quantity("d1", "sum of blocks and weights", DERIVED),
            Quantity("weight", "weights of cells", DERIVED),
            Quantity("single_gate_coef", "gate slope", DERIVED),
            Quantity("single_intercept", "class intercepts a", DERIVED),
            Quantity("single_coef", "class slopes b", DERIVED),
        ),
    )
    for name, gate, truth in (
        ("p1_exact_constant", "Softmax", "multinomial-constant"),
        ("p1_exact_constant_tanh", "Transformed", "multinomial-constant-tanh"),
    )
)
