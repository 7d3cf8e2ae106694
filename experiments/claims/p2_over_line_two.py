"""P2, too many experts on a line, fewer active than the condition asks: it still converges."""

from mixexp.estimation.box import Bounds
from mixexp.models import TopK
from mixexp.simulation import Expectation, Quantity, log_spaced_sizes
from mixexp.simulation.claims import Cells, Claim, Conditional, Cost, Search
from mixexp.simulation.claims.measures.rays import RayHellinger
from mixexp.theory.losses import softmax_gaussian
from mixexp.theory.truths.named import TRUTHS

THETA = Bounds(gate=10.0, expert=6.0, scale=(0.02**0.5, 20.0**0.5))
ROOT = Expectation(-1 / 2, kind="derived here")

CLAIM = Claim(
    name="p2_over_line_two",
    title="Top-2 gate on a line, four experts for three of which two are active",
    statement=(
        "The condition of the literature, that the fit must activate as many experts as the K "
        "largest cells have atoms (three here), is local: it speaks of gate slopes near the true "
        "ones. Derived here: far from them two active experts represent the truth exactly, as "
        "the halves of the line decouple. A copy of the third expert serves x < 0 alone, and all "
        "gate slopes that are active there move by the same number. So h falls like n^(-1/2); "
        "gate slopes, which that number leaves open, converge at no rate."
    ),
    source="arXiv:2309.13850, proposition on the number of active experts",
    problem=Conditional(TRUTHS["topk-line"], k=4, bounds=THETA, gate=TopK(2)),
    sizes=log_spaced_sizes(1000, 31_600, 4),
    seconds=200.0,
    cost=Cost(3.8, 1.1e-4),
    arms=(Search(n_starts=4),),
    # Cells by the experts, as gate slopes do not tell which expert is which.
    measures=(Cells(softmax_gaussian.d2), RayHellinger()),
    quantities=(
        Quantity("hellinger", "Hellinger distance", ROOT),
        Quantity("kl", "Kullback-Leibler divergence", Expectation(-1.0, kind="derived here")),
        Quantity("pair_gate_coef", "split cell: gate slope", Expectation(None)),
    ),
    exact=True,
)
