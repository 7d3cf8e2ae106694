"""Small data sets whose fits are known: regular, separated, redundant, exact."""

from __future__ import annotations

import numpy as np

from mixexp.estimation.box import Bounds, Box
from mixexp.estimation.certificate import Certificate, certify
from mixexp.estimation.data import Data
from mixexp.estimation.objective import Objective
from mixexp.estimation.penalty import Ridge
from mixexp.models import (
    Gaussian,
    GaussianParams,
    MixtureOfExperts,
    MixtureParams,
    Softmax,
    SoftmaxParams,
)
from tests.instances import generator

Array = np.ndarray

TRUTH = MixtureParams(
    SoftmaxParams(np.array([0.0, 0.0]), np.array([[2.0], [0.0]])),
    GaussianParams(np.array([2.0, -2.0]), np.array([[2.0], [-1.5]]), np.array([0.25, 0.25])),
)
"""Two lines with a smooth gate, well apart."""


def model(n_experts: int = 2, variance: str = "expert") -> MixtureOfExperts:
    """A softmax-gated Gaussian mixture in one covariate."""
    return MixtureOfExperts(Softmax(), Gaussian(variance=variance), n_experts, 1)


def two_lines(n: int = 300, seed: int = 0) -> tuple[Array, Array]:
    """Rows of the law ``TRUTH``: x (n, 1) uniform on [-1, 1], and y (n,)."""
    rng = generator("two lines", n, seed)
    x = rng.uniform(-1.0, 1.0, size=(n, 1))
    return x, model().sample(TRUTH, x, rng)


def step(n: int = 120, seed: int = 0) -> tuple[Array, Array]:
    """Two lines, one on each side of x = 0 with a gap: the best gate is a step."""
    rng = generator("step", n, seed)
    x = rng.uniform(0.05, 1.0, size=n) * np.where(np.arange(n) % 2, 1.0, -1.0)
    y = np.where(x > 0.0, 3.0 - x, -3.0 + 2.0 * x) + 0.2 * rng.normal(size=n)
    return x[:, None], y


def redundant(total: float = 500.0) -> tuple[Array, Array, Array]:
    """The law y ~ N(1 + 2x, 1/4) itself, as quadrature nodes and weights that sum to ``total``.

    Where one expert is the truth, a second one cannot help: every way to share its weight, and to
    first order every way to move the two apart, has the same likelihood.
    """
    nodes, mass = np.polynomial.hermite_e.hermegauss(40)
    x = np.linspace(-1.0, 1.0, 9)
    grid_x, grid_y = np.repeat(x, len(nodes)), np.tile(nodes, len(x))
    weight = np.tile(mass / mass.sum(), len(x)) * total / len(x)
    return grid_x[:, None], 1.0 + 2.0 * grid_x + 0.5 * grid_y, weight


def bind(
    n_experts: int,
    x: Array,
    y: Array,
    weight: Array | None = None,
    penalty: tuple[float | None, float | None] = (None, None),
    *,
    standardize: bool = True,
) -> Objective:
    """The objective of data on their standardised scale, as the estimators bind it."""
    law = model(n_experts)
    data = Data.from_rows(x, y, weight, standardize=standardize)
    return Objective(law, data, Ridge.build(law.layout, *penalty))


def box(objective: Objective, bounds: Bounds | None = None) -> Box:
    """The box of an objective, by default the default one."""
    return (bounds or Bounds()).box(objective.layout)


def names(objective: Objective) -> list[str]:
    """Names of the entries of θ."""
    return objective.layout.names(["x"])


def near_truth(objective: Objective) -> Array:
    """θ of ``TRUTH`` on the objective's scale, for two experts."""
    law, data = objective.model, objective.data
    return law.layout.vector(law.rescale(law.coefficients(TRUTH), data.affine.inverse()))


def duplicated(objective: Objective, theta: Array, atom: int, bigger: Objective) -> Array:
    """θ of ``bigger``, whose model has one expert more, with one atom of ``theta`` split in two.

    The copies are equal: the law is the same, and so is the likelihood.
    """
    small, large = objective.model, bigger.model
    params = small.to_params(small.layout.coefficients(theta))
    measure = small.measure(params).split(atom, [0.5, 0.5])
    return large.layout.vector(large.coefficients(large.from_measure(measure)))


def certificate(
    target: Objective, theta: Array, bounds: Bounds | None = None
) -> tuple[Certificate, Array]:
    """Certificate within bounds, with the gate's lifted a hundredfold to look for separation."""
    bounds = bounds or Bounds()
    lifted = Bounds(100.0 * bounds.gate, bounds.expert, bounds.scale)
    return certify(
        target, theta, box(target, bounds), names(target), bounds_lifted=box(target, lifted)
    )
