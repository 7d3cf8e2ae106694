"""Errors inside the only split cell, by whether the fitted reference is in it."""

from __future__ import annotations

from dataclasses import dataclass

from mixexp.simulation.claims.measures.basic import Columns, Fitted, Measure, only_split
from mixexp.theory.voronoi.engine import LossTable


@dataclass(frozen=True)
class ReferenceCell(Measure):
    """``reference_<block>`` if the only split cell holds the last atom, else ``other_<block>``.

    The last fitted atom is the reference, whose gate is pinned at zero: in its cell one atom has no
    error in the gate, and nothing cancels the error of the other. With two split cells or none
    there are no columns. Errors as in :class:`~mixexp.simulation.claims.measures.basic.Cells`.

    Parameters
    ----------
    loss : LossTable
        Its cells and exponents are used; without translations.

    Examples
    --------
    >>> import numpy as np
    >>> from mixexp.models import MixingMeasure
    >>> from mixexp.theory.losses.activation_gaussian import d
    >>> from mixexp.theory.truths.named import TRUTHS
    >>> truth = TRUTHS["activation"].measure
    >>> three = truth.take([0, 1, 1])
    >>> apart = three["gate_coef"] + [[0.0], [0.1], [0.0]]
    >>> three = MixingMeasure(three.weight, {**three.atoms, "gate_coef": apart})
    >>> columns = ReferenceCell(d)(Fitted(three, truth, None, np.zeros((1, 1))))
    >>> print(sorted(columns)[1], round(columns["reference_gate_coef"], 4))
    reference_gate_coef 0.0707
    """

    loss: LossTable

    def __call__(self, fitted: Fitted) -> Columns:
        row = only_split(fitted, self.loss)
        if row is None:
            return {}
        cell = self.loss(fitted.measure, fitted.truth).cells[row["cell"]]
        kind = "reference" if fitted.measure.n_atoms - 1 in cell else "other"
        return {f"{kind}_{name}": row[name] for name in fitted.truth.atoms if name in row}
