"""xllim's Gaussian locally linear mapping with full gates' covariances."""

from __future__ import annotations

from typing import Any

import driver
import numpy as np
import xllim

# Floor of covariances, and gain relative to that of all iterations at which it stops.
_FLOOR, _RATIO = 1e-8, 1e-6


class State:
    """A model at its own start, the start, and the rows as columns."""

    def __init__(self, job: driver.Job):
        self.inputs, self.outputs = np.asfortranarray(job.x.T), np.asfortranarray(job.y.T)
        kind = "diag" if job.diagonal else "full"
        sizes = job.n_experts, job.y.shape[1], job.x.shape[1]
        self.model = xllim.GLLiM(*sizes, "full", kind, 0)
        # Iterations and floor of the mapping, of its Gaussian mixture, starts, seed, silence.
        self.model.initialize(self.inputs, self.outputs, 1, _FLOOR, 5, 1, _FLOOR, 1, 0, 0)
        self.start = parameters(self.model, job)


def parameters(model: Any, job: driver.Job) -> dict[str, driver.Array]:
    """Parameters as (K, ...) arrays; copies, since the model overwrites its own."""
    noise = np.array(model.getParamSigma())
    if job.diagonal:
        noise = noise[:, :, None] * np.eye(noise.shape[1])
    intercept, slope = np.array(model.getParamB()), np.array(model.getParamA())
    return {
        "weight": np.array(model.getParamPi()).ravel(),
        "center": np.array(model.getParamC()).reshape(job.n_experts, -1),
        "gate_covariance": np.array(model.getParamGamma()),
        "table": np.concatenate([intercept[:, :, None], slope], axis=2),
        "covariance": noise,
    }


def fit(state: State) -> State:
    state.model.train(state.inputs, state.outputs, 1000, _RATIO, _FLOOR, 0)
    return state


def answer(job: driver.Job, fitted: State) -> dict[str, Any]:
    """Its log-likelihood is the mean over rows; iterations not made hold -inf."""
    values = np.ravel(fitted.model.getInsights().log_likelihood)
    values = values[np.isfinite(values)]
    return {
        "stop": f"ratio_ll = {_RATIO:g}",
        "iterations": len(values),
        "reported": float(values[-1]) * len(job.x),
        "parameters": parameters(fitted.model, job),
        "start": fitted.start,
    }


if __name__ == "__main__":
    driver.main("xllim", State, fit, answer)
