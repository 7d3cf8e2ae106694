"""The predictive law of a mixture of experts, row by row."""

from __future__ import annotations

from collections.abc import Callable
from operator import index
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from mixexp.models.components import Components, FloatArray
from mixexp.models.mixture_quantile import log_sum_exp, mixture_quantile


class MixtureDistribution:
    r"""Predictive law :math:`p(y \mid x_i) = \sum_k w_{ik}\, f_k(y \mid x_i)` of every row i.

    The methods carry the names of SciPy's distribution infrastructure and are vectorised over
    rows. An argument ``y`` (or ``p``) is one of

    - a scalar: the same value for every row;
    - shape (n,): one value for each row;
    - shape (m, n): m values for each row; (m, 1) evaluates the same m values at every row.

    The result has shape (n,), (n,) and (m, n), respectively.

    Parameters
    ----------
    weights : array of shape (n, K)
        Gate probabilities :math:`w_{ik} \ge 0`; every row sums to one (within 1e-8; rounding is
        normalised away). Weights that are exactly zero are allowed.
    components : Components of shape (n, K)
        Laws of the experts, e.g. :class:`~mixexp.models.components.NormalComponents`.

    Raises
    ------
    ValueError
        If the shapes disagree, a weight is negative or not finite, or a row does not sum to one.

    Examples
    --------
    >>> import numpy as np
    >>> from mixexp.models.components import NormalComponents
    >>> from mixexp.models.distribution import MixtureDistribution
    >>> laws = NormalComponents(mean=[[0.0, 4.0], [0.0, 4.0]], scale=[1.0, 2.0])
    >>> dist = MixtureDistribution([[0.5, 0.5], [1.0, 0.0]], laws)
    >>> dist.mean()
    array([2., 0.])
    >>> dist.standard_deviation()
    array([2.549510, 1.      ])
    >>> dist.cdf([[0.0], [4.0]])
    array([[0.261375, 0.5     ],
           [0.749984, 0.999968]])
    >>> low, high = dist.interval(0.9)
    >>> low
    array([-1.304667, -1.644854])
    >>> dist[1].icdf(0.95)
    array([1.644854])
    """

    def __init__(self, weights: ArrayLike, components: Components) -> None:
        given = np.asarray(weights, dtype=np.float64)
        if given.ndim != 2 or given.shape != components.shape or given.shape[1] == 0:
            raise ValueError(
                f"weights of shape {given.shape} do not fit components of shape "
                f"{components.shape}; both must be (n, K) with K >= 1."
            )
        if not (given >= 0).all():
            bad = given[~(given >= 0)].flat[0]
            raise ValueError(f"weights must be non-negative numbers, got {bad}.")
        total = given.sum(axis=1)
        off = np.flatnonzero(~(np.abs(total - 1.0) <= 1e-8))
        if off.size:
            raise ValueError(
                f"weights of row {off[0]} sum to {total[off[0]]:.12g}, not to 1; "
                "divide every row by its sum, or pass probabilities instead of logits."
            )
        self._weights = given / total[:, None]
        self._log_weights = np.full_like(given, -np.inf)
        np.log(self._weights, out=self._log_weights, where=self._weights > 0)
        self._components = components

    @property
    def weights(self) -> FloatArray:
        """Weights of the experts, shape (n, K) (a copy)."""
        return self._weights.copy()

    @property
    def components(self) -> Components:
        """Laws of the experts."""
        return self._components

    def __len__(self) -> int:
        return self._weights.shape[0]

    def __getitem__(self, rows: Any) -> MixtureDistribution:
        """Return the laws of a selection of rows; an integer gives a distribution of length 1."""
        positions = np.atleast_1d(np.arange(len(self))[rows])
        chosen = object.__new__(MixtureDistribution)
        chosen._weights = self._weights[positions]
        chosen._log_weights = self._log_weights[positions]
        chosen._components = self._components[positions]
        return chosen

    def __repr__(self) -> str:
        n, n_experts = self._weights.shape
        return f"MixtureDistribution(n={n}, K={n_experts}, components={self._components!r})"

    def mean(self) -> FloatArray:
        r"""Return :math:`m_i = \sum_k w_{ik}\mu_{ik}`, shape (n,), in the units of y.

        Laws of classes: the probabilities of the classes, shape (n, J).
        """
        return self._expectation(self._components.mean())

    def variance(self) -> FloatArray:
        r"""Return :math:`\sum_k w_{ik}\{\sigma_{ik}^2 + (\mu_{ik} - m_i)^2\}`, shape (n,).

        Laws of classes: the variances of the indicators of the classes, shape (n, J).
        """
        spread = self._components.mean() - self.mean()[:, None]
        return self._expectation(self._components.variance() + spread**2)

    def standard_deviation(self) -> FloatArray:
        """Return the square root of the variance, shape (n,), in the units of y."""
        return np.sqrt(self.variance())

    def logpdf(self, y: ArrayLike) -> FloatArray:
        r"""Return :math:`\log\sum_k w_{ik} f_k(y \mid x_i)`, finite far into the tails."""
        return log_sum_exp(self._log_weights + self._components.logpdf(self._values(y, "y")))

    def pdf(self, y: ArrayLike) -> FloatArray:
        r"""Return the density :math:`\sum_k w_{ik} f_k(y \mid x_i)`; of counts, the probability."""
        return np.exp(self.logpdf(y))

    def cdf(self, y: ArrayLike) -> FloatArray:
        r"""Return :math:`P(Y \le y \mid x_i) = \sum_k w_{ik} F_k(y \mid x_i)`."""
        return self._average(self._components.cdf, y)

    def ccdf(self, y: ArrayLike) -> FloatArray:
        r"""Return :math:`P(Y > y \mid x_i)`, relatively accurate in the upper tail."""
        return self._average(self._components.ccdf, y)

    def logcdf(self, y: ArrayLike) -> FloatArray:
        r"""Return :math:`\log P(Y \le y \mid x_i)`, accurate in both tails."""
        return self._log_tail(self._components.logcdf, self.ccdf(y), y)

    def logccdf(self, y: ArrayLike) -> FloatArray:
        r"""Return :math:`\log P(Y > y \mid x_i)`, accurate in both tails."""
        return self._log_tail(self._components.logccdf, self.cdf(y), y)

    def icdf(self, p: ArrayLike) -> FloatArray:
        r"""Return the quantile: the y with :math:`P(Y \le y \mid x_i) = p`.

        ``p = 0`` and ``p = 1`` give ``-inf`` and ``inf``. Where the distribution function is flat
        to rounding (far-apart experts), any point of the flat stretch may be returned.

        Counts: the smallest integer with :math:`P(Y \le y \mid x_i) \ge p`; ``p = 0`` and
        ``p = 1`` give the ends of the support.

        Raises
        ------
        ValueError
            If a probability is outside [0, 1].
        TypeError
            If the laws are those of classes, which have no order.
        """
        return self._quantile(p, upper=False)

    def iccdf(self, p: ArrayLike) -> FloatArray:
        r"""Return the y with :math:`P(Y > y \mid x_i) = p`, accurate for tiny p.

        Counts: the smallest integer with :math:`P(Y > y \mid x_i) \le p`.
        """
        return self._quantile(p, upper=True)

    def median(self) -> FloatArray:
        """Return the quantile at p = 1/2, shape (n,), in the units of y."""
        return self.icdf(0.5)

    def interval(self, level: ArrayLike) -> tuple[FloatArray, FloatArray]:
        r"""Return the ends of the equal-tailed interval of the given probability.

        The ends cut off :math:`(1 - \text{level})/2` on either side (of counts: at most that).

        Parameters
        ----------
        level : scalar or array of shape (n,) or (m, n)
            Probability of the interval, in [0, 1].

        Returns
        -------
        low, high : arrays
            Ends of the interval at every row, in the units of y.

        Raises
        ------
        ValueError
            If a level is outside [0, 1].
        """
        level = self._probabilities(level, "level")
        tail = 0.5 * (1.0 - level)
        return self.icdf(tail), self.iccdf(tail)

    def sample(
        self,
        size: int | tuple[int, ...] | None = None,
        rng: int | np.random.Generator | None = None,
    ) -> FloatArray:
        """Draw y at every row: an expert by its weight, then y from this expert's law.

        Parameters
        ----------
        size : int, tuple or None
            Number of draws for each row; None draws one.
        rng : int, numpy.random.Generator or None
            Seed or generator; None takes fresh entropy from the system.

        Returns
        -------
        array of shape (n,) or (size, n)
            The draws, in the units of y.
        """
        if size is None:
            shape: tuple[int, ...] = (len(self),)
        else:
            shape = (*(size if isinstance(size, tuple) else (index(size),)), len(self))
        rng = np.random.default_rng(rng)
        cumulative = np.cumsum(self._weights, axis=1)
        # Dividing makes the last value that carries weight exactly one, so that no uniform
        # number in [0, 1) selects an expert of weight zero.
        cumulative /= cumulative[:, -1:]
        uniform = rng.random(shape)
        choice = np.zeros(shape, dtype=np.intp)
        for edge in cumulative.T[:-1]:
            choice += uniform >= edge
        return self._components.sample(rng, choice)

    def _values(self, y: ArrayLike, name: str) -> FloatArray:
        """Return y broadcast to (..., n); a vector of another length than n or 1 is refused."""
        values = np.asarray(y, dtype=np.float64)
        n = len(self)
        if values.ndim and values.shape[-1] not in (n, 1):
            raise ValueError(
                f"{name} of shape {values.shape} does not fit {n} rows; pass a scalar, shape "
                f"({n},) or (m, {n}), or {name}[:, None] for the same values at every row."
            )
        return np.broadcast_to(values, (*values.shape[:-1], n))

    def _probabilities(self, p: ArrayLike, name: str) -> FloatArray:
        values = self._values(p, name)
        inside = (values >= 0.0) & (values <= 1.0)
        if not inside.all():
            raise ValueError(f"{name} must be in [0, 1], got {values[~inside].flat[0]}.")
        return values

    def _expectation(self, values: FloatArray) -> FloatArray:
        """Sum over experts of w times values (n, K) or (n, K, J)."""
        w = self._weights if values.ndim == 2 else self._weights[:, :, None]
        return (w * values).sum(axis=1)

    def _average(self, law: Callable[[ArrayLike], FloatArray], y: ArrayLike) -> FloatArray:
        values = (self._weights * law(self._values(y, "y"))).sum(axis=-1)
        return np.minimum(values, 1.0)

    def _log_tail(
        self, log_law: Callable[[ArrayLike], FloatArray], other: FloatArray, y: ArrayLike
    ) -> FloatArray:
        """Return the log of a tail; above one half it is computed from the other tail."""
        direct = log_sum_exp(self._log_weights + log_law(self._values(y, "y")))
        return np.where(other < 0.5, np.log1p(-np.minimum(other, 0.5)), direct)

    def _quantile(self, p: ArrayLike, upper: bool) -> FloatArray:
        p = self._probabilities(p, "p")
        weights = self._weights, self._log_weights
        y = mixture_quantile(*weights, self._components, p.ravel(), upper=upper)
        return y.reshape(p.shape)
