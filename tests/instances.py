"""Every gate and every expert the contract tests run over, and random problems made of them.

A new gate or expert is added to ``GATES`` or ``EXPERTS``; the tests in ``tests/contract`` then hold
it to everything the library promises.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from mixexp.estimation.box import Bounds, Box
from mixexp.estimation.data import Data
from mixexp.estimation.objective import Objective
from mixexp.estimation.penalty import Ridge
from mixexp.estimation.solvers import Reason, Solution, solve
from mixexp.models import (
    Activation,
    Binomial,
    Expert,
    Gate,
    Gaussian,
    GaussianGate,
    MixtureOfExperts,
    MixtureParams,
    Multinomial,
    MultivariateGaussian,
    Poisson,
    Softmax,
    Temperature,
    TopK,
    Transformed,
)
from mixexp.models.activations import GELU, RELU
from mixexp.models.basis import Affine
from mixexp.models.covariances import BlockDiagonal, Diagonal, Full, Isotropic

Array = NDArray[np.float64]

GATES: list[Gate] = [
    Softmax(),
    Softmax(degree=2),
    Transformed(),
    Temperature(),
    Temperature(tau=0.5),
    Activation(),
    Temperature(Activation(GELU)),
    Temperature(Activation(RELU)),
    TopK(2),
    TopK(2, select="logit"),
    TopK(2, Temperature(normalize=False)),
    GaussianGate(),
    GaussianGate(Diagonal()),
    GaussianGate(Isotropic()),
]
EXPERTS: list[Expert] = [
    Gaussian(),
    Gaussian(degree=2),
    Gaussian(variance="shared"),
    Multinomial(3),
    Poisson(),
    Binomial(),
]

MULTIVARIATE: list[Expert] = [
    MultivariateGaussian(2),
    MultivariateGaussian(2, Diagonal()),
    MultivariateGaussian(2, Isotropic()),
    MultivariateGaussian(2, Full("shared")),
    MultivariateGaussian(2, Full("volume")),
    MultivariateGaussian(3, BlockDiagonal([0, 1, 0])),
]
"""Experts of several responses."""

UNIVARIATE = [
    (g, e)
    for g in GATES
    for e in EXPERTS
    if not isinstance(g, GaussianGate) or (isinstance(e, Gaussian) and e.degree == 1)
]
EVERY = [
    *UNIVARIATE,
    *((g, MULTIVARIATE[0]) for g in GATES),
    *((GATES[0], e) for e in MULTIVARIATE[1:]),
]


def _runs(pairs: list[tuple[Gate, Expert]]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(("gate", "expert"), pairs, ids=lambda part: repr(part))


PAIRS = _runs(EVERY)
"""Runs a test for every gate and every expert: of the later ones, not for every pair of them."""

UNIVARIATE_PAIRS = _runs(UNIVARIATE)
"""The same, without experts of several responses."""

SMOOTH_PAIRS = _runs([(g, e) for g, e in EVERY if g.pieces(9) is None])
"""The same as all, without gates whose likelihood jumps."""

SMOOTH_UNIVARIATE_PAIRS = _runs([(g, e) for g, e in UNIVARIATE if g.pieces(9) is None])
"""Without both."""


@dataclass(frozen=True)
class Problem:
    """A model, data drawn from it, and the parameter θ they were drawn at.

    ``x`` (n, d), ``y`` (n,) or (n, D) and ``weight`` (n,) or None are the rows; ``objective`` holds
    them as they are, without standardisation, so θ is on their scale.
    """

    model: MixtureOfExperts
    x: Array
    y: Array
    weight: Array | None
    theta: Array
    objective: Objective

    @property
    def params(self) -> MixtureParams:
        """The parameters at θ."""
        return self.params_of(self.theta)

    def params_of(self, theta: Array) -> MixtureParams:
        """The parameters at any θ."""
        return self.model.to_params(self.model.layout.coefficients(theta))

    @property
    def box(self) -> Box:
        """The default parameter space."""
        return Bounds().box(self.model.layout)


def generator(*key: object) -> np.random.Generator:
    """A generator whose stream depends on the key alone."""
    return np.random.default_rng(zlib.crc32(repr(key).encode()))


def regular_problem(gate: Gate, expert: Expert, **settings: int) -> tuple[Problem, Solution]:
    """A problem whose optimum above the truth is no step and on no bound, and that optimum."""
    for seed in range(40):
        case = problem(gate, expert, seed=seed, **settings)
        found = solve("auto", case.objective, case.theta, case.box)
        shares = case.objective.shares(found.theta)
        # A ray of equal likelihood may be followed a long way.
        scale = case.model.layout.entries("temperature")
        calm = np.abs(found.theta[~scale]).max() < 30.0 and shares.min() > 0.05
        known = case.model.invariant_directions(found.theta).shape[1]
        curvature = np.linalg.eigvalsh(-case.objective.evaluate(found.theta, 2).hessian)[known]
        if calm and (curvature > 0.02 or gate.pieces(9)) and found.reason is Reason.STATIONARY:
            return case, found
    raise AssertionError(f"no regular problem of {gate} with {expert} in 40")


def random_theta(model: MixtureOfExperts, x: Array, max_logit: float, rng) -> Array:  # type: ignore[no-untyped-def]
    """Coefficients of size about one, and a gate scaled so that its largest |logit| is given."""
    layout = model.layout
    theta = rng.normal(size=layout.n_free)
    theta *= layout.fill({"gate": 1.0, "expert": 1.0, "scale": 0.5, "temperature": 0.3})
    gate = layout.entries("gate")

    def largest(t: Array) -> float:
        a = logits(model, t, x)
        return float(np.abs(a[np.isfinite(a)]).max(initial=0.0))

    if largest(theta) > 0.0:
        theta[gate] *= max_logit / largest(theta)
    # Logits that are not linear in the coefficients can have grown by more than they should.
    while largest(theta) > 1.01 * max_logit and np.abs(theta[gate]).max() > 1e-3:
        theta[gate] *= 0.8
    return theta


def near_boundary(model: MixtureOfExperts, theta: Array, x: Array) -> NDArray[np.bool_]:
    """Rows of x that are about to change their active experts, (n,)."""
    pieces, layout = model.gate.pieces(model.n_experts), model.layout
    if pieces is None:
        return np.zeros(len(x), dtype=bool)
    features = layout.features(np.ascontiguousarray(x.T))
    scores = layout.predictors(layout.coefficients(theta), features)[pieces.coordinate]
    if not pieces.jumps:
        return np.asarray(np.any(np.abs(scores[:-1]) < 1e-2, axis=0))
    ordered = -np.sort(-scores, axis=0)
    return ordered[pieces.n_active - 1] - ordered[pieces.n_active] < 1e-2


def logits(model: MixtureOfExperts, theta: Array, x: Array) -> Array:
    """Logits at the rows of x, (K, n); -inf for an expert that is switched off."""
    layout = model.layout
    features = layout.features(np.ascontiguousarray(x.T))
    predictors = layout.predictors(layout.coefficients(theta), features)[: len(layout.gate)]
    return model.gate.logits(predictors, np.empty((model.n_experts, len(x))))


def objective(
    model: MixtureOfExperts,
    x: Array,
    y: Array,
    weight: Array | None = None,
    penalty: tuple[float | None, float | None] = (None, None),
    **options: int,
) -> Objective:
    """The objective of rows as they are, on the user's scale."""
    data = Data.from_rows(x, model.expert.encode(y), weight, standardize=False)
    return Objective(model, data, Ridge.build(model.layout, *penalty), **options)


def problem(
    gate: Gate,
    expert: Expert,
    *,
    n_experts: int = 2,
    n_columns: int = 1,
    n_rows: int = 60,
    max_logit: float = 3.0,
    weighted: bool = True,
    seed: int = 0,
    **options: int,
) -> Problem:
    """A random problem; the same arguments give the same one."""
    rng = generator(repr(gate), repr(expert), n_experts, n_columns, seed)
    model = MixtureOfExperts(gate.for_experts(n_experts), expert, n_experts, n_columns)
    x = rng.uniform(-1.5, 1.5, size=(n_rows, n_columns))
    theta = random_theta(model, x, max_logit, rng)
    for _ in range(50):
        # A difference quotient must not carry a row over the boundary of a region.
        near = near_boundary(model, theta, x)
        if not near.any():
            break
        x[near] = rng.uniform(-1.5, 1.5, size=(int(near.sum()), n_columns))
    params = model.to_params(model.layout.coefficients(theta))
    known = known_of(expert, n_rows, rng)
    y = model.sample(params, x, rng, known)
    if expert.standardizes:
        # A little more noise than the law: responsibilities must differ from gate probabilities.
        y = y + 0.3 * rng.normal(size=y.shape)
    if known is not None:
        y = np.column_stack([y, known])
    weight = rng.uniform(0.2, 3.0, size=n_rows) if weighted else None
    return Problem(model, x, y, weight, theta, objective(model, x, y, weight, **options))


def known_of(expert: Expert, n_rows: int, rng: np.random.Generator) -> Array | None:
    """What a law needs beside x, at random: exposures of counts, numbers of trials."""
    if isinstance(expert, Poisson):
        return rng.uniform(0.5, 2.0, size=n_rows)
    if isinstance(expert, Binomial):
        return rng.integers(1, 9, size=n_rows).astype(float)
    return None


def known_at(case: Problem, rows: slice) -> Array | None:
    """The exposures or trials of some rows of a problem."""
    counts = isinstance(case.model.expert, Poisson | Binomial)
    return case.y[rows, 1] if counts else None


def response_of(case: Problem, y: Array) -> Array:
    """What responds in y as the experts read it: (n,), or (n, D) of several responses."""
    return y[:, 0] if isinstance(case.model.expert, Poisson | Binomial) else y


def responses(case: Problem, row: int) -> tuple[Array, Array]:
    """Every response that can occur at a row, as the experts read them, and its weight in sums.

    Of a density, equidistant points that cover every expert's law 12 scales to both sides: there
    the trapezoidal rule has the accuracy of the exponential.
    """
    rows = slice(row, row + 1)
    known = known_at(case, rows)
    expert = case.model.expert
    if isinstance(expert, Multinomial):
        return np.arange(float(expert.n_classes)), np.ones(expert.n_classes)
    law = case.model.distribution(case.params, case.x[rows], known)
    mean, scale = law.mean()[0], np.sqrt(law.variance()[0])
    means = case.model.expert_means(case.params, case.x[rows], known)[0]
    if known is None:
        reach = np.abs(means - mean).max() + 12.0 * scale
        y = np.linspace(mean - reach, mean + reach, 6001)
        weight = np.full(len(y), y[1] - y[0])
        weight[[0, -1]] *= 0.5
        return y, weight
    last = known[0] if isinstance(expert, Binomial) else np.max(means) + 12.0 * (scale + 5.0)
    counts = np.arange(np.ceil(last) + 1.0)
    return np.column_stack([counts, np.full(len(counts), known[0])]), np.ones(len(counts))


def units(gate: Gate, expert: Expert, seed: int, n_columns: int) -> Affine:
    """A random change of units that leaves the class of laws as it is.

    Any centre and scales of either sign for x, a positive scale for y; no centre of x where a score
    has no intercept, none at all where a fixed function acts on x.
    """
    rng = generator("units", seed)
    sign = rng.choice([-1.0, 1.0], size=n_columns)
    x_scale = sign * np.exp(rng.uniform(-1.0, 1.0, size=n_columns))
    x_center = rng.normal(size=n_columns)
    y_center: float | Array = float(3.0 * rng.normal())
    y_scale: float | Array = float(np.exp(rng.normal()))
    if isinstance(expert, MultivariateGaussian):
        y_center, y_scale = units_of_responses(expert, rng)
    if isinstance(gate, GaussianGate) and gate.structure.isotropic:
        x_scale[:] = x_scale[0]
    if has_origin(gate):
        x_center[:] = 0.0
    if isinstance(gate, Transformed):
        x_center[:], x_scale[:] = 0.0, 1.0
    if not expert.standardizes:
        y_center, y_scale = 0.0, 1.0
    return Affine(x_center, x_scale, y_center, y_scale)


def units_of_responses(
    expert: MultivariateGaussian, rng: np.random.Generator
) -> tuple[Array, Array]:
    """Centres and positive scales (D,), one common scale where the family has no others."""
    scale = np.exp(rng.normal(size=expert.n_responses))
    if expert.common_scale:
        scale[:] = scale[0]
    return 3.0 * rng.normal(size=expert.n_responses), scale


def has_origin(gate: Gate) -> bool:
    """Whether a gate has a score without intercept."""
    return not all(c.basis.constant for c in gate.coordinates((0,)))


def differences(function, theta: Array, where=None, step: float = 2e-4) -> Array:  # type: ignore[no-untyped-def]
    """Derivatives along coordinates (all, or those in ``where``), by central differences.

    Of fourth order, one row for each coordinate: (P, ...).
    """
    rows = []
    for i in range(len(theta)) if where is None else where:
        h = np.zeros_like(theta)
        h[i] = step
        near = function(theta + h) - function(theta - h)
        far = function(theta + 2.0 * h) - function(theta - 2.0 * h)
        rows.append((8.0 * near - far) / (12.0 * step))
    return np.array(rows)
