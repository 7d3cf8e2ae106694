"""Value, score and Hessian against 50-digit arithmetic, with logits up to ±700."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest

from mixexp.models import Gaussian, MixtureOfExperts, Softmax
from tests.instances import objective

X = np.array([-1.0, -0.6, -0.1, 0.0, 0.3, 0.7, 1.0])
WEIGHT = np.array([1.0, 0.5, 2.0, 1.0, 3.0, 0.25, 1.0])
N_SCALES = {"expert": 3, "shared": 1}


def point(largest: float, n_scales: int = 3) -> np.ndarray:
    """θ of three experts: two gate contrasts whose logits reach ±largest on X, means, scales."""
    gate = largest * np.array([0.1, 0.9, -0.5, -0.5])
    means = np.array([0.5, -1.0, -0.3, 0.7, 0.1, 0.2])
    return np.concatenate([gate, means, [0.3, -0.2, 0.1][:n_scales]])


def responses(largest: float) -> np.ndarray:
    """Responses in the experts' bulk, and some so far out that they outweigh the gate."""
    far = np.sqrt(2.0 * max(largest, 1.0))
    return np.array([0.4, 1.0 - far, -0.7, 0.05, far, 2.0, 1.3 - 0.9 * far])


@mpmath.workdps(50)
def exact(theta: np.ndarray, y: np.ndarray, n_scales: int) -> tuple[float, np.ndarray, np.ndarray]:
    """Value, score and Hessian in 50 digits, by central differences of step 1e-14."""
    x, y, w = ([mpmath.mpf(float(v)) for v in values] for values in (X, y, WEIGHT))

    def value(t: list) -> mpmath.mpf:
        rows = [(t[0], t[1]), (t[2], t[3]), (mpmath.mpf(0), mpmath.mpf(0))]
        means = [(t[4], t[5]), (t[6], t[7]), (t[8], t[9])]
        s = t[10:] if n_scales == 3 else [t[10]] * 3
        total = mpmath.mpf(0)
        for xi, yi, wi in zip(x, y, w, strict=True):
            a = [mpmath.exp(b0 + b1 * xi) for b0, b1 in rows]
            f = [
                mpmath.exp(-((yi - m0 - m1 * xi) ** 2) * mpmath.exp(-sk) / 2 - sk / 2)
                for (m0, m1), sk in zip(means, s, strict=True)
            ]
            joint = mpmath.fsum(ak * fk for ak, fk in zip(a, f, strict=True))
            total += wi * (mpmath.log(joint / mpmath.fsum(a)) - mpmath.log(2 * mpmath.pi) / 2)
        return total

    center = [mpmath.mpf(float(v)) for v in theta]
    h, n = mpmath.mpf(10) ** -14, len(center)

    def at(*moves: tuple[int, int]) -> mpmath.mpf:
        t = list(center)
        for i, sign in moves:
            t[i] += sign * h
        return value(t)

    here = value(center)
    up, down = ([at((i, sign)) for i in range(n)] for sign in (1, -1))
    score = np.array([float((up[i] - down[i]) / (2 * h)) for i in range(n)])
    hessian = np.diag([float((up[i] + down[i] - 2 * here) / h**2) for i in range(n)])
    for i in range(n):
        for j in range(i):
            both = at((i, 1), (j, 1)) + at((i, -1), (j, -1))
            mixed = (both - up[i] - down[i] - up[j] - down[j] + 2 * here) / (2 * h**2)
            hessian[i, j] = hessian[j, i] = float(mixed)
    return float(here), score, hessian


@pytest.mark.parametrize(
    ("variance", "largest"), [("expert", 3.0), ("expert", 700.0), ("shared", 30.0)]
)
def test_value_score_and_hessian(variance: str, largest: float) -> None:
    n_scales = N_SCALES[variance]
    model = MixtureOfExperts(Softmax(), Gaussian(variance=variance), 3, 1)
    theta, y = point(largest, n_scales), responses(largest)
    value, score, hessian = exact(theta, y, n_scales)
    got = objective(model, X[:, None], y, WEIGHT).evaluate(theta, 2)
    assert got.value == pytest.approx(value, rel=1e-13)
    blocks = model.layout.slices
    for rows in blocks:
        error = np.linalg.norm(got.gradient[rows] - score[rows])
        assert error <= 1e-11 * np.linalg.norm(score[rows])
        for columns in blocks:
            error = np.linalg.norm(got.hessian[rows, columns] - hessian[rows, columns])
            assert error <= 1e-11 * np.linalg.norm(hessian[rows, columns])


def test_the_problem_of_largest_logits_is_not_a_saturated_one() -> None:
    """Some responses are as unlikely under the gate's choice as that choice is likely."""
    model = MixtureOfExperts(Softmax(), Gaussian(), 3, 1)
    target = objective(model, X[:, None], responses(700.0), WEIGHT)
    theta = point(700.0)
    assert target.logit_range(theta) > 1300.0
    r = target.responsibilities(theta)
    assert np.sum(np.all(r < 0.999, axis=1)) >= 1
    for block in model.layout.slices:
        assert np.linalg.norm(target.evaluate(theta, 1).gradient[block]) > 1e-3
