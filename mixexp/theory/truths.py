"""Named truths that simulation studies sample from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mixexp.models import (
    Gaussian,
    GaussianParams,
    MixingMeasure,
    MixtureOfExperts,
    MixtureParams,
    Softmax,
    SoftmaxParams,
)

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Truth:
    """A law p(y | x) with x uniform on [lower, upper], one covariate.

    Parameters
    ----------
    name : str
    model : MixtureOfExperts
    params : MixtureParams
    lower, upper : float
        Support of x.
    """

    name: str
    model: MixtureOfExperts
    params: MixtureParams
    lower: float = -1.0
    upper: float = 1.0

    @property
    def measure(self) -> MixingMeasure:
        """The true mixing measure."""
        return self.model.measure(self.params)

    def sample(self, n: int, rng: np.random.Generator) -> tuple[Array, Array]:
        """n independent pairs: x (n, 1) uniform and y (n,) from the law given x."""
        x = rng.uniform(self.lower, self.upper, size=(n, 1))
        return x, self.model.sample(self.params, x, rng)


def _softmax_gaussian(
    name: str,
    gate: tuple[list[float], list[float]],
    mean: tuple[list[float], list[float]],
    variance: list[float],
) -> Truth:
    model = MixtureOfExperts(Softmax(), Gaussian(), n_experts=len(variance), n_columns=1)
    params = MixtureParams(
        SoftmaxParams(np.array(gate[0]), np.array(gate[1])[:, None]),
        GaussianParams(np.array(mean[0]), np.array(mean[1])[:, None], np.array(variance)),
    )
    return Truth(name, model, params)


def balanced_softmax_gaussian() -> Truth:
    """Two experts of equal weight, well apart: variances 0.25, x uniform on [-1, 1].

    Gate (β0, β1) = (0, 2), (0, 0); experts (b, a) = (2, 2), (-2, -1.5). The experts' ranges meet at
    x = -1 and are far apart elsewhere.

    Examples
    --------
    >>> truth = balanced_softmax_gaussian()
    >>> truth.measure.weight
    array([0.5, 0.5])
    >>> x, y = truth.sample(1000, np.random.default_rng(0))
    >>> x.shape, y.shape
    ((1000, 1), (1000,))
    """
    return _softmax_gaussian(
        "balanced", ([0.0, 0.0], [2.0, 0.0]), ([2.0, -2.0], [2.0, -1.5]), [0.25, 0.25]
    )


def overlapping_softmax_gaussian() -> Truth:
    """Two experts that overlap more, with weights about 0.6 and 0.4 and variances 0.25 and 0.49.

    Gate (0.5, 2), (0, 0); experts (b, a) = (1, 2), (-1, -1.5); x uniform on [-1, 1].
    """
    return _softmax_gaussian(
        "overlapping", ([0.5, 0.0], [2.0, 0.0]), ([1.0, -1.0], [2.0, -1.5]), [0.25, 0.49]
    )


TRUTHS = {
    truth.name: truth for truth in (balanced_softmax_gaussian(), overlapping_softmax_gaussian())
}
