r"""Merging Gaussian-gated experts: one Gaussian law of (x, y) in place of a mixture of them.

An atom :math:`(\pi,c,\Gamma,a,b,\nu)` is a Gaussian law of (x, y) with the moments

.. math:: E\binom xy=\binom{c}{Ac+b},\qquad
          \mathrm{Cov}=\begin{pmatrix}\Gamma&\Gamma A^\top\\A\Gamma&\nu+A\Gamma A^\top\end{pmatrix}.

The merged atom is the Gaussian law with the mean and covariance of the mixture of the group, the
one that is nearest to it in Kullback-Leibler divergence. In its parameters: c and :math:`\Gamma`
are the moments of x, between the parts included; a and b the regression of y on x; :math:`\nu` the
variance that is left. Merges are associative, as moments are.

References
----------
.. [1] arXiv:2505.13052 (Gaussian-gated): abstract only; the merge here is derived from the law.
.. [2] arXiv:2403.01684 (mixtures).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mixexp.models.measure import MixingMeasure
from mixexp.selection.dendrogram_errors import CannotMergeError

Array = NDArray[np.float64]
GATE_MEAN = "gate_mean"
GATE_COVARIANCE = "gate_covariance"


def moment_matched(part: MixingMeasure) -> dict[str, Array]:
    """Blocks of the one atom with the moments of all atoms of a Gaussian-gated measure.

    Parameters
    ----------
    part : MixingMeasure
        Blocks ``gate_mean`` (K, d), ``gate_covariance`` (K, d, d), and ``coef`` (K, d),
        ``intercept`` (K,), ``variance`` (K,), or ``coef`` (K, D, d), ``intercept`` (K, D),
        ``covariance`` (K, D, D).

    Raises
    ------
    CannotMergeError
        If a block is missing or superfluous, or the experts are not linear in the gate's x.

    Examples
    --------
    >>> two = MixingMeasure([0.5, 0.5], {"gate_mean": [[-1.0], [1.0]],
    ...     "gate_covariance": [[[1.0]], [[1.0]]], "coef": [[0.0], [0.0]],
    ...     "intercept": [-2.0, 2.0], "variance": [1.0, 1.0]})
    >>> one = moment_matched(two)
    >>> one["gate_covariance"], one["coef"], one["variance"]
    (array([[2.]]), array([2.]), array(3.))
    """
    wide = _check(part)
    first = part["gate_mean"][0]
    share = part.weight / part.weight.sum()
    mean, covariance = _moments(part, first)
    centre = share @ mean
    apart = mean - centre
    total = np.einsum("k,kij->ij", share, covariance) + (apart.T * share) @ apart
    d = len(first)
    gamma, cross = total[:d, :d], total[:d, d:]
    slopes = np.linalg.solve(gamma, cross).T
    left = total[d:, d:] - slopes @ cross
    intercept = centre[d:] - slopes @ (centre[:d] + first)
    atom = {"gate_mean": centre[:d] + first, "gate_covariance": 0.5 * (gamma + gamma.T)}
    if wide:
        atom |= {"coef": slopes, "intercept": intercept, "covariance": 0.5 * (left + left.T)}
    else:
        atom |= {"coef": slopes[0], "intercept": intercept[0], "variance": left[0, 0]}
    return {name: np.asarray(block) for name, block in atom.items()}


def joint_moments(measure: MixingMeasure) -> tuple[Array, Array]:
    """Mean (d + D,) and covariance (d + D, d + D) of (x, y) under a Gaussian-gated measure.

    Examples
    --------
    >>> one = MixingMeasure([1.0], {"gate_mean": [[1.0]], "gate_covariance": [[[2.0]]],
    ...     "coef": [[3.0]], "intercept": [1.0], "variance": [0.5]})
    >>> joint_moments(one)
    (array([1., 4.]), array([[ 2. ,  6. ],
           [ 6. , 18.5]]))
    """
    _check(measure)
    share = measure.weight / measure.weight.sum()
    mean, covariance = _moments(measure, np.zeros(measure["gate_mean"].shape[1]))
    centre = share @ mean
    apart = mean - centre
    within = np.einsum("k,kij->ij", share, covariance)
    return centre, within + (apart.T * share) @ apart


def _moments(measure: MixingMeasure, origin: Array) -> tuple[Array, Array]:
    """Means (K, d + D) of (x - origin, y) and covariances (K, d + D, d + D) of every atom."""
    k = measure.n_atoms
    c, gamma = measure["gate_mean"], measure["gate_covariance"]
    slopes = measure["coef"].reshape(k, -1, c.shape[1])
    intercept = measure["intercept"].reshape(k, -1)
    name = "covariance" if "covariance" in measure.atoms else "variance"
    n_responses = intercept.shape[1]
    noise = measure[name].reshape(k, n_responses, n_responses)
    mean = np.concatenate([c - origin, intercept + np.einsum("kij,kj->ki", slopes, c)], axis=1)
    cross = gamma @ slopes.transpose(0, 2, 1)
    upper = np.concatenate([gamma, cross], axis=2)
    lower = np.concatenate([cross.transpose(0, 2, 1), noise + slopes @ cross], axis=2)
    return mean, np.concatenate([upper, lower], axis=1)


def _check(measure: MixingMeasure) -> bool:
    """Whether there are several responses; an error if the atoms are no Gaussian laws of (x, y)."""
    wide = "covariance" in measure.atoms
    spread = "covariance" if wide else "variance"
    needed = {"gate_mean", "gate_covariance", "coef", "intercept", spread}
    if set(measure.atoms) != needed:
        raise CannotMergeError(
            f"the measure has the blocks {sorted(measure.atoms)}; merging Gaussian-gated experts "
            f"needs {sorted(needed)}"
        )
    d, q = measure["gate_mean"].shape[1], measure["coef"].shape[-1]
    if d != q:
        raise CannotMergeError(
            f"coef has {q} slopes an expert and the gate {d} covariates; (x, y) is a Gaussian law "
            "only if the experts are linear in the covariates of the gate; add feature_moment, see "
            "with_feature_moments"
        )
    return wide
