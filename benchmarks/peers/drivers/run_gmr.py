"""gmr's Gaussian mixture of (x, y)."""

from __future__ import annotations

from typing import Any

import driver
from gmr import GMM


def setup(job: driver.Job) -> tuple[GMM, driver.Array]:
    """The mixture with the start in its place, which it overwrites, and the rows."""
    assert job.start is not None
    start = job.start
    return GMM(
        job.n_experts, start["weight"], start["mean"], start["covariance"].copy()
    ), job.points


def fit(state: tuple[GMM, driver.Array]) -> GMM:
    model, points = state
    return model.from_samples(points, n_iter=1000)


def answer(job: driver.Job, fitted: GMM) -> dict[str, Any]:
    """It keeps neither the log-likelihood nor the number of iterations."""
    return {
        "stop": "responsibilities move by less than 1e-4",
        "iterations": None,
        "reported": None,
        "parameters": {
            "weight": fitted.priors,
            "mean": fitted.means,
            "covariance": fitted.covariances,
        },
    }


if __name__ == "__main__":
    driver.main("gmr", setup, fit, answer)
