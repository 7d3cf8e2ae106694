r"""Merging atoms of a mixing measure into one.

Softmax-gated experts, with shares :math:`\lambda_i=s_i/\sum_{l\in g}s_l` of the atoms in a group g,

.. math:: w=\sum_{i\in g}w_i,\qquad(\beta_1,a,b)=\sum_{i\in g}\lambda_i(\beta_{1i},a_i,b_i),\qquad
          \nu=\sum_{i\in g}\lambda_i\{\nu_i+E(b_i-b+(a_i-a)^\top\varphi(x))^2\}.

In the literature s are the weights w, the gate at x = 0 wherever that is, and variances are
averaged without the second term. Derived here: that is the variance of no mixture, as the means of
the parts differ too; with the term, and weights that do not depend on x, the merged expert has the
mean and the average variance of the experts that it replaces. With s the probabilities of the
experts averaged over the rows, and w the gate at the mean of its features (see
:mod:`~mixexp.selection.merging_weights`), merges are the same wherever x has its origin. That is
derived here as well.

Gaussian-gated experts are merged in their joint law, see
:mod:`mixexp.selection.merging_gaussian`, and :mod:`mixexp.selection.merging_polynomial` where they
are not linear in x.

References
----------
.. [1] arXiv:2510.12744 (softmax-gated) and its code: the merge without the second term.
.. [2] arXiv:2403.01684 (mixtures).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mixexp.models.measure import MixingMeasure
from mixexp.selection.merging_gaussian import GATE_MEAN, moment_matched
from mixexp.selection.merging_polynomial import FEATURE_MOMENT, regression_matched
from mixexp.selection.merging_weights import LOG_WEIGHT, weighted

Array = NDArray[np.float64]
SPREADS = ("variance", "covariance")


def merge_atoms(
    measure: MixingMeasure,
    group: Sequence[int],
    *,
    second_moment: ArrayLike | None = None,
    share: ArrayLike | None = None,
) -> MixingMeasure:
    r"""Replace a group of atoms by one, at the place of the first of them.

    Parameters
    ----------
    measure : MixingMeasure
        With ``gate_mean`` and ``gate_covariance`` merged as a joint Gaussian law of (x, y), or with
        a block ``feature_moment`` by regression; otherwise by averages, as experts without
        ``variance`` or ``covariance`` are.
    group : sequence of int
        Different atoms, two or more.
    second_moment : array (1 + q, 1 + q), optional
        Mean of :math:`(1,\varphi)(1,\varphi)^\top` over the features that slopes ``coef`` multiply,
        see :func:`second_moment_of`, for the spread of the means of averaged experts. Without it
        the variance is the average of variances, as in the literature. Not used for Gaussian gates.
    share : array (K,), optional
        Probabilities s of all atoms, averaged over the rows; by default the weights, as in the
        literature. Not used for Gaussian gates, whose weights are probabilities.

    Returns
    -------
    MixingMeasure
        The other atoms keep their order.

    Raises
    ------
    ValueError
        If the group is not one, or the moments have another shape.
    CannotMergeError
        If Gaussian-gated experts are not linear in x and come without feature moments.

    Examples
    --------
    >>> G = MixingMeasure([1.0, 1.0, 2.0], {"gate_coef": [[1.0], [3.0], [0.0]],
    ...     "coef": [[1.0], [1.0], [0.0]], "intercept": [0.0, 2.0, 9.0],
    ...     "variance": [1.0, 1.0, 1.0]})
    >>> merge_atoms(G, [0, 1])["variance"]
    array([1., 1.])
    >>> merge_atoms(G, [0, 1], second_moment=np.eye(2))["variance"]
    array([2., 1.])
    >>> merge_atoms(G, [0, 1], share=[0.1, 0.3, 0.6])["intercept"]
    array([1.5, 9. ])
    """
    rows = checked_group(measure, group)
    part = measure.take(rows)
    if share is not None and GATE_MEAN not in measure.atoms:
        part = MixingMeasure(np.asarray(share, dtype=float)[rows], part.atoms)
    if FEATURE_MOMENT in measure.atoms:
        atom: Mapping[str, Array] = regression_matched(part)
    elif GATE_MEAN in measure.atoms:
        atom = moment_matched(part)
    else:
        atom = _averaged(part, second_moment)
    kept = [i for i in range(measure.n_atoms) if i == rows[0] or i not in rows]
    place = kept.index(rows[0])
    weight = measure.weight[kept]
    weight[place] = measure.weight[rows].sum()
    blocks = {name: block[kept] for name, block in measure.atoms.items()}
    for name, block in blocks.items():
        block[place] = atom[name]
    merged = MixingMeasure(weight, blocks)
    if LOG_WEIGHT not in measure.atoms:
        return merged
    logs = measure[LOG_WEIGHT][kept]
    logs[place] = np.logaddexp.reduce(measure[LOG_WEIGHT][rows])
    return weighted(merged, logs)


def second_moment_of(features: ArrayLike) -> Array:
    """Mean of (1, φ)(1, φ)ᵀ over rows φ (n, q), shape (1 + q, 1 + q).

    Examples
    --------
    >>> second_moment_of([[1.0], [3.0]])
    array([[1., 2.],
           [2., 5.]])
    """
    phi = np.asarray(features, dtype=float)
    rows = np.column_stack([np.ones(len(phi)), phi])
    return np.asarray(rows.T @ rows / len(rows))


def checked_group(measure: MixingMeasure, group: Sequence[int]) -> list[int]:
    """The atoms of a group as a sorted list.

    Raises
    ------
    ValueError
        If they are not two or more different atoms of the measure.

    Examples
    --------
    >>> checked_group(MixingMeasure([1.0, 1.0], {"intercept": [0.0, 1.0]}), (1, 0))
    [0, 1]
    """
    rows = sorted(int(i) for i in group)
    if len(rows) < 2 or len(set(rows)) < len(rows) or rows[0] < 0 or rows[-1] >= measure.n_atoms:
        raise ValueError(
            f"group={group} must hold two or more different atoms of 0..{measure.n_atoms - 1}"
        )
    return rows


def _averaged(part: MixingMeasure, second_moment: ArrayLike | None) -> dict[str, Array]:
    """The barycentre of all atoms, with the spread of their means in its variance."""
    whole = part.merge([range(part.n_atoms)])
    atom = {name: block[0] for name, block in whole.atoms.items()}
    spread = [name for name in SPREADS if name in atom]
    if second_moment is None or not spread:
        return atom
    between = _between(part, whole, np.asarray(second_moment, dtype=float))
    wide = atom["intercept"].ndim > 0
    return {**atom, spread[0]: atom[spread[0]] + (between if wide else between[0, 0])}


def _between(part: MixingMeasure, whole: MixingMeasure, moment: Array) -> Array:
    """Average covariance (D, D) of the experts' means around that of the whole."""
    k = part.n_atoms
    step = np.concatenate(
        [
            (part["intercept"] - whole["intercept"]).reshape(k, -1, 1),
            (part["coef"] - whole["coef"]).reshape(k, part["intercept"][0].size, -1),
        ],
        axis=2,
    )
    if moment.shape != (step.shape[2], step.shape[2]):
        raise ValueError(
            f"second_moment has shape {moment.shape}; slopes of {step.shape[2] - 1} features need "
            f"{(step.shape[2], step.shape[2])}, the constant included"
        )
    share = part.weight / part.weight.sum()
    return np.asarray(np.einsum("k,kip,pq,kjq->ij", share, step, moment, step))
