"""P1, k = k*: three classes, both experts depend on x (regime 1)."""

from mixexp.estimation.box import Bounds
from mixexp.simulation import Expectation, Quantity, log_spaced_sizes
from mixexp.simulation.claims import Cells, Claim, Conditional, Cost, Hellinger, Loss
from mixexp.theory.losses import softmax_multinomial
from mixexp.theory.truths.named import TRUTHS

THETA = Bounds(gate=5.0, expert=5.0)
HALF = Expectation(-1 / 2, kind="stated")

CLAIM = Claim(
    name="p1_exact",
    title="Softmax gate, multinomial experts of three classes, known number of experts",
    statement=(
        "As stated in the literature, for experts that all depend on x: h, D1 and every block of "
        "parameters fall like n^(-1/2) up to logarithms. Three classes, because two mirrored "
        "experts of two classes are not identified even with k = k* (derived here)."
    ),
    source="arXiv:2310.14188, regime 1, as stated in the literature",
    problem=Conditional(TRUTHS["multinomial"], k=2, bounds=THETA),
    sizes=log_spaced_sizes(1000, 100_000, 5),
    seconds=200.0,
    cost=Cost(1.4, 6.5e-5),
    measures=(Loss("d1", softmax_multinomial.d1), Cells(softmax_multinomial.d1), Hellinger()),
    quantities=(
        Quantity("hellinger", "Hellinger distance", HALF),
        Quantity("d1", "D1", HALF),
        Quantity("weight", "weights of cells", HALF),
        Quantity("single_gate_coef", "gate slope", HALF),
        Quantity("single_intercept", "class intercepts a", HALF),
        Quantity("single_coef", "class slopes b", HALF),
    ),
)
