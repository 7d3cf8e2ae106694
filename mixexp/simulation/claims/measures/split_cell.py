"""Errors inside the only split cell, under the name of that cell: cells have unlike constants."""

from __future__ import annotations

from dataclasses import dataclass

from mixexp.simulation.claims.measures.basic import Columns, Fitted, Measure, only_split
from mixexp.theory.voronoi.engine import LossTable


@dataclass(frozen=True)
class SplitCell(Measure):
    """``cell_<j>_<block>``: errors in the blocks of cell j, if it alone holds several atoms.

    With two split cells or none there are no columns. Errors as in
    :class:`~mixexp.simulation.claims.measures.basic.Cells`.

    Parameters
    ----------
    loss : LossTable
        Its cells and exponents are used.

    Examples
    --------
    >>> import numpy as np
    >>> from mixexp.models import MixingMeasure
    >>> from mixexp.theory.losses.softmax_gaussian import d2_sharp
    >>> from mixexp.theory.truths.named import TRUTHS
    >>> truth = TRUTHS["balanced"].measure
    >>> three = truth.take([0, 1, 1])
    >>> apart = three["intercept"] + [0.0, 0.3, -0.3]
    >>> three = MixingMeasure(three.weight, {**three.atoms, "intercept": apart})
    >>> columns = SplitCell(d2_sharp)(Fitted(three, truth, None, np.zeros((1, 1))))
    >>> sorted(columns)
    ['cell_1_coef', 'cell_1_gate_coef', 'cell_1_intercept', 'cell_1_variance']
    >>> print(columns["cell_1_intercept"])
    0.3
    """

    loss: LossTable

    def __call__(self, fitted: Fitted) -> Columns:
        row = only_split(fitted, self.loss)
        if row is None:
            return {}
        blocks = [name for name in fitted.truth.atoms if name in row]
        return {f"cell_{row['cell']}_{name}": row[name] for name in blocks}
