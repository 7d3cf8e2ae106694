r"""How far apart two atoms are, for merging the nearest ones first.

.. math:: d(i,j)=\Big(\frac1{\pi_i}+\frac1{\pi_j}\Big)^{-1}
          \Big[(\Delta b)^2+\{\|\Delta a\|^2+(\Delta\nu)^2\}^{1/2}\Big]

with the differences of two atoms; :math:`\nu` is a variance. Slopes and variances of experts enter
with the first power because they come in at half the order of intercepts in over-specified fits.
Slopes of softmax gates are not used.

For Gaussian gates the centre is treated as the intercept and the covariance as the variance,

.. math:: (\Delta b)^2+\|\Delta c\|^2+\{\|\Delta a\|^2+\|\Delta\nu\|^2+\|\Delta\Gamma\|^2\}^{1/2}.

The published form for Gaussian gates has not been read; this one is by analogy. In the units of
the data b is compared with a and :math:`\nu`, so a change of units changes which pair is nearest;
:class:`Units` takes them, and the origin of the features, out. That is derived here.

References
----------
.. [1] arXiv:2510.12744 (softmax-gated), the dissimilarity as its code has it.
.. [2] arXiv:2505.13052 (Gaussian-gated), known by its abstract only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mixexp.models.measure import MixingMeasure

Array = NDArray[np.float64]

SQUARED = ("intercept", "gate_mean")
FIRST_POWER = ("coef", "variance", "covariance", "gate_covariance")


@dataclass(frozen=True)
class Units:
    """Origins and scales in which blocks are numbers without units.

    Parameters
    ----------
    feature_center, feature_scale : arrays (q,)
        Of the features that slopes multiply.
    response_scale : float or array (D,)
        Of the response.
    gate_scale : array (d,)
        Of the covariates of a Gaussian gate.

    Examples
    --------
    >>> G = MixingMeasure([1.0], {"coef": [[3.0]], "intercept": [1.0], "variance": [4.0]})
    >>> standard = Units(np.array([1.0]), np.array([2.0]), 2.0, np.array([2.0])).of(G)
    >>> {name: block.ravel().tolist() for name, block in standard.atoms.items()}
    {'coef': [3.0], 'intercept': [2.0], 'variance': [1.0]}
    """

    feature_center: Array
    feature_scale: Array
    response_scale: float | Array
    gate_scale: Array

    def of(self, measure: MixingMeasure) -> MixingMeasure:
        """The measure of standardised features and responses; slopes of gates stay."""
        y = np.asarray(self.response_scale, dtype=float)
        blocks = dict(measure.atoms)
        if "coef" in blocks:
            at_centre = blocks["intercept"] + blocks["coef"] @ self.feature_center
            blocks["intercept"] = at_centre / y
            blocks["coef"] = blocks["coef"] * self.feature_scale / (y[..., None] if y.ndim else y)
        if "variance" in blocks:
            blocks["variance"] = blocks["variance"] / y**2
        if "covariance" in blocks:
            blocks["covariance"] = blocks["covariance"] / np.multiply.outer(y, y)
        if "gate_mean" in blocks:
            blocks["gate_mean"] = blocks["gate_mean"] / self.gate_scale
            square = np.multiply.outer(self.gate_scale, self.gate_scale)
            blocks["gate_covariance"] = blocks["gate_covariance"] / square
        return MixingMeasure(measure.weight, blocks)


def dissimilarity(
    measure: MixingMeasure, *, share: ArrayLike | None = None, units: Units | None = None
) -> Array:
    """The dissimilarities of all pairs of atoms, (K, K), zero on the diagonal.

    Parameters
    ----------
    measure : MixingMeasure
    share : array (K,), optional
        Probabilities of the experts. By default the normalised weights; those of a softmax gate
        are its probabilities at x = 0, wherever that is, so that averages over x say more.
    units : Units, optional
        By default the blocks are compared as they are.

    Raises
    ------
    ValueError
        If the shares are not K positive numbers.

    Examples
    --------
    >>> G = MixingMeasure([1.0, 1.0], {"gate_coef": [[1.0], [0.0]], "coef": [[0.0], [3.0]],
    ...                                "intercept": [0.0, 2.0], "variance": [1.0, 5.0]})
    >>> print(dissimilarity(G)[0, 1])
    2.25
    """
    weight = measure.normalized().weight if share is None else np.asarray(share, dtype=float)
    if weight.shape != (measure.n_atoms,) or not np.all(weight > 0.0):
        raise ValueError(
            f"share={share!r} must be {measure.n_atoms} positive numbers, one for each atom"
        )
    standard = measure if units is None else units.of(measure)
    both = np.add.outer(1.0 / weight, 1.0 / weight)
    return np.asarray(
        (_squares(standard, SQUARED) + np.sqrt(_squares(standard, FIRST_POWER))) / both
    )


def _squares(measure: MixingMeasure, names: tuple[str, ...]) -> Array:
    """Sums of squared differences of atoms over the blocks that there are, (K, K)."""
    flat = measure.flat([name for name in names if name in measure.atoms])
    return np.asarray(np.sum((flat[:, None] - flat[None]) ** 2, axis=-1))
