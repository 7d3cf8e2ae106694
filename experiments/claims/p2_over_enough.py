"""P2, one expert too many, and as many active as the two largest cells have atoms."""

from mixexp.estimation.box import Bounds
from mixexp.models import TopK
from mixexp.simulation import Expectation, Quantity, log_spaced_sizes
from mixexp.simulation.claims import Cells, Claim, Conditional, Cost, Loss, Search
from mixexp.simulation.claims.measures.rays import RayHellinger
from mixexp.theory.losses import topk_gaussian
from mixexp.theory.truths.named import TRUTHS

THETA = Bounds(gate=10.0, expert=6.0, scale=(0.02**0.5, 20.0**0.5))
ROOT, FOURTH, EIGHTH = (Expectation(-1 / r, kind="stated") for r in (2, 4, 8))
STATED_SLOPE = Expectation(
    -1 / 8,
    kind="stated",
    derivation="The gate slope of a split cell converges faster than stated (derived)",
)

CLAIM = Claim(
    name="p2_over_enough",
    title="Top-3 gate on a line, four experts for three of which two are active",
    statement=(
        "If the fit activates as many experts as the K largest cells have atoms, h and D2 fall "
        "like n^(-1/2) up to logarithms, and in a cell of two atoms expert slopes and variances "
        "like n^(-1/4), intercepts and gate slopes like n^(-1/8), as stated in the literature. "
        "Derived here: gate slopes like n^(-1/4), as on either half of the line the law is that "
        "of a softmax gate. Exact here by splitting the third expert, which is active "
        "everywhere; fits that split another one activate a wrong expert on one half of the "
        "line. At these sizes n^(-1/8) and n^(-1/4) are hard to tell apart."
    ),
    source="arXiv:2309.13850, theorem on the over-specified setting",
    problem=Conditional(TRUTHS["topk-line"], k=4, bounds=THETA, gate=TopK(3)),
    sizes=log_spaced_sizes(1000, 31_600, 4),
    seconds=300.0,
    cost=Cost(4.0, 2.5e-4),
    arms=(Search(n_starts=6),),
    measures=(
        Loss("d2", topk_gaussian.d2(2)),
        Cells(topk_gaussian.d2(2)),
        RayHellinger(),
    ),
    quantities=(
        Quantity("hellinger", "Hellinger distance", ROOT),
        Quantity("d2", "D2", ROOT),
        Quantity("weight", "weights of cells", ROOT),
        Quantity("single", "single cells, all blocks", ROOT),
        Quantity("pair_gate_coef", "split cell: gate slope", STATED_SLOPE),
        Quantity(
            "pair_gate_coef", "split cell: gate slope", Expectation(-1 / 4, kind="derived here")
        ),
        Quantity("pair_coef", "split cell: expert slope", FOURTH),
        Quantity("pair_intercept", "split cell: expert intercept", EIGHTH),
        Quantity("pair_variance", "split cell: variance", FOURTH),
    ),
    exact=True,
)
