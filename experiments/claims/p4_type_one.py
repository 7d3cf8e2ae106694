"""P4, type I (no true centre is zero), k = k* + 1: the rates inside the cell of two atoms."""

from mixexp.estimation.box import Bounds
from mixexp.simulation import Expectation, Quantity, log_spaced_sizes
from mixexp.simulation.claims import (
    Cells,
    Claim,
    Cost,
    Hellinger,
    Joint,
    LiteratureEM,
    Loss,
    NearTruth,
    Search,
    Unfitted,
)
from mixexp.theory.exponents.directions import Split
from mixexp.theory.losses import gaussian_gate
from mixexp.theory.truths.joint import JOINT_TRUTHS

TRUTH = JOINT_TRUTHS["gaussian-gate-1"]
# Variances down to half of the smallest true one: spikes on a few rows gain little there.
THETA = Bounds(gate=10.0, expert=20.0, scale=((0.5 * TRUTH["variance"].min()) ** 0.5, 5.0))
HALF = Expectation(-1 / 2, kind="stated")
QUARTER = Expectation(-1 / 4, kind="stated")
EIGHTH = Expectation(-1 / 8, kind="stated")

CLAIM = Claim(
    name="p4_type_one",
    title="Gaussian gate, joint law, one expert too many, no true centre at zero (type I)",
    statement=(
        "As stated in the literature (exponents read in the code of the paper, theorems not read): "
        "h and the loss of type I fall like n^(-1/2) up to logarithms; in a cell of two atoms "
        "centres and intercepts like n^(-1/8), covariances, slopes and variances like n^(-1/4). "
        "Derived here: moving x by a constant turns type I into type II and leaves the law's class "
        "as it is, so both are one problem in two coordinates, and after centring every cell obeys "
        "the loss of type II. In cells of two atoms the exponents of both agree: this study "
        "cannot tell the types apart; cells of three could. "
        "Not seen at these sizes: some tens of replicates hardly tell -1/8 from -1/4, and atoms of "
        "small weight, on a variance floor in part of the fits, make in-cell errors wild."
    ),
    source="arXiv:2305.07572, loss of type I",
    problem=Joint(TRUTH, k=4, bounds=THETA, name="gaussian-gate-1"),
    sizes=log_spaced_sizes(1000, 100_000, 4),
    seconds=300.0,
    cost=Cost(1.5, 2.6e-4),
    arms=(Search(), NearTruth(n_starts=1), LiteratureEM(rtol=1e-5), Unfitted()),
    measures=(
        Loss("type1", gaussian_gate.type1),
        Loss("centred_type2", gaussian_gate.centred_type2),
        Cells(gaussian_gate.type1),
        Hellinger(100_000),
    ),
    quantities=(
        Quantity("hellinger", "Hellinger distance, joint law", HALF),
        Quantity("type1", "loss of type I", HALF),
        Quantity("centred_type2", "centred loss", Expectation(-1 / 2, kind="derived here")),
        Quantity("weight", "weights of cells", HALF),
        Quantity("single", "single cells, all blocks", HALF),
        Quantity("pair_gate_mean", "split cell: centre", EIGHTH),
        Quantity("pair_gate_covariance", "split cell: covariance", QUARTER),
        Quantity("pair_coef", "split cell: slope", QUARTER),
        Quantity("pair_intercept", "split cell: intercept", EIGHTH),
        Quantity("pair_variance", "split cell: variance", QUARTER),
    ),
    directions={
        "pair_gate_mean": Split("gate_mean"),
        "pair_gate_covariance": Split("gate_covariance"),
        "pair_coef": Split("coef"),
        "pair_intercept": Split("intercept"),
        "pair_variance": Split("variance"),
    },
    exact=True,
)
