"""The predictive law of a mixture of experts of several responses, row by row."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike

from mixexp.models.components import FloatArray
from mixexp.models.covariances import Matrices
from mixexp.models.distribution import MixtureDistribution
from mixexp.models.mixture_quantile import log_sum_exp
from mixexp.models.multivariate_components import MultivariateNormalComponents

# Values of log-densities that are in memory at a time.
_CELLS = 2**20


class MultivariateMixtureDistribution:
    r"""Predictive law :math:`p(y\mid x_i)=\sum_k w_{ik}N_D(y;\mu_{ik},\Sigma_k)` of every row i.

    An argument ``y`` has shape (D,), the same vector for every row; (n, D), one for each row; or
    (m, n, D), m for each row ((m, 1, D): the same m at every row). Densities then have shape (n,),
    (n,) and (m, n).

    Parameters
    ----------
    weights : array of shape (n, K)
        Gate probabilities; every row sums to one.
    means : array of shape (n, K, D)
        In the units of y.
    covariances : Matrices or array of shape (K, D, D)

    Raises
    ------
    ValueError
        If the shapes disagree, weights are not probabilities, or a matrix is not positive definite.

    Examples
    --------
    >>> law = MultivariateMixtureDistribution(
    ...     [[0.5, 0.5]], [[[0.0, 0.0], [2.0, 4.0]]], np.tile(np.eye(2), (2, 1, 1))
    ... )
    >>> law.mean()
    array([[1., 2.]])
    >>> law.covariance()
    array([[[2., 2.],
            [2., 5.]]])
    >>> law.marginal(1).mean()
    array([2.])
    """

    def __init__(
        self, weights: ArrayLike, means: ArrayLike, covariances: Matrices | ArrayLike
    ) -> None:
        self._components = MultivariateNormalComponents(means, covariances)
        # Weights, moments and draws do not ask how many responses there are.
        self._mixture = MixtureDistribution(weights, cast(Any, self._components))

    @property
    def weights(self) -> FloatArray:
        """Weights of the experts, shape (n, K) (a copy)."""
        return self._mixture.weights

    @property
    def components(self) -> MultivariateNormalComponents:
        """Laws of the experts."""
        return self._components

    @property
    def n_responses(self) -> int:
        """Number D of responses."""
        return self._components.n_responses

    def __len__(self) -> int:
        return len(self._mixture)

    def __getitem__(self, rows: Any) -> MultivariateMixtureDistribution:
        """Return the laws of a selection of rows; an integer gives a distribution of length 1."""
        positions = np.atleast_1d(np.arange(len(self))[rows])
        chosen = object.__new__(MultivariateMixtureDistribution)
        chosen._components = self._components[positions]
        chosen._mixture = self._mixture[positions]
        return chosen

    def __repr__(self) -> str:
        n, n_experts = self._components.shape
        return f"MultivariateMixtureDistribution(n={n}, K={n_experts}, D={self.n_responses})"

    def mean(self) -> FloatArray:
        r"""Return :math:`m_i=\sum_k w_{ik}\mu_{ik}`, shape (n, D), in the units of y."""
        return self._mixture.mean()

    def covariance(self) -> FloatArray:
        r"""Return :math:`\sum_kw_{ik}\{\Sigma_k+(\mu_{ik}-m_i)(\mu_{ik}-m_i)^\top\}`, (n, D, D)."""
        weights = self._mixture.weights
        spread = self._components.mean() - self.mean()[:, None]
        within = np.einsum("nk,kde->nde", weights, self._components.covariance())
        return within + np.einsum("nk,nkd,nke->nde", weights, spread, spread)

    def variance(self) -> FloatArray:
        """Return the variances of the single responses, shape (n, D)."""
        return self._mixture.variance()

    def standard_deviation(self) -> FloatArray:
        """Return the roots of the variances, shape (n, D), in the units of y."""
        return np.sqrt(self.variance())

    def logpdf(self, y: ArrayLike) -> FloatArray:
        r"""Return :math:`\log\sum_k w_{ik}N_D(y;\mu_{ik},\Sigma_k)`, finite far into the tails."""
        values = np.asarray(y, dtype=np.float64)
        n, dim = len(self), self.n_responses
        if (
            values.ndim == 0
            or values.shape[-1] != dim
            or values.shape[-2:-1] not in ((), (1,), (n,))
        ):
            raise ValueError(
                f"y of shape {values.shape} does not fit {n} rows of {dim} responses; pass shape "
                f"({dim},), ({n}, {dim}) or (m, {n}, {dim})."
            )
        values = np.broadcast_to(values, (*values.shape[:-2], n, dim))
        weights = self._mixture.weights
        log_weights = np.log(weights, out=np.full_like(weights, -np.inf), where=weights > 0.0)
        return log_sum_exp(log_weights + self._components.logpdf(values))

    def pdf(self, y: ArrayLike) -> FloatArray:
        r"""Return the density :math:`\sum_k w_{ik}N_D(y;\mu_{ik},\Sigma_k)`."""
        return np.exp(self.logpdf(y))

    def marginal(self, response: int) -> MixtureDistribution:
        """Return the law of one response, with quantiles and intervals.

        Raises
        ------
        IndexError
            If there is no such response.
        """
        if not 0 <= response < self.n_responses:
            raise IndexError(f"response={response} is not in 0..{self.n_responses - 1}")
        return MixtureDistribution(self._mixture.weights, self._components.marginal(response))

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
        array of shape (n, D) or (size, n, D)
            The draws, in the units of y.
        """
        return self._mixture.sample(size, rng)

    def entropy(self, n_draws: int = 1024, rng: int | np.random.Generator | None = 0) -> FloatArray:
        r"""Estimate :math:`-E\log p(Y\mid x_i)`, shape (n,), nats, by Monte Carlo.

        With :math:`Y=\mu_k+L_kz` under expert k, :math:`\log p+\tfrac12\|z\|^2` is averaged over
        the same ``n_draws`` pairs of opposite standard normal vectors z for every row and expert,
        and the known mean D/2 is taken off. Experts that do not overlap leave no error; otherwise
        the standard error is of the order of the overlap over the root of ``n_draws``.

        Parameters
        ----------
        n_draws : int
            Number of pairs.
        rng : int, numpy.random.Generator or None
            Seed or generator; the default gives the same value every time.
        """
        noise = np.random.default_rng(rng).standard_normal((n_draws, self.n_responses))
        noise = np.concatenate([noise, -noise])
        means, weights = self._components.mean(), self._mixture.weights
        half_square = 0.5 * np.einsum("md,md->m", noise, noise)[:, None]
        total = np.full(len(self), 0.5 * self.n_responses)
        step = max(1, _CELLS // (len(noise) * weights.shape[1]))
        for start in range(0, len(self), step):
            rows = slice(start, start + step)
            law = self[rows]
            for k in range(weights.shape[1]):
                shifts = self._components.matrices.color(k, noise.T).T
                value = law.logpdf(means[rows, k] + shifts[:, None]) + half_square
                total[rows] -= weights[rows, k] * value.mean(axis=0)
        return total
