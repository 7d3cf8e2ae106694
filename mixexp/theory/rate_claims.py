"""Every predicted rate as a row: from the tables of exponents, or spelled out where there is none.

References
----------
.. [1] Nguyen, H., Nguyen, T. and Ho, N. (2023). arXiv:2305.03288.
.. [2] Nguyen, H., Akbarian, P., Nguyen, T. and Ho, N. (2023). arXiv:2310.14188.
.. [3] Nguyen, H., Akbarian, P., Yan, F. and Ho, N. (2023). arXiv:2309.13850.
.. [4] Nguyen, H., Akbarian, P. and Ho, N. (2024). arXiv:2401.13875.
.. [5] Nguyen, H., Nguyen, T., Nguyen, K. and Ho, N. (2024). arXiv:2305.07572.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Literal, NamedTuple

import numpy as np

from mixexp.theory.losses import (
    activation_gaussian,
    gaussian_gate,
    softmax_gaussian,
    softmax_multinomial,
    temperature_gaussian,
    topk_gaussian,
)
from mixexp.theory.voronoi.engine import LossTable
from mixexp.theory.voronoi.terms import Cell, r_bar

P0, P1, P2, P3 = (f"arXiv:{n}" for n in ("2305.03288", "2310.14188", "2309.13850", "2401.13875"))
P4 = gaussian_gate.PAPER
STATED: Literal["stated in the literature"] = "stated in the literature"
DERIVED: Literal["derived here"] = "derived here"
REFUTED: Literal["refuted"] = "refuted"
NOT_POLYNOMIAL = "slower than n^(-1/(2r)) for every r"
NO_LIMIT = "does not converge"
NOT_IDENTIFIED = "not identified"
ONE, SPLIT = {"1": 1}, {"2": 2, "3": 3}
LARGER = {">1": 2}
"""Cells of any size above one, for tables that do not depend on it."""
CONSTANT = {"coef": np.zeros((3, 1))}
SLOPES = {"coef": np.ones((3, 1))}
EVERY_EXPERT, SOME_CONSTANT = "every expert depends on x", "constant expert"


class PredictedRate(NamedTuple):
    """One predicted rate; the columns are explained at :func:`mixexp.theory.rates.rates`."""

    model: str
    gate: str
    regime: str
    size: str
    block: str
    power: float
    rate: str
    source: str
    status: Literal["stated in the literature", "derived here", "refuted"]
    note: str


class Setting(NamedTuple):
    """What the rows of one statement share."""

    model: str
    gate: str
    regime: str
    source: str
    status: Literal["stated in the literature", "derived here", "refuted"] = STATED
    notes: Mapping[str, str] = {}

    def row(self, size: str, block: str, power: float, rate: str | None = None) -> PredictedRate:
        """A row of this setting; the rate is that of the power unless given."""
        order = 2 * power
        root = "n^(-1)" if order == 1 else f"n^(-1/{order:g})"
        text = root if rate is None else rate
        note = self.notes.get(block, self.notes.get("", ""))
        start = (self.model, self.gate, self.regime, size, block, power, text)
        return PredictedRate(*start, self.source, self.status, note)

    def density(self) -> PredictedRate:
        """The density converges at the parametric rate."""
        return self.row("any", "density", 1.0)

    def of(
        self,
        loss: LossTable,
        sizes: Mapping[str, int],
        atom: Mapping[str, np.ndarray] = SLOPES,
        without: tuple[str, ...] = (),
    ) -> Iterator[PredictedRate]:
        """The rows of a table: a power r means the rate n^(-1/(2r))."""
        for label, size in sizes.items():
            yield self.row(label, "weight", 1.0)
            for term in loss.table(Cell(size, r_bar(size), atom)):
                for block in term.blocks:
                    if block not in without:
                        yield self.row(label, block, term.power)

    def slow(self, size: str, blocks: Iterable[str], rate: str) -> Iterator[PredictedRate]:
        """Rows without any polynomial rate."""
        for block in blocks:
            yield self.row(size, block, np.inf, rate)


def _softmax_gaussian() -> Iterator[PredictedRate]:
    def about(
        regime: str, source: str, status: Literal["stated in the literature", "refuted"] = STATED,
        **notes: str,
    ) -> Setting:  # fmt: skip
        return Setting("softmax_gaussian", "softmax", regime, f"{P0}, {source}", status, notes)

    yield about("exact", "Proposition 2").density()
    yield about("over", "Proposition 2").density()
    yield from about("exact", "Theorem 1").of(softmax_gaussian.d1, ONE)
    yield from about("over", "Theorem 2").of(softmax_gaussian.d2, ONE)
    loose = "an upper bound that is not sharp for k < 2 k*: see the rows derived here"
    yield from about("over", "Theorem 2", gate_coef=loose).of(softmax_gaussian.d2, {"2": 2})
    slopes = about("over", "Theorem 2", gate_coef=loose, coef=loose)
    yield from slopes.of(softmax_gaussian.d2, {"3": 3})
    sharp = {"": "valid for k < 2 k*; an expansion and a numerical check, not a published theorem"}
    yield from Setting(
        "softmax_gaussian", "softmax", "over", "sharper D2", DERIVED, sharp
    ).of(softmax_gaussian.d2_sharp, SPLIT)  # fmt: skip
    cosh = "multiplying all gates by cosh(delta'x) splits every atom and keeps the density"
    yield about("over, k >= 2 k*", "Theorem 2", REFUTED, gate_coef=cosh).row("2", "gate_coef", 4.0)


def _softmax_multinomial() -> Iterator[PredictedRate]:
    model = "softmax_multinomial"
    plain, gate = "softmax", "softmax of transformed covariates"
    for name in (plain, gate):
        yield Setting(model, name, "any", P1).density()
    regular = Setting(model, plain, EVERY_EXPERT, f"{P1}, loss D1")
    yield from regular.of(softmax_multinomial.d1, {**ONE, **LARGER})
    single = {"": "second-order independence is needed in larger cells only"}
    yield from regular._replace(regime=SOME_CONSTANT, status=DERIVED, notes=single).of(
        softmax_multinomial.d1, ONE
    )
    lower = {
        "": "a bound on the whole loss, so on at least one block",
        "intercept": "derived here: not determined by the density at all, see D3",
    }
    yield from Setting(model, plain, SOME_CONSTANT, f"{P1}, loss D2,r", STATED, lower).slow(
        ">1", softmax_multinomial.BLOCKS, NOT_POLYNOMIAL
    )
    changed = regular._replace(gate=gate, source=f"{P1}, loss D3")
    yield from changed.of(softmax_multinomial.d3, {**ONE, **LARGER})
    rescued = changed._replace(regime=SOME_CONSTANT)
    yield from rescued.of(softmax_multinomial.d3, ONE)
    equal = {
        "coef": "as the statement is remembered in secondary sources: fails if all classes, or two "
        "sets of them, have equal probabilities, unless the paper's assumptions exclude it"
    }
    yield from rescued._replace(notes=equal).of(
        softmax_multinomial.d3, LARGER, CONSTANT, without=("intercept",)
    )
    split = (
        "as the statement is remembered in secondary sources: an exact counterexample; refuted "
        "unless the paper's assumptions exclude it: a constant expert splits into two of the same "
        "gate and mean probability, for any gate"
    )
    refuted = rescued._replace(status=REFUTED, notes={"intercept": split})
    yield refuted.row(">1", "intercept", 2.0)
    mended = rescued._replace(
        source="D3 with barycentres", status=DERIVED,
        notes={"": "what the exact splits leave; a first-order argument, not a published theorem",
               "probability": "error of the mean class probabilities of the cell"},
    )  # fmt: skip
    yield from mended.of(softmax_multinomial.d3_barycentre, LARGER, CONSTANT, without=("coef",))


def _topk_gaussian() -> Iterator[PredictedRate]:
    scored = "for selection by the scores without biases; no statement about biases in it is known"

    def about(regime: str, source: str, **notes: str) -> Setting:
        said = {"": scored, **{block: f"{note}; {scored}" for block, note in notes.items()}}
        return Setting("topk_gaussian", "top-K", regime, f"{P2}, {source}", STATED, said)

    enough, few = "over, enough active experts", "over, too few active experts"
    need = (
        "active experts of the fit: at least as many as the K largest cells hold; derived here: "
        "necessary, not sufficient"
    )
    boost = "with K = 1 experts are said to converge faster; no exponent was found"
    blind = dict.fromkeys(
        ("weight", "gate_coef"), "with K = 1 not identified: see the rows derived here"
    )
    yield about("exact", "exact-specified").density()
    yield about(enough, "over-specified", density=need).density()
    yield from about("exact", "loss D1", **blind).of(topk_gaussian.d1(1), ONE)
    slow = about(enough, "loss D2", **blind, coef=boost, intercept=boost, variance=boost)
    yield from slow.of(topk_gaussian.d2(1), {**ONE, **SPLIT})
    yield from about(few, "over-specified", density=need).slow("any", ("density",), NO_LIMIT)
    yield from _topk_derived()


def _topk_derived() -> Iterator[PredictedRate]:
    model, biased = "topk_gaussian", "top-K, biases in the selection"
    jump = (
        "heuristic: the squared distance is of the order of the mass between two boundaries; "
        "computed by mixexp.theory.local_exponents at one truth"
    )
    wedge = Setting(
        model, biased, "boundaries", "mass between two boundaries", DERIVED, {"": jump}
    )  # fmt: skip
    yield wedge.row("any", "boundary", 0.5)
    lone = {
        "weight": "the only active expert has weight 1 whatever its bias, so biases are not seen",
        "gate_coef": "only where each score is the largest is seen: all may be multiplied by one "
        "positive number",
    }
    single = Setting(model, "top-K", "K = 1", "one active expert", DERIVED, lone)
    yield from single.slow("any", ("weight", "gate_coef"), NOT_IDENTIFIED)
    scale = (
        "only the boundaries are seen: biases and slopes of all experts may be multiplied by one "
        "positive number"
    )
    both = single._replace(gate=biased, notes={"": scale})
    yield from both.slow("any", ("weight", "gate_coef"), NOT_IDENTIFIED)


def _temperature_gaussian() -> Iterator[PredictedRate]:
    model, gate, expert = (
        "temperature_gaussian",
        "dense-to-sparse",
        ("coef", "intercept", "variance"),
    )
    scale = ("gate_coef", "gate_temperature")
    yield Setting(model, gate, "any", P3).density()
    exact = Setting(
        model, gate, "exact", f"{P3}, loss D,r", STATED, dict.fromkeys(scale, "possibly 1/log n")
    )  # fmt: skip
    over = exact._replace(regime="over")
    yield from exact.of(temperature_gaussian.d(1), ONE, without=scale)
    yield from exact.slow("1", scale, NOT_POLYNOMIAL)
    yield over.row(">1", "weight", 1.0)
    yield from over.slow(">1", scale + expert, NOT_POLYNOMIAL)
    free = (
        "(beta_0, beta_1, tau) times a number keeps the density: only ratios to tau are estimable"
    )
    yield from Setting(model, gate, "any", "scale of the gate", DERIVED, {"": free}).slow(
        "any", scale, NO_LIMIT
    )


def _activation_gaussian() -> Iterator[PredictedRate]:
    def about(regime: str, **notes: str) -> Setting:
        return Setting("activation_gaussian", "activation", regime, P3, STATED, notes)

    loose = "an upper bound that is not sharp: see the row derived here"
    yield about("any").density()
    yield from about("exact").of(activation_gaussian.d, ONE)
    yield from about("over").of(activation_gaussian.d, ONE)
    yield from about("over", gate_temperature=loose).of(activation_gaussian.d, SPLIT)
    computed = "computed by mixexp.theory.local_exponents at one truth"
    common = f"all atoms have one temperature, so errors cannot cancel in a cell; {computed}"
    over = Setting("activation_gaussian", "activation", "over", "common temperature", DERIVED)
    yield over._replace(notes={"": common}).row("any", "gate_temperature", 1.0)
    pinned = (
        "one of the two atoms keeps the slope zero of the reference, so the other's error cannot "
        f"cancel; {computed}"
    )
    reference = over._replace(
        regime="over, cell of the reference", source="pinned reference", notes={"": pinned}
    )
    yield reference.row("2", "gate_coef", 1.0)


def _gaussian_gate() -> Iterator[PredictedRate]:
    code = "exponents as in the code of the paper, whose theorems have not been read; joint law"

    def about(regime: str, source: str, **notes: str) -> Setting:
        said = {"": code, **{block: f"{note}; {code}" for block, note in notes.items()}}
        return Setting("gaussian_gate", "Gaussian", regime, f"{P4}, {source}", STATED, said)

    off, at = {"gate_mean": np.ones(1)}, {"gate_mean": np.zeros(1)}
    one, two = "over, centre not zero", "over, centre zero"
    yield about("any", "density", density="joint density").density()
    first, second = about(one, "loss of type I"), about(two, "loss of type II")
    wide = ("covariance",)
    yield from first._replace(regime="exact").of(gaussian_gate.type1, ONE, off, wide)
    yield from first.of(gaussian_gate.type1, {**ONE, "2": 2}, off, wide)
    yield from first.of(gaussian_gate.type1, {"3": 3}, off, ("coef", *wide))
    yield from second.of(gaussian_gate.type2, {**ONE, **SPLIT}, at, wide)
    line = (
        "a cell of m = 3 atoms along a line across both axes has the order 6 and moves the slope "
        "by the order 2, whatever its centre, so the power is 3 at least; refuted is the power in "
        "the code of the paper, unless the paper's theorem has another"
    )
    refuted = first._replace(status=REFUTED, notes={"coef": line})
    yield refuted.row("3", "coef", 2.0)
    shift = (
        "x may be moved, so a centre of zero is a choice of origin; intercept: mean of the expert "
        "at the true centre; an argument and a computation, not a published theorem"
    )
    moved = Setting("gaussian_gate", "Gaussian", "over", "type II, centred", DERIVED, {"": shift})
    yield from moved.of(gaussian_gate.centred_type2, SPLIT, at, wide)


CLAIMS: tuple[PredictedRate, ...] = (
    *_softmax_gaussian(),
    *_softmax_multinomial(),
    *_topk_gaussian(),
    *_temperature_gaussian(),
    *_activation_gaussian(),
    *_gaussian_gate(),
)
