"""Conditional laws from measures and truths, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from mixexp.models.measure import MixingMeasure
from mixexp.theory import TRUTHS, law_of

ATOMS = {
    "gate_coef": [[2.0], [0.0]],
    "coef": [[2.0], [-1.5]],
    "intercept": [2.0, -2.0],
    "variance": [0.25, 0.49],
}
MEASURE = MixingMeasure([0.5, 1.5], ATOMS)


def test_log_density_is_the_mixture_density() -> None:
    law = law_of(MEASURE, 1)
    x, y = np.array([[-0.8], [0.3], [0.3]]), np.array([-1.0, 2.0, 30.0])
    gate = MEASURE.weight * np.exp(MEASURE["gate_coef"][:, 0] * x)
    mean = MEASURE["intercept"] + MEASURE["coef"][:, 0] * x
    density = gate / gate.sum(axis=1, keepdims=True) * norm.pdf(y[:, None], mean, [0.5, 0.7])
    np.testing.assert_allclose(np.exp(law.log_density(x, y)), density.sum(axis=1), rtol=1e-12)
    np.testing.assert_allclose(law.distribution(x).mean(), (gate * mean).sum(1) / gate.sum(1))


def test_polynomials_of_one_column() -> None:
    law = law_of(MixingMeasure([1.0, 1.0], {**ATOMS, "coef": [[2.0, 1.0], [0.0, -3.0]]}), 1)
    means = law.distribution(np.array([[2.0]])).components.mean()
    np.testing.assert_allclose(means, [[2 + 4 + 4, -2 - 12]])
    gate = law_of(MixingMeasure([1.0, 1.0], {**ATOMS, "gate_coef": [[1.0, 3.0], [0.0, 0.0]]}), 1)
    odds = gate.distribution(np.array([[0.5]])).weights[0]
    assert np.log(odds[0] / odds[1]) == pytest.approx(0.5 + 0.75)


def test_several_columns_are_linear_and_none_is_constant() -> None:
    atoms = {**ATOMS, "coef": [[2.0, 1.0], [0.0, -3.0]], "gate_coef": [[1.0, 2.0], [0.0, 0.0]]}
    law = law_of(MixingMeasure([1.0, 3.0], atoms), 2).distribution(np.array([[0.5, -1.0]]))
    np.testing.assert_allclose(law.components.mean(), [[2 + 1 - 1, -2 + 3]])
    assert np.log(law.weights[0, 0] / law.weights[0, 1]) == pytest.approx(-1.5 - np.log(3))
    flat = {**atoms, "coef": np.empty((2, 0)), "gate_coef": np.empty((2, 0))}
    law = law_of(MixingMeasure([1.0, 3.0], flat), 2).distribution(np.array([[0.5, -1.0]]))
    np.testing.assert_allclose(law.components.mean(), [[2.0, -2.0]])
    np.testing.assert_allclose(law.weights, [[0.25, 0.75]])


def test_truths_and_laws() -> None:
    truth = TRUTHS["balanced"]
    law = law_of(truth)
    assert law_of(law) is law
    assert law.model is truth.model
    assert law.params is truth.params


def test_bad_input() -> None:
    with pytest.raises(ValueError, match="coef has 1 columns and x has 3"):
        law_of(MEASURE, 3)
    with pytest.raises(ValueError, match="variance must be positive"):
        law_of(MixingMeasure([1.0, 1.0], {**ATOMS, "variance": [1.0, 0.0]}), 1)
    with pytest.raises(ValueError, match="n_columns=None; a mixing measure needs"):
        law_of(MEASURE)
