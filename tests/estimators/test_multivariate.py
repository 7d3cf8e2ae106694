"""GaussianMoE with several responses: oracles, results and their shapes, edges of the input."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from mixexp import GaussianMoE
from mixexp.models import Gate, GaussianGate, MixingMeasure, Softmax, Temperature, TopK, Transformed
from mixexp.models.covariances import BlockDiagonal, Covariance, Diagonal, Full, Isotropic

STRUCTURES = pytest.mark.parametrize(
    "structure",
    [
        Full(),
        Diagonal(),
        Isotropic(),
        Full("shared"),
        Full("volume"),
        BlockDiagonal([0, 0]),
        BlockDiagonal([0, 1], "shared"),
    ],
    ids=repr,
)


def data(n: int = 300, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Two planes for two responses with correlated noise, in unlike units."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(-1.0, 1.0, size=(n, 2))
    first = rng.random(n) < 1.0 / (1.0 + np.exp(-4.0 * x[:, 0]))
    one = x @ [[2.0, -1.0], [0.0, 1.0]] + [1.0, 0.0]
    two = x @ [[-1.0, 1.0], [1.0, 0.0]] - [1.0, 2.0]
    noise = rng.multivariate_normal([0.0, 0.0], [[0.16, 0.1], [0.1, 0.09]], size=n)
    return x, (np.where(first[:, None], one, two) + noise) * [100.0, 1.0] + [5e3, -2.0]


@pytest.fixture(scope="module")
def fitted() -> tuple[GaussianMoE, np.ndarray, np.ndarray]:
    x, y = data()
    return GaussianMoE(2, n_init=3, random_state=0).fit(x, y), x, y


def least_squares(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients (1 + d, D) and the mean square of the residuals (D, D)."""
    design = np.column_stack([np.ones(len(x)), x])
    coef = np.linalg.lstsq(design, y, rcond=None)[0]
    residual = y - design @ coef
    return coef, residual.T @ residual / len(x)


@STRUCTURES
def test_one_expert_is_least_squares_with_the_residual_covariance(structure: Covariance) -> None:
    x, y = data()
    moe = GaussianMoE(1, covariance=structure, random_state=0).fit(x, y)
    coef, covariance = least_squares(x, y)
    expert = moe.params_.expert
    scale = np.sqrt(np.diag(covariance))
    assert np.allclose(expert.intercept[0] / scale, coef[0] / scale, rtol=1e-10, atol=1e-10)
    assert np.allclose(expert.coef[0] / scale[:, None], coef[1:].T / scale[:, None], atol=1e-10)
    expected = structure.of(covariance[None]).dense()[0]
    outer = np.outer(scale, scale)
    assert np.allclose(expert.covariance[0] / outer, expected / outer, rtol=1e-10, atol=1e-10)
    law = multivariate_normal(np.zeros(2), expected)
    residual = y - coef[0] - x @ coef[1:]
    assert moe.loglik_ == pytest.approx(law.logpdf(residual).sum(), rel=1e-11)
    assert moe.converged_


def test_diagonal_with_one_expert_is_one_fit_for_each_response() -> None:
    x, y = data()
    both = GaussianMoE(1, covariance=Diagonal(), random_state=0).fit(x, y)
    single = [GaussianMoE(1, random_state=0).fit(x, column) for column in y.T]
    assert both.loglik_ == pytest.approx(sum(m.loglik_ for m in single), rel=1e-12)
    for j, one in enumerate(single):
        assert np.allclose(both.predict(x)[:, j], one.predict(x), rtol=1e-10)
        interval = one.predict_interval(x)
        assert np.allclose(both.predict_interval(x)[:, j], interval, rtol=1e-8)
    assert both.n_free_ == sum(m.n_free_ for m in single)


def test_one_column_is_the_univariate_fit_bit_for_bit() -> None:
    x, y = data(120)
    plain = GaussianMoE(2, n_init=2, random_state=0).fit(x, y[:, 0])
    with pytest.warns(UserWarning, match="column-vector"):
        column = GaussianMoE(2, n_init=2, random_state=0, covariance=Full()).fit(x, y[:, :1])
    assert column.loglik_ == plain.loglik_
    assert np.array_equal(column.predict(x), plain.predict(x))
    assert column.predict(x, return_cov=True)[1].shape == (120, 1, 1)


@pytest.mark.parametrize("structure", [Full(), Full("shared"), Full("volume")], ids=repr)
def test_full_covariances_follow_affine_maps_of_the_responses(structure: Covariance) -> None:
    """y A + b has the fit of y, mapped; A mixes the responses."""
    x, y = data()
    mix, shift = np.array([[1e-2, -1.0], [2e-3, 0.7]]), np.array([3.0, 40.0])
    settings = {"covariance": structure, "n_init": 3, "random_state": 0}
    one = GaussianMoE(2, **settings).fit(x, y)
    two = GaussianMoE(2, **settings).fit(x, y @ mix + shift)
    jacobian = np.log(abs(np.linalg.det(mix)))
    assert two.loglik_ == pytest.approx(one.loglik_ - len(x) * jacobian, abs=1e-6)
    assert np.allclose(two.predict(x), one.predict(x) @ mix + shift, rtol=1e-5, atol=1e-5)
    covariance = mix.T @ one.predict(x, return_cov=True)[1] @ mix
    assert np.allclose(two.predict(x, return_cov=True)[1], covariance, rtol=1e-4, atol=1e-6)


@STRUCTURES
def test_other_units_of_the_responses_change_nothing(structure: Covariance) -> None:
    x, y = data()
    scale = np.full(2, 1e-3) if structure.isotropic else np.array([1e-3, 1e4])
    settings = {"covariance": structure, "n_init": 2, "random_state": 0}
    one = GaussianMoE(2, **settings).fit(x, y)
    two = GaussianMoE(2, **settings, init=one.responsibilities(x, y)).fit(x, y * scale + 1.0)
    assert two.converged_
    assert two.loglik_ == pytest.approx(one.loglik_ - len(x) * np.log(scale).sum(), abs=1e-6)
    assert np.allclose((two.predict(x) - 1.0) / scale, one.predict(x), rtol=1e-6, atol=1e-4)


def test_results_have_their_shapes_and_agree(
    fitted: tuple[GaussianMoE, np.ndarray, np.ndarray],
) -> None:
    moe, x, y = fitted
    n = len(x)
    assert moe.converged_ and moe.certificate_.holds
    mean, std = moe.predict(x, return_std=True)
    _, covariance = moe.predict(x, return_cov=True)
    assert mean.shape == std.shape == (n, 2) and covariance.shape == (n, 2, 2)
    assert np.allclose(np.sqrt(np.einsum("njj->nj", covariance)), std)
    assert moe.predict_expert(x).shape == (n, 2, 2)
    weights = moe.gate_proba(x)
    assert np.allclose((weights[:, :, None] * moe.predict_expert(x)).sum(axis=1), mean)
    assert moe.predict_quantile(x).shape == (n, 2)
    assert moe.predict_quantile(x, [0.1, 0.5, 0.9]).shape == (n, 2, 3)
    interval = moe.predict_interval(x, 0.8)
    assert interval.shape == (n, 2, 2)
    assert np.allclose(interval[..., 1], moe.predict_quantile(x, 0.9), rtol=1e-9)
    inside = (y >= interval[..., 0]) & (y <= interval[..., 1])
    assert np.all(np.abs(inside.mean(axis=0) - 0.8) < 0.1)
    assert moe.sample(x, random_state=0).shape == (n, 2)
    assert moe.sample(x, 5, random_state=0).shape == (5, n, 2)
    assert moe.responsibilities(x, y).shape == (n, 2)
    assert moe.score_samples(x, y).sum() == pytest.approx(moe.loglik_, rel=1e-12)
    assert np.allclose(moe.predict_dist(x).logpdf(y), moe.score_samples(x, y), rtol=1e-10)
    expected = moe.score_samples(x)
    assert expected.shape == (n,)
    # The log-likelihood of data from the law is its expectation, up to chance.
    assert expected.sum() == pytest.approx(moe.loglik_, abs=6.0 * np.sqrt(n))
    assert 0.5 < moe.score(x, y) <= 1.0
    assert moe.bic(x, y) == pytest.approx(-2 * moe.loglik_ + moe.n_free_ * np.log(n), rel=1e-12)
    assert len(moe.optima_["scales"].iloc[0]) == 2


def test_loglik_of_a_measure(fitted: tuple[GaussianMoE, np.ndarray, np.ndarray]) -> None:
    moe, x, y = fitted
    measure = moe.measure_
    assert moe.measure_loglik(measure, x, y) == pytest.approx(moe.loglik_, rel=1e-11)
    split = measure.split(0, [0.3, 0.7])
    assert moe.measure_loglik(split, x, y) == pytest.approx(moe.loglik_, rel=1e-11)
    merged = measure.merge([[0, 1]])
    mean = merged["intercept"][0] + x @ merged["coef"][0].T
    law = multivariate_normal(np.zeros(2), merged["covariance"][0])
    assert moe.measure_loglik(merged, x, y) == pytest.approx(law.logpdf(y - mean).sum(), rel=1e-10)
    with pytest.raises(ValueError, match="'covariance' of the model is missing"):
        moe.measure_loglik(
            MixingMeasure([1.0], {b: merged[b] for b in ("gate_coef", "intercept", "coef")}), x, y
        )


def test_loglik_of_a_measure_of_one_response() -> None:
    x, y = data(150)
    moe = GaussianMoE(2, n_init=2, random_state=0).fit(x, y[:, 0])
    assert moe.measure_loglik(moe.measure_, x, y[:, 0]) == pytest.approx(moe.loglik_, rel=1e-11)


@pytest.mark.parametrize(
    "gate",
    [Transformed(), Temperature(), TopK(1), GaussianGate(), GaussianGate(Isotropic())],
    ids=repr,
)
def test_every_gate_serves_several_responses(gate: Gate) -> None:
    x, y = data(200)
    moe = GaussianMoE(2, gate, n_init=2, random_state=0).fit(x, y)
    assert np.isfinite(moe.loglik_)
    assert moe.score_samples(x, y).sum() == pytest.approx(moe.loglik_, rel=1e-9)
    assert np.allclose(moe.gate_proba(x).sum(axis=1), 1.0)


def test_gaussian_gate_is_the_softmax_gate_of_degree_two() -> None:
    x, y = data(200)
    fits = [
        GaussianMoE(2, gate, n_init=2, random_state=0).fit(x, y[:, 0])
        for gate in (GaussianGate(), Softmax(degree=2))
    ]
    assert fits[0].loglik_ == fits[1].loglik_ and fits[0].n_free_ == fits[1].n_free_
    assert np.allclose(fits[0].gate_proba(x), fits[1].gate_proba(x), rtol=1e-8, atol=1e-12)
    assert any("up to a factor" in text for text in fits[0].certificate_.findings)


def test_starts_weights_and_warm_start() -> None:
    x, y = data(200)
    first = GaussianMoE(2, n_init=2, random_state=0).fit(x, y)
    for init in (first.params_, first.measure_, first.responsibilities(x, y)):
        again = GaussianMoE(2, n_init=1, init=init, random_state=0).fit(x, y)
        assert again.loglik_ == pytest.approx(first.loglik_, abs=1e-6)
    copies = np.random.default_rng(0).integers(1, 3, size=len(x))
    weighted = GaussianMoE(2, n_init=1, init=first.params_, random_state=0)
    weighted.fit(x, y, sample_weight=copies.astype(float))
    written = GaussianMoE(2, n_init=1, init=first.params_, random_state=0)
    written.fit(np.repeat(x, copies, axis=0), np.repeat(y, copies, axis=0))
    assert weighted.loglik_ == pytest.approx(written.loglik_, rel=1e-10)
    warm = GaussianMoE(2, n_init=1, warm_start=True, random_state=0).fit(x, y[:, 0])
    # What was fitted to one response is no start for two.
    assert warm.fit(x, y).predict(x).shape == (200, 2)
    assert warm.use_optimum(0).fit(x, y).loglik_ >= first.loglik_ - 1e-6


def test_response_columns_that_say_nothing_are_legal_and_told() -> None:
    x, y = data(150)
    constant = np.column_stack([y, np.full(150, 7.0)])
    moe = GaussianMoE(2, n_init=2, random_state=0).fit(x, constant)
    assert "on bound" in moe.optima_["flags"].iloc[0]
    assert any("constant responses" in text for text in moe.certificate_.findings)
    assert np.allclose(moe.predict(x)[:, 2], 7.0)
    twice = np.column_stack([y, y[:, 0]])
    moe = GaussianMoE(2, n_init=2, random_state=0).fit(x, twice)
    assert "scale on floor" in moe.optima_["flags"].iloc[0]
    assert any("y2 is a linear function" in text for text in moe.certificate_.findings)
    # Where responses are independent given x, equal ones bind nothing.
    free = GaussianMoE(2, covariance=Diagonal(), n_init=2, random_state=0).fit(x, twice)
    assert not any("linear function" in text for text in free.certificate_.findings)


def test_fewer_rows_than_responses_interpolate_and_say_so() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(4, 1)), rng.normal(size=(4, 6))
    moe = GaussianMoE(1, random_state=0).fit(x, y)
    assert np.isfinite(moe.loglik_) and moe.predict(x).shape == (4, 6)
    assert any("interpolates" in text for text in moe.certificate_.findings)


def test_bad_input_is_refused_in_words(
    fitted: tuple[GaussianMoE, np.ndarray, np.ndarray],
) -> None:
    moe, x, y = fitted
    with pytest.raises(ValueError, match=r"y has 3 response\(s\), but the fit had 2"):
        moe.score_samples(x, np.column_stack([y, y[:, 0]]))
    with pytest.raises(ValueError, match=r"y has 1 response\(s\), but the fit had 2"):
        moe.responsibilities(x, y[:, 0])
    missing = y.copy()
    missing[3, 1] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        GaussianMoE(2).fit(x, missing)
    with pytest.raises(ValueError, match="does not fit 2 responses"):
        GaussianMoE(2, covariance=BlockDiagonal([0, 0, 1])).fit(x, y)
    with pytest.raises(ValueError, match="All experts have one partition"):
        GaussianMoE(2, covariance=BlockDiagonal([[0, 0], [0, 1]])).fit(x, y)
    with pytest.raises(ValueError, match="exclude each other"):
        moe.predict(x, return_std=True, return_cov=True)
    with pytest.raises(ValueError, match="use sharing='expert' or 'shared'"):
        GaussianMoE(2, GaussianGate(Full("volume"))).fit(x, y)
    one = GaussianMoE(1, random_state=0).fit(x, y[:, 0])
    with pytest.raises(ValueError, match="init"):
        GaussianMoE(1, init=one.params_).fit(x, y)
