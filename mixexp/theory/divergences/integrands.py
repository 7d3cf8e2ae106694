r"""What divergences integrate: four functions of two log-densities, accurate for equal laws too.

With :math:`\delta=\log p-\log q` and :math:`m=(1-\rho)p+\rho q`,

.. math:: \tfrac12(\sqrt p-\sqrt q)^2,\qquad \tfrac12(p-q),\qquad p\,\varphi(\delta),\qquad
          \tfrac1\rho\,p\,\varphi(\log p-\log m),\qquad \varphi(t)=t-1+e^{-t}\ge0.

They integrate to the squared Hellinger distance, (in absolute value) the total variation distance,
the Kullback-Leibler divergence KL(p, q), and the Jensen-Kullback-Leibler divergence
:math:`KL(p,m)/\rho`. The usual :math:`p\,\delta` also integrates to KL, but by cancellation:
where laws differ by :math:`10^{-8}` nothing would be left of it.
"""

from __future__ import annotations

from math import factorial

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

HELLINGER, TOTAL_VARIATION, KL, JENSEN = range(4)
"""The rows of the integrands."""

# Below this the series of φ is used; above, the closed form loses less than one digit.
_SERIES = 0.25
_COEFFICIENTS = [(-1.0) ** k / factorial(k + 2) for k in range(12)]


def integrands(log_p: Array, log_q: Array, rho: float) -> Array:
    """The four integrands, (4, ...), of log-densities of one shape.

    Densities may vanish (-inf). Where q does and p does not, the third one is inf.

    Examples
    --------
    >>> integrands(np.log([0.5]), np.log([0.25]), 0.5)[:, 0]
    array([0.0214, 0.125 , 0.0966, 0.0377])
    >>> integrands(np.log([0.5]), np.array([-np.inf]), 0.5)[:, 0]
    array([0.25      , 0.25      ,        inf, 0.19314718])
    """
    larger, difference = compare(log_p, log_q)
    # A density below e^-700 that the other one lacks is still an infinite divergence, not 0 * inf.
    return np.exp(np.maximum(larger, -700.0)) * scaled_integrands(difference, rho)


def compare(log_p: Array, log_q: Array) -> tuple[Array, Array]:
    """The larger log-density and the signed difference, zero where both densities vanish.

    Raises
    ------
    ValueError
        If a log-density is NaN.
    """
    larger = np.maximum(log_p, log_q)
    if np.isnan(larger).any():
        name = "log_p" if np.isnan(log_p).any() else "log_q"
        raise ValueError(
            f"{name} is nan for {int(np.isnan(larger).sum())} responses; a log-density must be a "
            "number, or -inf where the density vanishes"
        )
    difference = np.zeros_like(larger)
    np.subtract(log_p, log_q, out=difference, where=larger > -np.inf)
    return larger, difference


def scaled_integrands(difference: Array, rho: float) -> Array:
    r"""The integrands divided by the larger density, from :math:`\delta`; (4, ...)."""
    size = np.abs(difference)
    root = np.expm1(-0.5 * size)
    # expm1 of -|δ|: minus the relative gap between the densities.
    gap = root * (2.0 + root)
    p_is_larger = difference >= 0.0
    p = np.where(p_is_larger, 1.0, np.exp(-size))
    rise = np.where(p_is_larger, gap, -gap)
    # Where p vanishes the logarithm does not matter, as it will be multiplied by p.
    to_mixed = -np.log1p(rho * rise / np.maximum(p, np.finfo(float).tiny))
    return np.stack(
        [
            0.5 * root * root,
            -0.5 * rise,
            _excess(p, difference, rise),
            _excess(p, to_mixed, rho * rise) / rho,
        ]
    )


def _excess(p: Array, t: Array, rise: Array) -> Array:
    r""":math:`p\,\varphi(t)=p\,t+p(e^{-t}-1)`, with the second term given as ``rise``."""
    # A vanishing p has p t = 0, however far t is from zero.
    value = np.zeros_like(p)
    np.multiply(p, t, out=value, where=p > 0.0)
    value += rise
    small = np.abs(t) < _SERIES
    if small.all():
        return p * _series(t)
    value[small] = p[small] * _series(t[small])
    return value


def _series(t: Array) -> Array:
    r""":math:`\varphi(t)=t^2\sum_k(-t)^k/(k+2)!`."""
    total = np.full_like(t, _COEFFICIENTS[-1])
    for coefficient in reversed(_COEFFICIENTS[:-1]):
        total *= t
        total += coefficient
    return total * t * t
