"""Laws of counts and of successes at given rows: what mixtures of such experts are made of."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betainc, betaln, expit, gammaln, pdtr, pdtrc, xlogy

from mixexp.models import count_tails
from mixexp.models.components import FloatArray
from mixexp.models.count_components import CountComponents


def log_binomial(n: FloatArray, k: FloatArray) -> FloatArray:
    """Logarithm of the binomial coefficient, without the cancellation of three factorials."""
    return -np.log1p(n) - betaln(n - k + 1.0, k + 1.0)


class PoissonComponents(CountComponents):
    r"""Poisson laws with means :math:`\mu_{ik}`, one for each row and expert.

    Parameters
    ----------
    rate : array of shape (n, K)
        Means :math:`\mu_{ik} \ge 0`: rate times exposure.

    Raises
    ------
    ValueError
        If `rate` is not two-dimensional, or a value is negative or not finite.

    Examples
    --------
    >>> laws = PoissonComponents(rate=[[1.0, 100.0]])
    >>> laws.icdf([0.5])
    array([[  1., 100.]])
    >>> laws.logccdf([500.0])
    array([[-2618.5, -410.1]])
    """

    def __init__(self, rate: ArrayLike) -> None:
        mean = np.asarray(rate, dtype=np.float64)
        if mean.ndim != 2:
            raise ValueError(f"rate must have shape (n, K), got shape {mean.shape}.")
        good = (mean >= 0.0) & (mean < np.inf)
        if not good.all():
            raise ValueError(
                f"rate must be non-negative and finite, got {mean[~good].flat[0]}; "
                "it is a mean, not its logarithm."
            )
        super().__init__(mean)

    def _last(self) -> FloatArray:
        (rate,) = self._params
        return np.where(rate > 0.0, np.inf, 0.0)

    @staticmethod
    def _log_mass(k: FloatArray, *params: FloatArray) -> FloatArray:
        (rate,) = params
        return xlogy(k, rate) - rate - gammaln(k + 1.0)

    @staticmethod
    def _tails(k: FloatArray, *params: FloatArray) -> tuple[FloatArray, FloatArray]:
        return pdtr(k, *params), pdtrc(k, *params)

    @staticmethod
    def _log_tiny(k: FloatArray, upper: bool, *params: FloatArray) -> FloatArray:
        mass = PoissonComponents._log_mass(k + upper, *params)
        tail = count_tails.poisson_log_ccdf if upper else count_tails.poisson_log_cdf
        return tail(mass, k, *params)

    def mean(self) -> FloatArray:
        r"""Return the means :math:`\mu_{ik}`, shape (n, K)."""
        return self._params[0].copy()

    def variance(self) -> FloatArray:
        r"""Return the variances :math:`\mu_{ik}`, shape (n, K)."""
        return self._params[0].copy()

    def sample(self, rng: np.random.Generator, choice: NDArray[np.intp]) -> FloatArray:
        """Draw from expert ``choice[..., i]`` at row ``i``; same shape as `choice`."""
        rate = self._params[0][np.arange(self.shape[0]), choice]
        return rng.poisson(rate).astype(np.float64)


class BinomialComponents(CountComponents):
    r"""Binomial laws of :math:`m_i` trials, one for each row and expert.

    Parameters
    ----------
    trials : array that broadcasts to (n, K)
        Numbers of trials.
    logit : array of shape (n, K)
        :math:`\log\{p_{ik}/(1-p_{ik})\}`, which holds what p close to one cannot.

    Raises
    ------
    ValueError
        If `logit` is not two-dimensional or not finite, or trials are not whole numbers.

    Examples
    --------
    >>> laws = BinomialComponents(trials=10, logit=[[0.0, 2.0]])
    >>> laws.mean()
    array([[5.    , 8.8080]])
    >>> laws.cdf([5.0])
    array([[0.6230, 0.0036]])
    """

    def __init__(self, trials: ArrayLike, logit: ArrayLike) -> None:
        u = np.asarray(logit, dtype=np.float64)
        if u.ndim != 2 or not np.isfinite(u).all():
            raise ValueError(f"logit must be finite and have shape (n, K), got shape {u.shape}.")
        m = np.broadcast_to(np.asarray(trials, dtype=np.float64), u.shape)
        good = (m >= 0.0) & (m < np.inf) & (m == np.floor(m))
        if not good.all():
            raise ValueError(f"trials must be whole numbers, 0 or more; got {m[~good].flat[0]}.")
        super().__init__(m, u)

    def _last(self) -> FloatArray:
        return self._params[0]

    @staticmethod
    def _log_mass(k: FloatArray, *params: FloatArray) -> FloatArray:
        trials, logit = params
        linear = k * np.minimum(logit, 0.0) - (trials - k) * np.maximum(logit, 0.0)
        constant = np.log1p(np.exp(-np.abs(logit)))
        return log_binomial(trials, k) + (linear - trials * constant)

    @staticmethod
    def _tails(k: FloatArray, *params: FloatArray) -> tuple[FloatArray, FloatArray]:
        trials, logit = params
        left = np.maximum(trials - k, 1.0)
        return betainc(left, k + 1.0, expit(-logit)), betainc(k + 1.0, left, expit(logit))

    @staticmethod
    def _log_tiny(k: FloatArray, upper: bool, *params: FloatArray) -> FloatArray:
        trials, logit = params
        mass = BinomialComponents._log_mass(k + upper, trials, logit)
        if upper:
            return count_tails.binomial_log_ccdf(mass, k, trials, logit)
        # The lower tail of successes is the upper tail of failures.
        return count_tails.binomial_log_ccdf(mass, trials - k - 1.0, trials, -logit)

    def mean(self) -> FloatArray:
        r"""Return the means :math:`m_i p_{ik}`, shape (n, K)."""
        trials, logit = self._params
        return trials * expit(logit)

    def variance(self) -> FloatArray:
        r"""Return the variances :math:`m_i p_{ik} (1 - p_{ik})`, shape (n, K)."""
        trials, logit = self._params
        return trials * expit(logit) * expit(-logit)

    def sample(self, rng: np.random.Generator, choice: NDArray[np.intp]) -> FloatArray:
        """Draw from expert ``choice[..., i]`` at row ``i``; same shape as `choice`."""
        trials, logit = (p[np.arange(self.shape[0]), choice] for p in self._params)
        return rng.binomial(trials.astype(np.int64), expit(logit)).astype(np.float64)
