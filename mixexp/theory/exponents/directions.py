r"""Directions in which a mixing measure is moved to see how fast its density follows.

A direction turns a truth into problems, one for every :math:`\varepsilon>0`: a target law, a model
to fit to it, and which coordinate of the fitted parameter is held at :math:`\varepsilon`. What the
Hellinger distance does when everything else is free is the business of
:mod:`mixexp.theory.exponents.local`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from numbers import Integral

from mixexp.models import Law, MixingMeasure
from mixexp.theory.exponents.charts import WEIGHT, Chart, entry_of, partner
from mixexp.theory.truths.truth import Truth


class Direction(ABC):
    """A way to move the atoms of a truth, by ε in the units of a block of its mixing measure."""

    block: str
    cell: int
    index: int

    @property
    def effort(self) -> int:
        """How many times the usual number of steps a search takes."""
        return 1

    @property
    @abstractmethod
    def label(self) -> str:
        """The direction in words."""

    @abstractmethod
    def chart(self, truth: Truth) -> Chart:
        """The model that is fitted, and its coordinates around the truth."""

    def target(self, truth: Truth, epsilon: float) -> Law:
        """The law to be close to: the truth, unless the direction moves that."""
        return truth.law


@dataclass(frozen=True)
class Split(Direction):
    """Copies of a true atom, of which the first two differ by ε in one entry of a block.

    Parameters
    ----------
    block : str
        ``"gate_coef"``, ``"coef"``, ``"intercept"``, ``"variance"``: a block of the measure.
    cell : int
        The true atom.
    index : int
        Entry of the flattened block of an atom.
    copies : int
        Number of fitted atoms in the cell.

    Examples
    --------
    >>> Split("intercept").label
    'cell 0 split in two, intercept[0] apart'
    """

    block: str
    cell: int = 0
    index: int = 0
    copies: int = 2

    @property
    def label(self) -> str:
        number = {2: "two", 3: "three", 4: "four"}.get(self.copies, str(self.copies))
        return f"cell {self.cell} split in {number}, {self.block}[{self.index}] apart"

    @property
    def effort(self) -> int:
        return 1 if self.copies == 2 else 3

    def chart(self, truth: Truth) -> Chart:
        _check_count("copies", self.copies, 2)
        chart, measure = Chart.around(truth, self.cell, self.copies)
        first, rate = entry_of(chart.model, measure, self.block, self.index, self.cell)
        if chart.model.layout.expert_of[first] < 0:
            raise ValueError(f"block={self.block!r} is common to all experts; use Move")
        start = chart.start.copy()
        second = partner(chart.model, first)
        if second is None:
            start[first] = rate
            return chart.holding(first, start)
        start[second], start[first] = rate, -0.5 * rate
        return chart.holding(second, start)


@dataclass(frozen=True)
class Move(Direction):
    """One entry of one atom at ε from its true value.

    Parameters
    ----------
    block : str
        A block of the measure, or ``"weight"``, which is moved on the scale of its logarithm.
    cell, index
        As for :class:`Split`.
    copies : int
        Number of atoms in the cell ``split``: 1 for a known number of experts.
    split : int
        The cell with the copies.

    Examples
    --------
    >>> Move("gate_temperature").label
    'gate_temperature[0] of cell 0 moved'
    """

    block: str
    cell: int = 0
    index: int = 0
    copies: int = 1
    split: int = 0

    @property
    def label(self) -> str:
        where = "" if self.copies == 1 else f", cell {self.split} split in {self.copies}"
        return f"{self.block}[{self.index}] of cell {self.cell} moved{where}"

    def chart(self, truth: Truth) -> Chart:
        _check_count("copies", self.copies, 1)
        chart, measure = Chart.around(truth, self.split, self.copies)
        atom = self.cell + (self.copies - 1 if self.cell > self.split else 0)
        held, rate = entry_of(chart.model, measure, self.block, self.index, atom)
        start = chart.start.copy()
        start[held] = rate
        return chart.holding(held, start)


@dataclass(frozen=True)
class Merge(Direction):
    """A truth of which two atoms come together, fitted with one expert for the two.

    The truth moves: its atom ``cell`` is replaced by two at ε from each other in one entry of a
    block, with the same barycentre. Nothing is held.

    Parameters
    ----------
    block, cell, index
        As for :class:`Split`.
    share : float
        Part of the atom's weight that the first of the two has.

    Examples
    --------
    >>> Merge("variance").label
    'cell 0: two true atoms merge, variance[0] apart, shares 0.5 and 0.5'
    """

    block: str
    cell: int = 0
    index: int = 0
    share: float = 0.5

    @property
    def label(self) -> str:
        shares = f"shares {self.share:g} and {1.0 - self.share:g}"
        return f"cell {self.cell}: two true atoms merge, {self.block}[{self.index}] apart, {shares}"

    def chart(self, truth: Truth) -> Chart:
        if not 0.0 < self.share < 1.0:
            raise ValueError(f"share={self.share} must be between 0 and 1")
        chart, measure = Chart.around(truth, self.cell, 1)
        entry, _ = entry_of(chart.model, measure, self.block, self.index, self.cell)
        if self.block == WEIGHT or chart.model.layout.expert_of[entry] < 0:
            raise ValueError(
                f"block={self.block!r} cannot differ between two atoms of one truth; merge them in "
                "a block of their own"
            )
        return chart

    def target(self, truth: Truth, epsilon: float) -> Law:
        measure = truth.measure.split(self.cell, [self.share, 1.0 - self.share])
        block = measure[self.block].copy()
        flat = block.reshape(len(block), -1)
        flat[self.cell, self.index] -= (1.0 - self.share) * epsilon
        flat[self.cell + 1, self.index] += self.share * epsilon
        model = replace(truth.model, n_experts=measure.n_atoms)
        moved = MixingMeasure(measure.weight, {**measure.atoms, self.block: block})
        return Law(model, model.from_measure(moved))


def _check_count(name: str, value: int, least: int) -> None:
    if not isinstance(value, Integral) or value < least:
        raise ValueError(f"{name}={value!r} must be an integer, {least} or more")
