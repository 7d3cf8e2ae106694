"""P3, a temperature behind an activation: everything is identified, exact and over."""

from mixexp.estimation.box import Bounds
from mixexp.simulation import Expectation, Quantity, log_spaced_sizes
from mixexp.simulation.claims import (
    Cells,
    Claim,
    Conditional,
    Cost,
    Hellinger,
    LiteratureEM,
    Loss,
    NearTruth,
    Search,
    Unfitted,
)
from mixexp.simulation.claims.measures.mirrored import Mirrored
from mixexp.simulation.claims.measures.reference_cell import ReferenceCell
from mixexp.theory.exponents.directions import Move, Split
from mixexp.theory.losses.activation_gaussian import d
from mixexp.theory.truths.named import TRUTHS

THETA = Bounds(
    gate=20.0, expert=20.0, scale=(0.02**0.5, 20.0**0.5), temperature=(0.01, 20.0)
)  # fmt: skip
HALF, QUARTER, EIGHTH = (Expectation(slope, kind="stated") for slope in (-1 / 2, -1 / 4, -1 / 8))
SHARPER = Expectation(
    -1 / 4,
    kind="stated",
    derivation="A free temperature is not slow, it is not identified (derived)",
)
DERIVED_HALF = Expectation(-1 / 2, kind="derived here")
SOURCE = "arXiv:2401.13875, theorems as stated elsewhere"
BLOCKS = {
    "gate_coef": "gate slopes",
    "gate_temperature": "temperature",
    "coef": "expert slopes",
    "intercept": "expert intercepts",
    "variance": "variances",
}
COMMON = (
    Quantity("hellinger", "Hellinger distance", HALF),
    Quantity("d", "loss", HALF),
    Quantity("weight", "weights", HALF),
)

CLAIMS = (
    Claim(
        name="p3_activation_exact",
        title="Temperature behind tanh, two experts known",
        statement=(
            "As stated in the literature (theorem not read): h and all parameters, the "
            "temperature included, fall like n^(-1/2), for tanh bends on [-3, 3]. Which of two "
            "experts is the reference is not identified behind an odd activation: errors are from "
            "the nearer of the two true measures."
        ),
        source=SOURCE,
        problem=Conditional(TRUTHS["activation"], k=2, bounds=THETA),
        sizes=log_spaced_sizes(1000, 31_600, 4),
        seconds=200.0,
        cost=Cost(2.0, 1e-4),
        arms=(Search(n_starts=8), NearTruth(), LiteratureEM(), Unfitted()),
        measures=(Mirrored(d, (Loss("d", d), Cells(d))), Hellinger()),
        quantities=(
            *COMMON,
            *(Quantity(f"single_{block}", label, HALF) for block, label in BLOCKS.items()),
        ),
        directions={f"single_{block}": Move(block) for block in BLOCKS},
    ),
    Claim(
        name="p3_activation_over",
        title="Temperature behind tanh, one expert too many",
        statement=(
            "As stated in the literature (theorem not read): in a cell of two atoms gate slopes, "
            "temperature, expert slopes and variances fall like n^(-1/4), intercepts like "
            "n^(-1/8). Derived here: the temperature, common to all, like n^(-1/2), and so do "
            "gate slopes in the reference's cell, where one of the two is pinned. Nothing can "
            "cancel what they do to the density. Pilots: none of -1/4 and -1/2 was excluded for "
            "the temperature by n = 3e4."
        ),
        source=SOURCE,
        problem=Conditional(TRUTHS["activation"], k=3, bounds=THETA),
        sizes=log_spaced_sizes(1000, 31_600, 4),
        seconds=600.0,
        cost=Cost(9.0, 2.5e-4),
        arms=(Search(n_starts=20), NearTruth(), LiteratureEM(), Unfitted()),
        measures=(Mirrored(d, (Loss("d", d), Cells(d), ReferenceCell(d))), Hellinger()),
        quantities=(
            *COMMON,
            Quantity("single_gate_temperature", "temperature", SHARPER),
            Quantity("single_gate_temperature", "temperature", DERIVED_HALF),
            Quantity("other_gate_coef", "split cell, not the reference's: gate slope", QUARTER),
            Quantity("reference_gate_coef", "split cell, the reference's: gate slope", SHARPER),
            Quantity(
                "reference_gate_coef", "split cell, the reference's: gate slope", DERIVED_HALF
            ),
            Quantity("pair_coef", "split cell: expert slope", QUARTER),
            Quantity("pair_intercept", "split cell: expert intercept", EIGHTH),
            Quantity("pair_variance", "split cell: variance", QUARTER),
        ),
        directions={
            "single_gate_temperature": Move("gate_temperature", copies=2),
            "other_gate_coef": Split("gate_coef"),
            "reference_gate_coef": Split("gate_coef", cell=1),
            **{f"pair_{block}": Split(block) for block in ("coef", "intercept", "variance")},
        },
        exact=True,
    ),
)
