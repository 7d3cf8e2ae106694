"""Laws of counts and classes: SciPy and mpmath as oracles, tails, samplers, shapes."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from scipy import stats
from scipy.special import expit

from mixexp.models.categorical_components import CategoricalComponents
from mixexp.models.discrete_components import BinomialComponents, PoissonComponents

RATE = np.array([[1e-8, 0.3], [4.0, 60.0], [1e3, 2e5]])
TRIALS = np.array([[1.0, 3.0], [20.0, 20.0], [1e3, 1e5]])
LOGIT = np.array([[0.4, -2.0], [5.0, -0.1], [-3.0, 1.0]])
PAIRS = [
    (PoissonComponents(RATE), stats.poisson(RATE)),
    (BinomialComponents(TRIALS, LOGIT), stats.binom(TRIALS, expit(LOGIT))),
]
P = np.array([1e-12, 1e-3, 0.05, 0.5, 0.9, 0.999])


@pytest.mark.parametrize(("laws", "theirs"), PAIRS, ids=["poisson", "binomial"])
def test_every_method_is_scipys(laws, theirs) -> None:
    spread = theirs.std() * np.array([-6.0, -1.0, 0.0, 0.7, 3.0, 6.0])[:, None, None]
    for y in np.rint(theirs.mean() + spread):
        for k in range(2):
            y_k = y[:, k]
            for name in ("logpdf:logpmf", "cdf:cdf", "ccdf:sf", "logcdf:logcdf", "logccdf:logsf"):
                ours, reference = name.split(":")
                values = getattr(laws, ours)(y_k)[:, k]
                with np.errstate(divide="ignore"):
                    expected = getattr(theirs, reference)(y)[:, k]
                np.testing.assert_allclose(values, expected, rtol=3e-9, atol=3e-9, err_msg=name)
    np.testing.assert_allclose(laws.mean(), theirs.mean(), rtol=1e-14)
    np.testing.assert_allclose(laws.variance(), theirs.var(), rtol=1e-13)
    for p in P:
        np.testing.assert_array_equal(laws.icdf(np.full(3, p)), theirs.ppf(p))
        np.testing.assert_array_equal(laws.iccdf(np.full(3, p)), theirs.isf(p))


@pytest.mark.parametrize("laws", [PAIRS[0][0][:2], PAIRS[1][0][:2]], ids=repr)
def test_law_sums_to_one_and_tails_add_up(laws) -> None:
    y = np.arange(400.0)[:, None]
    mass = np.exp(laws.logpdf(y))
    np.testing.assert_allclose(mass.sum(axis=0), 1.0, rtol=1e-13)
    np.testing.assert_allclose(np.cumsum(mass, axis=0), laws.cdf(y), rtol=1e-12)
    np.testing.assert_allclose(laws.cdf(y) + laws.ccdf(y), 1.0, rtol=1e-14)
    # Between counts the distribution function is flat, and there is no mass.
    np.testing.assert_array_equal(laws.cdf(y + 0.5), laws.cdf(y))
    np.testing.assert_array_equal(laws.logpdf(y + 0.5), -np.inf)


@pytest.mark.parametrize("laws", [pair[0] for pair in PAIRS], ids=repr)
def test_outside_of_the_support(laws) -> None:
    for y, below in ((-1.0, 0.0), (-np.inf, 0.0), (np.inf, 1.0)):
        y = np.full(3, y)
        np.testing.assert_array_equal(laws.logpdf(y), -np.inf)
        np.testing.assert_array_equal(laws.cdf(y), below)
        np.testing.assert_array_equal(laws.ccdf(y), 1.0 - below)
        np.testing.assert_array_equal(np.exp(laws.logcdf(y)), below)
        np.testing.assert_array_equal(np.exp(laws.logccdf(y)), 1.0 - below)
    unknown = np.full(3, np.nan)
    for name in ("logpdf", "cdf", "ccdf", "logcdf", "logccdf"):
        assert np.isnan(getattr(laws, name)(unknown)).all(), name


def test_binomial_ends_at_its_trials() -> None:
    laws = BinomialComponents([[2.0, 5.0]], [[0.0, 0.0]])
    np.testing.assert_array_equal(np.isinf(laws.logpdf([3.0])), [[True, False]])
    np.testing.assert_array_equal(laws.cdf([2.0])[0], [1.0, 0.5])
    np.testing.assert_array_equal(laws.logccdf([2.0])[0, 0], -np.inf)


@pytest.mark.parametrize(
    ("rate", "k"), [(1.0, 500), (100.0, 800), (2000.0, 5), (1e4, 5000), (1e6, 950000), (1e-200, 1)]
)
def test_poisson_logarithms_of_invisible_tails(rate, k) -> None:
    laws = PoissonComponents([[rate]])
    with mpmath.workdps(40):
        low, high = mpmath.gammainc(k + 1, rate, regularized=True), None
        if k > rate:
            high = mpmath.gammainc(k + 1, 0, rate, regularized=True)
        expected = float(mpmath.log(low if high is None else high))
    assert expected < -700.0
    ours = laws.logcdf([k]) if k < rate else laws.logccdf([k])
    assert ours.item() == pytest.approx(expected, rel=1e-11)


@pytest.mark.parametrize(
    ("trials", "logit", "k"), [(10, -300.0, 3), (2000, 0.0, 1900), (3000, -3.0, 1500)]
)
def test_binomial_logarithms_of_invisible_tails(trials, logit, k) -> None:
    with mpmath.workdps(40):
        p = 1 / (1 + mpmath.exp(-mpmath.mpf(logit)))
        terms = (
            mpmath.binomial(trials, j) * p**j * (1 - p) ** (trials - j)
            for j in range(k + 1, trials + 1)
        )
        expected = float(mpmath.log(mpmath.fsum(terms)))
    assert expected < -700.0
    up = BinomialComponents([[float(trials)]], [[logit]]).logccdf([k])
    # Failures have the mirrored law.
    down = BinomialComponents([[float(trials)]], [[-logit]]).logcdf([trials - k - 1])
    assert up.item() == pytest.approx(expected, rel=1e-12)
    assert down.item() == pytest.approx(expected, rel=1e-12)


def test_laws_without_variance() -> None:
    laws = PoissonComponents([[0.0]])
    np.testing.assert_array_equal(np.exp(laws.logpdf([[0.0], [1.0]])).ravel(), [1.0, 0.0])
    np.testing.assert_array_equal(laws.logccdf([[0.0], [3.0]]).ravel(), -np.inf)
    np.testing.assert_array_equal(laws.icdf([[0.0], [0.5], [1.0]]).ravel(), 0.0)
    laws = BinomialComponents([[0.0]], [[3.0]])
    np.testing.assert_array_equal(laws.icdf([[0.0], [0.5], [1.0]]).ravel(), 0.0)
    assert laws.logpdf([0.0]).item() == 0.0


@pytest.mark.parametrize("rate", [1e17, 1e100, np.exp(700.0)])
def test_huge_rates_have_finite_quantiles(rate) -> None:
    laws = PoissonComponents([[rate]])
    assert laws.icdf([0.5]).item() == pytest.approx(rate, rel=1e-7)
    assert np.isfinite(laws.logpdf([3.0])).all()


@pytest.mark.parametrize("name", ["poisson", "binomial", "categorical"])
def test_sampler_follows_the_law(name) -> None:
    laws = {
        "poisson": PoissonComponents([[2.0, 6.0]]),
        "binomial": BinomialComponents([[7.0, 7.0]], [[-1.0, 1.0]]),
        "categorical": CategoricalComponents(np.log([[[0.2, 0.5, 0.3], [0.6, 0.1, 0.3]]])),
    }[name]
    last = {"poisson": 12, "binomial": 7, "categorical": 2}[name]
    choice = np.tile([[0], [1]], (3000, 1))
    draws = laws.sample(np.random.default_rng(5), choice)
    assert draws.shape == choice.shape and draws.dtype == float
    probability = np.exp(laws.logpdf(np.arange(last + 1.0)[:, None]))[:, 0].T
    for k in range(2):
        seen = np.bincount(np.minimum(draws[k::2, 0], last).astype(int), minlength=last + 1)

        def p_value(p, seen=seen):
            p = np.append(p[:-1], 1.0 - p[:-1].sum())
            use = p * 3000 > 3.0
            return stats.chisquare(seen[use], p[use] / p[use].sum() * seen[use].sum()).pvalue

        assert p_value(probability[k]) > 0.01
        assert p_value(probability[1 - k]) < 1e-6


@pytest.mark.parametrize(
    "laws",
    [*(pair[0] for pair in PAIRS), CategoricalComponents(np.log(np.full((3, 2, 4), 0.25)))],
    ids=repr,
)
def test_selection_of_rows(laws) -> None:
    assert laws.shape == (3, 2) and laws.discrete
    y = np.arange(3.0)
    for rows in (slice(1, 3), np.array([2, 0]), np.array([True, False, True])):
        part = laws[rows]
        np.testing.assert_array_equal(part.logpdf(y[rows]), laws.logpdf(y)[rows])
        np.testing.assert_array_equal(part.mean(), laws.mean()[rows])


def test_classes_have_probabilities_and_no_order() -> None:
    table = np.random.default_rng(0).dirichlet(np.ones(3), size=(4, 2))
    table[0, 0] = [0.0, 0.25, 0.75]
    with np.errstate(divide="ignore"):
        laws = CategoricalComponents(np.log(table))
    np.testing.assert_allclose(laws.mean(), table, rtol=1e-15)
    np.testing.assert_allclose(laws.variance(), table * (1.0 - table), rtol=1e-14)
    codes = np.array([[0, 1, 2, 1], [2, 2, 0, 0]])
    expected = np.take_along_axis(table[None], codes[:, :, None, None], axis=3)[..., 0]
    np.testing.assert_allclose(np.exp(laws.logpdf(codes)), expected, rtol=1e-15)
    np.testing.assert_array_equal(laws.logpdf([-1.0, 3.0, 0.5, np.inf]), -np.inf)
    assert np.isnan(laws.logpdf(np.nan)).all()
    assert (laws.sample(np.random.default_rng(0), np.zeros((500, 4), dtype=int))[:, 0] > 0).all()
    for name in ("cdf", "ccdf", "logcdf", "logccdf", "icdf", "iccdf"):
        with pytest.raises(TypeError, match=f"{name} has no meaning for classes.*use mean"):
            getattr(laws, name)(0.5)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: PoissonComponents([1.0]), "rate must have shape"),
        (lambda: PoissonComponents([[-1.0]]), "rate must be non-negative and finite, got -1.0"),
        (lambda: PoissonComponents([[np.nan]]), "got nan"),
        (lambda: BinomialComponents(1, [[np.inf]]), "logit must be finite"),
        (lambda: BinomialComponents(1.5, [[0.0]]), "trials must be whole numbers.*got 1.5"),
        (lambda: CategoricalComponents([[0.0]]), "log_probability must have shape"),
        (lambda: CategoricalComponents([[[0.0, 0.0]]]), "sum to 2, not to 1"),
    ],
)
def test_impossible_parameters(build, message) -> None:
    with pytest.raises(ValueError, match=message):
        build()
