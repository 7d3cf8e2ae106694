"""Laws of classes at given rows: what mixtures of multinomial experts are made of."""

from __future__ import annotations

from typing import Any, ClassVar, NoReturn

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import logsumexp

from mixexp.models.components import FloatArray


class CategoricalComponents:
    r"""Laws on classes :math:`0, \dots, J-1`, one for each row and expert.

    Parameters
    ----------
    log_probability : array of shape (n, K, J)
        :math:`\log P_k(y = j \mid x_i)`; minus infinity for a class that cannot be.

    Raises
    ------
    ValueError
        If the array is not three-dimensional, or probabilities do not sum to one within 1e-8.

    Examples
    --------
    >>> laws = CategoricalComponents(np.log([[[0.5, 0.3, 0.2], [0.1, 0.1, 0.8]]]))
    >>> np.exp(laws.logpdf([2]))
    array([[0.2, 0.8]])
    >>> laws.variance()
    array([[[0.25, 0.21, 0.16],
            [0.09, 0.09, 0.16]]])
    """

    discrete: ClassVar[bool] = True

    def __init__(self, log_probability: ArrayLike) -> None:
        table = np.asarray(log_probability, dtype=np.float64)
        if table.ndim != 3 or table.shape[2] == 0:
            raise ValueError(
                f"log_probability must have shape (n, K, J) with J >= 1, got {table.shape}: "
                "one row for each observation, one column for each expert, then the classes."
            )
        total = np.exp(logsumexp(table, axis=2))
        off = ~(np.abs(total - 1.0) <= 1e-8)
        if off.any():
            raise ValueError(
                f"log_probability: probabilities sum to {total[off].flat[0]:.12g}, not to 1; "
                "subtract the log-sum-exp over the classes."
            )
        self._log_p = table

    @property
    def shape(self) -> tuple[int, int]:
        """Number of rows and of experts, ``(n, K)``."""
        return self._log_p.shape[0], self._log_p.shape[1]

    @property
    def n_classes(self) -> int:
        """Number J of classes."""
        return self._log_p.shape[2]

    def __getitem__(self, rows: Any) -> CategoricalComponents:
        """Return the laws of a selection of rows (slice, mask or array of positions)."""
        chosen = object.__new__(CategoricalComponents)
        chosen._log_p = self._log_p[rows]
        return chosen

    def __repr__(self) -> str:
        n, n_experts, n_classes = self._log_p.shape
        return f"CategoricalComponents(n={n}, K={n_experts}, J={n_classes})"

    def mean(self) -> FloatArray:
        """Return the probabilities of the classes, shape (n, K, J)."""
        return np.exp(self._log_p)

    def variance(self) -> FloatArray:
        """Return the variances p (1 - p) of the indicators of the classes, shape (n, K, J)."""
        return -np.exp(self._log_p) * np.expm1(self._log_p)

    def logpdf(self, y: ArrayLike) -> FloatArray:
        """Return the log-probability of class codes (..., n), shape (..., n, K).

        Minus infinity for what is not the code of a class.
        """
        codes = np.asarray(y, dtype=np.float64)
        codes = np.broadcast_to(codes, np.broadcast_shapes(codes.shape, self.shape[:1]))
        possible = (codes >= 0.0) & (codes < self.n_classes) & (codes == np.floor(codes))
        position = np.where(possible, codes, 0.0).astype(np.intp)
        values = self._log_p[np.arange(self.shape[0]), :, position]
        other = np.where(np.isnan(codes), np.nan, -np.inf)
        return np.where(possible[..., None], values, other[..., None])

    def support(self, tail: float) -> tuple[FloatArray, FloatArray]:
        """Return the first and the last code, both (n, K); there are no tails to leave out."""
        return np.zeros(self.shape), np.full(self.shape, self.n_classes - 1.0)

    def sample(self, rng: np.random.Generator, choice: NDArray[np.intp]) -> FloatArray:
        """Draw a code from expert ``choice[..., i]`` at row ``i``; same shape as `choice`."""
        edges = np.cumsum(np.exp(self._log_p), axis=2)
        # The last class that has any probability ends at exactly one.
        edges /= edges[:, :, -1:]
        uniform, rows = rng.random(choice.shape), np.arange(self.shape[0])
        codes = np.zeros(choice.shape)
        for edge in np.moveaxis(edges, 2, 0)[:-1]:
            codes += uniform >= edge[rows, choice]
        return codes

    def cdf(self, y: ArrayLike) -> FloatArray:
        """Raise a TypeError: classes have no order."""
        self._no_order("cdf")

    def ccdf(self, y: ArrayLike) -> FloatArray:
        """Raise a TypeError: classes have no order."""
        self._no_order("ccdf")

    def logcdf(self, y: ArrayLike) -> FloatArray:
        """Raise a TypeError: classes have no order."""
        self._no_order("logcdf")

    def logccdf(self, y: ArrayLike) -> FloatArray:
        """Raise a TypeError: classes have no order."""
        self._no_order("logccdf")

    def icdf(self, p: ArrayLike) -> FloatArray:
        """Raise a TypeError: classes have no order."""
        self._no_order("icdf")

    def iccdf(self, p: ArrayLike) -> FloatArray:
        """Raise a TypeError: classes have no order."""
        self._no_order("iccdf")

    @staticmethod
    def _no_order(name: str) -> NoReturn:
        raise TypeError(
            f"{name} has no meaning for classes, which have no order; use mean() for the "
            "probabilities of the classes, or logpdf(codes)."
        )
