"""Multivariate normal laws of the single experts at given rows."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mixexp.models.components import FloatArray, NormalComponents
from mixexp.models.covariances import BlockMatrices, Matrices

_HALF_LOG_2PI = 0.5 * float(np.log(2.0 * np.pi))


class MultivariateNormalComponents:
    r"""Normal laws :math:`N_D(\mu_{ik},\Sigma_k)`, one for each row i and expert k.

    Parameters
    ----------
    mean : array of shape (n, K, D)
        Means :math:`\mu_{ik}`, in the units of y.
    covariance : Matrices or array of shape (K, D, D)
        Covariances, positive definite.

    Raises
    ------
    ValueError
        If the shapes do not fit, a value is not finite or a matrix is not positive definite.

    Examples
    --------
    >>> normal = MultivariateNormalComponents(np.zeros((1, 1, 2)), np.eye(2)[None])
    >>> normal.logpdf([[0.0, 0.0]])
    array([[-1.837877]])
    """

    def __init__(self, mean: ArrayLike, covariance: Matrices | ArrayLike) -> None:
        location = np.asarray(mean, dtype=np.float64)
        if location.ndim != 3:
            raise ValueError(
                f"mean must have shape (n, K, D), got shape {location.shape}: one vector of D "
                "responses for each row and expert."
            )
        if not np.isfinite(location).all():
            raise ValueError("mean contains NaN or infinity; every mean must be finite.")
        known = hasattr(covariance, "whiten")
        matrices = cast(Matrices, covariance) if known else _matrices(covariance)
        if (matrices.n_experts, matrices.dim) != location.shape[1:]:
            raise ValueError(
                f"covariance holds {matrices.n_experts} matrices of {matrices.dim} responses, but "
                f"mean has shape {location.shape}; pass shape (K, D, D) for means (n, K, D)."
            )
        self._mean, self._covariance = location, matrices

    @property
    def shape(self) -> tuple[int, int]:
        """Number of rows and of experts, ``(n, K)``."""
        return self._mean.shape[0], self._mean.shape[1]

    @property
    def n_responses(self) -> int:
        """Number D of responses."""
        return int(self._mean.shape[2])

    @property
    def discrete(self) -> bool:
        """Asked by what integrates or sums over the values of a response, which is one response.

        Raises
        ------
        ValueError
            Always.
        """
        raise ValueError(
            f"the law is one of {self.n_responses} responses, and integrals over the response are "
            "made for one: take the marginal law of a response, or draw samples"
        )

    @property
    def matrices(self) -> Matrices:
        """The covariances."""
        return self._covariance

    def __getitem__(self, rows: Any) -> MultivariateNormalComponents:
        """Return the laws of a selection of rows (slice, mask or array of positions)."""
        return MultivariateNormalComponents(self._mean[rows], self._covariance)

    def __repr__(self) -> str:
        n, n_experts = self.shape
        return f"MultivariateNormalComponents(n={n}, K={n_experts}, D={self.n_responses})"

    def mean(self) -> FloatArray:
        """Return the means, shape (n, K, D)."""
        return self._mean.copy()

    def variance(self) -> FloatArray:
        """Return the variances of the single responses, shape (n, K, D)."""
        return np.broadcast_to(self._covariance.diagonal(), self._mean.shape).copy()

    def covariance(self) -> FloatArray:
        """Return the covariances, shape (K, D, D)."""
        return self._covariance.dense()

    def logpdf(self, y: ArrayLike) -> FloatArray:
        r"""Return :math:`\log N_D(y;\mu_{ik},\Sigma_k)`; (..., n, D) to (..., n, K)."""
        values = np.asarray(y, dtype=np.float64)
        found = np.empty((*values.shape[:-1], self.shape[1]))
        constant = -0.5 * self._covariance.log_det() - self.n_responses * _HALF_LOG_2PI
        for k in range(self.shape[1]):
            difference = values - self._mean[:, k]
            white = self._covariance.whiten(k, difference.reshape(-1, self.n_responses).T)
            with np.errstate(over="ignore"):
                squares = np.einsum("db,db->b", white, white)
            found[..., k] = constant[k] - 0.5 * squares.reshape(values.shape[:-1])
        return found

    def marginal(self, response: int) -> NormalComponents:
        """Return the laws of one response."""
        scale = np.sqrt(self._covariance.diagonal()[:, response])
        return NormalComponents(self._mean[:, :, response], scale)

    def sample(self, rng: np.random.Generator, choice: NDArray[np.intp]) -> FloatArray:
        """Draw from expert ``choice[..., i]`` at row ``i``; shape (..., n, D)."""
        noise = rng.standard_normal((*choice.shape, self.n_responses))
        found = self._mean[np.arange(self.shape[0]), choice]
        for k in range(self.shape[1]):
            mine = choice == k
            found[mine] += self._covariance.color(k, noise[mine].T).T
        return found


def _matrices(covariance: Any) -> BlockMatrices:
    """Dense matrices (K, D, D) as what can be factored.

    Raises
    ------
    ValueError
        If they are not that, or one is not positive definite.
    """
    dense = np.asarray(covariance, dtype=np.float64)
    if dense.ndim != 3 or dense.shape[1] != dense.shape[2]:
        raise ValueError(
            f"covariance must have shape (K, D, D), got shape {dense.shape}: one matrix for each "
            "expert."
        )
    for k, matrix in enumerate(dense):
        symmetric = np.isfinite(matrix).all() and np.allclose(matrix, matrix.T, rtol=1e-8)
        if not symmetric or np.linalg.eigvalsh(matrix)[0] <= 0.0:
            raise ValueError(
                f"covariance[{k}] is not positive definite: {matrix.tolist()}; give a symmetric "
                "matrix with positive eigenvalues."
            )
    return BlockMatrices.full(dense)
