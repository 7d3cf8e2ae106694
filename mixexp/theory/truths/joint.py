"""Measures of joint laws of (x, y): the simulations of Gaussian-gated mixtures in the literature.

They are measures and no :class:`~mixexp.theory.truths.truth.Truth`: there x is uniform and the law
is that of y given x, which does not know the means and covariances of Gaussian gates. Here x has
the law of the gates.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mixexp.models.measure import MixingMeasure

Array = NDArray[np.float64]

SOURCE = "Nguyen, Nguyen, Nguyen & Ho (2024), arXiv 2305.07572, simulations, from their code"


def gaussian_gate_measure(n_columns: int, centred: bool) -> MixingMeasure:
    """Three Gaussian-gated experts of the simulations of 2305.07572.

    Parameters
    ----------
    n_columns : int
        Number d of covariates; in the source 1 or 2. Centres and slopes are the same in all,
        covariances multiples of the identity.
    centred : bool
        Whether the first centre is zero (type II) or not (type I).

    Examples
    --------
    >>> gaussian_gate_measure(1, centred=True)["gate_mean"].ravel()
    array([0. , 0.1, 0.5])
    """
    ones = np.ones(n_columns)
    centre = np.array([0.0 if centred else -0.1, 0.1, 0.5])
    scale = np.array([0.042824, 0.0175, 0.01])
    slope = np.array([0.404540, -0.714286, 0.0])
    blocks = {
        "gate_mean": np.outer(centre, ones),
        "gate_covariance": scale[:, None, None] * np.eye(n_columns),
        "coef": np.outer(slope, ones),
        "intercept": np.array([0.3 if centred else 0.340454, -0.328571, 0.2]),
        "variance": np.array([0.0011676 if centred else 0.0088767, 0.0264286, 0.0175]),
    }
    return MixingMeasure(np.array([0.3, 0.4, 0.3]), blocks)


def sample_joint(measure: MixingMeasure, n: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """n independent pairs x (n, d), y (n,) from the joint law of a Gaussian-gated measure.

    Examples
    --------
    >>> x, y = sample_joint(JOINT_TRUTHS["gaussian-gate-3"], 5, np.random.default_rng(0))
    >>> x.shape, y.shape
    ((5, 2), (5,))
    """
    label = rng.choice(measure.n_atoms, size=n, p=measure.normalized().weight)
    root = np.linalg.cholesky(measure["gate_covariance"])
    noise = rng.standard_normal((n, root.shape[1] + 1))
    x = measure["gate_mean"][label] + np.einsum("nij,nj->ni", root[label], noise[:, :-1])
    mean = np.sum(measure["coef"][label] * x, axis=1) + measure["intercept"][label]
    return x, mean + np.sqrt(measure["variance"][label]) * noise[:, -1]


JOINT_TRUTHS: dict[str, MixingMeasure] = {
    "gaussian-gate-1": gaussian_gate_measure(1, centred=False),
    "gaussian-gate-2": gaussian_gate_measure(1, centred=True),
    "gaussian-gate-3": gaussian_gate_measure(2, centred=False),
    "gaussian-gate-4": gaussian_gate_measure(2, centred=True),
}
"""Models 1 to 4 of the simulations: types I and II in one covariate, then in two."""
