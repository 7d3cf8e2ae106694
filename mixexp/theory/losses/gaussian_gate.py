r"""Losses of the Gaussian-gated Gaussian mixture of experts, for its joint law.

.. math:: p(x,y)=\sum_j\pi_j\,N(x\mid c_j,\Gamma_j)\,N(y\mid a_j^\top x+b_j,\nu_j)

Blocks ``gate_mean`` (c), ``gate_covariance`` (:math:`\Gamma`), ``coef`` (a), ``intercept`` (b) and
``variance`` (:math:`\nu`), or ``covariance`` for responses with several columns. Weights are
probabilities: the joint law knows them and its atoms up to relabelling, so nothing is aligned. The
*conditional* law of y given x knows gates only up to a common factor; these losses are not for it.
Cells are by the sum of the norms of the differences in all blocks.

The exponents have been read in the code that accompanies [1]_, the theorems have not been. There
:math:`\tilde r` stands beside :math:`\bar r`, with the same values. Derived here: they are equal
for every size. Two blocks (c, :math:`\Gamma`) and (b, :math:`\nu`) of the system of
:func:`mixexp.theory.gaussian_gate_system` are location-scale systems of their own, so at the order
:math:`\bar r\ge4` both vanish, and the equation of order (2, 2) that is left forces a to vanish;
below, a solution of one of the two blocks is a solution of all.

References
----------
.. [1] Nguyen, H., Nguyen, T., Nguyen, K. and Ho, N. (2024). Towards convergence rates for
   parameter estimation in Gaussian-gated mixture of experts. arXiv:2305.07572.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from mixexp.models.measure import MixingMeasure
from mixexp.theory.voronoi.engine import loss_table
from mixexp.theory.voronoi.terms import Cell, Term, separate

PAPER = "arXiv:2305.07572"
CENTRE = "gate_mean"
BLOCKS = (CENTRE, "gate_covariance", "coef", "intercept")
SPREADS = ("variance", "covariance")


def centred(measure: MixingMeasure, origin: ArrayLike) -> MixingMeasure:
    r"""The measure of (X - t, Y): :math:`(c_j,b_j)\mapsto(c_j-t,\ b_j+a_j^\top t)`.

    Parameters
    ----------
    measure : MixingMeasure
        With ``gate_mean`` (K, d), ``coef`` (K, d) or (K, D, d) and ``intercept`` (K,) or (K, D).
    origin : array (d,)
        The point t that becomes the origin.

    Raises
    ------
    ValueError
        If the experts are not linear in x, or t has not the d entries of a centre.

    Examples
    --------
    >>> G = MixingMeasure([1.0], {"gate_mean": [[2.0]], "coef": [[3.0]], "intercept": [1.0]})
    >>> centred(G, [2.0])["gate_mean"].ravel(), centred(G, [2.0])["intercept"]
    (array([0.]), array([7.]))
    """
    t = np.asarray(origin, dtype=float)
    centre, coef = measure[CENTRE], measure["coef"]
    if t.shape != centre.shape[1:] or coef.shape[-1:] != t.shape:
        raise ValueError(
            f"origin has shape {t.shape}, a centre {centre.shape[1:]} and the slopes of an atom "
            f"{coef.shape[1:]}; centring needs experts that are linear in the gate's x"
        )
    blocks = {CENTRE: centre - t, "intercept": measure["intercept"] + coef @ t}
    return MixingMeasure(measure.weight, {**measure.atoms, **blocks})


def around(measure: MixingMeasure, atom: MixingMeasure) -> MixingMeasure:
    """The measure with the centre of the gate of an atom as the origin of x.

    Examples
    --------
    >>> G = MixingMeasure([0.5, 0.5], {"gate_mean": [[2.0], [3.0]], "coef": [[3.0], [0.0]],
    ...                                "intercept": [1.0, 0.0]})
    >>> around(G, G.take([1]))["gate_mean"].ravel()
    array([-1.,  0.])
    """
    return centred(measure, atom[CENTRE][0])


def check_spread(measure: MixingMeasure) -> MixingMeasure:
    """The measure itself, if its experts have a variance or a covariance.

    Raises
    ------
    ValueError
        If they have neither: errors of the experts' spread would not count.

    Examples
    --------
    >>> check_spread(MixingMeasure([1.0], {"intercept": [0.0], "variance": [1.0]})).n_atoms
    1
    """
    if not set(SPREADS) & set(measure.atoms):
        raise ValueError(
            f"the measure has the blocks {sorted(measure.atoms)}; a Gaussian expert needs "
            "'variance' or, for responses with several columns, 'covariance'"
        )
    return measure


def _powers(centre: float, half: float, slope: float) -> tuple[Term, ...]:
    blocks = (CENTRE, "gate_covariance", "coef", "intercept", *SPREADS)
    return separate(dict(zip(blocks, (centre, half, slope, centre, half, half), strict=True)))


@loss_table(
    blocks=BLOCKS, optional=SPREADS, source=f"{PAPER}, loss of type I",
    status="stated in the literature", cells="all", translations=False, common_factor=False,
    summed=True, prepare=check_spread,
)  # fmt: skip
def type1(cell: Cell) -> tuple[Term, ...]:
    r"""Loss of type I, for truths all of whose gates have a centre that is not zero.

    Exponents 1 in cells of one atom; in larger ones, with :math:`\bar r=\bar r(|A_j|)`,

    .. math:: \|\Delta c\|^{\bar r}+\|\Delta\Gamma\|^{\bar r/2}+\|\Delta a\|^{2}
              +|\Delta b|^{\bar r}+|\Delta\nu|^{\bar r/2},

    and the errors :math:`|\sum_{i\in A_j}\pi_i-\pi_j^*|` of the weights. Derived here: "not zero"
    depends on the origin of x, which the law does not know; see :func:`centred_type2`.

    Examples
    --------
    >>> truth = MixingMeasure([0.5, 0.5], {
    ...     "gate_mean": [[-1.0], [1.0]], "gate_covariance": [[[0.2]], [[0.1]]],
    ...     "coef": [[2.0], [-1.0]], "intercept": [0.0, 1.0], "variance": [0.1, 0.2]})
    >>> fitted = truth.split(0, [0.5, 0.5])
    >>> fitted = MixingMeasure(fitted.weight, {**fitted.atoms, "coef": [[1.9], [2.1], [-1.0]]})
    >>> type1(fitted, truth).value
    0.005
    """
    if cell.size == 1:
        return _powers(1.0, 1.0, 1.0)
    return _powers(cell.order, cell.order / 2, 2.0)


@loss_table(
    blocks=BLOCKS, optional=SPREADS, source=f"{PAPER}, loss of type II",
    status="stated in the literature", cells="all", translations=False, common_factor=False,
    summed=True, prepare=check_spread,
)  # fmt: skip
def type2(cell: Cell) -> tuple[Term, ...]:
    r"""Loss of type II, for truths some of whose gates have the centre zero.

    As :func:`type1`, but in cells of two atoms or more whose true centre is exactly zero, with
    :math:`\tilde r=\bar r(|A_j|)`,

    .. math:: \|\Delta c\|^{\tilde r}+\|\Delta\Gamma\|^{\tilde r/2}+\|\Delta a\|^{\tilde r/2}
              +|\Delta b|^{\tilde r}+|\Delta\nu|^{\tilde r/2}.

    Examples
    --------
    >>> at_zero, off = ({"gate_mean": np.array([c])} for c in (0.0, 0.3))
    >>> [type2.table(Cell(3, 6.0, atom))[2].power for atom in (at_zero, off)]
    [3.0, 2.0]
    """
    if cell.size == 1 or np.any(cell.atom[CENTRE] != 0.0):
        return type1.table(cell)
    return _powers(cell.order, cell.order / 2, cell.order / 2)


@loss_table(
    blocks=BLOCKS, optional=SPREADS, source="loss of type II after centring",
    status="derived here", cells="all", translations=False, common_factor=False,
    summed=True, around=around, prepare=check_spread,
)  # fmt: skip
def centred_type2(cell: Cell) -> tuple[Term, ...]:
    r"""Loss of type II in every cell, after the true centre has been made the origin: derived here.

    The laws of (x, y) and (x - t, y) have measures that differ by :func:`centred`, so whether a
    true centre is zero says nothing about the problem. In cell j both measures are expressed around
    :math:`c_j^*`, where it is zero. That changes one error: the intercept gives way to the mean of
    the expert at the true centre,

    .. math:: |\Delta b+\Delta a^\top c_j^*|.

    A cell and its errors then stay the same if x is moved. Types I and II bound one problem in
    different coordinates, but give the slope different powers in cells of three atoms or more: 2
    and :math:`\tilde r/2`. Paths on which the second is attained wherever the centre is are made by
    :func:`mixexp.theory.exponents.joint.joint_split`; along them the loss of type I is of the order
    :math:`\varepsilon^4` and the distance of the laws, for three atoms, :math:`\varepsilon^6`.

    Examples
    --------
    >>> truth = MixingMeasure([0.5, 0.5], {
    ...     "gate_mean": [[-1.0], [1.0]], "gate_covariance": [[[0.2]], [[0.1]]],
    ...     "coef": [[2.0], [-1.0]], "intercept": [0.0, 1.0], "variance": [0.1, 0.2]})
    >>> moved = MixingMeasure([0.5, 0.5], {**truth.atoms, "coef": [[2.1], [-1.0]],
    ...                                    "intercept": [0.1, 1.0]})
    >>> centred_type2(moved, truth).value
    0.05
    >>> centred_type2(centred(moved, [3.0]), centred(truth, [3.0])).value
    0.05
    """
    return type2.table(cell)
