"""Gate probabilities of whole cells: what a softmax gate tells when its slopes are free to move."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from mixexp.models import MixingMeasure
from mixexp.simulation.claims.measures.basic import Columns, Fitted, Measure
from mixexp.theory.voronoi.engine import LossTable

Array = NDArray[np.float64]


@dataclass(frozen=True)
class GateOfCells(Measure):
    r"""``cell_gate``: :math:`\frac1n\sum_i\frac12\sum_j|P_j(x_i)-\pi_j^*(x_i)|`.

    :math:`P_j` adds the gate probabilities of the fitted atoms in cell j. It is zero wherever the
    gates of a fit differ from the truth by a factor common to all cells, so along the orbits of
    k >= 2 k*; a translation does not change it.

    Parameters
    ----------
    loss : LossTable
        Its cells are used.

    Notes
    -----
    For softmax gates of scores linear in x.

    Examples
    --------
    >>> from mixexp.theory.losses.softmax_gaussian import d2_sharp
    >>> from mixexp.theory.truths.named import TRUTHS
    >>> from mixexp.simulation.claims.problems.conditional import Conditional
    >>> from mixexp.estimation.box import Bounds
    >>> problem = Conditional(TRUTHS["balanced"], k=4, bounds=Bounds())
    >>> twice = problem.truth_measure.take([0, 0, 1, 1])
    >>> slope = twice["gate_coef"] + [[3.0], [-3.0], [3.0], [-3.0]]
    >>> orbit = MixingMeasure(twice.weight, {**twice.atoms, "gate_coef": slope})
    >>> x = np.linspace(-1.0, 1.0, 5)[:, None]
    >>> error = GateOfCells(d2_sharp)(Fitted(orbit, problem.truth_measure, problem, x))
    >>> bool(error["cell_gate"] < 1e-15)
    True
    """

    loss: LossTable

    def __call__(self, fitted: Fitted) -> Columns:
        probability = gate_probabilities(fitted.measure, fitted.x)
        cells = self.loss(fitted.measure, fitted.truth).cells
        of_cells = np.column_stack([probability[:, atoms].sum(axis=1) for atoms in cells])
        difference = of_cells - gate_probabilities(fitted.truth, fitted.x)
        return {"cell_gate": float(0.5 * np.abs(difference).sum(axis=1).mean())}


def gate_probabilities(measure: MixingMeasure, x: Array) -> Array:
    """Softmax of ``log w_k + β1_kᵀ x``, (n, K)."""
    return np.asarray(softmax(np.log(measure.weight) + x @ measure["gate_coef"].T, axis=1))
