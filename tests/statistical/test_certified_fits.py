"""Default fits of every gate on simulated data: how many are certified, and reach the truth."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest

from mixexp.estimation.fit import Options, fit
from mixexp.models import (
    Activation,
    ActivationParams,
    Gate,
    Gaussian,
    GaussianParams,
    MixtureOfExperts,
    MixtureParams,
    Softmax,
    SoftmaxParams,
    Temperature,
    TemperatureParams,
    TopK,
    Transformed,
)
from mixexp.models.activations import GELU, RELU, SIN, SOFTPLUS, SQUARE

N_ROWS, N_SEEDS, LEAST = 10_000, 100, 95

PAIR = GaussianParams(np.array([1.5, -1.5]), np.array([[2.0], [-1.5]]), np.array([0.25, 0.49]))
LINES = GaussianParams(
    np.array([2.0, -2.0, 0.0]), np.array([[1.0], [1.0], [-1.5]]), np.array([0.25, 0.36, 0.16])
)
PLANES = LINES._replace(coef=np.array([[1.0, 0.5], [0.5, -1.0], [-1.5, 1.0]]))
SLOPE = SoftmaxParams(np.array([0.3, 0.0]), np.array([[2.0], [0.0]]))
THREE = SoftmaxParams(np.array([0.3, -0.3, 0.0]), np.array([[3.0], [-2.5], [0.0]]))
CUTS = SoftmaxParams(np.array([-1.0, -1.0, 0.0]), np.array([[4.0], [-3.0], [0.0]]))
TRIANGLE = SoftmaxParams(np.array([0.3, -0.2, 0.0]), np.array([[3.0, 0.0], [1.5, 2.6], [0.0, 0.0]]))


def bent(slope: float, tau: float) -> TemperatureParams:
    return TemperatureParams(
        ActivationParams(np.array([0.3, 0.0]), np.array([[slope], [0.0]])), tau
    )


class Truth(NamedTuple):
    """A law, and half the width of the uniform design."""

    gate: Gate
    params: MixtureParams
    reach: float = 1.0


TRUTHS = {
    "softmax": Truth(Softmax(), MixtureParams(SLOPE, PAIR)),
    "transformed": Truth(Transformed(), MixtureParams(SLOPE, PAIR)),
    "temperature": Truth(Temperature(), MixtureParams(TemperatureParams(SLOPE, 0.5), PAIR)),
    "tanh activation": Truth(
        Temperature(Activation()), MixtureParams(bent(1.0, 0.25), PAIR), reach=3.0
    ),
    "tanh, no temperature": Truth(Activation(), MixtureParams(bent(2.0, 1.0).base, PAIR)),
    "gelu": Truth(Temperature(Activation(GELU)), MixtureParams(bent(2.0, 0.25), PAIR)),
    "softplus": Truth(Temperature(Activation(SOFTPLUS)), MixtureParams(bent(2.0, 0.25), PAIR)),
    "sin": Truth(Temperature(Activation(SIN)), MixtureParams(bent(1.0, 0.25), PAIR), reach=3.0),
    "square": Truth(Temperature(Activation(SQUARE)), MixtureParams(bent(1.0, 0.25), PAIR)),
    "relu": Truth(Temperature(Activation(RELU)), MixtureParams(bent(2.0, 0.25), PAIR)),
    "top 2 of 3, one column": Truth(TopK(2), MixtureParams(THREE, LINES)),
    "top 2 of 3 by logit": Truth(TopK(2, select="logit"), MixtureParams(THREE, LINES)),
    "top 2 of 3, two columns": Truth(TopK(2), MixtureParams(TRIANGLE, PLANES)),
    "top 1 by logit": Truth(TopK(1, select="logit"), MixtureParams(CUTS, LINES)),
    "top 1, two columns": Truth(TopK(1), MixtureParams(TRIANGLE, PLANES)),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", TRUTHS)
def test_default_fits_are_certified(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    gate, params, reach = TRUTHS[name]
    k, d = params.expert.coef.shape
    model = MixtureOfExperts(gate, Gaussian(), k, d)
    certified, gains = 0, []
    for seed in range(N_SEEDS):
        rng = np.random.default_rng([seed, 7])
        x = rng.uniform(-reach, reach, size=(N_ROWS, d))
        y = model.sample(params, x, rng)
        found = fit(model, x, y, options=Options(seed=seed))
        best = found.optima[0]
        certified += best.certified
        gains.append(found.loglik(best) - float(model.log_prob(params, x, y).sum()))
    low, middle, high = np.quantile(gains, [0.0, 0.5, 1.0])
    with capsys.disabled():
        print(
            f"\n{name}: {certified} of {N_SEEDS} certified, {np.sum(np.array(gains) > 0.0)} above "
            f"the truth; nats above it: {low:.2f}, median {middle:.2f}, {high:.2f}"
        )
    assert certified >= LEAST
