"""Divergences of conditional laws against closed forms, other sums and other quadrature."""

from __future__ import annotations

from itertools import pairwise

import mpmath
import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import erf, xlogy
from scipy.stats import binom, norm, poisson

from mixexp.models import (
    Binomial,
    BinomialParams,
    Expert,
    Gaussian,
    GaussianParams,
    MixtureOfExperts,
    MixtureParams,
    Multinomial,
    MultinomialParams,
    Poisson,
    PoissonParams,
    Softmax,
    SoftmaxParams,
)
from mixexp.theory import Design, Divergence, Law, Truth, divergence, gaussian_hellinger

Params = GaussianParams | MultinomialParams | PoissonParams | BinomialParams
POINT = Design(np.zeros((1, 1)), np.ones(1))


def law(expert: Expert, params: Params, log_weight: object = (0.0,)) -> Law:
    """A mixture whose weights and experts do not depend on the single covariate."""
    beta = np.array(log_weight, dtype=float)
    model = MixtureOfExperts(Softmax(), expert, len(beta), 1)
    return Law(model, MixtureParams(SoftmaxParams(beta, np.zeros((len(beta), 1))), params))


def normal(*experts: tuple[float, float, float]) -> Law:
    """A mixture of normal laws from (weight, mean, standard deviation)."""
    weight, mean, scale = np.array(experts).T
    params = GaussianParams(mean, np.zeros((len(mean), 1)), scale**2)
    return law(Gaussian(), params, np.log(weight))


def categorical(*probability: float) -> Law:
    # The logit of what cannot be: its probability is smaller than any number.
    logit = np.array([[np.log(p) if p else -1e306 for p in probability]])
    params = MultinomialParams(logit, np.zeros((1, len(probability), 1)))
    return law(Multinomial(len(probability)), params)


def covers(found: Divergence, expected: tuple[float, ...], slack: float = 1e-13) -> None:
    """(h, V, KL, JKL) is within the error bounds, which are small."""
    names = ("hellinger", "total_variation", "kl", "jensen_kl")
    for name, value in zip(names, expected, strict=True):
        error = getattr(found.error, name)
        assert abs(getattr(found, name) - value) <= error + slack * value, name
        assert error <= 1e-7 * value, name


def by_quad(p: Law, q: Law, edges: np.ndarray, rho: float = 0.5) -> tuple[float, ...]:
    """(h, V, KL, JKL) by another adaptive quadrature, from densities of another library."""

    def density(which: Law, y: float) -> float:
        gate, expert = which.params
        height = np.exp(gate.intercept) / np.sqrt(2 * np.pi * expert.variance)
        parts = height * np.exp(-0.5 * (y - expert.intercept) ** 2 / expert.variance)
        return float(parts.sum() / np.exp(gate.intercept).sum())

    def total(f: object) -> float:
        def integrand(y: float) -> float:
            return f(density(p, y), density(q, y))

        return sum(quad(integrand, a, b, epsabs=1e-14, epsrel=1e-11)[0] for a, b in pairwise(edges))

    return (
        np.sqrt(total(lambda a, b: 0.5 * (a**0.5 - b**0.5) ** 2)),
        total(lambda a, b: 0.5 * abs(a - b)),
        total(lambda a, b: xlogy(a, a / b)),
        total(lambda a, b: xlogy(a, a / ((1 - rho) * a + rho * b))) / rho,
    )


@pytest.mark.parametrize("mean", [0.0, 1e-6, 0.5, 3.0, 12.0])
@pytest.mark.parametrize("scale", [1.0, 0.3, 1e-3, 50.0])
def test_two_normal_laws(mean: float, scale: float) -> None:
    if (mean, scale) == (0.0, 1.0):
        return
    found = divergence(normal((1, 0, 1)), normal((1, mean, scale)), POINT)
    h = float(gaussian_hellinger(0.0, 1.0, mean, scale**2))
    kl = np.log(scale) + (1 + mean**2) / (2 * scale**2) - 0.5
    # p = q where a quadratic in y vanishes.
    roots = np.roots([0.5 / scale**2 - 0.5, -mean / scale**2, mean**2 / (2 * scale**2) + np.log(scale)])  # noqa: E501  # fmt: skip
    cuts = np.sort(roots.real) if scale != 1.0 else np.array([mean / 2])
    cdf = norm.cdf(cuts) - norm.cdf(cuts, mean, scale)
    v = np.abs(np.diff(cdf))[0] if scale != 1.0 else erf(mean / np.sqrt(8))
    assert abs(found.hellinger - h) <= found.error.hellinger + 1e-14
    assert abs(found.total_variation - v) <= found.error.total_variation + 1e-14
    assert abs(found.kl - kl) <= found.error.kl + 1e-13 * kl + 1e-16
    assert found[:3] == pytest.approx((h, h, v), rel=1e-8)
    assert found.root_mean_square_hellinger == found.hellinger


@pytest.mark.parametrize("step", [1e-2, 1e-5, 1e-8])
@pytest.mark.parametrize("rho", [0.1, 0.5, 0.9])
def test_small_differences_keep_their_digits(step: float, rho: float) -> None:
    found = divergence(normal((1, 0.3, 1)), normal((1, 0.3 + step, 1)), POINT, rho=rho)
    gap = (0.3 + step) - 0.3
    h2, v = -np.expm1(-(gap**2) / 8), erf(gap / np.sqrt(8))
    rel = 1e-12 + 4e-15 / step
    assert found.hellinger == pytest.approx(np.sqrt(h2), rel=rel, abs=0)
    assert found.total_variation == pytest.approx(v, rel=rel, abs=0)
    assert found.kl == pytest.approx(gap**2 / 2, rel=rel, abs=0)
    # χ²(q, p) = exp(gap²) - 1, and ρ χ²/2 is what JKL is like when laws are close.
    assert found.jensen_kl == pytest.approx(rho * gap**2 / 2, rel=rel + 3 * step**2, abs=0)
    exact = np.sqrt(h2), v, gap**2 / 2
    for name, value in zip(("hellinger", "total_variation", "kl"), exact, strict=True):
        assert abs(getattr(found, name) - value) <= getattr(found.error, name) + 1e-15 * value
        assert getattr(found.error, name) < 1e-4 * value


def test_small_differences_of_classes() -> None:
    probability, step = np.array([0.5, 0.3, 0.2]), 1e-8 * np.array([1.0, 1.0, -2.0])
    found = divergence(categorical(*probability), categorical(*(probability + step)), POINT)
    size = np.sum(step**2 / probability)
    expected = np.sqrt(size / 8), np.abs(step).sum() / 2, size / 2, size / 4
    for name, value in zip(
        ("hellinger", "total_variation", "kl", "jensen_kl"), expected, strict=True
    ):
        assert getattr(found, name) == pytest.approx(value, rel=1e-6, abs=0)


def test_classes_are_summed() -> None:
    p, q = np.array([0.5, 0.3, 0.2]), np.array([0.1, 0.1, 0.8])
    found = divergence(categorical(*p), categorical(*q), POINT, rho=0.3)
    m = 0.7 * p + 0.3 * q
    jensen = np.sum(p * np.log(p / m)) / 0.3
    h = np.sqrt(1 - np.sum(np.sqrt(p * q)))
    covers(found, (h, np.abs(p - q).sum() / 2, np.sum(p * np.log(p / q)), jensen))


@pytest.mark.parametrize(("first", "second"), [(3.0, 5.0), (200.0, 180.0), (0.01, 4.0)])
@pytest.mark.parametrize("exposure", [1.0, 2.5])
def test_poisson_laws(first: float, second: float, exposure: float) -> None:
    def counts(rate: float) -> Law:
        return law(Poisson(), PoissonParams(np.log([rate]), np.zeros((1, 1))))

    found = divergence(counts(first), counts(second), POINT, known=exposure)
    a, b = exposure * first, exposure * second
    h = np.sqrt(-np.expm1(-0.5 * (np.sqrt(a) - np.sqrt(b)) ** 2))
    y = np.arange(2000)
    p, q = poisson.pmf(y, a), poisson.pmf(y, b)
    jensen = 2 * xlogy(p, np.divide(p, (p + q) / 2, out=np.ones(2000), where=p > 1e-300)).sum()
    covers(found, (h, np.abs(p - q).sum() / 2, a * np.log(a / b) - a + b, jensen), slack=1e-11)


def test_large_counts_that_hardly_differ_lose_digits_and_the_bound_says_so() -> None:
    # Log-probabilities near -6 are differences of terms near 10^5.
    eta = np.log([1e4, 1e4 * (1 + 1e-8)])
    p, q = (law(Poisson(), PoissonParams(eta[[i]], np.zeros((1, 1)))) for i in (0, 1))
    found = divergence(p, q, POINT)
    with mpmath.workdps(50):
        a, b = (mpmath.exp(mpmath.mpf(e)) for e in eta)
        kl = float(a * mpmath.log(a / b) - a + b)
        h = float(mpmath.sqrt(-mpmath.expm1(-((mpmath.sqrt(a) - mpmath.sqrt(b)) ** 2) / 2)))
    assert 1e-8 * kl < abs(found.kl - kl) <= found.error.kl < 1e-3 * kl
    assert abs(found.hellinger - h) <= found.error.hellinger < 1e-3 * h


def test_exposures_of_a_truth_are_the_default() -> None:
    def truth(rate: float, known: float | None) -> Truth:
        given = counts(rate)
        return Truth("t", given.model, given.params, known=known)

    def counts(rate: float) -> Law:
        return law(Poisson(), PoissonParams(np.log([rate]), np.zeros((1, 1))))

    exposed = divergence(truth(3.0, 4.0), counts(5.0), POINT)
    assert exposed.kl == pytest.approx(12 * np.log(3 / 5) - 12 + 20)
    assert divergence(truth(3.0, 4.0), truth(5.0, None), POINT, known=4.0)[:5] == exposed[:5]
    with pytest.raises(ValueError, match=r"truths p and q have \[2.0, 4.0\] of their own"):
        divergence(truth(3.0, 4.0), truth(5.0, 2.0), POINT)


def test_binomial_laws_with_other_numbers_of_trials_at_every_point() -> None:
    def successes(share: float) -> Law:
        return law(Binomial(), BinomialParams(np.log([share / (1 - share)]), np.zeros((1, 1))))

    trials = np.array([1.0, 7.0, 40.0])
    design = Design(np.zeros((3, 1)), np.array([0.2, 0.5, 0.3]))
    found = divergence(successes(0.3), successes(0.6), design, known=trials)
    affinity = np.sqrt(0.3 * 0.6) + np.sqrt(0.7 * 0.4)
    kl = 0.3 * np.log(0.5) + 0.7 * np.log(0.7 / 0.4)
    v = [np.abs(binom.pmf(np.arange(m + 1), m, 0.3) - binom.pmf(np.arange(m + 1), m, 0.6)).sum() / 2 for m in trials]  # noqa: E501  # fmt: skip
    np.testing.assert_allclose(found.at.hellinger, np.sqrt(1 - affinity**trials), rtol=1e-12)
    np.testing.assert_allclose(found.at.kl, trials * kl, rtol=1e-12)
    np.testing.assert_allclose(found.at.total_variation, v, rtol=1e-12)
    assert found.kl == pytest.approx(design.weight @ trials * kl)
    square = design.weight @ (1 - affinity**trials)
    assert found.root_mean_square_hellinger == pytest.approx(np.sqrt(square))


CASES = {
    "overlap": (normal((0.6, 0, 1), (0.4, 2, 0.7)), normal((0.5, 0.3, 1), (0.5, 1.8, 0.6)), 1.0),
    "one and three": (normal((1, 0, 1)), normal((1, -1, 0.5), (1, 0, 2), (1, 1, 0.5)), 0.5),
    "narrow inside": (
        normal((0.7, 0, 0.5), (0.3, 0.1, 1e-3)),
        normal((0.5, 0, 0.5), (0.5, 0.1003, 1e-3)),
        1e-3,
    ),
    "factor 1000": (
        normal((0.999, 0, 1e-3), (1e-3, 0, 1.0)),
        normal((1, 5e-4, 1e-3), (1, 0, 1.0)),
        1e-3,
    ),
    "far apart": (
        normal((0.5, -40, 0.3), (0.5, 40, 0.3)),
        normal((0.3, -40.1, 0.3), (0.7, 40, 0.5)),
        0.3,
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_mixtures_against_other_quadrature(case: str) -> None:
    p, q, scale = CASES[case]
    centres = np.unique([*p.params.expert.intercept, *q.params.expert.intercept])
    fine = np.concatenate([c + scale * np.linspace(-12, 12, 49) for c in centres])
    reach = 11 * np.sqrt(max(p.params.expert.variance.max(), q.params.expert.variance.max()))
    coarse = np.linspace(centres[0] - reach, centres[-1] + reach, 60)
    # Inside thirty scales of an expert both densities are positive numbers.
    edges = np.unique(np.concatenate([fine, coarse]))
    if case == "far apart":
        edges = edges[np.min(np.abs(edges[:, None] - centres), axis=1) < 8.0]
        parts = [by_quad(p, q, edges[sign * edges > 0]) for sign in (-1, 1)]
        expected = (np.hypot(parts[0][0], parts[1][0]), *np.add(*parts)[1:])
    else:
        expected = by_quad(p, q, edges)
    covers(divergence(p, q, POINT), tuple(map(float, expected)), slack=1e-11)


def test_kullback_leibler_may_be_infinite() -> None:
    found = divergence(categorical(0.5, 0.5, 0.0), categorical(0.2, 0.3, 0.5), POINT)
    back = divergence(categorical(0.2, 0.3, 0.5), categorical(0.5, 0.5, 0.0), POINT)
    expected = 0.5 * np.log(0.5 / 0.2) + 0.5 * np.log(0.5 / 0.3)
    assert found.kl == pytest.approx(expected)
    assert back.kl > 1e300
    assert back.total_variation == found.total_variation == pytest.approx(0.5)
    assert 0 < back.jensen_kl < 2 * np.log(2)
    assert np.isfinite(back.error).all()


class Never(Law):
    """A law whose density is set to zero above one."""

    def log_density(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return np.where(y > 1.0, -np.inf, super().log_density(x, y))


@pytest.mark.parametrize("some", [normal((1, 0, 1)), categorical(0.2, 0.3, 0.5)])
def test_log_densities_of_minus_infinity(some: Law) -> None:
    design = Design(np.zeros((2, 1)), np.array([1.0, 0.0]))
    lost = divergence(some, Never(some.model, some.params), design)
    assert lost.kl == np.inf
    assert np.isfinite([*lost[:3], lost.jensen_kl]).all()
    assert lost.error.kl == np.inf
    assert np.isfinite([*lost.error[:3], lost.error.jensen_kl]).all()
    share = 0.5 if some.model.expert.standardizes is False else norm.sf(1.0)
    assert lost.total_variation == pytest.approx(share / 2, rel=1e-6)
    assert lost.hellinger == pytest.approx(np.sqrt(share / 2), rel=1e-6)
    assert np.isfinite(divergence(Never(some.model, some.params), some, design)[:5]).all()


def test_a_point_without_weight_does_not_count() -> None:
    design = Design(np.zeros((2, 1)), np.array([1.0, 0.0]))
    p, q = normal((1, 0, 1)), normal((1, 1, 1))
    assert divergence(p, q, design)[:5] == pytest.approx(divergence(p, q, POINT)[:5], rel=1e-14)


def test_order_matters_for_two_of_them() -> None:
    p, q, _ = CASES["overlap"]
    there, back = divergence(p, q, POINT, rho=0.3), divergence(q, p, POINT, rho=0.3)
    assert there[:3] == pytest.approx(back[:3], rel=1e-12)
    assert abs(there.kl / back.kl - 1) > 0.01
    assert abs(there.jensen_kl / back.jensen_kl - 1) > 0.01


def test_bad_input() -> None:
    p, x = normal((1, 0, 1)), np.zeros((2, 1))
    half = np.full(2, 0.5)
    for rho in (0.0, 1.0, -0.5, np.nan):
        with pytest.raises(ValueError, match=r"rho=.* must lie between 0 and 1"):
            divergence(p, p, POINT, rho=rho)
    for design, message in [
        (Design(np.zeros(2), half), "one point per row"),
        (Design(x, np.ones(3) / 3), r"one probability a point, \(2,\)"),
        (Design(x, np.array([1.5, -0.5])), "holds -0.5; probabilities must not be negative"),
        (Design(x, np.array([np.nan, 1.0])), "holds nan"),
        (Design(x, np.ones(2)), "sums to 2, not to 1; divide"),
        (Design(x * np.nan, half), "2 values that are not finite"),
        (Design(np.zeros((2, 3)), half), "p is a law of 1 columns and x has 3"),
    ]:
        with pytest.raises(ValueError, match=message):
            divergence(p, p, design)
    with pytest.raises(ValueError, match="continuous under p and one of 2 classes under q"):
        divergence(p, categorical(0.5, 0.5), POINT)
    with pytest.raises(ValueError, match="one of 3 classes under p and one of 2"):
        divergence(categorical(0.5, 0.2, 0.3), categorical(0.5, 0.5), POINT)
    with pytest.raises(ValueError, match=r"known=2.0, and the response is continuous"):
        divergence(p, p, POINT, known=2.0)


@pytest.mark.parametrize(("a", "b"), [(10.0, 11.0), (14.0, 14.5), (16.0, 10.0)])
def test_the_error_of_large_divergences_of_counts_is_a_bound(a: float, b: float) -> None:
    def counts(log_rate: float) -> Law:
        return law(Poisson(), PoissonParams(np.array([log_rate]), np.zeros((1, 1))))

    found = divergence(counts(a), counts(b), POINT)
    exact = np.exp(a) * (a - b) - np.exp(a) + np.exp(b)
    assert abs(found.kl - exact) <= found.error.kl + 1e-15 * exact


@pytest.mark.parametrize(
    ("p", "q"),
    [((1, 1, 1e-34), (1, 2, 1e-34)), ((1, 1e200, 1), (1, 0, 1))],
)
def test_laws_below_the_rounding_of_their_means_are_refused(p, q) -> None:
    with pytest.raises(ValueError, match="responses that far out are rounded"):
        divergence(normal(p), normal(q), POINT)


def test_a_truth_without_exposures_has_ones() -> None:
    given = law(Poisson(), PoissonParams(np.array([1.0]), np.zeros((1, 1))))
    one = Truth("t", given.model, given.params)
    two = Truth("t", given.model, given.params, known=2.0)
    with pytest.raises(ValueError, match=r"have \[1.0, 2.0\] of their own"):
        divergence(one, two, POINT)
    assert divergence(one, one, POINT).kl == 0.0


@pytest.mark.parametrize("rtol", [np.nan, 0.0, -1.0])
def test_a_tolerance_that_never_ends_is_refused(rtol: float) -> None:
    with pytest.raises(ValueError, match="rtol="):
        divergence(normal((1, 0, 1)), normal((1, 1, 1)), POINT, rtol=rtol)


def test_long_designs_are_taken_in_blocks() -> None:
    x = np.linspace(-1.0, 1.0, 1100)[:, None]
    design = Design(x, np.full(1100, 1.0 / 1100))
    p, q = normal((1, 0, 1)), normal((1, 1, 1))
    found = divergence(p, q, design)
    alone = divergence(p, q, Design(x[1050:], np.full(50, 0.02)))
    assert found.at.kl.shape == (1100,)
    np.testing.assert_allclose(found.at.kl[1050:], alone.at.kl, rtol=1e-9)
