"""Information criteria: values, scale, and what they refuse."""

from __future__ import annotations

import numpy as np
import pytest

from mixexp import GaussianMoE
from mixexp.selection import Candidates, aic, bic, entropy_of, icl, penalised


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(3)
    x = rng.uniform(-1.0, 1.0, (200, 1))
    return x, np.where(x[:, 0] > 0, 2.0, -1.0) * x[:, 0] + 0.1 * rng.normal(size=200)


@pytest.fixture(scope="module")
def fit(data):
    return GaussianMoE(n_experts=2, random_state=0).fit(*data)


def test_scale_is_that_of_the_estimators(fit, data):
    loglik = float(fit.score_samples(*data).sum())
    assert aic(loglik, fit.n_free_) == pytest.approx(fit.aic(*data), rel=1e-12)
    assert bic(loglik, fit.n_free_, 200) == pytest.approx(fit.bic(*data), rel=1e-12)


def test_icl_is_the_criterion_of_the_completed_likelihood(fit, data):
    # -2 log of the likelihood completed by its expected labels, plus D log n.
    r = np.asarray(fit.responsibilities(*data))
    loglik = float(fit.score_samples(*data).sum())
    completed = loglik + float((r * np.log(np.maximum(r, 1e-300))).sum())
    value = icl(loglik, fit.n_free_, 200, entropy_of(r))
    assert value == pytest.approx(-2 * completed + fit.n_free_ * np.log(200), rel=1e-9)


def test_penalised_contrasts_order_models_as_aic_and_bic_do():
    rng = np.random.default_rng(0)
    dim, contrast, n = np.arange(3.0, 60.0, 6.0), np.sort(rng.uniform(50, 90, 10))[::-1], 70
    table = Candidates.from_arrays(dim, contrast)
    np.testing.assert_allclose(
        2 * penalised(table, 1.0), [aic(-c, d) for c, d in zip(contrast, dim, strict=True)]
    )
    np.testing.assert_allclose(
        2 * penalised(table, 0.5 * np.log(n)),
        [bic(-c, d, n) for c, d in zip(contrast, dim, strict=True)],
    )


def test_entropy_of_certain_and_of_even_allocations():
    assert entropy_of(np.eye(3)) == 0.0
    assert str(entropy_of(np.eye(3))) == "0.0"
    assert entropy_of(np.full((7, 4), 0.25)) == pytest.approx(7 * np.log(4))
    assert entropy_of([[0.5, 0.5], [1.0, 0.0]], sample_weight=[3.0, 9.0]) == pytest.approx(
        3 * np.log(2)
    )


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: aic(np.nan, 3), "loglik is nan"),
        (lambda: aic(-1.0, -1), "dim is -1"),
        (lambda: bic(-1.0, 3, 0), "n is 0"),
        (lambda: icl(-1.0, 3, 10, -0.1), "entropy is -0.1"),
        (lambda: entropy_of([0.5, 0.5]), "shape"),
        (lambda: entropy_of([[0.5, 0.6]]), "sum to one"),
        (lambda: entropy_of([[np.nan, 1.0]]), "sum to one"),
        (lambda: entropy_of([[0.5, 0.5]], [-1.0]), "sample_weight"),
        (lambda: penalised(Candidates.from_arrays([1], [1.0]), np.nan), "kappa=nan"),
    ],
)
def test_bad_input_is_named(call, words):
    with pytest.raises(ValueError, match=words):
        call()
