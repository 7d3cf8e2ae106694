"""Checks of what divergences are asked to compare: each message has the value and the remedy."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mixexp.models.categorical_components import CategoricalComponents
from mixexp.models.count_components import CountComponents
from mixexp.models.distribution import MixtureDistribution
from mixexp.theory.divergences.law import Law
from mixexp.theory.truths.truth import Design, Truth

Array = NDArray[np.float64]
Pair = tuple[Law, Law]


def check_rho(rho: float) -> None:
    """Raise a ValueError unless 0 < rho < 1."""
    if not 0.0 < rho < 1.0:
        raise ValueError(f"rho={rho!r} must lie between 0 and 1, both excluded; 0.5 is customary")


def checked_design(design: Design) -> Design:
    """The design as arrays of floats, or a ValueError that says what is wrong with it."""
    x, weight = (np.asarray(part, dtype=float) for part in design)
    if x.ndim != 2 or len(x) == 0:
        raise ValueError(f"design.x has shape {x.shape}; give one point per row, shape (n, d)")
    if not np.isfinite(x).all():
        raise ValueError(f"design.x has {int((~np.isfinite(x)).sum())} values that are not finite")
    if weight.shape != (len(x),):
        raise ValueError(
            f"design.weight has shape {weight.shape}; give one probability a point, ({len(x)},)"
        )
    if not (weight >= 0).all():
        bad = weight[~(weight >= 0)][0]
        raise ValueError(f"design.weight holds {bad}; probabilities must not be negative")
    if not abs(weight.sum() - 1.0) <= 1e-8:
        raise ValueError(
            f"design.weight sums to {weight.sum():.12g}, not to 1; divide it by its sum"
        )
    return Design(x, weight)


def known_to(p: object, q: object, known: ArrayLike | None) -> ArrayLike | None:
    """Exposures or trials as given, or else those of the truths among the laws."""
    if known is not None:
        return known
    truths = [law for law in (p, q) if isinstance(law, Truth)]
    if all(truth.known is None for truth in truths):
        return None
    # A truth without exposures samples with ones.
    own = {1.0 if truth.known is None else truth.known for truth in truths}
    if len(own) > 1:
        raise ValueError(
            f"known=None, and the truths p and q have {sorted(own)} of their own; pass known, the "
            "exposure or number of trials to compare them at"
        )
    return own.pop()


def distributions(
    pair: Pair, x: Array, known: ArrayLike | None
) -> tuple[list[MixtureDistribution], Array | None]:
    """The laws at the rows of x, and exposures or trials as an array; ValueError if unlike."""
    for name, law in zip("pq", pair, strict=True):
        if law.model.n_columns != x.shape[1]:
            raise ValueError(
                f"{name} is a law of {law.model.n_columns} columns and x has {x.shape[1]}; give x "
                "the columns of the model"
            )
    given = None
    if known is not None:
        given = np.array(np.broadcast_to(np.asarray(known, dtype=float), len(x)))
    laws = [law.distribution(x, given) for law in pair]
    kinds = [_kind(law) for law in laws]
    if kinds[0] != kinds[1]:
        raise ValueError(
            f"the response is {kinds[0]} under p and {kinds[1]} under q; compare laws of one kind"
        )
    if known is not None and not isinstance(laws[0].components, CountComponents):
        raise ValueError(
            f"known={known!r}, and the response is {kinds[0]}, which has neither exposures nor "
            "trials; leave it out"
        )
    return laws, given


def _kind(law: MixtureDistribution) -> str:
    """What the response is, in words that differ for laws that cannot be compared."""
    parts = law.components
    if isinstance(parts, CategoricalComponents):
        return f"one of {parts.n_classes} classes"
    if parts.discrete:
        return f"a count of {type(parts).__name__}"
    return "continuous"
