r"""Hellinger and total variation distances between conditional densities.

.. math:: h^2(p,q)=\tfrac12\int(\sqrt p-\sqrt q)^2,\qquad V(p,q)=\tfrac12\int|p-q|,

at every design point x, then averaged over the design. The squared Hellinger distance is
integrated as it stands and not as one minus the affinity, and differences of densities are formed
from differences of log-densities, so distances are accurate down to about 1e-15 and not 1e-8.
Always :math:`h^2\le V\le\sqrt2\,h`.

References
----------
.. [1] Nguyen, H., Nguyen, T. and Ho, N. (2023). Demystifying softmax gating function in Gaussian
   mixture of experts. arXiv:2305.03288, section 1 (h and V) and Proposition 2 (rate of E_X h).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import roots_legendre

from mixexp.models.measure import MixingMeasure
from mixexp.models.quadrature import Panels, integrate, integrate_absolute, panels_between
from mixexp.theory.conditional import ConditionalLaw

LogDensity = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""log p(row, y): log-density number ``row``, shape (P, 1), at y, shape (P, q)."""


class Design(NamedTuple):
    """Points x of shape (n, d) and their probabilities of shape (n,)."""

    x: np.ndarray
    weight: np.ndarray


class Divergence(NamedTuple):
    """Distances averaged over a design.

    Parameters
    ----------
    hellinger : float
        :math:`E_Xh`.
    root_mean_square_hellinger : float
        :math:`(E_Xh^2)^{1/2}`.
    total_variation : float
        :math:`E_XV`.
    """

    hellinger: float
    root_mean_square_hellinger: float
    total_variation: float


def uniform_design(lower: float, upper: float, n: int = 40) -> Design:
    """Gauss-Legendre points for a single covariate with the uniform law on [lower, upper].

    Averages of functions that are smooth in x, such as the squared Hellinger distance, converge
    geometrically in n. The distance itself has a kink wherever two laws coincide.

    Examples
    --------
    >>> x, weight = uniform_design(-1.0, 1.0)
    >>> print(weight @ np.exp(x[:, 0]), np.sinh(1.0))
    1.17520119364380 1.17520119364380
    """
    node, weight = roots_legendre(n)
    return Design((0.5 * (lower + upper) + 0.5 * (upper - lower) * node)[:, None], 0.5 * weight)


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
    >>> def normal(mean):
    ...     return lambda row, y: -0.5 * (y - mean) ** 2 - 0.5 * np.log(2 * np.pi)
    >>> h2 = squared_hellinger(normal(0.0), normal(1.0), panels_between(np.arange(-12.0, 14.0)))
    >>> print(h2[0], 1 - np.exp(-1 / 8))
    0.117503097415405 0.117503097415405
    """

    def integrand(row: np.ndarray, y: np.ndarray) -> np.ndarray:
        larger, difference = _compare(log_p(row, y), log_q(row, y))
        return 0.5 * np.exp(larger) * np.expm1(-0.5 * np.abs(difference)) ** 2

    return integrate(integrand, panels, _n_rows(panels))


def hellinger(log_p: LogDensity, log_q: LogDensity, panels: Panels) -> np.ndarray:
    """The Hellinger distance of every row; parameters as in :func:`squared_hellinger`."""
    return np.sqrt(squared_hellinger(log_p, log_q, panels))


def total_variation(log_p: LogDensity, log_q: LogDensity, panels: Panels) -> np.ndarray:
    r""":math:`\tfrac12\int|p-q|` for every row; parameters as in :func:`squared_hellinger`.

    Examples
    --------
    >>> def normal(mean):
    ...     return lambda row, y: -0.5 * (y - mean) ** 2 - 0.5 * np.log(2 * np.pi)
    >>> total_variation(normal(0.0), normal(1.0), panels_between(np.arange(-12.0, 14.0)))
    array([0.38292492])
    """

    def integrand(row: np.ndarray, y: np.ndarray) -> np.ndarray:
        larger, difference = _compare(log_p(row, y), log_q(row, y))
        return -0.5 * np.sign(difference) * np.exp(larger) * np.expm1(-np.abs(difference))

    return integrate_absolute(integrand, panels, _n_rows(panels))


def moe_densities(
    g1: MixingMeasure, g2: MixingMeasure, x: ArrayLike
) -> tuple[LogDensity, LogDensity, Panels]:
    """The arguments of the distances above, for two mixtures of experts at the points x.

    Parameters
    ----------
    g1, g2 : MixingMeasure
        Softmax-gated Gaussian mixtures of experts, as in :func:`moe_divergence`.
    x : array of shape (n, d)
        Design points, one row each.

    Examples
    --------
    >>> g = MixingMeasure([1.0], {"gate_coef": [[0.0]], "coef": [[2.0]],
    ...                           "intercept": [2.0], "variance": [0.25]})
    >>> moved = MixingMeasure(g.weight, {**g.atoms, "coef": [[2.1]]})
    >>> hellinger(*moe_densities(g, moved, [[0.0], [0.5], [1.0]]))
    array([0.        , 0.03534429, 0.07062238])
    """
    laws = [ConditionalLaw.of(g, x) for g in (g1, g2)]
    panels = panels_between(np.hstack([law.break_points() for law in laws]))
    return laws[0].log_density, laws[1].log_density, panels


def moe_divergence(g1: MixingMeasure, g2: MixingMeasure, design: Design) -> Divergence:
    r"""Distances between two softmax-gated Gaussian mixtures of experts, averaged over a design.

    Parameters
    ----------
    g1, g2 : MixingMeasure
        Measures with blocks ``gate_coef``, ``coef``, ``intercept`` and ``variance``. With one
        covariate, p columns of ``coef`` multiply x, ..., x^p; otherwise the mean is linear.
    design : Design
        Points and probabilities; see :func:`uniform_design`. For an observed design use
        ``Design(x, np.full(len(x), 1 / len(x)))``.

    Raises
    ------
    ValueError
        If blocks and covariates do not fit together, or a variance is not positive.

    Examples
    --------
    >>> g = MixingMeasure([1.0, 1.0], {"gate_coef": [[2.0], [0.0]], "coef": [[2.0], [-1.5]],
    ...                                "intercept": [2.0, -2.0], "variance": [0.25, 0.25]})
    >>> moved = MixingMeasure(g.weight, {**g.atoms, "intercept": [2.1, -1.9]})
    >>> moe_divergence(g, moved, uniform_design(-1.0, 1.0)).hellinger
    0.0678
    """
    log_p, log_q, panels = moe_densities(g1, g2, design.x)
    h2 = squared_hellinger(log_p, log_q, panels)
    return Divergence(
        float(design.weight @ np.sqrt(h2)),
        float(np.sqrt(design.weight @ h2)),
        float(design.weight @ total_variation(log_p, log_q, panels)),
    )


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


def _compare(log_p: np.ndarray, log_q: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The larger log-density and the signed difference, zero where both densities vanish."""
    larger = np.maximum(log_p, log_q)
    difference = np.zeros_like(larger)
    np.subtract(log_p, log_q, out=difference, where=larger > -np.inf)
    return larger, difference


def _n_rows(panels: Panels) -> int:
    return int(panels.row.max(initial=-1)) + 1
