"""P2, one expert too many in the plane: two active experts are too few, three beside them."""

from mixexp.estimation.box import Bounds
from mixexp.models import TopK
from mixexp.simulation import Expectation, Quantity, log_spaced_sizes
from mixexp.simulation.claims import Claim, Conditional, Cost, Search
from mixexp.simulation.claims.measures.rays import RayHellinger
from mixexp.theory.truths.named import TRUTHS

THETA = Bounds(gate=10.0, expert=6.0, scale=(0.02**0.5, 20.0**0.5))
PLATEAU = Expectation(0.0, kind="plateau")
# KL is of the order of h^2: what bends h by a twentieth bends it by a tenth.
PLATEAU_OF_SQUARE = Expectation(0.0, kind="plateau", resolution=0.1)

CLAIM = Claim(
    name="p2_over_too_few_plane",
    title="Top-2 gate in the plane, four experts for three of which two are active",
    statement=(
        "If the fit activates fewer experts than the K largest cells have atoms (three here), "
        "the density does not converge, as proposed in the literature: a condition that speaks "
        "of gate slopes near the true ones. In the plane no other slopes are known that would "
        "do, unlike on a line (p2_over_line_two): h and the loss of log-likelihood a row "
        "(Kullback-Leibler) settle at positive values. Starts end in many optima, so the "
        "plateau is that of the best one found, h at the highest likelihood and not the lowest h."
    ),
    source="arXiv:2309.13850, proposition on the number of active experts",
    problem=Conditional(TRUTHS["topk-plane"], k=4, bounds=THETA, gate=TopK(2)),
    # In pilots the error of estimation is a third of the plateau at n = 1000 and a tenth at 16,000.
    sizes=log_spaced_sizes(1000, 16_000, 4),
    seconds=350.0,
    cost=Cost(5.0, 3e-4),
    arms=(Search(n_starts=4),),
    measures=(RayHellinger(),),
    quantities=(
        Quantity("hellinger", "Hellinger distance", PLATEAU),
        Quantity("kl", "Kullback-Leibler divergence", PLATEAU_OF_SQUARE),
    ),
    exact=True,
)
