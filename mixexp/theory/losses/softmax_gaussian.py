r"""Losses D1, D2 and sharper D2 of the softmax-gated Gaussian mixture of experts.

Blocks ``gate_coef`` (:math:`\beta_1`), ``coef`` (a), ``intercept`` (b) and ``variance``
(:math:`\sigma`, a variance); cells by (a, b, sigma). The theorems are for expert means that are
linear in x. Call a loss as ``d2(fitted, truth)``, see
:func:`mixexp.theory.voronoi.engine.voronoi_loss`.

The gate is softmax of linear scores without a temperature, known up to a translation only. A
measure with ``gate_temperature`` is refused. One of an activation gate without a temperature has
the same blocks and cannot be told apart: use :mod:`mixexp.theory.losses.activation_gaussian`.

References
----------
.. [1] Nguyen, H., Nguyen, T. and Ho, N. (2023). Demystifying softmax gating function in Gaussian
   mixture of experts. arXiv:2305.03288, equations (4), (5) and (6), Theorems 1 and 2.
"""

from __future__ import annotations

from mixexp.theory.voronoi.engine import loss_table
from mixexp.theory.voronoi.terms import GATE, Cell, Term, separate

BLOCKS = (GATE, "coef", "intercept", "variance")
_SINGLE = (Term(BLOCKS, 1.0),)


@loss_table(
    blocks=BLOCKS, source="arXiv:2305.03288, equation (4)", status="stated in the literature"
)
def d1(cell: Cell) -> tuple[Term, ...]:
    r"""Loss for a known number of experts, equation (4) of [1]_.

    .. math:: D_1=\inf_{t_1,t_2}\sum_j\Big[\sum_{i\in A_j}e^{\beta_{0i}}
        \|(\Delta^{t_2}\beta_{1},\Delta a,\Delta b,\Delta\sigma)_{ij}\|
        +\Big|\sum_{i\in A_j}e^{\beta_{0i}}-e^{\beta_{0j}^*+t_1}\Big|\Big]

    Theorem 1 of [1]_: of order :math:`(\log n/n)^{1/2}` at most for the maximum likelihood
    estimator with k = k*.

    Examples
    --------
    >>> from mixexp.models.measure import MixingMeasure
    >>> truth = MixingMeasure([1.0, 1.0], {"gate_coef": [[2.0], [0.0]], "coef": [[2.0], [-1.5]],
    ...                                    "intercept": [2.0, -2.0], "variance": [0.25, 0.25]})
    >>> d1(truth.translate(3.0, [1.0]).take([1, 0]), truth).value
    0.0
    >>> moved = MixingMeasure(truth.weight, {**truth.atoms, "intercept": [2.1, -2.0]})
    >>> d1(moved, truth).value
    0.05
    """
    return _SINGLE


@loss_table(
    blocks=BLOCKS, source="arXiv:2305.03288, equation (5)", status="stated in the literature"
)
def d2(cell: Cell) -> tuple[Term, ...]:
    r"""Loss for too many experts, equation (5) of [1]_.

    In cells of one atom as :func:`d1`; in larger cells, with :math:`\bar r=\bar r(|A_j|)`,

    .. math:: \|(\Delta^{t_2}\beta_1,\Delta b)_{ij}\|^{\bar r}
              +\|(\Delta a,\Delta\sigma)_{ij}\|^{\bar r/2}.

    Theorem 2 of [1]_: of order :math:`(\log n/n)^{1/2}` at most for the maximum likelihood
    estimator with k > k*; derived here: this needs k < 2 k*, see ``identifiable``.

    Examples
    --------
    >>> from mixexp.models.measure import MixingMeasure
    >>> truth = MixingMeasure([1.0, 1.0], {"gate_coef": [[2.0], [0.0]], "coef": [[2.0], [-1.5]],
    ...                                    "intercept": [2.0, -2.0], "variance": [0.25, 0.25]})
    >>> fitted = truth.split(0, [0.5, 0.5])
    >>> fitted = MixingMeasure(fitted.weight, {**fitted.atoms, "intercept": [1.8, 2.2, -2.0]})
    >>> loss = d2(fitted, truth)
    >>> loss.value, loss.table[0].blocks, loss.table[0].power
    (0.0008, ('gate_coef', 'intercept'), 4.0)
    """
    if cell.size == 1:
        return _SINGLE
    return Term((GATE, "intercept"), cell.order), Term(("coef", "variance"), cell.order / 2)


@loss_table(blocks=BLOCKS, source="sharper form of arXiv:2305.03288, (5)", status="derived here")
def d2_sharp(cell: Cell) -> tuple[Term, ...]:
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

    Examples
    --------
    >>> from mixexp.models.measure import MixingMeasure
    >>> truth = MixingMeasure([1.0, 1.0], {"gate_coef": [[2.0], [0.0]], "coef": [[2.0], [-1.5]],
    ...                                    "intercept": [2.0, -2.0], "variance": [0.25, 0.25]})
    >>> fitted = truth.split(0, [0.5, 0.5])
    >>> fitted = MixingMeasure(fitted.weight, {**fitted.atoms, "coef": [[1.9], [2.1], [-1.5]]})
    >>> d2_sharp(fitted, truth).value
    0.005
    """
    if cell.size == 1:
        return _SINGLE
    powers = {GATE: 2.0, "coef": 2.0, "intercept": cell.order, "variance": cell.order / 2}
    return separate(powers)
