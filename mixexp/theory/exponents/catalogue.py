"""The directions whose exponents theory speaks about, and what it says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from mixexp.theory.exponents.charts import WEIGHT
from mixexp.theory.exponents.directions import Direction, Merge, Move, Split
from mixexp.theory.losses import (
    activation_gaussian,
    softmax_gaussian,
    softmax_multinomial,
    topk_gaussian,
)
from mixexp.theory.truths.named import TRUTHS
from mixexp.theory.truths.truth import Truth
from mixexp.theory.voronoi.engine import LossTable
from mixexp.theory.voronoi.terms import Cell, r_bar

STATED, DERIVED = "stated in the literature", "derived here"
# Distances of the order of ε^6 are soon at rounding, and the search for them is long.
_THREE = {"epsilon": (0.9, 0.8, 0.7, 0.6, 0.5, 0.42), "n_starts": 4}
NOT_POLYNOMIAL = "slower than any polynomial"


class Prediction(NamedTuple):
    """An exponent that a statement gives a direction, and where it stands."""

    exponent: float
    source: str
    status: str


class Check(NamedTuple):
    """A direction at a truth, and what is said about it."""

    model: str
    truth: str
    direction: Direction
    predictions: tuple[Prediction, ...]
    options: Mapping[str, Any] = MappingProxyType({})


def predicted(loss: LossTable, direction: Direction, truth: Truth) -> Prediction:
    """The power a loss gives the block of a direction.

    Examples
    --------
    >>> truth = TRUTHS["crossing"]
    >>> predicted(softmax_gaussian.d2, Split("gate_coef"), truth).exponent
    4.0
    """
    size = direction.copies if isinstance(direction, Split) else 1
    measure = truth.measure
    atom = {name: block[direction.cell] for name, block in measure.atoms.items()}
    powers = {
        block: term.power
        for term in loss.table(Cell(size, r_bar(size), atom))
        for block in term.blocks
    }
    # The weight of a cell enters every loss with the power 1.
    powers[WEIGHT] = 1.0
    return Prediction(powers[direction.block], loss.source, loss.status)


def standard_checks() -> list[Check]:
    """The directions whose exponents theory speaks about, model by model."""
    return [
        *_softmax_gaussian(),
        *_softmax_multinomial(),
        *_topk(),
        *_temperature(),
        *_activation(),
    ]


def _softmax_gaussian() -> Iterator[Check]:
    model, name, truth = "softmax_gaussian", "crossing", TRUTHS["crossing"]
    blocks = ("gate_coef", "coef", "intercept", "variance")
    for block in ("weight", *blocks):
        move = Move(block)
        yield Check(model, name, move, (predicted(softmax_gaussian.d1, move, truth),))
    for direction in [*(Split(block) for block in blocks), Split("intercept", copies=3)]:
        losses = softmax_gaussian.d2, softmax_gaussian.d2_sharp
        said, sharp = (predicted(loss, direction, truth) for loss in losses)
        both = (said,) if said.exponent == sharp.exponent else (said, sharp)
        yield Check(model, name, direction, both, _THREE if direction.copies == 3 else {})
    other = Move("intercept", cell=1, copies=2)
    yield Check(model, name, other, (predicted(softmax_gaussian.d2, other, truth),))
    # One normal law matches two moments of two: the third is left, and it is zero for equal shares.
    for share, exponent in ((0.5, 4.0), (0.3, 3.0)):
        said = Prediction(exponent, "moments of two normal laws", DERIVED)
        yield Check(model, name, Merge("intercept", share=share), (said,))


def _softmax_multinomial() -> Iterator[Check]:
    model, loss = "softmax_multinomial", softmax_multinomial.d1
    name = "multinomial"
    regular: list[Direction] = [Move("gate_coef"), Move("intercept"), Move("coef")]
    regular += [Split("gate_coef"), Split("intercept"), Split("coef")]
    for direction in regular:
        yield Check(model, name, direction, (predicted(loss, direction, TRUTHS[name]),))
    loss = softmax_multinomial.d3
    for split in (Split("gate_coef"), Split("intercept")):
        said = predicted(loss, split, TRUTHS["multinomial-tanh"])
        yield Check(model, "multinomial-tanh", split, (said,))
    flat = Split("intercept", cell=1)
    slow = Prediction(np.inf, f"arXiv:2310.14188, {NOT_POLYNOMIAL}", STATED)
    yield Check(model, "multinomial-constant", flat, (slow,))
    said = predicted(loss, flat, TRUTHS["multinomial-constant-tanh"])
    yield Check(model, "multinomial-constant-tanh", flat, (said,))
    move = Move("intercept", cell=1)
    said = predicted(softmax_multinomial.d1, move, TRUTHS["multinomial-constant"])
    yield Check(model, "multinomial-constant", move, (said,))


def _topk() -> Iterator[Check]:
    model = "topk_gaussian"
    for block in ("weight", "gate_coef", "coef"):
        said = predicted(topk_gaussian.d1(2), Move(block), TRUTHS["topk-line"])
        yield Check(model, "topk-line", Move(block), (said,))
    # The literature selects without biases. With them both gate parameters move the boundary.
    wedge = Prediction(0.5, "mass between two boundaries", DERIVED)
    smooth = Prediction(1.0, "smooth inside the regions", DERIVED)
    for block in ("weight", "gate_coef", "intercept"):
        said = smooth if block == "intercept" else wedge
        yield Check(model, "topk-step", Move(block), (said,))


def _temperature() -> Iterator[Check]:
    model, name = "temperature_gaussian", "temperature"
    slow = Prediction(np.inf, f"arXiv:2401.13875, {NOT_POLYNOMIAL}", STATED)
    for block in ("gate_temperature", "gate_coef"):
        yield Check(model, name, Move(block), (slow,))
    exact = Prediction(1.0, "arXiv:2401.13875, exact", STATED)
    yield Check(model, name, Move("coef"), (exact,))


def _activation() -> Iterator[Check]:
    model, name, truth = "activation_gaussian", "activation", TRUTHS["activation"]
    loss = activation_gaussian.d
    blocks = ("gate_coef", "coef", "intercept", "variance")
    moves: list[Direction] = [Move(block) for block in (*blocks, "gate_temperature")]
    for direction in [*moves, *(Split(block) for block in blocks)]:
        yield Check(model, name, direction, (predicted(loss, direction, truth),))
    # One of two atoms in the reference's cell has the slope zero, and nothing cancels the other's.
    pinned = Split("gate_coef", cell=1)
    alone = Prediction(1.0, "the reference is pinned", DERIVED)
    yield Check(model, name, pinned, (predicted(loss, pinned, truth), alone))
    common = Move("gate_temperature", copies=2)
    # The temperature is common to both atoms of the cell: the loss says 2, as for their slopes.
    said = Prediction(2.0, loss.source, loss.status)
    yield Check(model, name, common, (said,))
