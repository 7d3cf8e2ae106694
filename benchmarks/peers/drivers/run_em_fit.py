"""em-fit's mixture of regressions with constant weights."""

from __future__ import annotations

from typing import Any

import driver
import numpy as np
from em import EM


def setup(job: driver.Job) -> tuple[EM, driver.Job]:
    """The estimator, which starts from lines through random rows."""
    return EM("linear-regression", seed=0), job


def fit(state: tuple[EM, driver.Job]) -> EM:
    model, job = state
    x, y = np.ascontiguousarray(job.x), np.ascontiguousarray(job.y[:, 0])
    return model.train(x, job.n_experts, y=y)


def answer(job: driver.Job, fitted: EM) -> dict[str, Any]:
    params = fitted.params_
    return {
        "stop": "mean gain below 1e-8",
        "iterations": fitted.n_iter_,
        "reported": fitted.loglike_history_[-1],
        "parameters": {
            "gate": np.log(fitted.weights_)[:, None],
            "mean": params[:, :-1],
            "variance": params[:, -1] ** 2,
        },
    }


if __name__ == "__main__":
    driver.main("em-fit", setup, fit, answer)
