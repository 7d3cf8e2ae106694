r"""The Voronoi losses D1, D2 and sharper D2 of the softmax-gated Gaussian mixture of experts.

Each is the engine of :mod:`mixexp.theory.voronoi_loss` with a table of exponents: the infimum over
translations :math:`(t_1,t_2)` of the gate is exact, measures are normalised, and relabelling,
translating or splitting an atom exactly changes nothing. Units are those of the parameters,
``variance`` being a variance. The theorems are for expert means that are linear in x.

References
----------
.. [1] Nguyen, H., Nguyen, T. and Ho, N. (2023). Demystifying softmax gating function in Gaussian
   mixture of experts. arXiv:2305.03288, equations (4), (5) and (6), Theorems 1 and 2.
"""

from __future__ import annotations

from collections.abc import Mapping

from mixexp.models.measure import MixingMeasure
from mixexp.theory.exponents import d1_table, d2_sharp_table, d2_table
from mixexp.theory.voronoi_loss import Cells, VoronoiLoss, voronoi_loss


def d1(fitted: MixingMeasure, truth: MixingMeasure, *, cells: Cells = "expert") -> VoronoiLoss:
    r"""Loss for a known number of experts, equation (4) of [1]_.

    .. math:: D_1=\inf_{t_1,t_2}\sum_j\Big[\sum_{i\in A_j}e^{\beta_{0i}}
        \|(\Delta^{t_2}\beta_{1},\Delta a,\Delta b,\Delta\sigma)_{ij}\|
        +\Big|\sum_{i\in A_j}e^{\beta_{0i}}-e^{\beta_{0j}^*+t_1}\Big|\Big]

    Theorem 1 of [1]_: of order :math:`(\log n/n)^{1/2}` at most for the maximum likelihood
    estimator with k = k*.

    Parameters
    ----------
    fitted, truth : MixingMeasure
        Measures with blocks ``gate_coef``, ``coef``, ``intercept`` and ``variance``.
    cells : {"expert", "all"}
        Cells by (a, b, sigma) as in [1]_, or by these and beta_1. For "all" the gate is first
        aligned by the t2 that is optimal with cells "expert".

    Raises
    ------
    ValueError
        If the measures lack a block or differ in their blocks, or cells are not defined.

    Examples
    --------
    >>> truth = MixingMeasure([1.0, 1.0], {"gate_coef": [[2.0], [0.0]], "coef": [[2.0], [-1.5]],
    ...                                    "intercept": [2.0, -2.0], "variance": [0.25, 0.25]})
    >>> d1(truth.translate(3.0, [1.0]).take([1, 0]), truth).value
    0.0
    >>> moved = MixingMeasure(truth.weight, {**truth.atoms, "intercept": [2.1, -2.0]})
    >>> d1(moved, truth).value
    0.05
    """
    return voronoi_loss("d1", d1_table, fitted, truth, cells, None)


def d2(
    fitted: MixingMeasure,
    truth: MixingMeasure,
    *,
    cells: Cells = "expert",
    r_bar: Mapping[int, float] | None = None,
) -> VoronoiLoss:
    r"""Loss for too many experts, equation (5) of [1]_.

    In cells of one atom as :func:`d1`; in larger cells, with :math:`\bar r=\bar r(|A_j|)`,

    .. math:: \|(\Delta^{t_2}\beta_1,\Delta b)_{ij}\|^{\bar r}
              +\|(\Delta a,\Delta\sigma)_{ij}\|^{\bar r/2}.

    Theorem 2 of [1]_: of order :math:`(\log n/n)^{1/2}` at most for the maximum likelihood
    estimator with k > k*; derived here: this needs k < 2 k*, see ``identifiable``.

    Parameters
    ----------
    fitted, truth, cells
        See :func:`d1`.
    r_bar : mapping of int to float, optional
        Exponents by size of the cell, in place of :func:`mixexp.theory.exponents.r_bar`.

    Examples
    --------
    >>> truth = MixingMeasure([1.0, 1.0], {"gate_coef": [[2.0], [0.0]], "coef": [[2.0], [-1.5]],
    ...                                    "intercept": [2.0, -2.0], "variance": [0.25, 0.25]})
    >>> fitted = truth.split(0, [0.5, 0.5])
    >>> fitted = MixingMeasure(fitted.weight, {**fitted.atoms, "intercept": [1.8, 2.2, -2.0]})
    >>> loss = d2(fitted, truth)
    >>> loss.value, loss.table[0].blocks, loss.table[0].power
    (0.0008, ('gate_coef', 'intercept'), 4.0)
    """
    return voronoi_loss("d2", d2_table, fitted, truth, cells, r_bar)


def d2_sharp(
    fitted: MixingMeasure,
    truth: MixingMeasure,
    *,
    cells: Cells = "expert",
    r_bar: Mapping[int, float] | None = None,
) -> VoronoiLoss:
    r"""Sharper loss for too many experts, derived here and valid for k < 2 k*.

    As :func:`d2`, but in cells of two atoms or more

    .. math:: \|\Delta^{t_2}\beta_1\|^2+\|\Delta a\|^2+|\Delta b|^{\bar r}
              +|\Delta\sigma|^{\bar r/2}.

    Reason: in the expansion of the density the coefficients of
    :math:`x_u^2e^{\beta_{1j}^{*\top}x}f` and of its second derivative in the mean are
    :math:`\tfrac12\sum_{i\in A_j}e^{\beta_{0i}}(\Delta\beta_{1u})^2` and, to leading order,
    :math:`\tfrac12\sum_{i\in A_j}e^{\beta_{0i}}(\Delta a_u)^2`; both are of the order of the
    distance between densities. Cells of two: errors of order :math:`n^{-1/4}` in
    :math:`\beta_1,a,\sigma` and :math:`n^{-1/8}` in b.

    Parameters
    ----------
    fitted, truth, cells, r_bar
        See :func:`d2`.

    Examples
    --------
    >>> truth = MixingMeasure([1.0, 1.0], {"gate_coef": [[2.0], [0.0]], "coef": [[2.0], [-1.5]],
    ...                                    "intercept": [2.0, -2.0], "variance": [0.25, 0.25]})
    >>> fitted = truth.split(0, [0.5, 0.5])
    >>> fitted = MixingMeasure(fitted.weight, {**fitted.atoms, "coef": [[1.9], [2.1], [-1.5]]})
    >>> d2_sharp(fitted, truth).value
    0.005
    """
    return voronoi_loss("d2_sharp", d2_sharp_table, fitted, truth, cells, r_bar)
