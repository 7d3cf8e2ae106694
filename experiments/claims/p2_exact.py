"""P2, number of experts known, one covariate: everything at the parametric rate."""

from mixexp.estimation.box import Bounds
from mixexp.simulation import Expectation, Quantity, log_spaced_sizes
from mixexp.simulation.claims import Cells, Claim, Conditional, Cost, Loss, Search
from mixexp.simulation.claims.measures.rays import RayHellinger
from mixexp.theory.exponents.directions import Move
from mixexp.theory.losses import topk_gaussian
from mixexp.theory.truths.named import TRUTHS

THETA = Bounds(gate=10.0, expert=6.0, scale=(0.02**0.5, 20.0**0.5))
STATED = Expectation(-1 / 2, kind="stated")

CLAIM = Claim(
    name="p2_exact",
    title="Top-2 gate on a line, number of experts known",
    statement=(
        "Density and parameters at the parametric rate (abstract); h, D1 and every block like "
        "n^(-1/2) up to logarithms, as stated in the literature. On a line active sets change "
        "at x = 0 alone, whatever the slopes, so boundaries cannot be misplaced: the plane is "
        "another matter (p2_exact_plane)."
    ),
    source="arXiv:2309.13850, theorem on the exact-specified setting",
    problem=Conditional(TRUTHS["topk-line"], k=3, bounds=THETA),
    sizes=log_spaced_sizes(1000, 100_000, 5),
    seconds=250.0,
    cost=Cost(1.5, 5e-5),
    arms=(Search(n_starts=4),),
    measures=(
        Loss("d1", topk_gaussian.d1(2)),
        Cells(topk_gaussian.d1(2)),
        RayHellinger(),
    ),
    quantities=(
        Quantity("hellinger", "Hellinger distance", STATED),
        Quantity("d1", "D1", STATED),
        Quantity("single", "all blocks, unweighted", STATED),
        Quantity("weight", "weights", STATED),
        Quantity("single_gate_coef", "gate slopes", STATED),
        Quantity("single_coef", "expert slopes", STATED),
        Quantity("single_intercept", "expert intercepts", STATED),
        Quantity("single_variance", "variances", STATED),
    ),
    directions={
        "weight": Move("weight"),
        "single_gate_coef": Move("gate_coef"),
        "single_coef": Move("coef"),
    },
)
