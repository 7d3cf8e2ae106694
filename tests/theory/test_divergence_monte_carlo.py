"""Simulated divergences against quadrature and closed forms, and honest standard errors."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy.special import ndtr

from mixexp.models import Expert, Gate
from mixexp.theory import (
    TRUTHS,
    Design,
    Divergence,
    Law,
    divergence,
    sampled_conditional,
    sampled_divergence,
)
from tests.instances import UNIVARIATE_PAIRS, known_at, problem

NAMES = ("hellinger", "root_mean_square_hellinger", "total_variation", "kl", "jensen_kl")


def normal(mean: np.ndarray) -> tuple[Callable, Callable]:
    """Density and sampler of a normal law with unit variances."""
    half = 0.5 * len(mean) * np.log(2 * np.pi)
    return (
        lambda z: -0.5 * ((z - mean) ** 2).sum(axis=1) - half,
        lambda n, rng: mean + rng.normal(size=(n, len(mean))),
    )


def sampled(gap: float, n: int, seed: int, rho: float = 0.5) -> Divergence:
    """Two normal laws in three dimensions, ``gap`` apart."""
    (log_p, draw_p), (log_q, draw_q) = normal(np.zeros(3)), normal(gap * np.array([0.6, 0.0, 0.8]))
    rng = np.random.default_rng(seed)
    return sampled_divergence(log_p, log_q, draw_p, draw_q, n, rng, rho=rho)


def exact(gap: float) -> tuple[float, float, float, float]:
    h = np.sqrt(-np.expm1(-(gap**2) / 8))
    return h, h, 2 * ndtr(gap / 2) - 1, gap**2 / 2


def scores(found: Divergence, expected: tuple) -> np.ndarray:
    """Errors in standard errors."""
    return (np.array(found[: len(expected)]) - expected) / np.array(found.error[: len(expected)])


@pytest.mark.parametrize("gap", [1e-6, 0.1, 1.0, 4.0, 20.0])
def test_normal_laws_in_three_dimensions(gap: float) -> None:
    found = sampled(gap, 40_000, 1)
    expected = np.array(exact(gap))
    slack = 1e-9 * expected
    assert np.all(np.abs(np.array(found[:4]) - expected) <= 4 * np.array(found.error[:4]) + slack)
    # The relative error does not grow when laws are close.
    assert np.all(np.array(found.error[:4]) < 0.03 * expected)


@UNIVARIATE_PAIRS
def test_conditional_laws_against_quadrature(gate: Gate, expert: Expert) -> None:
    cases = [problem(gate, expert, n_experts=k, n_rows=5, seed=k) for k in (2, 3)]
    p, q = (Law(case.model, case.params) for case in cases)
    design = Design(cases[0].x, np.array([0.1, 0.3, 0.2, 0.4, 0.0]))
    known = known_at(cases[0], slice(None))
    found = sampled_conditional(p, q, design, 4000, np.random.default_rng(7), rho=0.3, known=known)
    expected = divergence(p, q, design, rho=0.3, known=known)
    assert np.all(np.abs(scores(found, expected[:5])) < 4.5)
    assert max(*found.error[:3], found.error.jensen_kl) < 0.02
    assert found.rho == 0.3


def test_joint_laws_of_covariates_and_response() -> None:
    p, q = TRUTHS["balanced"], TRUTHS["overlapping"]

    def log_density(truth) -> Callable:  # type: ignore[no-untyped-def]
        return lambda pair: truth.model.log_prob(truth.params, *pair) - np.log(2.0)

    found = sampled_divergence(
        log_density(p), log_density(q), p.sample, q.sample, 40_000, np.random.default_rng(3)
    )
    expected = divergence(p, q, p.design())
    # Without an expectation of conditional distances: one draw at an x cannot tell that.
    joint = (expected.root_mean_square_hellinger, *expected[1:5])
    assert np.all(np.abs(scores(found, joint)) < 4)


@pytest.mark.parametrize("gap", [1e-3, 0.5, 3.0])
def test_standard_errors_are_the_spread_over_repetitions(gap: float) -> None:
    runs = [sampled(gap, 1000, seed) for seed in range(300)]
    values = np.array([run[:5] for run in runs])
    claimed = np.sqrt(np.mean(np.array([run.error for run in runs]) ** 2, axis=0))
    np.testing.assert_allclose(claimed / values.std(axis=0, ddof=1), 1.0, atol=0.17)
    bias = (values.mean(axis=0)[:4] - exact(gap)) / (claimed[:4] / np.sqrt(300))
    assert np.all(np.abs(bias) < 4)


def test_standard_errors_of_averages_over_a_design() -> None:
    p, q = TRUTHS["balanced"], TRUTHS["overlapping"]
    design = Design(np.array([[-0.9], [0.0], [0.8]]), np.array([0.2, 0.5, 0.3]))
    runs = [sampled_conditional(p, q, design, 400, np.random.default_rng(s)) for s in range(300)]
    values = np.array([run[:5] for run in runs])
    claimed = np.sqrt(np.mean(np.array([run.error for run in runs]) ** 2, axis=0))
    np.testing.assert_allclose(claimed / values.std(axis=0, ddof=1), 1.0, atol=0.17)


def test_laws_without_common_support() -> None:
    def uniform(a: float) -> tuple[Callable, Callable]:
        return (
            lambda z: np.where((z >= a) & (z < a + 1), 0.0, -np.inf),
            lambda n, rng: rng.uniform(a, a + 1, size=n),
        )

    (log_p, draw_p), (log_q, draw_q) = uniform(0.0), uniform(5.0)
    found = sampled_divergence(log_p, log_q, draw_p, draw_q, 100, np.random.default_rng(0))
    assert found[:4] == (1.0, 1.0, 1.0, np.inf)
    assert found.error[:4] == (0.0, 0.0, 0.0, np.inf)
    assert found.jensen_kl == pytest.approx(2 * np.log(2))
    same = sampled_divergence(log_p, log_p, draw_p, draw_p, 100, np.random.default_rng(0))
    assert max(same[:5]) == max(same.error) == 0.0


def test_the_same_generator_gives_the_same_numbers() -> None:
    first, again = sampled(1.0, 101, 5), sampled(1.0, 101, 5)
    assert first[:5] == again[:5]
    assert first[:5] != sampled(1.0, 101, 6)[:5]


def test_bad_input() -> None:
    (log_p, draw), truth = normal(np.zeros(1)), TRUTHS["balanced"]
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="n=3 is too small; draw at least 4"):
        sampled_divergence(log_p, log_p, draw, draw, 3, rng)
    with pytest.raises(ValueError, match="two of each law at every point"):
        sampled_conditional(truth, truth, truth.design(3), 1, rng)
    with pytest.raises(ValueError, match="rho=2"):
        sampled_divergence(log_p, log_p, draw, draw, 10, rng, rho=2)
    with pytest.raises(ValueError, match=r"log_q gave shape \(5, 1\) for 5 draws"):
        sampled_divergence(log_p, lambda z: z, draw, draw, 10, rng)
    with pytest.raises(ValueError, match="log_q is nan for 5 responses"):
        sampled_divergence(log_p, lambda z: np.full(len(z), np.nan), draw, draw, 10, rng)
