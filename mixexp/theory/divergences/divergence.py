r"""Divergences between two conditional laws, averaged over a design of x.

.. math:: h^2=\tfrac12\int(\sqrt p-\sqrt q)^2,\quad V=\tfrac12\int|p-q|,\quad
          KL=\int p\log\frac pq,\quad JKL_\rho=\tfrac1\rho KL(p,(1-\rho)p+\rho q).

At every x: :math:`h^2\le V\le\sqrt2\,h`, :math:`2V^2\le KL`, :math:`2h^2\le KL`,
:math:`JKL_\rho\le\min(KL,-\tfrac1\rho\log(1-\rho))`, and :math:`2C_\rho h^2\le JKL_\rho` with
:math:`C_\rho=\tfrac1\rho\min(\tfrac{1-\rho}\rho,1)\{\log(1+\tfrac\rho{1-\rho})-\rho\}`
(the reference measures distance by :math:`d^2=2h^2`). :math:`JKL_\rho` increases with ρ, from 0 to
KL.

References
----------
.. [1] Nguyen, H., Nguyen, T. and Ho, N. (2023). Demystifying softmax gating function in Gaussian
   mixture of experts. arXiv:2305.03288, section 1 (h and V) and Proposition 2 (rate of E_X h).
.. [2] Cohen, S. X. and Le Pennec, E. (2011). Conditional density estimation by penalized likelihood
   model selection and applications. arXiv:1103.2021, section 2 (tensorised KL, JKL and C).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mixexp.models.adaptive import integrate_adaptively
from mixexp.models.distribution import MixtureDistribution
from mixexp.models.measure import MixingMeasure
from mixexp.models.quadrature import Panels, panels_between
from mixexp.models.response_grid import REACH, grid_of
from mixexp.theory.divergences.checks import (
    Pair,
    check_rho,
    checked_design,
    distributions,
    known_to,
)
from mixexp.theory.divergences.integrands import TOTAL_VARIATION, integrands
from mixexp.theory.divergences.law import Law, law_of
from mixexp.theory.divergences.panel_distances import density_by_row
from mixexp.theory.divergences.summary import Divergence, summarise
from mixexp.theory.truths.truth import Design, Truth

Array = NDArray[np.float64]

# Rounding errors taken for granted in a log-density where there is probability, in nats.
_ROUNDING = 64 * np.finfo(float).eps
_LOST = 1e-3
# Rows of the design that are integrated together.
_BLOCK = 512


def divergence(
    p: Law | Truth | MixingMeasure,
    q: Law | Truth | MixingMeasure,
    design: Design,
    *,
    rho: float = 0.5,
    known: ArrayLike | None = None,
    rtol: float = 1e-9,
) -> Divergence:
    r"""Divergences between two conditional laws with responses of one kind.

    Continuous responses are integrated adaptively, classes and counts summed. No divergence is
    formed by cancellation: laws that differ by 1e-8 are resolved to about eight digits,
    fewer for counts above 1e5 and for means above 1e6 standard deviations; ``error`` tells.

    Parameters
    ----------
    p, q : Law, Truth or MixingMeasure
        Any gates, any numbers of experts. A measure stands for a softmax-gated Gaussian mixture of
        experts, see :func:`law_of`.
    design : Design
        Points and probabilities; see :func:`uniform_design`. For an observed design use
        ``Design(x, np.full(len(x), 1 / len(x)))``.
    rho : float, default=0.5
        Weight of q in the denominator of the Jensen-Kullback-Leibler divergence.
    known : float or array (n,), optional
        Exposures or numbers of trials at the points, for families that have them. Those of a
        truth are the default.
    rtol : float, default=1e-9
        Relative error at which integration over the response stops.

    Raises
    ------
    ValueError
        If the laws' responses are of different kinds, x does not fit them, probabilities are
        negative or do not sum to one, rho or rtol is not between 0 and 1, or means are so large
        beside a standard deviation that responses are rounded.

    Examples
    --------
    >>> from mixexp.theory.truths.named import TRUTHS
    >>> found = divergence(TRUTHS["balanced"], TRUTHS["overlapping"], TRUTHS["balanced"].design())
    >>> print(found.hellinger, found.total_variation, found.kl, found.jensen_kl)
    0.5366783 0.5976594 1.3636067 0.5423119
    >>> max(found.error) < 1e-9
    True
    """
    check_rho(rho)
    if not 0.0 < rtol < 1.0:
        raise ValueError(f"rtol={rtol!r} must lie between 0 and 1, both excluded")
    x, weight = checked_design(design)
    pair = law_of(p, x.shape[1]), law_of(q, x.shape[1])
    laws, given = distributions(pair, x, known_to(p, q, known))
    parts = []
    # The nodes of all rows at once would take gigabytes for an observed design.
    for start in range(0, len(x), _BLOCK):
        rows = slice(start, start + _BLOCK)
        block = [law[rows] for law in laws]
        if block[0].components.discrete:
            parts.append(_sums(pair, x[rows], block, given if given is None else given[rows], rho))
        else:
            parts.append(_integrals(pair, x[rows], block, rho, rtol))
    value, error = (np.concatenate(half, axis=1) for half in zip(*parts, strict=True))
    return summarise(value, np.where(np.isfinite(value), error, np.inf), weight, rho)


def moe_divergence(g1: MixingMeasure, g2: MixingMeasure, design: Design) -> Divergence:
    r"""Divergences between two softmax-gated Gaussian mixtures of experts.

    Parameters
    ----------
    g1, g2 : MixingMeasure
        Measures with blocks ``gate_coef``, ``coef``, ``intercept`` and ``variance``. With one
        covariate, p columns of ``coef`` multiply x, ..., x^p; otherwise the mean is linear.
    design : Design
        As for :func:`divergence`.

    Raises
    ------
    ValueError
        If blocks and covariates do not fit together, or a variance is not positive.

    Examples
    --------
    >>> from mixexp.theory.truths.truth import uniform_design
    >>> g = MixingMeasure([1.0, 1.0], {"gate_coef": [[2.0], [0.0]], "coef": [[2.0], [-1.5]],
    ...                                "intercept": [2.0, -2.0], "variance": [0.25, 0.25]})
    >>> moved = MixingMeasure(g.weight, {**g.atoms, "intercept": [2.1, -1.9]})
    >>> moe_divergence(g, moved, uniform_design(-1.0, 1.0)).hellinger
    0.0678
    """
    return divergence(g1, g2, design)


def _integrals(
    pair: Pair, x: Array, laws: list[MixtureDistribution], rho: float, rtol: float
) -> tuple[Array, Array]:
    """The four integrals over a continuous response at every row, and their errors."""
    eps = _ROUNDING + _location_rounding(laws)
    log_p, log_q = (density_by_row(law, x) for law in pair)
    found = integrate_adaptively(
        lambda row, y: integrands(log_p(row, y), log_q(row, y), rho),
        _panels(laws),
        len(x),
        lambda value: np.maximum(rtol * np.abs(value), _rounding(value, eps)),
        absolute=TOTAL_VARIATION,
    )
    return found.value, found.error + _rounding(found.value, eps)


def _location_rounding(laws: list[MixtureDistribution]) -> float:
    """What the rounding of y - mean does to a log-density, in nats."""
    mean = max(float(np.abs(law.components.mean()).max()) for law in laws)
    scale = min(float(np.sqrt(law.components.variance().min())) for law in laws)
    lost = 4.0 * np.finfo(float).eps * mean / max(scale, np.finfo(float).tiny)
    if lost > _LOST:
        raise ValueError(
            f"p and q have a mean of size {mean:.3g} and a standard deviation of {scale:.3g}: "
            "responses that far out are rounded; centre y, or use larger variances"
        )
    return lost


def _panels(laws: list[MixtureDistribution]) -> Panels:
    """Panels that resolve the experts of both laws, and the tails of the roots of their densities.

    Roots of normal densities have tails that are wider by √2: beyond 10 standard deviations there
    is still 1e-11 of the affinity.
    """
    reach = np.concatenate([[np.sqrt(2.0) * REACH[0]], REACH, [np.sqrt(2.0) * REACH[-1]]])
    mean, scale = (
        np.hstack(parts)[:, :, None]
        for parts in (
            [law.components.mean() for law in laws],
            [np.sqrt(law.components.variance()) for law in laws],
        )
    )
    # The laws' experts lie close to each other as a rule, and so would the ends of their panels.
    edges = (mean + scale * reach).reshape(len(mean), -1)
    return panels_between(edges).joined(scale[:, :, 0].min(axis=1))


def _sums(
    pair: Pair, x: Array, laws: list[MixtureDistribution], known: Array | None, rho: float
) -> tuple[Array, Array]:
    """The four sums over a discrete response at every row, and their errors."""
    grid = grid_of(laws, known)
    log_p, log_q = (law.log_density(x[grid.row], grid.y) for law in pair)
    terms = integrands(log_p, log_q, rho)
    terms[TOTAL_VARIATION] = np.abs(terms[TOTAL_VARIATION])
    sums = [np.bincount(grid.row, term, minlength=len(x)) for term in terms]
    value = np.stack(sums).astype(float)
    # Log-probabilities of counts are small differences of terms like y log y.
    largest = float(grid.y.max())
    eps = _ROUNDING + np.finfo(float).eps * largest * np.log1p(largest)
    return value, _rounding(value, eps)


def _rounding(value: Array, eps: float) -> Array:
    r"""What errors ``eps`` of log-densities do to the four integrals.

    The integrands are like :math:`p\,\delta^2`, the second one like :math:`p\,\delta`. With
    :math:`\int p\,|\delta|\le(\int p\,\delta^2)^{1/2}` their errors are multiples of the roots.
    """
    known = np.where(np.isfinite(value), value, 0.0)
    # Where laws are far apart p δ itself carries the error.
    size = np.sqrt(2.0 * known) + known + eps
    size[TOTAL_VARIATION] = 1.0
    return eps * size
