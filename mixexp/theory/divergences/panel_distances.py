r"""Distances between log-densities on fixed panels of the response, and two normal laws' own.

For densities that are at hand as functions. The panels are taken as they are;
:func:`mixexp.theory.divergence` finds panels and an error bound for conditional laws.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from mixexp.models.measure import MixingMeasure
from mixexp.models.quadrature import Panels, integrate, integrate_absolute
from mixexp.models.response_grid import response_panels
from mixexp.theory.divergences.integrands import HELLINGER, TOTAL_VARIATION, integrands
from mixexp.theory.divergences.law import Law, law_of

LogDensity = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""log p(row, y): log-density number ``row``, shape (P, 1), at y, shape (P, q)."""


def squared_hellinger(log_p: LogDensity, log_q: LogDensity, panels: Panels) -> np.ndarray:
    r""":math:`\tfrac12\int(\sqrt p-\sqrt q)^2` for every row, shape (n_rows,).

    Parameters
    ----------
    log_p, log_q : callable
        Log-densities, as functions of (row, y) that broadcast; -inf is allowed.
    panels : Panels
        Where to integrate: fine where a density has structure, wide enough for its tails.

    Examples
    --------
    >>> from mixexp.models.quadrature import panels_between
    >>> def normal(mean):
    ...     return lambda row, y: -0.5 * (y - mean) ** 2 - 0.5 * np.log(2 * np.pi)
    >>> h2 = squared_hellinger(normal(0.0), normal(1.0), panels_between(np.arange(-12.0, 14.0)))
    >>> print(h2[0], 1 - np.exp(-1 / 8))
    0.117503097415405 0.117503097415405
    """

    def integrand(row: np.ndarray, y: np.ndarray) -> np.ndarray:
        return integrands(log_p(row, y), log_q(row, y), 0.5)[HELLINGER]

    return integrate(integrand, panels, _n_rows(panels))


def hellinger(log_p: LogDensity, log_q: LogDensity, panels: Panels) -> np.ndarray:
    """The Hellinger distance of every row; parameters as in :func:`squared_hellinger`."""
    return np.sqrt(squared_hellinger(log_p, log_q, panels))


def total_variation(log_p: LogDensity, log_q: LogDensity, panels: Panels) -> np.ndarray:
    r""":math:`\tfrac12\int|p-q|` for every row; parameters as in :func:`squared_hellinger`.

    Examples
    --------
    >>> from mixexp.models.quadrature import panels_between
    >>> def normal(mean):
    ...     return lambda row, y: -0.5 * (y - mean) ** 2 - 0.5 * np.log(2 * np.pi)
    >>> total_variation(normal(0.0), normal(1.0), panels_between(np.arange(-12.0, 14.0)))
    array([0.38292492])
    """

    def integrand(row: np.ndarray, y: np.ndarray) -> np.ndarray:
        return integrands(log_p(row, y), log_q(row, y), 0.5)[TOTAL_VARIATION]

    return integrate_absolute(integrand, panels, _n_rows(panels))


def moe_densities(
    g1: MixingMeasure, g2: MixingMeasure, x: ArrayLike
) -> tuple[LogDensity, LogDensity, Panels]:
    """The arguments of the distances above, for two mixtures of experts at the points x.

    Parameters
    ----------
    g1, g2 : MixingMeasure
        Softmax-gated Gaussian mixtures of experts, as in :func:`law_of`.
    x : array of shape (n, d)
        Design points, one row each.

    Raises
    ------
    ValueError
        If x or a variance does not fit a measure.

    Examples
    --------
    >>> g = MixingMeasure([1.0], {"gate_coef": [[0.0]], "coef": [[2.0]],
    ...                           "intercept": [2.0], "variance": [0.25]})
    >>> moved = MixingMeasure(g.weight, {**g.atoms, "coef": [[2.1]]})
    >>> hellinger(*moe_densities(g, moved, [[0.0], [0.5], [1.0]]))
    array([0.        , 0.03534429, 0.07062238])
    """
    points = np.asarray(x, dtype=float)
    if points.ndim != 2:
        raise ValueError(f"x has shape {points.shape}; give one point per row, shape (n, d)")
    p, q = (law_of(g, points.shape[1]) for g in (g1, g2))
    panels = response_panels([law.distribution(points) for law in (p, q)])
    return density_by_row(p, points), density_by_row(q, points), panels


def density_by_row(law: Law, x: np.ndarray) -> LogDensity:
    """log p(y | x_row) as a function of (row, y) that broadcasts."""

    def log_density(row: np.ndarray, y: np.ndarray) -> np.ndarray:
        rows, values = np.broadcast_arrays(row, y)
        return law.log_density(x[rows.ravel()], values.ravel()).reshape(values.shape)

    return log_density


def gaussian_hellinger(
    mean1: ArrayLike, variance1: ArrayLike, mean2: ArrayLike, variance2: ArrayLike
) -> np.ndarray:
    r"""Closed form for two normal laws, with variances :math:`\sigma_1,\sigma_2`.

    .. math:: h^2=1-\Big(\frac{2\sqrt{\sigma_1\sigma_2}}{\sigma_1+\sigma_2}\Big)^{1/2}
              \exp\Big(-\frac{(\mu_1-\mu_2)^2}{4(\sigma_1+\sigma_2)}\Big)

    Examples
    --------
    >>> print(gaussian_hellinger(0.0, 1.0, 1e-9, 1.0) * np.sqrt(8.0))
    1.00000000e-09
    """
    s1, s2 = np.sqrt(variance1), np.sqrt(variance2)
    total = s1**2 + s2**2
    log_affinity = 0.5 * np.log1p(-((s1 - s2) ** 2) / total)
    log_affinity = log_affinity - np.subtract(mean1, mean2) ** 2 / (4 * total)
    return np.sqrt(-np.expm1(log_affinity))


def _n_rows(panels: Panels) -> int:
    return int(panels.row.max(initial=-1)) + 1
