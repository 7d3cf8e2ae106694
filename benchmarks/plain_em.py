"""EM for the softmax-gated Gaussian mixture of experts as one writes it in plain numpy.

The yardstick for a fit: vectorised E-step, weighted least squares, one damped Newton step for the
gate in each iteration. It shares no code with mixexp.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from benchmarks.timing import cpu

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Parameters:
    """Gate (K, p) with its last row zero, means (K, p) and variances (K,)."""

    gate: Array
    mean: Array
    variance: Array


@dataclass
class Trace:
    """Log-likelihood (nats) before the first and after each step, and processor seconds so far."""

    loglik: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)


def fit(
    phi: Array, y: Array, start: Parameters, stop: Callable[[Trace], bool], max_seconds: float
) -> Trace:
    """Iterate from ``start`` until ``stop(trace)`` or the time limit; phi (n, p), y (n,)."""
    began, parameters, trace = cpu(), start, Trace()
    value, r, g = e_step(phi, y, parameters)
    while True:
        trace.loglik.append(value)
        trace.seconds.append(cpu() - began)
        if stop(trace) or trace.seconds[-1] > max_seconds:
            return trace
        step = gate_step(phi, r, g)
        mean, variance = expert_step(phi, y, r)
        for halving in range(30):
            gate = parameters.gate + 0.5**halving * step
            proposal = replace(parameters, gate=gate, mean=mean, variance=variance)
            new_value, new_r, new_g = e_step(phi, y, proposal)
            if new_value >= value - 1e-13 * abs(value):
                break
        parameters, value, r, g = proposal, new_value, new_r, new_g


def e_step(phi: Array, y: Array, parameters: Parameters) -> tuple[float, Array, Array]:
    """Log-likelihood, responsibilities (n, K) and gate probabilities (n, K)."""
    logits = phi @ parameters.gate.T
    log_gate = logits - logsumexp(logits, axis=1, keepdims=True)
    squares = (y[:, None] - phi @ parameters.mean.T) ** 2 / parameters.variance
    joint = log_gate - 0.5 * (squares + np.log(2.0 * np.pi * parameters.variance))
    loglik = logsumexp(joint, axis=1, keepdims=True)
    return float(loglik.sum()), np.exp(joint - loglik), np.exp(log_gate)


def expert_step(phi: Array, y: Array, r: Array) -> tuple[Array, Array]:
    """Weighted least squares of each expert: coefficients (K, p) and variances (K,)."""
    means, variances = [], []
    for weight in r.T:
        weighted = phi * weight[:, None]
        coefficients = np.linalg.solve(weighted.T @ phi, weighted.T @ y)
        means.append(coefficients)
        variances.append(weight @ (y - phi @ coefficients) ** 2 / weight.sum())
    return np.array(means), np.array(variances)


def gate_step(phi: Array, r: Array, g: Array) -> Array:
    """Newton step (K, p) of the gate's part of the expected log-likelihood; last row zero."""
    (n_experts, p), free = (r.shape[1], phi.shape[1]), r.shape[1] - 1
    gradient = (r - g)[:, :free].T @ phi
    information = np.empty((free, p, free, p))
    for k in range(free):
        for m in range(free):
            weight = g[:, k] * ((k == m) - g[:, m])
            information[k, :, m, :] = (phi * weight[:, None]).T @ phi
    step = np.linalg.lstsq(information.reshape(free * p, -1), gradient.ravel(), rcond=None)[0]
    return np.concatenate([step.reshape(free, p), np.zeros((n_experts - free, p))])
