"""The predictive law of a mixture of experts against integrals, other software and mpmath."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from mixexp.models.components import NormalComponents
from mixexp.models.distribution import MixtureDistribution
from tests.models.mixtures import P, make


@pytest.fixture
def dist() -> MixtureDistribution:
    return make()


@pytest.fixture
def grid(dist: MixtureDistribution) -> np.ndarray:
    return np.linspace(-25.0, 25.0, 20001)[:, None]


def test_density_integrates_to_one_and_has_the_stated_moments(dist, grid):
    step = grid[1, 0] - grid[0, 0]
    density = dist.pdf(grid)
    assert density.shape == (20001, 5)
    np.testing.assert_allclose(step * density.sum(0), 1.0, rtol=1e-12)
    mean = step * (grid * density).sum(0)
    np.testing.assert_allclose(dist.mean(), mean, rtol=1e-10)
    variance = step * ((grid - mean) ** 2 * density).sum(0)
    np.testing.assert_allclose(dist.variance(), variance, rtol=1e-10)
    np.testing.assert_allclose(dist.standard_deviation() ** 2, variance, rtol=1e-10)


def test_density_is_the_derivative_of_the_distribution_function(dist):
    y = np.linspace(-6.0, 6.0, 41)[:, None]
    h = 1e-5
    np.testing.assert_allclose(
        dist.pdf(y), (dist.cdf(y + h) - dist.cdf(y - h)) / (2 * h), rtol=1e-6, atol=1e-9
    )


def test_distribution_function_and_logarithms_agree(dist):
    y = np.linspace(-6.0, 6.0, 41)[:, None]
    np.testing.assert_allclose(dist.cdf(y) + dist.ccdf(y), 1.0, rtol=1e-14)
    np.testing.assert_allclose(np.exp(dist.logcdf(y)), dist.cdf(y), rtol=1e-12)
    np.testing.assert_allclose(np.exp(dist.logccdf(y)), dist.ccdf(y), rtol=1e-12)
    np.testing.assert_allclose(np.exp(dist.logpdf(y)), dist.pdf(y), rtol=1e-14)


def test_quantile_inverts_the_distribution_function(dist):
    y = np.linspace(-4.0, 4.0, 33)[:, None] * np.ones(len(dist))
    np.testing.assert_allclose(dist.icdf(dist.cdf(y)), y, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(dist.iccdf(dist.ccdf(y)), y, rtol=1e-9, atol=1e-9)
    p = P[:, None]
    np.testing.assert_allclose(dist.cdf(dist.icdf(p[:-1])), p[:-1] * np.ones(5), rtol=1e-11)
    np.testing.assert_allclose(dist.ccdf(dist.iccdf(p[:-1])), p[:-1] * np.ones(5), rtol=1e-11)


def test_one_expert_is_the_normal_law():
    mean, scale = np.array([0.0, -3.0, 1e6]), np.array([1.0, 1e-4, 50.0])
    dist = MixtureDistribution(np.ones((3, 1)), NormalComponents(mean[:, None], scale[:, None]))
    norm = stats.norm(mean, scale)
    y = mean + scale * np.array([-37.0, -5.0, -0.3, 0.0, 2.0, 30.0])[:, None]
    for ours, theirs in [
        ("pdf", "pdf"),
        ("logpdf", "logpdf"),
        ("cdf", "cdf"),
        ("ccdf", "sf"),
        ("logcdf", "logcdf"),
        ("logccdf", "logsf"),
    ]:
        np.testing.assert_allclose(
            getattr(dist, ours)(y), getattr(norm, theirs)(y), rtol=1e-12, err_msg=ours
        )
    np.testing.assert_allclose(dist.icdf(P[:, None]), norm.ppf(P[:, None]), rtol=1e-14)
    np.testing.assert_allclose(dist.iccdf(P[:, None]), norm.isf(P[:, None]), rtol=1e-14)
    np.testing.assert_allclose(dist.interval(0.9), norm.interval(0.9), rtol=1e-14)
    np.testing.assert_allclose(dist.mean(), mean)
    np.testing.assert_allclose(dist.standard_deviation(), scale)


@pytest.mark.skipif(not hasattr(stats, "Mixture"), reason="this SciPy has no stats.Mixture")
def test_every_row_is_scipys_mixture(dist):
    laws = dist.components
    y = np.array([-3.0, 0.1, 2.5])
    for row in range(len(dist)):
        parts = [
            stats.Normal(mu=m, sigma=s)
            for m, s in zip(laws.mean()[row], np.sqrt(laws.variance()[row]), strict=True)
        ]
        theirs = stats.Mixture(parts, weights=dist.weights[row])
        ours = dist[row]
        for name in ("pdf", "logpdf", "cdf", "ccdf", "logcdf", "logccdf"):
            np.testing.assert_allclose(
                getattr(ours, name)(y[:, None])[:, 0], getattr(theirs, name)(y), rtol=1e-11
            )
        p = np.array([0.05, 0.5, 0.9])
        np.testing.assert_allclose(ours.icdf(p[:, None])[:, 0], theirs.icdf(p), rtol=1e-6)
        for name in ("mean", "variance", "standard_deviation"):
            np.testing.assert_allclose(getattr(ours, name)()[0], getattr(theirs, name)())
        np.testing.assert_allclose(ours.median()[0], theirs.median(), rtol=1e-6, atol=1e-8)


def test_sample_follows_the_law(dist):
    draws = dist.sample(4000, rng=3)
    assert draws.shape == (4000, 5)
    uniform = dist.cdf(draws)
    for row in range(len(dist)):
        assert stats.kstest(uniform[:, row], "uniform").pvalue > 0.01
    # The same test must notice a law whose weights are off by 0.06.
    off = dist.weights + np.array([0.06, -0.06, 0.0])
    other = MixtureDistribution(np.abs(off) / np.abs(off).sum(1, keepdims=True), dist.components)
    wrong = other.cdf(draws)
    assert min(stats.kstest(column, "uniform").pvalue for column in wrong.T) < 1e-6


def test_sample_shapes_and_seeds(dist):
    assert dist.sample().shape == (5,)
    assert dist.sample((2, 3)).shape == (2, 3, 5)
    assert dist.sample(0).shape == (0, 5)
    np.testing.assert_array_equal(dist.sample(7, 11), dist.sample(7, np.random.default_rng(11)))
    rng = np.random.default_rng(0)
    assert not np.array_equal(dist.sample(rng=rng), dist.sample(rng=rng))
    with pytest.raises(TypeError):
        dist.sample(2.5)


def test_sample_never_takes_an_expert_of_weight_zero():
    weights = np.array([[0.0, 0.1, 0.0, 0.2, 0.7, 0.0]])
    laws = NormalComponents(np.arange(6.0)[None] * 100.0, 1.0)
    chosen = np.unique(np.rint(MixtureDistribution(weights, laws).sample(2000, 0) / 100.0))
    np.testing.assert_array_equal(chosen, [1.0, 3.0, 4.0])

    class Largest(np.random.Generator):
        def random(self, size=None):
            return np.full(size, np.nextafter(1.0, 0.0))

    # Ten times 0.1 adds up to less than one.
    tenths = np.append(np.full(10, 0.1), 0.0)[None]
    laws = NormalComponents(np.arange(11.0)[None] * 100.0, 1.0)
    draw = MixtureDistribution(tenths, laws).sample(rng=Largest(np.random.PCG64(0)))
    assert abs(draw[0] - 900.0) < 10.0


def test_experts_of_weight_zero_do_not_exist():
    weights = np.array([[0.3, 0.7], [0.6, 0.4]])
    laws = NormalComponents([[0.0, 2.0], [-1.0, 5.0]], [[1.0, 0.5], [0.1, 3.0]])
    padded = MixtureDistribution(
        np.insert(weights, 1, 0.0, axis=1),
        NormalComponents(
            np.insert(laws.mean(), 1, -1e9, axis=1),
            np.insert(np.sqrt(laws.variance()), 1, 1e-9, axis=1),
        ),
    )
    plain = MixtureDistribution(weights, laws)
    y = np.array([-np.inf, -1e9, -30.0, 0.0, 1.0, 40.0, np.inf])[:, None]
    for name in ("pdf", "logpdf", "cdf", "ccdf", "logcdf", "logccdf"):
        np.testing.assert_array_equal(getattr(padded, name)(y), getattr(plain, name)(y), name)
    np.testing.assert_allclose(padded.icdf(P[:, None]), plain.icdf(P[:, None]), rtol=1e-13)
    np.testing.assert_array_equal(padded.variance(), plain.variance())


def test_far_tails_do_not_underflow(dist):
    y = np.array([-1e8, 1e8])[:, None]
    assert np.isfinite(dist.logpdf(y)).all()
    assert (dist.logpdf(y) < -1e10).all()
    assert np.isfinite(dist.logcdf(-1e8)).all()
    assert (dist.logcdf(1e8) == 0.0).all()
    assert (dist.pdf([[-np.inf], [np.inf]]) == 0.0).all()
    np.testing.assert_array_equal(dist.cdf([[-np.inf], [np.inf]]), [[0.0] * 5, [1.0] * 5])
    assert np.isnan(dist.logpdf(np.nan)).all()
    narrow = MixtureDistribution([[1.0]], NormalComponents([[0.0]], 1e-9))
    assert narrow.pdf(1e300)[0] == narrow.pdf(1e200)[0] == 0.0
    many = make(300, 6)
    assert (many.cdf(np.inf) == 1.0).mean() > 0.4
    assert (many.cdf(np.inf) <= 1.0).all()


def test_ends_of_the_quantile_function(dist):
    np.testing.assert_array_equal(dist.icdf(0.0), np.full(5, -np.inf))
    np.testing.assert_array_equal(dist.icdf(1.0), np.full(5, np.inf))
    np.testing.assert_array_equal(dist.iccdf(0.0), np.full(5, np.inf))
    np.testing.assert_array_equal(dist.iccdf(1.0), np.full(5, -np.inf))
    low, high = dist.interval(1.0)
    assert (low == -np.inf).all()
    assert (high == np.inf).all()
    np.testing.assert_array_equal(dist.interval(0.0)[0], dist.median())
    almost_one = 1.0 - 2.0**-53
    assert np.isfinite(dist.interval(almost_one)).all()
    np.testing.assert_allclose(dist.ccdf(dist.interval(almost_one)[1]), 2.0**-54, rtol=1e-11)


def test_interval_is_equal_tailed(dist):
    low, high = dist.interval(np.array([[0.5], [0.95]]))
    tail = np.array([[0.25], [0.025]]) * np.ones(5)
    np.testing.assert_allclose(dist.cdf(low), tail, rtol=1e-12)
    np.testing.assert_allclose(dist.ccdf(high), tail, rtol=1e-12)


@given(
    st.integers(0, 2**31),
    st.floats(-100.0, 100.0),
    st.floats(1e-6, 1e6),
    st.permutations(range(4)),
)
def test_equivariance_under_affine_maps_and_relabelling(seed, shift, factor, order):
    dist = make(3, 4, seed)
    laws = dist.components
    moved = MixtureDistribution(
        dist.weights[:, order],
        NormalComponents(
            shift + factor * laws.mean()[:, order], factor * np.sqrt(laws.variance()[:, order])
        ),
    )
    y = np.linspace(-5.0, 5.0, 7)[:, None]
    loss = 1e-13 * (1.0 + abs(shift) / factor)
    np.testing.assert_allclose(moved.cdf(shift + factor * y), dist.cdf(y), atol=10 * loss)
    np.testing.assert_allclose(moved.mean(), shift + factor * dist.mean(), atol=factor * loss * 10)
    # Where the density is small a quantile magnifies rounding; the level does not.
    p = np.array([[0.1], [0.5], [0.99]])
    np.testing.assert_allclose(
        dist.cdf((moved.icdf(p) - shift) / factor), p * np.ones(3), atol=100 * loss
    )


def test_shapes_of_arguments(dist):
    y = np.linspace(-1.0, 1.0, 5)
    assert dist.pdf(0.0).shape == (5,)
    assert dist.pdf(y).shape == (5,)
    assert dist.cdf(np.zeros((4, 5))).shape == (4, 5)
    assert dist.icdf(np.full((2, 4, 1), 0.5)).shape == (2, 4, 5)
    np.testing.assert_array_equal(dist.cdf(y[:, None])[2], dist.cdf(y[2]))
    np.testing.assert_array_equal(dist.cdf(y)[3], dist.cdf(y[3])[3])
    np.testing.assert_array_equal(dist.icdf(np.full(5, 0.2)), dist.icdf(0.2))


def test_rows_can_be_selected(dist):
    assert len(dist) == 5
    assert len(dist[2]) == 1
    mask = np.array([True, False, False, True, True])
    np.testing.assert_array_equal(dist[mask].mean(), dist.mean()[mask])
    np.testing.assert_array_equal(dist[1:3].logpdf(0.5), dist.logpdf(0.5)[1:3])
    np.testing.assert_array_equal(dist[[4, 0]].median(), dist.median()[[4, 0]])
    np.testing.assert_array_equal(dist[-1].variance(), dist.variance()[-1:])
    assert [row.mean()[0] for row in dist] == list(dist.mean())
    nobody = dist[np.zeros(5, dtype=bool)]
    assert nobody.icdf(0.5).shape == nobody.mean().shape == nobody.sample().shape == (0,)
    with pytest.raises(IndexError):
        dist[5]


def test_objects_are_printed_pickled_and_keep_their_weights(dist):
    assert repr(dist) == "MixtureDistribution(n=5, K=3, components=NormalComponents(n=5, K=3))"
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(dist)).cdf(0.0), dist.cdf(0.0))
    before = dist.mean()
    dist.weights[:] = 0.0
    dist.components.mean()[:] = 0.0
    np.testing.assert_array_equal(dist.mean(), before)


def test_one_scale_per_expert_is_broadcast():
    shared = NormalComponents(np.zeros((3, 2)), [1.0, 2.0])
    np.testing.assert_array_equal(shared[1:].variance(), [[1.0, 4.0], [1.0, 4.0]])


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([[0.5, 0.6]], "row 0 sum to 1.1"),
        ([[1.5, -0.5]], "non-negative numbers, got -0.5"),
        ([[np.nan, 1.0]], "non-negative numbers, got nan"),
        ([0.5, 0.5], r"shape \(2,\) do not fit"),
        ([[1.0]], r"shape \(1, 1\) do not fit"),
        ([[np.inf, 0.0]], "sum to inf"),
    ],
)
def test_bad_weights_are_refused(weights, message):
    with pytest.raises(ValueError, match=message):
        MixtureDistribution(weights, NormalComponents([[0.0, 1.0]], 1.0))


@pytest.mark.parametrize(
    ("mean", "scale", "message"),
    [
        ([0.0, 1.0], 1.0, r"mean must have shape \(n, K\)"),
        ([[0.0, np.nan]], 1.0, "mean contains NaN"),
        ([[0.0, 1.0]], [1.0, 0.0], "scale must be positive and finite, got 0.0"),
        ([[0.0, 1.0]], [1.0, np.nan], "got nan"),
        ([[0.0, 1.0]], [1.0, 1.0, 1.0], "does not broadcast"),
        ([[0.0, 1.0]], [[1.0], [1.0]], "does not broadcast"),
    ],
)
def test_bad_components_are_refused(mean, scale, message):
    with pytest.raises(ValueError, match=message):
        NormalComponents(mean, scale)


def test_bad_arguments_are_refused(dist):
    with pytest.raises(ValueError, match=r"y of shape \(3,\) does not fit 5 rows"):
        dist.pdf([0.0, 1.0, 2.0])
    with pytest.raises(ValueError, match=r"y of shape \(2,\) does not fit 1 rows"):
        dist[0].pdf([0.0, 1.0])
    with pytest.raises(ValueError, match=r"p must be in \[0, 1\], got 1.5"):
        dist.icdf([0.1, 0.2, 1.5, 0.3, 0.4])
    with pytest.raises(ValueError, match=r"p must be in \[0, 1\], got nan"):
        dist.iccdf(np.nan)
    with pytest.raises(ValueError, match=r"level must be in \[0, 1\], got 90"):
        dist.interval(90)
