r"""Loss of the Gaussian mixture of experts with an activation in the gate.

The gate is softmax of :math:`(s(\beta_{1i}^\top x)+\beta_{0i})/\tau` with an activation s. Blocks
``gate_coef`` (:math:`\beta_1`), ``coef`` (a), ``intercept`` (b), ``variance`` (:math:`\nu`) and,
where the gate has one, ``gate_temperature`` (:math:`\tau`); cells by all blocks. Slopes inside s
cannot be translated, so the reference is as the model has it and only the common factor of the
weights is fitted.

References
----------
.. [1] Nguyen, H., Akbarian, P. and Ho, N. (2024). Is temperature sample efficient for softmax
   Gaussian mixture of experts? arXiv:2401.13875, the loss as it is stated in the literature.
"""

from __future__ import annotations

from mixexp.theory.voronoi.engine import loss_table
from mixexp.theory.voronoi.terms import GATE, Cell, Term, separate

BLOCKS = (GATE, "gate_temperature", "coef", "intercept", "variance")


@loss_table(
    blocks=(GATE, "coef", "intercept", "variance"), optional=("gate_temperature",),
    source="arXiv:2401.13875, loss for activation gates", status="stated in the literature",
    cells="all", translations=False,
)  # fmt: skip
def d(cell: Cell) -> tuple[Term, ...]:
    r"""Exponents 1 in cells of one atom; in larger ones, with :math:`\bar r=\bar r(|C_j|)`,

    .. math:: \|\Delta\beta_1\|^2+|\Delta\tau|^2+\|\Delta a\|^2+|\Delta b|^{\bar r}
              +|\Delta\nu|^{\bar r/2}.

    Stated in the literature for activations whose derivatives are linearly independent, as for a
    sigmoid. Derived here: a positively homogeneous activation (the identity, ReLU, a monomial)
    leaves the scale of :math:`(\beta_0,\beta_1,\tau)` undetermined, and two experts with tanh, a
    sigmoid or the sine can exchange the reference; there the loss is positive at an equal density.
    Also derived here, and computed at one truth: the power 2 of the temperature is not sharp in
    larger cells, as all atoms share it, and neither is that of the slopes if the reference is
    pinned at zero and its cell holds two atoms; both are 1.

    Examples
    --------
    >>> from mixexp.models.measure import MixingMeasure
    >>> truth = MixingMeasure([1.0, 1.0], {"gate_coef": [[2.0], [0.0]], "coef": [[2.0], [-1.5]],
    ...                                    "intercept": [2.0, -2.0], "variance": [0.25, 0.25]})
    >>> fitted = truth.split(0, [0.5, 0.5])
    >>> step = [[2.2], [1.8], [0.0]]
    >>> d(MixingMeasure(fitted.weight, {**fitted.atoms, "gate_coef": step}), truth).value
    0.02
    """
    if cell.size == 1:
        return separate(dict.fromkeys(BLOCKS, 1.0))
    powers = (2.0, 2.0, 2.0, cell.order, cell.order / 2)
    return separate(dict(zip(BLOCKS, powers, strict=True)))
