"""Mixtures of counts and of classes: moments, quantiles and entropy against brute force."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from scipy.special import expit

from mixexp.models import entropy as entropy_module
from mixexp.models.categorical_components import CategoricalComponents
from mixexp.models.discrete_components import BinomialComponents, PoissonComponents
from mixexp.models.discrete_quantile import reaches, smallest_integer
from mixexp.models.distribution import MixtureDistribution
from mixexp.models.entropy import entropy

RNG = np.random.default_rng(7)
WEIGHTS = np.vstack([RNG.dirichlet(np.ones(3), size=4), [0.0, 1.0, 0.0], [1e-9, 0.5, 0.5 - 1e-9]])
RATE = RNG.uniform(0.1, 40.0, size=(6, 3))
TRIALS = np.array([1.0, 5.0, 40.0, 200.0, 7.0, 60.0])[:, None]
LOGIT = RNG.normal(0.0, 2.0, size=(6, 3))
POISSON = MixtureDistribution(WEIGHTS, PoissonComponents(RATE))
BINOMIAL = MixtureDistribution(WEIGHTS, BinomialComponents(TRIALS, LOGIT))
CLASSES = RNG.dirichlet(np.ones(4), size=(6, 3))
CATEGORICAL = MixtureDistribution(WEIGHTS, CategoricalComponents(np.log(CLASSES)))
COUNTS = pytest.mark.parametrize("law", [POISSON, BINOMIAL], ids=repr)
Y = np.arange(301.0)[:, None]
P = np.array([1e-250, 1e-15, 0.01, 0.3, 0.5, 0.77, 0.999, 1.0 - 1e-9])


@COUNTS
def test_moments_and_tails_are_sums(law) -> None:
    mass = law.pdf(Y)
    np.testing.assert_allclose(mass.sum(axis=0), 1.0, rtol=1e-12)
    mean = (Y * mass).sum(axis=0)
    np.testing.assert_allclose(law.mean(), mean, rtol=1e-12)
    np.testing.assert_allclose(law.variance(), ((Y - mean) ** 2 * mass).sum(axis=0), rtol=1e-10)
    np.testing.assert_allclose(law.cdf(Y), np.cumsum(mass, axis=0), rtol=1e-11)
    np.testing.assert_allclose(np.exp(law.logcdf(Y)), law.cdf(Y), rtol=1e-12)
    np.testing.assert_allclose(np.exp(law.logccdf(Y)), law.ccdf(Y), rtol=1e-12)


@COUNTS
def test_quantiles_are_the_first_counts_that_reach_the_probability(law) -> None:
    y = np.arange(900.0)[:, None]
    below, above = law.cdf(y), law.ccdf(y)
    for p in P:
        np.testing.assert_array_equal(law.icdf(p), (below < p).sum(axis=0))
        np.testing.assert_array_equal(law.iccdf(p), (above > p).sum(axis=0))
    low, high = law.interval(0.9)
    np.testing.assert_array_equal(low, (below < 0.05).sum(axis=0))
    np.testing.assert_array_equal(high, (above > 0.05 * (1.0 + 1e-15)).sum(axis=0))
    np.testing.assert_array_equal(law.median(), (below < 0.5).sum(axis=0))


@COUNTS
def test_quantile_inverts_the_distribution_function(law) -> None:
    """A probability computed at a count gives the count back, wherever it can be told apart."""
    y = Y[:40]
    visible = (law.pdf(y) > 1e-13) & (law.ccdf(y) > 1e-3) & (law.cdf(y) > 1e-3)
    assert visible.sum() > 60
    expected = np.broadcast_to(y, visible.shape)[visible]
    np.testing.assert_array_equal(law.icdf(law.cdf(y))[visible], expected)
    np.testing.assert_array_equal(law.iccdf(law.ccdf(y))[visible], expected)


def test_ends_of_the_support() -> None:
    np.testing.assert_array_equal(POISSON.icdf(0.0), 0.0)
    np.testing.assert_array_equal(POISSON.icdf(1.0), np.inf)
    np.testing.assert_array_equal(POISSON.iccdf(1.0), 0.0)
    np.testing.assert_array_equal(POISSON.iccdf(0.0), np.inf)
    np.testing.assert_array_equal(BINOMIAL.icdf(0.0), 0.0)
    np.testing.assert_array_equal(BINOMIAL.icdf(1.0), TRIALS[:, 0])
    np.testing.assert_array_equal(BINOMIAL.iccdf(0.0), TRIALS[:, 0])
    nothing = MixtureDistribution([[0.5, 0.5]], PoissonComponents([[0.0, 2.0]]))
    assert nothing.icdf(1.0).item() == np.inf and nothing.icdf(0.5).item() == 0.0
    # An expert without weight does not count.
    nothing = MixtureDistribution([[1.0, 0.0]], PoissonComponents([[0.0, 2.0]]))
    assert nothing.icdf(1.0).item() == nothing.iccdf(0.0).item() == 0.0


def test_above_one_half_the_smaller_tail_decides() -> None:
    """The larger one may be off by rounding: the weights here add up to a little less than one."""
    p = np.array([1.0 - 2.0**-53])
    low = p - 2.0**-53
    assert reaches(low, np.array([1e-18]), p, upper=False).all()
    assert not reaches(low, np.array([1e-15]), p, upper=False).any()
    above, p = np.array([0.75 + 2.0**-53]), np.array([0.75])
    assert reaches(np.array([0.25]), above, p, upper=True).all()
    assert not reaches(np.array([0.25 - 1e-12]), above, p, upper=True).any()


def test_far_quantiles() -> None:
    """Tails of 1e-300 from either side; one expert far from the others."""
    law = MixtureDistribution([[0.5, 0.5]], PoissonComponents([[3.0, 1e9]]))
    assert law.icdf(0.5 * stats.poisson.cdf(4, 3.0)).item() == 4.0
    assert law.icdf(0.75).item() == stats.poisson.ppf(0.5, 1e9)
    y = law.iccdf(1e-300).item()
    assert law.ccdf(y).item() <= 1e-300 < law.ccdf(y - 1.0).item()
    y = MixtureDistribution([[1.0]], PoissonComponents([[5e3]])).icdf(1e-300).item()
    one = PoissonComponents([[5e3]])
    assert one.cdf([y - 1.0]).item() < 1e-300 <= one.cdf([y]).item()


def test_an_integer_search_takes_few_steps() -> None:
    asked: list[int] = []

    def holds(y, which):
        asked.append(y.size)
        return y >= target[which]

    target = np.array([0.0, 1.0, 999_999.0, 1e6, 2.0**60])
    guess = np.array([5.0, 0.0, 1e6, 0.0, 1e6])
    found = smallest_integer(holds, guess, np.zeros(5), np.full(5, np.inf))
    np.testing.assert_array_equal(found, target)
    assert len(asked) < 130
    last = smallest_integer(lambda y, which: y < 0.0, np.zeros(1), np.zeros(1), np.full(1, 9.0))
    assert last.item() == 9.0


def test_classes() -> None:
    mean = np.einsum("nk,nkj->nj", WEIGHTS, CLASSES)
    np.testing.assert_allclose(CATEGORICAL.mean(), mean, rtol=1e-14)
    np.testing.assert_allclose(CATEGORICAL.variance(), mean * (1.0 - mean), rtol=1e-12)
    codes = np.array([0, 1, 2, 3, 0, 1])
    np.testing.assert_allclose(CATEGORICAL.pdf(codes), mean[np.arange(6), codes], rtol=1e-13)
    for call in (lambda: CATEGORICAL.median(), lambda: CATEGORICAL.cdf(1.0)):
        with pytest.raises(TypeError, match="no meaning for classes"):
            call()
    for p in (0.0, 1.0):
        with pytest.raises(TypeError, match="no meaning for classes"):
            CATEGORICAL.icdf(p)


def test_sampler_follows_the_mixture() -> None:
    seen = np.stack([(CATEGORICAL.sample(3000, rng=1) == j).sum(axis=0) for j in range(4)], axis=1)
    for row in range(6):
        assert stats.chisquare(seen[row], 3000 * CATEGORICAL.mean()[row]).pvalue > 0.01
        wrong = CATEGORICAL.mean()[row - 1]
        assert stats.chisquare(seen[row], 3000 * wrong).pvalue < 1e-6


@COUNTS
def test_entropy_of_counts_is_the_sum(law) -> None:
    log_p = law.logpdf(Y)
    mass = np.exp(log_p)
    expected = -(mass * np.where(mass > 0.0, log_p, 0.0)).sum(axis=0)
    np.testing.assert_allclose(entropy(law), expected, rtol=1e-12)


def test_entropy_of_classes_is_the_sum() -> None:
    mean = CATEGORICAL.mean()
    np.testing.assert_allclose(entropy(CATEGORICAL), -(mean * np.log(mean)).sum(axis=1), rtol=1e-13)
    sure = CategoricalComponents([[[0.0, -np.inf]]])
    np.testing.assert_array_equal(entropy(MixtureDistribution([[1.0]], sure)), 0.0)


def test_entropy_of_wide_and_narrow_laws_in_small_blocks(monkeypatch) -> None:
    rate = np.array([[2.0, 1e5], [0.0, 1e-3], [1e6, 1e6]])
    weights = np.array([[0.5, 0.5], [0.5, 0.5], [1.0, 0.0]])
    law = MixtureDistribution(weights, PoissonComponents(rate))
    whole = entropy(law)
    # Two laws that do not overlap; a normal limit.
    parts = [stats.poisson(2.0).entropy(), 0.5 * np.log(2.0 * np.pi * np.e * 1e5) - 1.0 / 1.2e6]
    assert whole[0] == pytest.approx(np.log(2.0) + np.mean(parts), rel=1e-9)
    normal = 0.5 * np.log(2.0 * np.pi * np.e * 1e6) - 1.0 / 1.2e7
    assert whole[2] == pytest.approx(normal, rel=1e-9)
    monkeypatch.setattr(entropy_module, "_CELLS", 20_000)
    np.testing.assert_allclose(entropy(law), whole, rtol=1e-12)


def test_an_expert_without_weight_does_not_stretch_the_support(monkeypatch) -> None:
    monkeypatch.setattr(entropy_module, "_CELLS", 10_000)
    law = MixtureDistribution([[1.0, 0.0]], PoissonComponents([[2.0, 1e15]]))
    assert entropy(law).item() == pytest.approx(stats.poisson(2.0).entropy(), rel=1e-12)


def test_one_expert_is_scipys_law() -> None:
    law = MixtureDistribution(np.ones((6, 1)), BinomialComponents(TRIALS, LOGIT[:, :1]))
    theirs = stats.binom(TRIALS[:, 0], expit(LOGIT[:, 0]))
    for p in P[2:-1]:
        np.testing.assert_array_equal(law.icdf(p), theirs.ppf(p))
        np.testing.assert_array_equal(law.iccdf(p), theirs.isf(p))
    np.testing.assert_allclose(entropy(law), theirs.entropy(), rtol=1e-10)
