"""P4's own simulations with certified fits: models 1 to 4, k = 4 and 5, beside its curves."""

from pathlib import Path

from mixexp.estimation.box import Bounds
from mixexp.simulation import Expectation, Quantity
from mixexp.simulation.claims import (
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
from mixexp.theory.losses import gaussian_gate
from mixexp.theory.truths.joint import JOINT_TRUTHS

HALF = Expectation(-1 / 2, kind="stated")
# "literature" is what the stored curves are; "em" is what the rule says that should stop it.
ARMS = (
    Search(n_starts=6),
    NearTruth(n_starts=1),
    LiteratureEM(n_starts=1, rtol=1e-5, max_iter=1),
    LiteratureEM(name="em", n_starts=1, rtol=1e-5),
    Unfitted(),
)
# Seconds and cost by number of covariates and of experts.
TIME = {
    (1, 4): (45.0, Cost(0.5, 1.0e-4)),
    (1, 5): (60.0, Cost(0.7, 1.5e-4)),
    (2, 4): (65.0, Cost(0.6, 1.7e-4)),
    (2, 5): (80.0, Cost(0.8, 3.0e-4)),
}

CURVES = Path(__file__).parents[1] / "published"


def published(model: int, k: int) -> Claim:
    """The simulation of a model with k experts."""
    truth = JOINT_TRUTHS[f"gaussian-gate-{model}"]
    d, loss = truth["gate_mean"].shape[1], "type2" if model % 2 == 0 else "type1"
    theta = Bounds(gate=10.0, expert=20.0, scale=((0.5 * truth["variance"].min()) ** 0.5, 5.0))
    seconds, cost = TIME[d, k]
    return Claim(
        name=f"published_p4_model{model}_k{k}",
        title=f"Published simulation: Gaussian gate, model {model}, k = {k}",
        statement=(
            f"As stated in the literature (theorems not read): the loss of {loss[:4]} {loss[4]} of "
            "the joint maximum-likelihood estimator falls like n^(-1/2) up to logarithms. The "
            "published curves are one EM step from a start next to the truth: in the code the "
            "old and new parameters are the same arrays, and every stored number of iterations is "
            "0. The arm 'literature' repeats that step, 'em' stops by the rule that was meant. "
            "Published sizes reach 1e5; certified fits are affordable here up to 1e4."
        ),
        source="arXiv:2305.07572, simulations, from their code and its stored results",
        problem=Joint(truth, k=k, bounds=theta, name=f"gaussian-gate-{model}"),
        sizes=(300, 1000, 3000, 10_000),
        seconds=seconds,
        cost=cost,
        arms=ARMS,
        measures=(Loss(loss, getattr(gaussian_gate, loss)), Hellinger(100_000)),
        quantities=(
            Quantity(loss, f"loss of type {'I' * int(loss[4])}, as published", HALF),
            Quantity("hellinger", "Hellinger distance, joint law", HALF),
        ),
        published={loss: str(CURVES / f"p4_gaussian_gated_model{model}_k{k}.csv")},
    )


CLAIMS = tuple(published(model, k) for model in (1, 2, 3, 4) for k in (4, 5))
