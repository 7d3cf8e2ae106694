"""Two experts behind an odd activation: either may be the reference, and both truths count."""

from __future__ import annotations

from dataclasses import dataclass

from mixexp.models import MixingMeasure
from mixexp.simulation.claims.measures.basic import Columns, Fitted, Measure
from mixexp.theory.voronoi.engine import LossTable


@dataclass(frozen=True)
class Mirrored(Measure):
    """Measures relative to the nearer of the two mixing measures that the true law has.

    With two experts and an odd activation, slopes (β, 0) and (0, -β) are one law: the reference is
    the other expert. The column ``mirrored`` says whether the second was nearer by `loss`.

    Parameters
    ----------
    loss : LossTable
    measures : tuple of Measure

    Examples
    --------
    >>> import numpy as np
    >>> from mixexp.simulation.claims.measures.basic import Loss
    >>> from mixexp.theory.losses import activation_gaussian
    >>> from mixexp.theory.truths.named import TRUTHS
    >>> truth = TRUTHS["activation"].measure
    >>> measure = Mirrored(activation_gaussian.d, (Loss("d", activation_gaussian.d),))
    >>> measure(Fitted(mirror(truth), truth, None, np.zeros((1, 1))))
    {'mirrored': True, 'd': 0.0}
    """

    loss: LossTable
    measures: tuple[Measure, ...]

    def __call__(self, fitted: Fitted) -> Columns:
        truths = (fitted.truth, mirror(fitted.truth))
        errors = [float(self.loss(fitted.measure, truth)) for truth in truths]
        nearer = errors[1] < errors[0]
        fitted = fitted._replace(truth=truths[nearer])
        columns: Columns = {"mirrored": nearer}
        for measure in self.measures:
            columns |= measure(fitted)
        return columns


def mirror(truth: MixingMeasure) -> MixingMeasure:
    """The other mixing measure of the law of two experts with slopes (β, 0), an odd activation.

    Its slopes are (0, -β) and its log-weights the same, those being the logits at x = 0.

    Raises
    ------
    ValueError
        Unless there are two atoms, the second being the reference.
    """
    slope = truth["gate_coef"]
    if len(slope) != 2 or slope[1].any():
        raise ValueError(
            f"gate_coef={slope.tolist()} of the truth has no mirror image; it must be that of two "
            "experts, the second being the reference with slope zero"
        )
    return MixingMeasure(truth.weight, {**truth.atoms, "gate_coef": slope - slope[0]})
