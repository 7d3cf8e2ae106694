"""Multinomial experts: probabilities, derivatives, M-step against MNLogit, encoding."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from scipy.special import log_softmax

from mixexp.models import Multinomial, MultinomialParams
from mixexp.models.basis import Affine
from tests.models.newton_steps import (
    DESIGN,
    K,
    N,
    X,
    check_m_step,
    density,
    derivatives,
    numerical,
    steps,
)

J = 4
EXPERT = Multinomial(n_classes=J)
RNG = np.random.default_rng(1)
LOGITS = list(RNG.normal(0.0, 2.0, size=(J - 1, K, N)))
CODES = np.argmax(X @ RNG.normal(size=(2, J)) + RNG.gumbel(size=(N, J)), axis=1)
Y = EXPERT.encode(CODES)


def test_density_is_the_softmax() -> None:
    expected = log_softmax(np.stack([*LOGITS, np.zeros((K, N))]), axis=0)
    assert np.allclose(density(EXPERT, LOGITS, Y), expected[CODES, :, np.arange(N)].T, rtol=1e-13)


def test_probabilities_sum_to_one() -> None:
    every = [density(EXPERT, LOGITS, np.full((1, N), float(j))) for j in range(J)]
    assert np.allclose(np.exp(every).sum(axis=0), 1.0, rtol=1e-14)


def test_derivatives_against_differences() -> None:
    for ours, theirs in zip(
        derivatives(EXPERT, LOGITS, Y), numerical(EXPERT, LOGITS, Y), strict=True
    ):
        assert np.allclose(ours, theirs, rtol=1e-7, atol=1e-9)


def test_order_one_leaves_second_derivatives_alone() -> None:
    first, second = derivatives(EXPERT, LOGITS, Y, order=1)
    assert np.array_equal(first, derivatives(EXPERT, LOGITS, Y)[0])
    assert np.isnan(second).all()


@pytest.mark.parametrize("code", [0, 1, 2])
@pytest.mark.parametrize(
    "logits", [(700.0, -700.0), (-700.0, -700.0), (700.0, 700.0), (40.0, 39.0), (-40.0, 0.0)]
)
def test_extreme_logits_keep_relative_accuracy(code, logits) -> None:
    expert = Multinomial(n_classes=3)
    predictors = [np.full((1, 1), u) for u in logits]
    y = np.full((1, 1), float(code))
    first, second = derivatives(expert, predictors, y)
    with mpmath.workdps(1000):
        powers = [mpmath.exp(u) for u in (*logits, 0.0)]
        p = [u / sum(powers) for u in powers]
        target = [(j == code) - p[j] for j in range(2)]
        pairs = [-(p[a] * (a == b) - p[a] * p[b]) for a, b in ((0, 0), (0, 1), (1, 1))]
        expected = [float(v) for v in (mpmath.log(p[code]), *target, *pairs)]
    ours = [density(expert, predictors, y)[0, 0], *first[:, 0, 0], *second[:, 0, 0]]
    np.testing.assert_allclose(ours, expected, rtol=1e-12, atol=1e-307)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_m_step_reaches_mnlogit(n_classes) -> None:
    from statsmodels.discrete.discrete_model import MNLogit

    expert, codes = Multinomial(n_classes), np.minimum(CODES, n_classes - 1)
    fitted = steps(expert, expert.encode(codes), np.ones((1, N)), 12)
    # Theirs has the first class as the reference: turn the codes around.
    theirs = MNLogit(n_classes - 1 - codes, DESIGN).fit(method="newton", disp=0, tol=1e-14)
    expected = np.asarray(theirs.params)[:, ::-1].T
    np.testing.assert_allclose(np.concatenate(fitted), expected, rtol=1e-8, atol=1e-9)


def test_hard_labels_fit_every_expert_to_its_own_rows() -> None:
    from statsmodels.discrete.discrete_model import MNLogit

    expert, codes = Multinomial(3), np.minimum(CODES, 2)
    label = np.arange(N) % 2
    fitted = steps(expert, expert.encode(codes), np.stack([label == 0, label == 1]) * 1.0, 12)
    for k in range(2):
        theirs = MNLogit(2 - codes[label == k], DESIGN[label == k]).fit(disp=0, tol=1e-14)
        expected = np.asarray(theirs.params)[:, ::-1].T
        np.testing.assert_allclose([t[k] for t in fitted], expected, rtol=1e-8, atol=1e-9)


def test_m_step_in_general() -> None:
    check_m_step(EXPERT, Y)


def test_intercepts_are_the_pooled_logits() -> None:
    weight = RNG.uniform(0.5, 2.0, size=N)
    counts = np.array([weight[j == CODES].sum() for j in range(J)]) + 0.5
    np.testing.assert_allclose(EXPERT.intercepts(Y, weight), np.log(counts[:-1] / counts[-1]))
    assert np.isfinite(EXPERT.intercepts(EXPERT.encode([0, 0, 1]), None)).all()


def test_parameters_round_trip_and_lose_the_translation() -> None:
    tables = list(RNG.normal(size=(J - 1, K, 3)))
    params = EXPERT.to_params(tables)
    assert params.intercept.shape == (K, J) and params.coef.shape == (K, J, 2)
    assert not params.intercept[:, -1].any() and not params.coef[:, -1].any()
    moved = MultinomialParams(params.intercept + 2.0, params.coef - 1.0)
    for given in (params, moved, EXPERT.from_atoms(EXPERT.atoms(params))):
        np.testing.assert_allclose(EXPERT.from_params(given), tables, rtol=1e-14, atol=1e-14)


def test_rescaling_keeps_the_logits() -> None:
    expert = Multinomial(3, degree=2)
    affine = Affine(np.array([1.0, -2.0]), np.array([0.5, 3.0]), y_center=5.0, y_scale=7.0)
    basis = expert.coordinates((0, 1))[0].basis
    tables = list(RNG.normal(size=(2, K, basis.n_terms)))

    def logits(tables, z):
        return np.array(tables) @ basis.expand(z.T, np.empty((basis.n_terms, N)))

    z = (X - affine.x_center) / affine.x_scale
    np.testing.assert_allclose(
        logits(expert.rescale(tables, (0, 1), affine), X), logits(tables, z), rtol=1e-10
    )


def test_components_are_the_laws() -> None:
    laws = EXPERT.components(LOGITS)
    np.testing.assert_array_equal(laws.logpdf(CODES), density(EXPERT, LOGITS, Y).T)


@pytest.mark.parametrize(
    ("y", "value", "remedy"),
    [
        ([0, 1, 4], "4 in row 2", "raise n_classes"),
        ([-1, 0], "-1 in row 0", "from 0"),
        ([0.0, 0.5], "0.5 in row 1", "from 0"),
        ([0.0, np.nan], "nan in row 1", "remove"),
        (["a", "b"], "'a'", "numbers"),
        ([[0], [1]], r"\(2, 1\)", "ravel"),
    ],
)
def test_impossible_responses(y, value, remedy) -> None:
    with pytest.raises(ValueError, match=f"^y.*{value}.*") as error:
        EXPERT.encode(y)
    assert remedy in str(error.value)


def test_one_class_is_refused() -> None:
    with pytest.raises(ValueError, match="n_classes must be 2 or more, got 1"):
        Multinomial(1).coordinates((0,))
