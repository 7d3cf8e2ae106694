"""A parameter space Θ in which one expert is known, so that only the others are fitted."""

from __future__ import annotations

from dataclasses import dataclass

from mixexp.estimation.box import Bounds, Box
from mixexp.models.layout import Layout
from mixexp.theory.truths.truth import Truth


@dataclass(frozen=True)
class LastExpertKnown(Bounds):
    """Bounds of Θ in which the last of the experts, the gate's reference, has given parameters.

    A known coordinate is an interval of one point: solvers leave it where it is, and certificates
    neither count it among the free ones nor call it held on a bound. Whatever the number of
    experts, it is the last that is known.

    Parameters
    ----------
    gate, expert, scale, temperature
        As for :class:`mixexp.estimation.box.Bounds`, for all that is not known.
    last : tuple of float
        Free coordinates of the last expert, in the order of θ.

    Raises
    ------
    ValueError
        If the last expert of a model has another number of coordinates.

    Examples
    --------
    >>> from mixexp.models import Gaussian, MixtureOfExperts, Softmax
    >>> layout = MixtureOfExperts(Softmax(), Gaussian(), 2, 1).layout
    >>> box = LastExpertKnown(gate=6.0, expert=6.0, last=(-1.0, 0.5, 0.0)).box(layout)
    >>> [name for name, known in zip(layout.names(["x"]), box.known) if known]
    ['mean[1] 1', 'mean[1] x', 'log-variance[1]']
    """

    last: tuple[float, ...] = ()

    def box(self, layout: Layout) -> Box:
        box = super().box(layout)
        where = layout.expert_of == layout.n_experts - 1
        if where.sum() != len(self.last):
            raise ValueError(
                f"last has {len(self.last)} entries and the last expert {where.sum()} coordinates; "
                "give one value for each"
            )
        box.lower[where] = box.upper[where] = self.last
        return box


def knowing_last(truth: Truth, bounds: Bounds) -> LastExpertKnown:
    """Bounds in which the last expert is that of a truth.

    Parameters
    ----------
    truth : Truth
    bounds : Bounds
        For all other parameters.

    Examples
    --------
    >>> from mixexp.theory.truths.named import balanced_softmax_gaussian
    >>> known = knowing_last(balanced_softmax_gaussian(), Bounds(gate=6.0, expert=6.0))
    >>> known.last[:2]
    (-2.0, -1.5)
    """
    model = truth.model
    theta = model.layout.vector(model.coefficients(truth.params))
    last = theta[model.layout.expert_of == model.n_experts - 1]
    return LastExpertKnown(
        bounds.gate, bounds.expert, bounds.scale, bounds.temperature,
        tuple(float(value) for value in last),
    )  # fmt: skip
