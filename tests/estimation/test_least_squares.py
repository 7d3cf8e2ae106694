"""One expert is ordinary least squares: coefficients, and standard errors from the scores."""

from __future__ import annotations

import numpy as np
import pytest

from mixexp.estimation.box import Bounds
from mixexp.estimation.data import Data
from mixexp.estimation.objective import Objective
from mixexp.estimation.solvers import solve
from mixexp.models import Gaussian, MixtureOfExperts, Softmax
from tests.instances import generator, objective

RNG = generator("least squares")
X = RNG.normal(size=(120, 3)) * [1.0, 5.0, 0.2]
Y = 1.0 + X @ [2.0, -0.5, 3.0] + (0.5 + np.abs(X[:, 0])) * RNG.normal(size=120)
MODEL = MixtureOfExperts(Softmax(), Gaussian(), 1, 3)
BOX = Bounds().box(MODEL.layout)
DESIGN = np.column_stack([np.ones(120), X])


@pytest.mark.parametrize("solver", ["auto", "em", "newton", "lbfgs"])
def test_coefficients(solver: str) -> None:
    target = Objective(MODEL, Data.from_rows(X, Y))
    found = solve(solver, target, np.zeros(MODEL.layout.n_free), BOX)
    coefficients = MODEL.layout.coefficients(found.theta)
    expert = MODEL.to_params(MODEL.rescale(coefficients, target.data.affine)).expert
    expected = np.linalg.lstsq(DESIGN, Y, rcond=None)[0]
    got = np.concatenate([expert.intercept, expert.coef[0]])
    # A quasi-Newton method stops at the square root of the precision of the value.
    close = 1e-6 if solver == "lbfgs" else 1e-10
    assert np.allclose(got, expected, rtol=close)
    residual = Y - DESIGN @ expected
    assert expert.variance[0] == pytest.approx(residual @ residual / len(Y), rel=close)


def test_sandwich_standard_errors_are_hc0() -> None:
    """H⁻¹ (Σ s sᵀ) H⁻¹ of the mean's coefficients is White's covariance matrix."""
    from statsmodels.api import OLS

    reference = OLS(Y, DESIGN).fit()
    theta = np.append(reference.params, np.log(np.mean(reference.resid**2)))
    target = objective(MODEL, X, Y)
    scores, hessian = target.scores(theta), target.evaluate(theta, 2).hessian
    bread = np.linalg.inv(hessian)
    sandwich = bread @ (scores.T @ scores) @ bread
    assert np.allclose(np.sqrt(np.diag(sandwich)[:4]), reference.HC0_se, rtol=1e-8)


def test_observed_information_gives_the_textbook_standard_errors() -> None:
    """With the maximum likelihood variance: σ² (XᵀX)⁻¹, and 2/n for the log-variance."""
    expected = np.linalg.lstsq(DESIGN, Y, rcond=None)[0]
    variance = np.mean((Y - DESIGN @ expected) ** 2)
    hessian = objective(MODEL, X, Y).evaluate(np.append(expected, np.log(variance)), 2).hessian
    covariance = np.linalg.inv(-hessian)
    assert np.allclose(covariance[:4, :4], variance * np.linalg.inv(DESIGN.T @ DESIGN), rtol=1e-9)
    assert covariance[4, 4] == pytest.approx(2.0 / len(Y), rel=1e-9)
