r"""Losses of the dense-to-sparse gated Gaussian mixture of experts, with a free temperature.

The gate is softmax of :math:`(\beta_{1i}^\top x+\beta_{0i})/\tau`. Blocks ``gate_coef``
(:math:`\beta_1`), ``gate_temperature`` (:math:`\tau`, the same for every atom), ``coef`` (a),
``intercept`` (b) and ``variance`` (:math:`\nu`); weights are :math:`e^{\beta_{0i}/\tau}`; cells by
all blocks.

The paper fixes the gate of the last expert; the loss here takes the infimum over translations
:math:`\beta_1+t_2` instead. Derived here: the density also stays the same if
:math:`(\beta_0,\beta_1,\tau)` is multiplied by a positive number, and there the loss is positive
by definition. It measures parameters that the density does not determine.

References
----------
.. [1] Nguyen, H., Akbarian, P. and Ho, N. (2024). Is temperature sample efficient for softmax
   Gaussian mixture of experts? arXiv:2401.13875, the loss as it is stated in the literature.
"""

from __future__ import annotations

from mixexp.theory.voronoi.engine import LossTable
from mixexp.theory.voronoi.terms import GATE, Cell, Term, checked_order, separate

BLOCKS = (GATE, "gate_temperature", "coef", "intercept", "variance")
PAPER = "arXiv:2401.13875"


def d(r: float) -> LossTable:
    r"""Loss with the exponent r everywhere.

    .. math:: \|\Delta^{t_2}\beta_1\|^r+|\Delta\tau|^r+\|\Delta a\|^r+|\Delta b|^r+|\Delta\nu|^r

    Stated in the literature: no estimator has a smaller order than :math:`n^{-1/2}` uniformly,
    for any r, with the right number of experts or more, so that some parameters converge more
    slowly than any polynomial rate.

    Parameters
    ----------
    r : float
        At least 1.

    Raises
    ------
    ValueError
        If r is not a finite number of 1 or more.

    Examples
    --------
    >>> from mixexp.models.measure import MixingMeasure
    >>> truth = MixingMeasure([1.0, 1.0], {
    ...     "gate_coef": [[2.0], [0.0]], "gate_temperature": [1.0, 1.0], "coef": [[2.0], [-1.5]],
    ...     "intercept": [2.0, -2.0], "variance": [0.25, 0.25]})
    >>> cold = MixingMeasure(truth.weight, {**truth.atoms, "gate_temperature": [0.8, 0.8]})
    >>> d(2)(cold, truth).value
    0.04
    """
    order = checked_order(r)

    def table(cell: Cell) -> tuple[Term, ...]:
        return separate(dict.fromkeys(BLOCKS, order))

    return LossTable(
        table, BLOCKS, f"{PAPER}, loss D,r", "stated in the literature", cells="all",
        made_by=(d, (r,)),
    )  # fmt: skip
