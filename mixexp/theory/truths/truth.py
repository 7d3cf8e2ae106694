"""A true law to sample from: a model, its parameters, and the law of the covariates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import roots_legendre

from mixexp.models import Law, MixingMeasure, MixtureOfExperts, MixtureParams

Array = NDArray[np.float64]


class Design(NamedTuple):
    """Points x of shape (n, d) and their probabilities of shape (n,)."""

    x: Array
    weight: Array


def uniform_design(lower: float, upper: float, n: int = 40, n_columns: int = 1) -> Design:
    """Gauss-Legendre points for covariates with the uniform law on [lower, upper]^n_columns.

    Averages of functions that are smooth in x, such as the squared Hellinger distance, converge
    geometrically in n, the number of points a column; there are n ** n_columns points. The distance
    itself has a kink wherever two laws coincide.

    Examples
    --------
    >>> x, weight = uniform_design(-1.0, 1.0)
    >>> print(weight @ np.exp(x[:, 0]), np.sinh(1.0))
    1.17520119364380 1.17520119364380
    >>> x, weight = uniform_design(0.0, 1.0, n=5, n_columns=2)
    >>> print((weight @ (x[:, 0] * x[:, 1] ** 2)).round(13))
    0.1666666666667
    """
    node, weight = roots_legendre(n)
    points = 0.5 * (lower + upper) + 0.5 * (upper - lower) * node
    grid = np.meshgrid(*[points] * n_columns, indexing="ij")
    weights = np.meshgrid(*[0.5 * weight] * n_columns, indexing="ij")
    x = np.stack(grid, axis=-1).reshape(-1, n_columns)
    return Design(x, np.prod(np.stack(weights, axis=-1), axis=-1).ravel())


@dataclass(frozen=True)
class Truth:
    """A law p(y | x), the columns of x independent and uniform on [lower, upper].

    Parameters
    ----------
    name : str
    model : MixtureOfExperts
    params : MixtureParams
    lower, upper : float
        Support of every column of x.
    source : str
        Where the law comes from.
    known : float, optional
        The exposure or number of trials of every row, for families that have them.

    Examples
    --------
    >>> from mixexp.theory.truths.named import balanced_softmax_gaussian
    >>> truth = balanced_softmax_gaussian()
    >>> x, y = truth.sample(1000, np.random.default_rng(0))
    >>> x.shape, y.shape
    ((1000, 1), (1000,))
    """

    name: str
    model: MixtureOfExperts
    params: MixtureParams
    lower: float = -1.0
    upper: float = 1.0
    source: str = "this project"
    known: float | None = None

    def __post_init__(self) -> None:
        if not -np.inf < self.lower < self.upper < np.inf:
            raise ValueError(
                f"lower={self.lower}, upper={self.upper}: x must have an interval, lower < upper"
            )

    @property
    def law(self) -> Law:
        """The conditional law."""
        return Law(self.model, self.params)

    @property
    def measure(self) -> MixingMeasure:
        """The true mixing measure."""
        return self.model.measure(self.params)

    def design(self, n: int = 40) -> Design:
        """Quadrature points for the law of x, n a column."""
        return uniform_design(self.lower, self.upper, n, self.model.n_columns)

    def sample_x(self, n: int, rng: np.random.Generator) -> Array:
        """n independent rows of x, (n, n_columns)."""
        return rng.uniform(self.lower, self.upper, size=(n, self.model.n_columns))

    def sample(self, n: int, rng: np.random.Generator) -> tuple[Array, Array]:
        """n independent pairs: x (n, n_columns) uniform and y (n,) from the law given x."""
        x = self.sample_x(n, rng)
        known = None if self.known is None else np.full(n, self.known)
        return x, self.model.sample(self.params, x, rng, known)
