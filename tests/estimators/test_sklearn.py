"""scikit-learn's own checks of an estimator, all of them, with no expected failure."""

from __future__ import annotations

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from mixexp import GaussianMoE


@parametrize_with_checks([GaussianMoE(n_init=1)])
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
    ]
)
def test_estimator_checks_of_other_settings(estimator, check):
    check(estimator)
