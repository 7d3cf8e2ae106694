"""Derivatives of the experts' means, and the range the means lie in, for every family."""

from __future__ import annotations

import numpy as np
import pytest

from mixexp.models import Binomial, Expert, Gaussian, Multinomial, MultivariateGaussian, Poisson
from mixexp.models.coordinates import Sharing
from tests.instances import EXPERTS, MULTIVARIATE, generator, known_of

K, N, STEP = 3, 7, 1e-3
FAMILIES = pytest.mark.parametrize("expert", [*EXPERTS, *MULTIVARIATE], ids=repr)


def predictors_of(expert: Expert) -> list[np.ndarray]:
    """Local coordinates as a pass hands them over: (K, B), (K, 1) or (1, 1)."""
    rng = generator("mean derivatives", repr(expert))
    found = []
    for c in expert.coordinates((0, 1)):
        rows = 1 if c.sharing is Sharing.SHARED else K
        found.append(rng.normal(size=(rows, N if c.by_row else 1)))
    return found


def means(expert: Expert, predictors: list[np.ndarray], known: np.ndarray | None) -> np.ndarray:
    """Means (m, K, B)."""
    table = expert.components(predictors, known).mean()
    return np.moveaxis(table.reshape(N, K, -1), (0, 1, 2), (2, 1, 0))


@FAMILIES
@pytest.mark.parametrize("with_known", [False, True])
def test_agree_with_differences(expert: Expert, with_known: bool) -> None:
    predictors = predictors_of(expert)
    known = known_of(expert, N, generator("known")) if with_known else None
    found = expert.mean_derivatives(predictors, known)
    value = means(expert, predictors, known)
    assert found.shape == (len(value), len(predictors), K, N)
    for c, u in enumerate(predictors):

        def at(step: float, c: int = c, u: np.ndarray = u) -> np.ndarray:
            return means(expert, [*predictors[:c], u + step, *predictors[c + 1 :]], known)

        expected = 8.0 * (at(STEP) - at(-STEP)) - (at(2.0 * STEP) - at(-2.0 * STEP))
        np.testing.assert_allclose(found[:, c], expected / (12.0 * STEP), rtol=1e-9, atol=1e-10)


@FAMILIES
def test_means_are_in_their_range(expert: Expert) -> None:
    known = known_of(expert, N, generator("known"))
    low, high = expert.mean_range(known)
    value = means(expert, predictors_of(expert), known)
    assert np.all(low < value) and np.all(value < high)
    alone = means(expert, predictors_of(expert), None)
    assert np.all(alone < expert.mean_range()[1])


def test_ranges_are_those_of_the_families() -> None:
    assert Gaussian().mean_range() == MultivariateGaussian(2).mean_range() == (-np.inf, np.inf)
    assert Poisson().mean_range() == (0.0, np.inf)
    assert Multinomial(3).mean_range() == Binomial().mean_range() == (0.0, 1.0)
    trials = np.array([1.0, 5.0])
    assert Binomial().mean_range(trials)[1].tolist() == [1.0, 5.0]


def test_class_probabilities_near_one_keep_their_derivatives() -> None:
    first = Multinomial(3).mean_derivatives([np.array([[50.0]]), np.array([[0.0]])])[:, :, 0, 0]
    small = np.exp(-50.0)
    np.testing.assert_allclose(first[:, 0], [2.0 * small, -small, -small], rtol=1e-12)
    np.testing.assert_allclose(first.sum(axis=0), 0.0, atol=1e-30)


def test_a_rate_at_its_cap_does_not_move() -> None:
    first = Poisson().mean_derivatives([np.array([[299.0, 301.0]])])[0, 0, 0]
    assert first[0] == np.exp(299.0) and first[1] == 0.0
