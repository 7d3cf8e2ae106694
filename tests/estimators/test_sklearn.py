"""scikit-learn's own checks of an estimator, all of them, with no expected failure."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from mixexp import BinomialMoE, GaussianMoE, MultinomialMoE, PoissonMoE


class AboveOne(BinomialMoE):
    """Successes are responses above one.

    The checks of an estimator that is neither a regressor nor a classifier feed any numbers as y,
    few of which a binomial law could take. All else about the estimator is checked as it is.
    """

    def fit(self, X: Any, y: Any, sample_weight: Any = None, trials: Any = None) -> AboveOne:
        return super().fit(X, above_one(y), sample_weight, trials)

    def score(self, X: Any, y: Any, sample_weight: Any = None, trials: Any = None) -> float:
        return super().score(X, above_one(y), sample_weight, trials)


def above_one(y: Any) -> Any:
    """0 and 1 for an array of numbers; what is malformed is handed on."""
    values = np.asarray(y)
    if y is None or values.dtype.kind == "c":
        return y
    values = values.astype(float)
    return (values > 1.0) * 1.0 if np.isfinite(values).all() else y


@parametrize_with_checks(
    [
        GaussianMoE(n_init=1),
        MultinomialMoE(n_init=1),
        PoissonMoE(n_init=1, integer=False),
        AboveOne(n_init=1),
    ]
)
def test_estimator_checks(estimator, check):
    check(estimator)


@pytest.mark.slow
@parametrize_with_checks(
    [
        GaussianMoE(),
        GaussianMoE(n_init=1, gate_features=[]),
        GaussianMoE(n_init=1, variance="shared"),
        GaussianMoE(n_init=1, n_experts=1, degree=2),
        GaussianMoE(n_init=2, n_experts=3),
        GaussianMoE(n_init=1, degree=2),
        MultinomialMoE(),
        MultinomialMoE(n_init=1, n_experts=3),
        MultinomialMoE(n_init=1, gate_features=[]),
        MultinomialMoE(n_init=1, gate_penalty=None, expert_penalty=None),
        PoissonMoE(integer=False),
        PoissonMoE(n_init=1, n_experts=3, integer=False),
    ]
)
def test_estimator_checks_of_other_settings(estimator, check):
    check(estimator)
