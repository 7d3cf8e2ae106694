r"""Divergences between two conditional laws: what is reported, and how points of x are averaged."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mixexp.theory.divergences.integrands import HELLINGER, JENSEN, KL, TOTAL_VARIATION

Array = NDArray[np.float64]


class DivergenceError(NamedTuple):
    """Errors of the five averages of a :class:`Divergence`, in their units."""

    hellinger: float
    root_mean_square_hellinger: float
    total_variation: float
    kl: float
    jensen_kl: float


class PointDivergence(NamedTuple):
    """Divergences between p(. | x_i) and q(. | x_i) at every point, arrays of shape (n,)."""

    hellinger: Array
    total_variation: Array
    kl: Array
    jensen_kl: Array


class Divergence(NamedTuple):
    r"""Divergences averaged over points x_i with probabilities w_i (*tensorised*).

    Averages of h are those of conditional laws. The other four are also divergences between the
    joint laws of (X, Y), the law of X being the same for both.

    Parameters
    ----------
    hellinger : float
        :math:`E_Xh`, with :math:`h^2=\tfrac12\int(\sqrt p-\sqrt q)^2`.
    root_mean_square_hellinger : float
        :math:`(E_Xh^2)^{1/2}`, the Hellinger distance of the joint laws.
    total_variation : float
        :math:`E_XV`, with :math:`V=\tfrac12\int|p-q|`; also of the joint laws.
    kl : float
        :math:`E_X\int p\log(p/q)` in nats, the tensorised Kullback-Leibler divergence; also of the
        joint laws. inf where q vanishes and p does not.
    jensen_kl : float
        :math:`JKL_\rho=E_X\,\tfrac1\rho KL(p,(1-\rho)p+\rho q)` in nats; also of the joint laws.
    rho : float
    error : DivergenceError
        Bounds of the numerical errors of quadratures and sums; standard errors of simulations.
        That the points stand for a continuous law of X is not part of it.
    at : PointDivergence
        The divergences at the single points.
    """

    hellinger: float
    root_mean_square_hellinger: float
    total_variation: float
    kl: float
    jensen_kl: float
    rho: float
    error: DivergenceError
    at: PointDivergence


def summarise(
    value: Array, error: Array, weight: Array, rho: float, *, independent: bool = False
) -> Divergence:
    """Averages over the points, and their errors.

    Parameters
    ----------
    value, error : arrays (4, n)
        Squared Hellinger distance, total variation, KL and Jensen-KL at every point, with errors.
    weight : array (n,)
        Probabilities of the points.
    rho : float
    independent : bool
        Whether errors are independent standard errors; otherwise they are bounds, and add up.
    """
    h = np.sqrt(value[HELLINGER])
    squared = float(weight @ value[HELLINGER])
    order = 2.0 if independent else 1.0

    # A point that never occurs does not count, even if its divergence is infinite.
    occurs = weight > 0

    def average(values: Array) -> float:
        return float(weight[occurs] @ values[occurs])

    def doubt(errors: Array) -> float:
        # The norm is that of the vector of errors: a sum, or the root of a sum of squares.
        return float(np.linalg.norm(weight[occurs] * errors[occurs], order))

    root_error = _delta_method if independent else _root_bound
    joint = np.sqrt(squared)
    return Divergence(
        average(h),
        float(joint),
        average(value[TOTAL_VARIATION]),
        average(value[KL]),
        average(value[JENSEN]),
        rho,
        DivergenceError(
            doubt(root_error(h, error[HELLINGER])),
            float(root_error(joint, np.asarray(doubt(error[HELLINGER])))),
            doubt(error[TOTAL_VARIATION]),
            doubt(error[KL]),
            doubt(error[JENSEN]),
        ),
        PointDivergence(h, value[TOTAL_VARIATION], value[KL], value[JENSEN]),
    )


def _root_bound(root: Array, error: Array) -> Array:
    r"""The error of a root: :math:`|\sqrt a-\sqrt b|\le\min(|a-b|/\sqrt b,|a-b|^{1/2})`."""
    return np.minimum(np.sqrt(error), error / _or_else(root, np.sqrt(error)))


def _delta_method(root: Array, error: Array) -> Array:
    """Standard error of a root from that of its square, which is zero where the root is."""
    return error / (2.0 * _or_else(root, np.ones_like(error)))


def _or_else(root: Array, other: Array) -> Array:
    """The root, or something else where it is zero; one where that is zero too."""
    return np.where(root > 0.0, root, np.where(other > 0.0, other, 1.0))
