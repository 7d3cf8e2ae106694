"""P2, one active expert in the plane: boundaries are change points."""

from mixexp.estimation.box import Bounds
from mixexp.models import Gaussian, TopK
from mixexp.simulation import Expectation, Quantity, log_spaced_sizes
from mixexp.simulation.claims import Cells, Claim, Conditional, Cost, Search
from mixexp.simulation.claims.measures.angles import Angles
from mixexp.simulation.claims.measures.rays import RayHellinger
from mixexp.theory.losses import softmax_gaussian
from mixexp.theory.truths.make import make_truth

THETA = Bounds(gate=10.0, expert=6.0, scale=(0.02**0.5, 20.0**0.5))
STATED = Expectation(-1 / 2, kind="stated")
CHANGE_POINT = Expectation(-1.0, kind="derived here")

# One expert in each of three sectors; weights say nothing where one expert is active. No boundary
# is an axis: starts find axes exactly, so that some errors of a first version were zero.
SECTORS = make_truth(
    "topk-sectors", TopK(1), Gaussian(), [0.0, 0.0, 0.0],
    gate_coef=[[2.76, 1.17], [0.37, 2.98], [0.0, 0.0]], intercept=[2.0, -2.0, 0.0],
    coef=[[1.0, 0.5], [0.5, -1.0], [-1.5, 1.0]], variance=[0.25, 0.36, 0.16],
)  # fmt: skip

CLAIM = Claim(
    name="p2_change_point",
    title="Top-1 gate in the plane, number of experts known",
    statement=(
        "h and the experts like n^(-1/2), as stated in the literature. Derived here, by the "
        "heuristic that h^2 is the mass between two boundaries: the angles of the three "
        "half-lines between sectors are change points and converge like 1/n. Biases never enter "
        "the density and the size of the gate's triangle does not either: gate slopes as such "
        "converge at no rate, and their error shows where the fit started. The maximiser is an "
        "interval of angles, of which the middle of the gap at the last accepted move counts. "
        "A first version of the truth had an axis for a boundary, which starts hit exactly; it was "
        "turned after that had been seen."
    ),
    source="arXiv:2309.13850, theorem on the exact-specified setting with K = 1",
    problem=Conditional(SECTORS, k=3, bounds=THETA),
    sizes=log_spaced_sizes(1000, 100_000, 5),
    seconds=300.0,
    cost=Cost(1.2, 9e-5),
    arms=(Search(n_starts=4),),
    # Cells by the experts, as gate slopes do not tell which expert is which.
    measures=(Cells(softmax_gaussian.d1), Angles(n_active=1), RayHellinger()),
    quantities=(
        Quantity("hellinger", "Hellinger distance", STATED),
        Quantity("angle_1", "boundary of experts 1 and 2", CHANGE_POINT),
        Quantity("angle_2", "boundary of experts 1 and 3", CHANGE_POINT),
        Quantity("angle_3", "boundary of experts 2 and 3", CHANGE_POINT),
        Quantity("angle_max", "largest error of an angle", CHANGE_POINT),
        Quantity("single_coef", "expert slopes", STATED),
        Quantity("single_intercept", "expert intercepts", STATED),
        Quantity("single_variance", "variances", STATED),
        Quantity("single_gate_coef", "gate slopes as such", Expectation(None)),
        Quantity("scale", "size of the gate's triangle", Expectation(None)),
    ),
)
