"""stepmix: Gaussian mixtures of (x, y), and latent classes whose weights depend on covariates."""

from __future__ import annotations

from typing import Any

import driver
import numpy as np
from stepmix.stepmix import StepMix


def setup(job: driver.Job) -> tuple[StepMix, tuple[driver.Array, ...]]:
    """The estimator, which starts from its own k-means, and what it is fitted to."""
    options = {"random_state": 0, "init_params": "kmeans", "progress_bar": 0}
    if job.gate_columns:
        model = StepMix(
            job.n_experts, measurement="gaussian_diag", structural="covariate", **options
        )
        return model, (np.ascontiguousarray(job.y), job.columns(job.gate_columns))
    return StepMix(job.n_experts, measurement="gaussian_full", **options), (job.points,)


def fit(state: tuple[StepMix, tuple[driver.Array, ...]]) -> StepMix:
    model, rows = state
    return model.fit(*rows)


def answer(job: driver.Job, fitted: StepMix) -> dict[str, Any]:
    found = fitted.get_parameters()
    parts = found["measurement"]
    if job.gate_columns:
        parameters = {
            "gate": found["structural"]["beta"],
            "mean": parts["means"],
            "variance": parts["covariances"][:, 0],
        }
    else:
        parameters = {
            "weight": found["weights"],
            "mean": parts["means"],
            "covariance": parts["covariances"],
        }
    return {
        "stop": "mean gain below 1e-10",
        "iterations": fitted.n_iter_,
        "reported": fitted.lower_bound_ * len(job.x),
        "parameters": parameters,
    }


if __name__ == "__main__":
    driver.main("stepmix", setup, fit, answer)
