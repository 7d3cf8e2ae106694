"""P2, one expert too many in the plane and three active: no plateau within sight."""

from mixexp.estimation.box import Bounds
from mixexp.models import TopK
from mixexp.simulation import Expectation, Quantity, log_spaced_sizes
from mixexp.simulation.claims import Claim, Conditional, Cost, Search
from mixexp.simulation.claims.measures.rays import RayHellinger
from mixexp.theory.truths.named import TRUTHS

THETA = Bounds(gate=10.0, expert=6.0, scale=(0.02**0.5, 20.0**0.5))

CLAIM = Claim(
    name="p2_over_plane_three",
    title="Top-3 gate in the plane, four experts for three of which two are active",
    statement=(
        "Three active experts are as many as the two largest cells have atoms, and h falls like "
        "n^(-1/2) as stated in the literature. Derived here: the condition is necessary, not "
        "sufficient. In the sector of the two experts that are not split a third, wrong one is "
        "active, with a weight bounded below on a compact parameter space. The truth cannot be "
        "represented exactly and h must settle at last; with gate coefficients up to 10 that "
        "weight can be so small that these sizes show nothing of it."
    ),
    source="arXiv:2309.13850, theorem on the over-specified setting",
    problem=Conditional(TRUTHS["topk-plane"], k=4, bounds=THETA, gate=TopK(3)),
    sizes=log_spaced_sizes(1000, 16_000, 4),
    seconds=280.0,
    cost=Cost(6.0, 5e-4),
    arms=(Search(n_starts=4),),
    measures=(RayHellinger(),),
    quantities=(
        Quantity("hellinger", "Hellinger distance", Expectation(-1 / 2, kind="stated")),
        Quantity("kl", "Kullback-Leibler divergence", Expectation(None)),
    ),
    exact=True,
)
