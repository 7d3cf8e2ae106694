"""scikit-learn's Gaussian mixture of (x, y)."""

from __future__ import annotations

from typing import Any

import driver
import numpy as np
from sklearn.mixture import GaussianMixture


def setup(job: driver.Job) -> tuple[GaussianMixture, driver.Array]:
    """The estimator with the start in its place, and the rows."""
    assert job.start is not None
    model = GaussianMixture(
        job.n_experts,
        weights_init=job.start["weight"],
        means_init=job.start["mean"],
        precisions_init=np.linalg.inv(job.start["covariance"]),
        max_iter=1000,
        random_state=0,
    )
    return model, job.points


def fit(state: tuple[GaussianMixture, driver.Array]) -> GaussianMixture:
    model, points = state
    return model.fit(points)


def answer(job: driver.Job, fitted: GaussianMixture) -> dict[str, Any]:
    """Its lower bound is the mean log-likelihood before the last M-step."""
    return {
        "stop": "mean gain below 1e-3",
        "iterations": fitted.n_iter_,
        "reported": fitted.lower_bound_ * len(job.x),
        "parameters": {
            "weight": fitted.weights_,
            "mean": fitted.means_,
            "covariance": fitted.covariances_,
        },
    }


if __name__ == "__main__":
    driver.main("scikit-learn", setup, fit, answer)
