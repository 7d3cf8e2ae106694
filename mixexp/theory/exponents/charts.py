"""Coordinates around a truth whose cells may hold several fitted atoms."""

from __future__ import annotations

from dataclasses import dataclass, replace
from numbers import Integral

import numpy as np
from numpy.typing import NDArray

from mixexp.models import MixingMeasure, MixtureOfExperts, MixtureParams
from mixexp.models.coordinates import Sharing
from mixexp.theory.truths.truth import Truth

Array = NDArray[np.float64]

LARGEST_LOG_RATIO = 1.0
"""Bound on the logarithm of the ratio of the weights of two atoms of a split cell.

Without one the weight of an atom would go to zero, and it could be anywhere at no distance.
"""
WEIGHT = "weight"
_PROBE = 1e-4


@dataclass(frozen=True)
class Chart:
    """Problems of one direction: θ = base + matrix φ, one coordinate of φ held at rate · ε.

    Parameters
    ----------
    model : MixtureOfExperts
        The model that is fitted.
    base : array (P,)
        Its θ with the law of the truth.
    matrix : array (P, P)
        For copies of an atom φ holds the first copy and the differences of the others to it.
    lower, upper : arrays (P,)
        The box: by default no entry moves by more than one plus its own size.
    held : int or None
    start : array (P,)
        φ of the first start at ε = 1; entry ``held`` is the rate.
    """

    model: MixtureOfExperts
    base: Array
    matrix: Array
    lower: Array
    upper: Array
    held: int | None
    start: Array

    @classmethod
    def around(cls, truth: Truth, cell: int, copies: int) -> tuple[Chart, MixingMeasure]:
        """The truth with ``copies`` equal atoms in a cell, nothing held; and its measure."""
        k = truth.model.n_experts
        if not isinstance(cell, Integral) or not 0 <= cell < k:
            raise ValueError(f"cell={cell} is not one of the {k} true atoms 0..{k - 1}")
        measure = truth.measure.split(cell, np.full(copies, 1.0 / copies).tolist())
        model = replace(truth.model, n_experts=measure.n_atoms)
        base = theta_of(model, measure)
        matrix = np.eye(len(base))
        pairs = [_entries(model, cell, copy) for copy in range(cell + 1, cell + copies)]
        for first, other in (pair for found in pairs for pair in found):
            matrix[other, first] = 1.0
        # Theory lives on a compact set: without one, classes whose probability an atom has given up
        # could have any slope.
        reach = 1.0 + np.abs(base)
        chart = cls(model, base, matrix, -reach, reach, None, np.zeros(len(base)))
        for copy in range(cell, cell + copies) if copies > 1 else ():
            chart._bound_weight(measure, cell, copy)
        return chart, measure

    def _bound_weight(self, measure: MixingMeasure, cell: int, copy: int) -> None:
        """Keep the weight of a copy near that of the first; a last copy is the gate's reference."""
        reference = self.model.n_experts - 1
        if copy == reference or (copy == cell and cell + 1 < reference):
            return
        entry, rate = entry_of(self.model, measure, WEIGHT, 0, copy)
        self.lower[entry], self.upper[entry] = (s * LARGEST_LOG_RATIO * rate for s in (-1.0, 1.0))

    def holding(self, held: int, start: Array) -> Chart:
        """The same problems with one coordinate held, and exact invariances that leaves taken out.

        Along an invariance the law does not change, so a coordinate that moves with it is fixed.
        """
        lower, upper = self.lower.copy(), self.upper.copy()
        for direction in np.linalg.solve(self.matrix, self.model.invariant_directions(self.base)).T:
            if abs(direction[held]) < 1e-9:
                fixed = int(np.argmax(np.abs(direction)))
                lower[fixed] = upper[fixed] = 0.0
        # The held coordinate may go as far as it is asked to.
        lower[held], upper[held] = -np.inf, np.inf
        return replace(self, lower=lower, upper=upper, held=held, start=start)

    def theta(self, phi: Array) -> Array:
        """θ (P,) at φ (P,)."""
        return self.base + self.matrix @ phi

    def params(self, phi: Array) -> MixtureParams:
        """The parameters at φ (P,)."""
        return self.model.to_params(self.model.layout.coefficients(self.theta(phi)))


def theta_of(model: MixtureOfExperts, measure: MixingMeasure) -> Array:
    """The free parameter of a measure."""
    return model.layout.vector(model.coefficients(model.from_measure(measure)))


def entry_of(
    model: MixtureOfExperts, measure: MixingMeasure, block: str, index: int, atom: int
) -> tuple[int, float]:
    """The entry of θ that moves with an entry of a block of an atom, and its derivative.

    ``"weight"`` stands for the logarithm of the weight.

    Raises
    ------
    ValueError
        If there is no such block or entry, or nothing in θ moves with it alone.
    """
    _check(measure, block, index, atom)
    slope = _slope(model, measure, block, index, slice(atom, atom + 1))
    shared = _rows_of(model, Sharing.SHARED)
    if np.any(slope[shared]):
        slope = np.where(shared, _slope(model, measure, block, index, slice(None)), 0.0)
    moving = np.flatnonzero(slope)
    if len(moving) != 1:
        raise ValueError(
            f"{block}[{index}] of atom {atom} is no free parameter of {model.gate!r}: it belongs "
            "to the reference of the gate, or is fixed; move another atom"
        )
    return int(moving[0]), float(slope[moving[0]])


def partner(model: MixtureOfExperts, entry: int) -> int | None:
    """The entry of the next expert that corresponds to one of an expert; None if it is fixed."""
    cell = int(model.layout.expert_of[entry])
    return next((o for f, o in _entries(model, cell, cell + 1) if f == entry), None)


def _slope(
    model: MixtureOfExperts, measure: MixingMeasure, block: str, index: int, atoms: slice
) -> Array:
    """Derivative of θ with respect to an entry of a block of some atoms moved together."""
    ends = []
    for sign in (-1.0, 1.0):
        weight, blocks = measure.weight.copy(), dict(measure.atoms)
        if block == WEIGHT:
            step = _PROBE
            weight[atoms] *= np.exp(sign * step)
        else:
            values = measure[block].copy()
            flat = values.reshape(len(values), -1)
            step = _PROBE * float(np.abs(flat[atoms, index]).min() or 1.0)
            flat[atoms, index] += sign * step
            blocks[block] = values
        try:
            ends.append(theta_of(model, MixingMeasure(weight, blocks)))
        except ValueError:
            # The gate has no parameters for this measure: the entry is fixed.
            return np.zeros(model.layout.n_free)
    slope = (ends[1] - ends[0]) / (2.0 * step)
    return np.where(np.abs(slope) > 1e-6 * np.abs(slope).max(initial=1e-300), slope, 0.0)


def _entries(model: MixtureOfExperts, one: int, other: int) -> list[tuple[int, int]]:
    """Pairs of entries of θ that correspond to each other in two experts."""
    layout = model.layout
    pairs = []
    for c, (rows, terms), where in zip(
        layout.coordinates, layout.shapes, layout.slices, strict=True
    ):
        if c.sharing is not Sharing.SHARED and max(one, other) < rows:
            start = where.start
            pairs += [(start + one * terms + t, start + other * terms + t) for t in range(terms)]
    return pairs


def _rows_of(model: MixtureOfExperts, sharing: Sharing) -> NDArray[np.bool_]:
    layout = model.layout
    found = np.zeros(layout.n_free, dtype=bool)
    for c, where in zip(layout.coordinates, layout.slices, strict=True):
        found[where] = c.sharing is sharing
    return found


def _check(measure: MixingMeasure, block: str, index: int, atom: int) -> None:
    if block != WEIGHT and block not in measure.atoms:
        raise ValueError(f"block={block!r} is not one of {[WEIGHT, *measure.atoms]}")
    size = 1 if block == WEIGHT else measure.flat([block]).shape[1]
    if not 0 <= index < size:
        raise ValueError(f"index={index} is not in 0..{size - 1}, the entries of {block!r}")
    if not 0 <= atom < measure.n_atoms:
        raise ValueError(f"cell: atom {atom} is not one of the {measure.n_atoms} atoms")
