"""Derivatives and Newton M-steps of experts, called with arrays, for the tests of each family."""

from __future__ import annotations

import numpy as np

from mixexp.models.experts import Expert, MStep

N, K = 80, 3
RNG = np.random.default_rng(0)
X = RNG.normal(size=(N, 2))
DESIGN = np.column_stack([np.ones(N), X])
WEIGHTS = RNG.dirichlet(np.ones(K), size=N).T * RNG.uniform(0.5, 2.0, size=N)


def density(expert: Expert, predictors: list[np.ndarray], y: np.ndarray) -> np.ndarray:
    """Log-densities (K, B)."""
    return expert.log_density(predictors, y, np.empty_like(predictors[0]))


def derivatives(
    expert: Expert, predictors: list[np.ndarray], y: np.ndarray, order: int = 2
) -> tuple[np.ndarray, np.ndarray]:
    """First and second derivatives; what is not filled is NaN."""
    n, shape = len(predictors), predictors[0].shape
    first = np.full((n, *shape), np.nan)
    second = np.full((n * (n + 1) // 2, *shape), np.nan)
    expert.derivatives(predictors, y, order, first, second)
    return first, second


def numerical(expert: Expert, predictors: list[np.ndarray], y: np.ndarray, h: float = 1e-5):
    """The same by central differences: of the density, and of the exact first derivatives."""
    first, second = [], []
    for a in range(len(predictors)):
        up, down = ([u + s * (b == a) for b, u in enumerate(predictors)] for s in (h, -h))
        first.append((density(expert, up, y) - density(expert, down, y)) / (2.0 * h))
        step = derivatives(expert, up, y)[0] - derivatives(expert, down, y)[0]
        second.extend(step[a:] / (2.0 * h))
    return np.array(first), np.array(second)


def steps(
    expert: Expert,
    y: np.ndarray,
    weights: np.ndarray,
    n_steps: int,
    *,
    design: np.ndarray = DESIGN,
    penalty: float = 0.0,
    bound: float = 1e3,
    begin: list[np.ndarray] | None = None,
) -> list[np.ndarray]:
    """Coefficients after M-steps with fixed weights (K, n), from zeros unless told otherwise."""
    phi = np.ascontiguousarray(design.T)
    n = len(expert.coordinates((0,)))
    tables = begin or [np.zeros((len(weights), len(phi))) for _ in range(n)]
    upper = [np.full_like(table, bound) for table in tables]
    constraints = MStep(penalty, [-u for u in upper], upper)
    for _ in range(n_steps):
        predictors = [table @ phi for table in tables]
        statistics = expert.statistics(weights, predictors, [phi] * n, y)
        tables = expert.m_step(statistics, tables, constraints)
    return tables


def score(expert: Expert, y: np.ndarray, weights: np.ndarray, tables: list[np.ndarray]):
    """Gradient of the weighted log-likelihood, (E, K, p)."""
    first, _ = derivatives(expert, [table @ DESIGN.T for table in tables], y, 1)
    return first * weights @ DESIGN


def check_m_step(expert: Expert, y: np.ndarray) -> None:
    """What every family's M-step must do, whatever its likelihood."""
    fitted = steps(expert, y, WEIGHTS, 12)
    assert np.abs(score(expert, y, WEIGHTS, fitted)).max() < 1e-10
    # The ridge spares the intercept.
    ridge = 3.0 * np.array([0.0, 1.0, 1.0])
    shrunk = steps(expert, y, WEIGHTS, 12, penalty=3.0)
    # That of classes is centred over them, the last included, whose coefficients are zero.
    n_categories = expert.coordinates(())[0].n_categories
    mean = np.sum(shrunk, axis=0) / n_categories if n_categories else 0.0
    slope = score(expert, y, WEIGHTS, shrunk) - ridge * (np.array(shrunk) - mean)
    assert np.abs(slope).max() < 1e-10
    assert np.abs(shrunk[0] - fitted[0]).max() > 1e-3
    # No step is longer than two, even where the curvature is gone.
    for far in (600.0, -600.0, 900.0, -900.0):
        begin = [np.full((K, 3), [far, 0.0, 0.0]) for _ in fitted]
        moved = np.array(steps(expert, y, WEIGHTS, 1, begin=begin)) - begin
        length = np.sqrt((moved**2).sum(axis=(0, 2)))
        assert np.all(length <= 2.0 + 1e-12) and np.all(length > 0.0)
        slope = score(expert, y, WEIGHTS, begin)
        assert np.all((slope * moved).sum(axis=(0, 2)) > 0.0)
    # Without mass nothing moves, penalty or not.
    weights = WEIGHTS.copy()
    weights[1] = 0.0
    begin = [np.full((K, 3), 0.3) for _ in fitted]
    moved = steps(expert, y, weights, 1, penalty=3.0, begin=begin)
    assert np.array_equal([t[1] for t in moved], [t[1] for t in begin])
    assert np.allclose(
        [t[[0, 2]] for t in moved],
        [t[[0, 2]] for t in steps(expert, y, WEIGHTS, 1, penalty=3.0, begin=begin)],
        rtol=1e-12,
    )
    # In the box, the optimum has no slope but outwards at a bound.
    bound = 0.8 * float(np.abs(fitted).max())
    held = np.array(steps(expert, y, WEIGHTS, 60, bound=bound))
    slope = score(expert, y, WEIGHTS, list(held))
    at_bound = np.abs(held) >= bound
    assert 0 < at_bound.sum() < held.size and np.abs(held).max() <= bound * (1.0 + 1e-12)
    assert np.abs(slope[~at_bound]).max() < 1e-8
    assert np.all(slope[at_bound] * held[at_bound] > 0.0)
