r"""Class probabilities of the barycentre of a cell, where those of its atoms have no rate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from mixexp.models import MixingMeasure
from mixexp.simulation.claims.measures.basic import Columns, Fitted, Measure
from mixexp.theory.truths.truth import uniform_design
from mixexp.theory.voronoi.engine import LossTable, resolve

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Barycentre(Measure):
    r"""Error of the mean class probabilities of every cell of multinomial experts.

    .. math:: \Big(E_x\max_\ell\Big|\sum_{i\in A_j}\frac{w_i}{W_j}\,p_i(\ell\mid x)
              -p_j^*(\ell\mid x)\Big|^2\Big)^{1/2},\qquad W_j=\sum_{i\in A_j}w_i,

    with :math:`w_i=e^{\beta_{0i}}` the weights of the measure and x uniform on [lower, upper]^d.
    Moving atoms that coincide apart does not raise it to first order, and an exact split of a
    constant expert leaves it at zero. From such a split, where atoms are apart, gate slopes and
    class slopes can move it to first order while the law of a softmax gate moves to second order
    only: there it converges like n^(-1/4), not n^(-1/2).

    Columns: ``barycentre``, the largest over cells, ``barycentre_<j>`` of cell j, and
    ``barycentre_split``, the largest over cells of two atoms or more. Cells without atoms have no
    column, nor has ``barycentre_split`` where no cell is split.

    Parameters
    ----------
    loss : LossTable
        Its cells are used.
    lower, upper : float
        Support of every column of x.
    n_points : int
        Gauss-Legendre points a column of x.

    References
    ----------
    Derived in this project: the exact splits at
    :func:`mixexp.theory.losses.softmax_multinomial.d3_barycentre`.

    Examples
    --------
    A constant expert with probabilities 1/2 splits into 0.3 and 0.7 exactly:

    >>> from mixexp.theory.losses import softmax_multinomial
    >>> logit = np.log([[0.3, 0.7], [0.7, 0.3]])
    >>> blocks = {"gate_coef": np.zeros((2, 1)), "coef": np.zeros((2, 2, 1)), "intercept": logit}
    >>> truth = MixingMeasure([1.0], {**{key: block[:1] for key, block in blocks.items()},
    ...                               "intercept": [[0.0, 0.0]]})
    >>> measure = Barycentre(softmax_multinomial.d1, -1.0, 1.0)
    >>> split = Fitted(MixingMeasure([0.5, 0.5], blocks), truth, None, None)
    >>> print(f"{measure(split)['barycentre_split']:.10f}")
    0.0000000000
    """

    loss: LossTable
    lower: float
    upper: float
    n_points: int = 24

    def __call__(self, fitted: Fitted) -> Columns:
        partition = resolve(self.loss, fitted.measure, fitted.truth)[0]
        atoms, true = partition.fitted, partition.truth
        n_columns = true["coef"].shape[2]
        x, mass = uniform_design(self.lower, self.upper, self.n_points, n_columns)
        target, found = class_probabilities(true, x), class_probabilities(atoms, x)
        errors: dict[int, float] = {}
        for j in range(true.n_atoms):
            members = np.flatnonzero(partition.label == j)
            if len(members):
                share = atoms.weight[members] / atoms.weight[members].sum()
                error = np.tensordot(share, found[members], axes=1) - target[j]
                errors[j] = float(np.sqrt(mass @ np.abs(error).max(axis=1) ** 2))
        columns: Columns = {f"barycentre_{j}": value for j, value in errors.items()}
        columns["barycentre"] = max(errors.values())
        if split := [value for j, value in errors.items() if partition.size[j] > 1]:
            columns["barycentre_split"] = max(split)
        return columns


def class_probabilities(measure: MixingMeasure, x: Array) -> Array:
    """Class probabilities of every atom at the rows of x, (K, n, J).

    Examples
    --------
    >>> measure = MixingMeasure([1.0], {"intercept": [[0.0, 0.0]], "coef": [[[1.0], [0.0]]]})
    >>> class_probabilities(measure, np.log([[1.0], [3.0]]))
    array([[[0.5 , 0.5 ],
            [0.75, 0.25]]])
    """
    slopes = np.einsum("kjd,nd->knj", measure["coef"], x)
    return softmax(measure["intercept"][:, None] + slopes, axis=2)
