"""Laws of the single experts at given rows: what a mixture distribution is made of."""

from __future__ import annotations

from typing import Any, ClassVar, Protocol, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import log_ndtr, ndtr, ndtri

FloatArray = NDArray[np.float64]

_HALF_LOG_2PI = 0.5 * np.log(2.0 * np.pi)


class Components(Protocol):
    """The laws :math:`f_k(\\cdot \\mid x_i)`, rows ``i = 1..n`` and experts ``k = 1..K``.

    A family of experts gives its predictive laws to
    :class:`~mixexp.models.distribution.MixtureDistribution` in this form. Arguments ``y`` and ``p``
    have shape (..., n), values have shape (..., n, K); tails and logarithms must keep their
    relative accuracy far out, because quantiles are solved on the logarithm of the tail.

    ``discrete`` laws live on integers: ``logpdf`` is the logarithm of a probability, and a quantile
    is the smallest integer that reaches its probability. Laws of classes have no order: what needs
    one raises a TypeError, and their moments, (n, K, J), are those of the J indicators.
    """

    discrete: ClassVar[bool]

    @property
    def shape(self) -> tuple[int, int]:
        """Number of rows and of experts, ``(n, K)``."""
        ...

    def __getitem__(self, rows: Any) -> Self:
        """Return the laws of a selection of rows (slice, mask or array of positions)."""
        ...

    def mean(self) -> FloatArray:
        """Return the means, shape (n, K)."""
        ...

    def variance(self) -> FloatArray:
        """Return the variances, shape (n, K)."""
        ...

    def logpdf(self, y: ArrayLike) -> FloatArray:
        """Return ``log f_k(y)``."""
        ...

    def cdf(self, y: ArrayLike) -> FloatArray:
        """Return ``P(Y <= y)``."""
        ...

    def ccdf(self, y: ArrayLike) -> FloatArray:
        """Return ``P(Y > y)``."""
        ...

    def logcdf(self, y: ArrayLike) -> FloatArray:
        """Return ``log P(Y <= y)``."""
        ...

    def logccdf(self, y: ArrayLike) -> FloatArray:
        """Return ``log P(Y > y)``."""
        ...

    def icdf(self, p: ArrayLike) -> FloatArray:
        """Return the ``y`` with ``P(Y <= y) = p``."""
        ...

    def iccdf(self, p: ArrayLike) -> FloatArray:
        """Return the ``y`` with ``P(Y > y) = p``."""
        ...

    def support(self, tail: float) -> tuple[FloatArray, FloatArray]:
        """Return a first and a last value beyond which at most ``tail`` is left, both (n, K)."""
        ...

    def sample(self, rng: np.random.Generator, choice: NDArray[np.intp]) -> FloatArray:
        """Draw from expert ``choice[..., i]`` at row ``i``; same shape as ``choice``."""
        ...


class NormalComponents:
    r"""Normal laws :math:`N(\mu_{ik}, \sigma_{ik}^2)`, one for each row and expert.

    Parameters
    ----------
    mean : array of shape (n, K)
        Means :math:`\mu_{ik}`, in the units of y.
    scale : array that broadcasts to (n, K)
        Standard deviations :math:`\sigma_{ik} > 0`, in the units of y. Shape (K,) serves experts
        whose scale does not depend on x.

    Raises
    ------
    ValueError
        If `mean` is not two-dimensional, the shapes do not fit, a value is not finite or a scale
        is not positive.

    Examples
    --------
    >>> from mixexp.models.components import NormalComponents
    >>> normal = NormalComponents(mean=[[0.0, 10.0], [1.0, 20.0]], scale=[1.0, 2.0])
    >>> normal.logpdf([0.0, 1.0])
    array([[ -0.9189, -14.1121],
           [ -0.9189, -46.7371]])
    """

    discrete: ClassVar[bool] = False

    def __init__(self, mean: ArrayLike, scale: ArrayLike) -> None:
        location = np.asarray(mean, dtype=np.float64)
        spread = np.asarray(scale, dtype=np.float64)
        if location.ndim != 2:
            raise ValueError(
                f"mean must have shape (n, K), got shape {location.shape}: "
                "one row for each observation, one column for each expert."
            )
        if not np.isfinite(location).all():
            raise ValueError("mean contains NaN or infinity; every mean must be finite.")
        if not ((spread > 0) & (spread < np.inf)).all():
            bad = spread[~((spread > 0) & (spread < np.inf))].flat[0]
            raise ValueError(
                f"scale must be positive and finite, got {bad}; "
                "it is a standard deviation, not a variance or its logarithm."
            )
        try:
            self._scale = np.broadcast_to(spread, location.shape)
        except ValueError:
            raise ValueError(
                f"scale of shape {spread.shape} does not broadcast to the shape {location.shape} "
                "of mean; pass shape (n, K), or (K,) for one scale per expert."
            ) from None
        self._mean = location

    @property
    def shape(self) -> tuple[int, int]:
        """Number of rows and of experts, ``(n, K)``."""
        return self._mean.shape[0], self._mean.shape[1]

    def __getitem__(self, rows: Any) -> NormalComponents:
        """Return the laws of a selection of rows (slice, mask or array of positions)."""
        chosen = object.__new__(NormalComponents)
        chosen._mean, chosen._scale = self._mean[rows], self._scale[rows]
        return chosen

    def __repr__(self) -> str:
        return f"NormalComponents(n={self.shape[0]}, K={self.shape[1]})"

    def _standardise(self, y: ArrayLike) -> FloatArray:
        y = np.asarray(y, dtype=np.float64)[..., None]
        with np.errstate(over="ignore"):
            return (y - self._mean) / self._scale

    def mean(self) -> FloatArray:
        """Return the means, shape (n, K)."""
        return self._mean.copy()

    def variance(self) -> FloatArray:
        r"""Return the variances :math:`\sigma_{ik}^2`, shape (n, K)."""
        return self._scale**2

    def logpdf(self, y: ArrayLike) -> FloatArray:
        r"""Return :math:`-z^2/2 - \log\sigma - \tfrac12\log 2\pi`; (..., n) to (..., n, K)."""
        z = self._standardise(y)
        with np.errstate(over="ignore"):
            return -0.5 * z * z - np.log(self._scale) - _HALF_LOG_2PI

    def cdf(self, y: ArrayLike) -> FloatArray:
        r"""Return :math:`P(Y \le y) = \Phi(z)`; (..., n) to (..., n, K)."""
        return ndtr(self._standardise(y))

    def ccdf(self, y: ArrayLike) -> FloatArray:
        r"""Return :math:`P(Y > y) = \Phi(-z)`; (..., n) to (..., n, K)."""
        return ndtr(-self._standardise(y))

    def logcdf(self, y: ArrayLike) -> FloatArray:
        r"""Return :math:`\log\Phi(z)`; (..., n) to (..., n, K)."""
        return log_ndtr(self._standardise(y))

    def logccdf(self, y: ArrayLike) -> FloatArray:
        r"""Return :math:`\log\Phi(-z)`; (..., n) to (..., n, K)."""
        return log_ndtr(-self._standardise(y))

    def icdf(self, p: ArrayLike) -> FloatArray:
        r"""Return :math:`\mu + \sigma\,\Phi^{-1}(p)`; (..., n) to (..., n, K)."""
        return self._mean + self._scale * ndtri(np.asarray(p, dtype=np.float64)[..., None])

    def iccdf(self, p: ArrayLike) -> FloatArray:
        r"""Return :math:`\mu - \sigma\,\Phi^{-1}(p)`; (..., n) to (..., n, K)."""
        return self._mean - self._scale * ndtri(np.asarray(p, dtype=np.float64)[..., None])

    def support(self, tail: float) -> tuple[FloatArray, FloatArray]:
        """Return a first and a last value beyond which at most ``tail`` is left, both (n, K)."""
        p = np.full(self.shape[0], tail)
        return self.icdf(p), self.iccdf(p)

    def sample(self, rng: np.random.Generator, choice: NDArray[np.intp]) -> FloatArray:
        """Draw from expert ``choice[..., i]`` at row ``i``; same shape as `choice`."""
        rows = np.arange(self.shape[0])
        noise = rng.standard_normal(choice.shape)
        return self._mean[rows, choice] + self._scale[rows, choice] * noise
