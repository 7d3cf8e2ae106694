"""P2, number of experts known, two covariates: boundaries at 1/n, all else at 1/sqrt(n)."""

from mixexp.estimation.box import Bounds
from mixexp.simulation import Expectation, Quantity, log_spaced_sizes
from mixexp.simulation.claims import Cells, Claim, Conditional, Cost, Loss, Search
from mixexp.simulation.claims.measures.angles import Angles
from mixexp.simulation.claims.measures.rays import RayHellinger
from mixexp.theory.losses import topk_gaussian
from mixexp.theory.truths.named import TRUTHS

THETA = Bounds(gate=10.0, expert=6.0, scale=(0.02**0.5, 20.0**0.5))
STATED = Expectation(-1 / 2, kind="stated")
CHANGE_POINT = Expectation(-1.0, kind="derived here")

CLAIM = Claim(
    name="p2_exact_plane",
    title="Top-2 gate in the plane, number of experts known",
    statement=(
        "h, D1 and every block like n^(-1/2) up to logarithms, as stated in the literature. "
        "Derived here, by the heuristic that h^2 is the mass between two boundaries: the density "
        "jumps across three half-lines, whose angles are change points and converge like 1/n; "
        "the size of the triangle of the gate slopes like n^(-1/2). Gate slopes and D1 are sums "
        "of both: at finite n steeper than n^(-1/2), to which they tend."
    ),
    source="arXiv:2309.13850, theorem on the exact-specified setting",
    problem=Conditional(TRUTHS["topk-plane"], k=3, bounds=THETA),
    sizes=log_spaced_sizes(1000, 100_000, 5),
    seconds=300.0,
    cost=Cost(1.8, 1.1e-4),
    arms=(Search(n_starts=4),),
    measures=(
        Loss("d1", topk_gaussian.d1(2)),
        Cells(topk_gaussian.d1(2)),
        Angles(n_active=2),
        RayHellinger(),
    ),
    quantities=(
        Quantity("hellinger", "Hellinger distance", STATED),
        Quantity("d1", "D1", STATED),
        Quantity("angle_1", "boundary of experts 1 and 2", CHANGE_POINT),
        Quantity("angle_2", "boundary of experts 1 and 3", CHANGE_POINT),
        Quantity("angle_3", "boundary of experts 2 and 3", CHANGE_POINT),
        Quantity("angle_max", "largest error of an angle", CHANGE_POINT),
        Quantity("scale", "size of the gate's triangle", Expectation(-1 / 2, kind="derived here")),
        Quantity("single_gate_coef", "gate slopes", STATED),
        Quantity("weight", "weights", STATED),
        Quantity("single_coef", "expert slopes", STATED),
        Quantity("single_intercept", "expert intercepts", STATED),
        Quantity("single_variance", "variances", STATED),
    ),
)
