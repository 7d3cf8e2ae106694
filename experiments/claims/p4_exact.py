"""P4, k = k*: every block at the parametric rate."""

from mixexp.estimation.box import Bounds
from mixexp.simulation import Expectation, Quantity, log_spaced_sizes
from mixexp.simulation.claims import Cells, Claim, Cost, Hellinger, Joint, Loss
from mixexp.theory.losses import gaussian_gate
from mixexp.theory.truths.joint import JOINT_TRUTHS

TRUTH = JOINT_TRUTHS["gaussian-gate-1"]
# Variances down to half of the smallest true one: spikes on a few rows gain little there.
THETA = Bounds(gate=10.0, expert=20.0, scale=((0.5 * TRUTH["variance"].min()) ** 0.5, 5.0))
HALF = Expectation(-1 / 2, kind="stated")

CLAIM = Claim(
    name="p4_exact",
    title="Gaussian gate, joint law, known number of experts",
    statement=(
        "As stated in the literature (exponents read in the code of the paper, theorems not read): "
        "with k = k* the Hellinger distance of the joint laws, the loss and all blocks fall like "
        "n^(-1/2) up to logarithms."
    ),
    source="arXiv:2305.07572, loss of type I",
    problem=Joint(TRUTH, k=3, bounds=THETA, name="gaussian-gate-1"),
    sizes=log_spaced_sizes(1000, 100_000, 5),
    seconds=100.0,
    cost=Cost(0.9, 5e-5),
    measures=(Loss("type1", gaussian_gate.type1), Cells(gaussian_gate.type1), Hellinger(100_000)),
    quantities=(
        Quantity("hellinger", "Hellinger distance, joint law", HALF),
        Quantity("type1", "loss of type I", HALF),
        Quantity("weight", "weights", HALF),
        Quantity("single_gate_mean", "gate: centre", HALF),
        Quantity("single_gate_covariance", "gate: covariance", HALF),
        Quantity("single_coef", "expert: slope", HALF),
        Quantity("single_intercept", "expert: intercept", HALF),
        Quantity("single_variance", "expert: variance", HALF),
    ),
)
