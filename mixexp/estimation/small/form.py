"""Which models have a compiled form, and that form: a few small arrays of numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mixexp.models.basis import Basis, Monomials
from mixexp.models.coordinates import Sharing
from mixexp.models.experts import Binomial, Gaussian, Multinomial, Poisson
from mixexp.models.gates import Softmax, Transformed
from mixexp.models.layout import Layout
from mixexp.models.mixture import MixtureOfExperts

Array = NDArray[np.float64]

# The codes of the kernels. Exact types: what a subclass changes, the kernels do not know.
_FAMILIES: dict[type, int] = {Gaussian: 0, Multinomial: 1, Poisson: 2, Binomial: 3}
_GATES: tuple[type, ...] = (Softmax, Transformed)


# Rows times free parameters beyond which the general engine is as fast or faster, whose blocks suit
# the caches: measured at 20,000 rows of 8 parameters and 4,000 of 35. At 200 rows it takes eight
# times as long, and four times.
_SMALL = 150_000


@dataclass(frozen=True, eq=False)
class Form:
    """A model as the kernels of small problems read it.

    Attributes
    ----------
    family : int
    n_experts, n_free : int
    coordinates : array (1 + E, 4)
        First feature, terms, place in θ and distance from expert to expert of the gate's
        coordinate and of the experts'; see :mod:`mixexp._kernels.small_pass`.
    bases : tuple of Basis
        The feature maps whose terms, one below the other, are the features.
    """

    family: int
    n_experts: int
    n_free: int
    coordinates: NDArray[np.int64]
    bases: tuple[Basis, ...]

    @classmethod
    def of(cls, model: MixtureOfExperts) -> Form | None:
        """The compiled form of a model; None if it has none.

        Examples
        --------
        >>> from mixexp.models import Gaussian, Softmax, TopK
        >>> Form.of(MixtureOfExperts(Softmax(), Gaussian(), n_experts=2, n_columns=1)).n_free
        8
        >>> Form.of(MixtureOfExperts(TopK(n_active=1), Gaussian(), 2, 1)) is None
        True
        """
        family = _FAMILIES.get(type(model.expert))
        if family is None or type(model.gate) not in _GATES:
            return None
        layout = model.layout
        bases = tuple(b for b in layout.bases if not _is_constant(b)) or layout.bases[:1]
        return cls(family, model.n_experts, layout.n_free, _places(layout, bases), bases)

    def is_small(self, n_rows: int) -> bool:
        """Whether so many rows are a small problem."""
        return n_rows * self.n_free <= _SMALL

    @property
    def n_features(self) -> int:
        """Terms of all feature maps together."""
        return sum(b.n_terms for b in self.bases)


def _is_constant(basis: Basis) -> bool:
    return basis.terms == ((),)


def _places(layout: Layout, bases: tuple[Basis, ...]) -> NDArray[np.int64]:
    ends = np.cumsum([0, *(b.n_terms for b in bases)])
    rows = []
    for c, where, (_, n_terms) in zip(
        layout.coordinates, layout.slices, layout.shapes, strict=True
    ):
        # A constant is the first term of every other feature map as well.
        first = 0 if _is_constant(c.basis) else int(ends[bases.index(c.basis)])
        rows.append((first, n_terms, where.start, 0 if c.sharing is Sharing.SHARED else n_terms))
    return np.array(rows, dtype=np.int64)


def acts_on_standardized(basis: Basis) -> bool:
    """Whether a feature map is one of the standardised columns, not of the user's."""
    return isinstance(basis, Monomials)
