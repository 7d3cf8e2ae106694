r"""The loss that the literature's own program computes: no infimum over translations."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mixexp.models import MixingMeasure
from mixexp.simulation.claims.measures.basic import Columns, Fitted, Measure
from mixexp.theory.voronoi.terms import r_bar

Array = NDArray[np.float64]

_FULL = ("gate_coef", "intercept")
_HALF = ("coef", "variance")


@dataclass(frozen=True)
class AsPublished(Measure):
    r"""``published``: the loss of the code of arXiv:2305.03288, for softmax gates.

    .. math:: \sum_j\Big[\sum_{i\in A_j}w_i\big(\|\Delta\beta_1\|^r+|\Delta b|^r
        +\|\Delta a\|^{r/2}+|\Delta\sigma|^{r/2}\big)+\Big|\sum_{i\in A_j}w_i-w_j^*\Big|\Big]

    with :math:`r=\bar r(|A_j|)`, 4 and 6 in cells of two atoms and three; in cells of one all
    powers are 1. Cells are by :math:`(\beta_1,a,b,\sigma)`; weights :math:`w=e^{\beta_0}` and
    slopes are relative to a reference in the fit and in the truth, and nothing is aligned. So it is
    near 1 if the cell of the reference holds two atoms of like weight, however close they are.

    The reference of the fit is its last atom, as in the code, whose starts keep it near the true
    one. If another true expert is nearer to the last atom, which only separated starts lead to, the
    reference is the fitted atom whose expert is nearest to the true reference.

    Examples
    --------
    Two copies of the reference, each with the weight 1 of the whole:

    >>> from mixexp.theory.losses.softmax_gaussian import d2
    >>> from mixexp.theory.truths.named import TRUTHS
    >>> truth = TRUTHS["lambda"].measure
    >>> halved = truth.split(1, [0.5, 0.5])
    >>> fitted = Fitted(halved, truth, None, np.zeros((1, 1)))
    >>> print(round(AsPublished()(fitted)["published"], 3), round(float(d2(halved, truth)), 3))
    1.0 0.0
    """

    def __call__(self, fitted: Fitted) -> Columns:
        truth = _referenced(fitted.truth, fitted.truth.n_atoms - 1)
        measure = _referenced(fitted.measure, _reference(fitted.measure, truth))
        names = (*_FULL, *_HALF)
        distance = np.linalg.norm(
            measure.flat(names)[:, None] - truth.flat(names)[None], axis=2
        )  # fmt: skip
        cell = distance.argmin(axis=1)
        total = 0.0
        for j in range(truth.n_atoms):
            atoms = np.flatnonzero(cell == j)
            weight = measure.weight[atoms]
            total += abs(weight.sum() - truth.weight[j])
            if len(atoms):
                total += float(weight @ _errors(measure.take(atoms), truth.take([j])))
        return {"published": float(total)}


def _errors(atoms: MixingMeasure, true: MixingMeasure) -> Array:
    """Sum of the powers of the errors of every atom of a cell, (m,)."""
    size = atoms.n_atoms
    r = r_bar(size)
    powers = dict.fromkeys(_FULL, r) | dict.fromkeys(_HALF, r / 2 if size > 1 else 1.0)
    found = np.zeros(size)
    for name, power in powers.items():
        found += np.linalg.norm(atoms.flat([name]) - true.flat([name]), axis=1) ** power
    return found


def _reference(measure: MixingMeasure, truth: MixingMeasure) -> int:
    """The last atom, or the nearest to the true reference if the last belongs to another expert."""
    names = ("coef", "intercept", "variance")
    distance = np.linalg.norm(measure.flat(names)[:, None] - truth.flat(names)[None], axis=2)
    last = truth.n_atoms - 1
    return len(distance) - 1 if distance[-1].argmin() == last else int(distance[:, last].argmin())


def _referenced(measure: MixingMeasure, k: int) -> MixingMeasure:
    """The measure whose atom k has weight 1 and gate slope 0."""
    slope = measure["gate_coef"] - measure["gate_coef"][k]
    return MixingMeasure(measure.weight / measure.weight[k], {**measure.atoms, "gate_coef": slope})
