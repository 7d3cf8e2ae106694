"""P2, too many experts on a line and only one active: the density does not converge."""

from mixexp.estimation.box import Bounds
from mixexp.models import TopK
from mixexp.simulation import Expectation, Quantity, log_spaced_sizes
from mixexp.simulation.claims import Claim, Conditional, Cost, Search
from mixexp.simulation.claims.measures.rays import RayHellinger
from mixexp.theory.truths.named import TRUTHS

THETA = Bounds(gate=10.0, expert=6.0, scale=(0.02**0.5, 20.0**0.5))
PLATEAU = Expectation(0.0, kind="plateau")

CLAIM = Claim(
    name="p2_over_too_few_line",
    title="Top-1 gate on a line, four experts for three of which two are active",
    statement=(
        "One active expert cannot be a mixture of two: the density does not converge, in "
        "agreement with the condition of the literature that the fit must activate as many "
        "experts as the K largest cells have atoms. Of four experts two are active on one side "
        "of x = 0 each and two never are. Kullback-Leibler divergence: the loss of "
        "log-likelihood a row."
    ),
    source="arXiv:2309.13850, proposition on the number of active experts",
    problem=Conditional(TRUTHS["topk-line"], k=4, bounds=THETA, gate=TopK(1)),
    sizes=log_spaced_sizes(1000, 100_000, 4),
    seconds=100.0,
    cost=Cost(0.8, 3.5e-5),
    arms=(Search(n_starts=4),),
    measures=(RayHellinger(),),
    quantities=(
        Quantity("hellinger", "Hellinger distance", PLATEAU),
        Quantity("kl", "Kullback-Leibler divergence", PLATEAU),
    ),
    exact=True,
)
