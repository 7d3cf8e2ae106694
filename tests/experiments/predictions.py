"""Where the exponents of the claims are found among the rates of theory, and which are not."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import NamedTuple

from mixexp.simulation import Expectation, Quantity
from mixexp.simulation.claims.claim import Claim
from mixexp.theory import rates


class Place(NamedTuple):
    """Which rows of the rates claims are about."""

    claims: str
    model: str
    gate: str
    regimes: tuple[str, ...]


CHANGED = "softmax of transformed covariates"
BOUNDARIES = ("exact", "boundaries", "K = 1")
PLACES = (
    Place("p0_exact*", "softmax_gaussian", "softmax", ("exact",)),
    Place("p0_over_*", "softmax_gaussian", "softmax", ("over",)),
    Place("p0_twice", "softmax_gaussian", "softmax", ("over", "over, k >= 2 k*")),
    Place("p1_exact", "softmax_multinomial", "softmax", ("any", "every expert depends on x")),
    Place("p1_over", "softmax_multinomial", "softmax", ("any", "every expert depends on x")),
    Place("p1_frozen", "softmax_multinomial", "softmax", ("any", "every expert depends on x")),
    Place("p1_*_constant", "softmax_multinomial", "softmax", ("any", "constant expert")),
    Place("p1_*_constant_tanh", "softmax_multinomial", CHANGED, ("any", "constant expert")),
    Place("p2_change_point", "topk_gaussian", "top-K*", BOUNDARIES),
    Place("p2_exact", "topk_gaussian", "top-K", ("exact",)),
    Place("p2_exact_plane", "topk_gaussian", "top-K*", BOUNDARIES),
    Place("p2_over_enough", "topk_gaussian", "top-K", ("over, enough active experts",)),
    Place("p2_over_plane_three", "topk_gaussian", "top-K", ("over, enough active experts",)),
    Place("p2_over_too_few_*", "topk_gaussian", "top-K", ("over, too few active experts",)),
    Place("p2_over_line_two", "topk_gaussian", "top-K", ("over, too few active experts",)),
    Place("p3_temperature", "temperature_gaussian", "*", ("any", "exact")),
    Place("p3_activation_exact", "activation_gaussian", "*", ("any", "exact")),
    Place("p3_activation_over", "activation_gaussian", "*",
          ("any", "over", "over, cell of the reference")),
    Place("p4_exact", "gaussian_gate", "*", ("any", "exact")),
    Place("p4_type_one", "gaussian_gate", "*", ("any", "over, centre not zero")),
    Place("p4_type_two", "gaussian_gate", "*", ("any", "over, centre zero")),
    Place("published_p0_exact", "softmax_gaussian", "softmax", ("exact",)),
    Place("published_p0_over_*", "softmax_gaussian", "softmax", ("over",)),
    Place("published_p4_*", "gaussian_gate", "*", ("any",)),
)  # fmt: skip

# A loss is a sum of powers that all fall like the density.
LOSSES = ("d", "d1", "d2", "d3", "type1", "type2")
SIZES = {"single": ("1",), "pair": ("2", ">1"), "triple": ("3", ">1")}
SIZES |= dict.fromkeys(("cell", "other", "reference"), ("2", ">1"))

ORBIT = "twice as many experts: cells of two may move at will, see docs/theory.md"
MEANS = "means over a cell, which atoms that move apart do not change to first order"
DECOUPLED = "far from the true slopes the halves of a line decouple"
HIDDEN = "gate and class slopes hide it to first order: tests/simulation/claims/test_barycentre.py"
CONSTANT = "exact splits of a constant expert leave all but a, b and the second order as it is"
HALVES = "on either half of the line the law is that of a softmax gate"
SCALE = "only ratios to the temperature are in the law"
AS_SHOWN = "the exponent of the published figures, for a loss without the infimum"
COMMON = "common to all cells, so that of a split cell"
HALF, QUARTER, NONE = "-1/2 (derived here)", "-1/4 (derived here)", "\N{EN DASH}"
# Claims, columns, what is expected: why theory's list does not hold the number.
ELSEWHERE = (
    ("p0_over_*", "d2_sharp", HALF, "the loss of the sharper rates of gate slopes"),
    ("p0_over_one", "mean_intercept", HALF, MEANS),
    ("p0_twice", "cell_gate", HALF, "constant along the orbit"),
    ("p0_twice", "d2", NONE, ORBIT),
    ("p0_twice", "pair_gate_coef", NONE, ORBIT),
    ("p1_frozen", "barycentre_0", HALF, MEANS),
    ("p1_over", "barycentre_split", HALF, MEANS),
    ("p1_exact_constant*", "d1", HALF, "one atom a cell needs first order alone"),
    ("p1_exact_constant_tanh", "weight", HALF, "as under the softmax gate"),
    ("p1_exact_constant_tanh", "single_*", HALF, "as under the softmax gate"),
    ("p1_over_constant", "d3", NONE, "no rate for the softmax gate"),
    ("p1_over_constant*", "d3_barycentre", HALF, CONSTANT),
    ("p1_over_constant", "weight", HALF, CONSTANT),
    ("p1_over_constant", "barycentre_*", QUARTER, HIDDEN),
    ("p1_over_constant", "cell_1_gate_coef", QUARTER, CONSTANT),
    ("p1_over_constant*", "cell_1_intercept", "0 (plateau)", CONSTANT),
    ("p2_change_point", "scale", NONE, "no rate, as gate slopes"),
    ("p2_exact_plane", "scale", HALF, "seen in the probabilities of active experts"),
    ("p2_over_enough", "pair_gate_coef", QUARTER, HALVES),
    ("p2_over_line_two", "hellinger", HALF, DECOUPLED),
    ("p2_over_line_two", "kl", "-1 (derived here)", DECOUPLED),
    ("p2_over_line_two", "pair_gate_coef", NONE, DECOUPLED),
    ("p2_over_plane_three", "kl", NONE, "settles beyond these sizes"),
    ("p3_temperature", "raw_gate_intercept", NONE, "a gate parameter, as slopes are"),
    ("p3_temperature", "ratio_*", HALF, SCALE),
    ("p3_activation_over", "single_gate_temperature", "-1/4 (stated)", COMMON),
    ("p4_type_*", "centred_type2", HALF, "both types are one problem when centred"),
    ("published_p0_*", "published", "-1/2 (as the published figures say)", AS_SHOWN),
    ("published_p0_over_*", "published", NONE, AS_SHOWN),
    ("published_p0_over_two", "d2", NONE, ORBIT),
)


def place_of(claim: Claim) -> Place:
    """The rows of the rates that a claim is about."""
    (found,) = (place for place in PLACES if fnmatchcase(claim.name, place.claims))
    return found


def rows_of(claim: Claim, column: str) -> list[dict]:
    """The rates that are about a column."""
    place = place_of(claim)
    sizes, block = sizes_and_block(column)
    if column == "weight":
        over = claim.problem.n_experts > claim.problem.truth_measure.n_atoms
        sizes = ("2", "3", ">1") if over else ("1",)
    return [
        row
        for row in rates(place.model)
        if fnmatchcase(row["gate"], place.gate)
        and (row["regime"] in place.regimes or block == "boundary")
        and row["block"] == block
        and (row["size"] in sizes or row["size"] == "any" or not sizes)
    ]


def sizes_and_block(column: str) -> tuple[tuple[str, ...], str]:
    """Sizes of cells, all if none, and the block that a column is about."""
    if column in ("hellinger", "kl", *LOSSES):
        return (), "density"
    if column == "weight":
        return (), "weight"
    if column == "single":
        # All blocks of single cells: they have the rate of the weight.
        return SIZES["single"], "weight"
    kind, _, block = column.partition("_")
    special = {"angle": "boundary", "barycentre": "probability"}
    if kind in special:
        return (), special[kind]
    if kind == "raw":
        return (), {"temperature": "gate_temperature"}.get(block, block)
    return SIZES.get(kind, ("none",)), block.removeprefix("0_").removeprefix("1_")


def agrees(claim: Claim, quantity: Quantity) -> bool:
    """Whether one of the rates says what the claim does, with the same standing."""
    rows = rows_of(claim, quantity.column)
    return any(_says(row, quantity.expectation, quantity.column) for row in rows)


def _says(row: dict, expectation: Expectation, column: str) -> bool:
    if expectation.kind == "plateau":
        return row["rate"] == "does not converge"
    if expectation.slope is None:
        return row["power"] == float("inf")
    same = abs(expectation.slope + 1 / (2 * row["power"])) < 1e-12
    return same and expectation.kind == standing(row, column)


def standing(row: dict, column: str) -> str:
    """How a claim names the status of a rate: theorems that were read are upper bounds."""
    if row["status"] == "derived here":
        return "derived here"
    read = row["model"] == "softmax_gaussian" or (
        row["model"] == "temperature_gaussian" and column == "hellinger"
    )
    return "upper bound" if read else "stated"


def excused(claim: Claim, quantity: Quantity) -> list[tuple]:
    """Entries of the list of exponents that are not among the rates."""
    return [
        entry
        for entry in ELSEWHERE
        if fnmatchcase(claim.name, entry[0])
        and fnmatchcase(quantity.column, entry[1])
        and str(quantity.expectation) == entry[2]
    ]
