"""The problems: simulated ones of several sizes, and two textbook data sets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.peers.forms import Mapping, Regressions
from benchmarks.peers.mappings import MappingProblem
from benchmarks.peers.problem import Problem
from benchmarks.peers.regressions import RegressionProblem
from mixexp.datasets import load_ethanol, load_faithful

Array = NDArray[np.float64]

SOFTMAX = "softmax gate"
CONSTANT = "constant weights"
CLASSES = "softmax gate, constant experts"
DIAGONAL, FULL = "GLLiM, diagonal covariances", "GLLiM, full covariances"
MIXTURE = "Gaussian mixture"

# How far starts are from the truth, in standard deviations of a slope.
_AWAY = 0.4


def problems(quick: bool = False) -> Iterator[Problem[Any]]:
    """All problems, the small ones only if ``quick``."""
    for n in (1000,) if quick else (1000, 10_000, 100_000):
        for d, k in ((1, 2), (5, 4)) if quick else ((1, 2), (1, 4), (5, 2), (5, 4)):
            yield regressions(SOFTMAX, n, d, k)
    for n in (1000,) if quick else (1000, 10_000):
        for d, k in ((1, 2),) if quick else ((1, 2), (5, 4)):
            yield regressions(CONSTANT, n, d, k)
    for n in (1000,) if quick else (1000, 10_000):
        yield regressions(CLASSES, n, 2, 3)
    for k in (2,) if quick else (2, 4, 8):
        for diagonal in (True, False):
            yield mappings(DIAGONAL if diagonal else FULL, 1000 if quick else 10_000, 1, 10, k)
    for n in (1000,) if quick else (1000, 100_000):
        yield mappings(MIXTURE, n, 1, 1, 3)
    yield from textbook()


def regressions(group: str, n: int, d: int, k: int) -> RegressionProblem:
    """Rows drawn from experts that differ; the start is near the truth, with an idle gate."""
    rng = np.random.default_rng([n, d, k, len(group)])
    of_gate = () if group == CONSTANT else tuple(range(d))
    of_experts = () if group == CLASSES else tuple(range(d))
    x = rng.uniform(-2.0, 2.0, size=(n, d))
    gate = rng.normal(size=(k, 1 + len(of_gate)))
    mean = rng.normal(scale=1.5, size=(k, 1 + len(of_experts)))
    mean[:, 0] += 2.0 * np.arange(k)
    scale = rng.uniform(0.4, 0.8, size=k)
    logits = _design(x, of_gate) @ gate.T
    label = np.argmax(logits + rng.gumbel(size=(n, k)), axis=1)
    means = np.take_along_axis(_design(x, of_experts) @ mean.T, label[:, None], axis=1)[:, 0]
    y = means + scale[label] * rng.normal(size=n)
    start = Regressions(
        np.zeros_like(gate), mean + rng.normal(scale=_AWAY, size=mean.shape), np.ones(k)
    )
    size = f"n={_power(n)} d={d} K={k}"
    return RegressionProblem(group, size, x, y, k, start, of_gate, of_experts)


def mappings(group: str, n: int, n_inputs: int, n_outputs: int, k: int) -> MappingProblem:
    """Rows drawn from a mapping; the start has the right experts up to noise, and unit Σ."""
    rng = np.random.default_rng([n, n_inputs, n_outputs, k, len(group)])
    center = 1.5 * np.arange(k)[:, None] + 0.3 * rng.normal(size=(k, n_inputs))
    # The more outputs there are, the less each one tells about the expert.
    table = rng.normal(size=(k, n_outputs, 1 + n_inputs)) / np.sqrt(n_outputs)
    noise = rng.normal(scale=0.5, size=(k, n_outputs, n_outputs)) / np.sqrt(n_outputs)
    if group == DIAGONAL:
        noise = noise * np.eye(n_outputs)
    noise += 0.6 * np.eye(n_outputs)
    label = rng.integers(k, size=n)
    x = center[label] + rng.normal(size=(n, n_inputs))
    full = np.einsum("idj,ij->id", table[label], _design(x, tuple(range(n_inputs))))
    y = full + np.einsum("idj,ij->id", noise[label], rng.normal(size=(n, n_outputs)))
    start = Mapping(
        np.full(k, 1.0 / k),
        center + rng.normal(scale=_AWAY, size=center.shape),
        np.tile(np.eye(n_inputs), (k, 1, 1)),
        table + rng.normal(scale=_AWAY, size=table.shape),
        np.tile(np.eye(n_outputs), (k, 1, 1)),
    )
    size = f"n={_power(n)} L={n_inputs} D={n_outputs} K={k}"
    return MappingProblem(group, size, x, y, k, start, diagonal=group == DIAGONAL)


def textbook() -> Iterator[Problem[Any]]:
    """Old Faithful, and ethanol, whose gate separates: its likelihood has no maximum."""
    faithful, ethanol = load_faithful(), load_ethanol()
    x = faithful[["eruptions"]].to_numpy(dtype=float)
    y = faithful["waiting"].to_numpy(dtype=float)
    start = Regressions(np.zeros((2, 2)), np.array([[40.0, 8.0], [60.0, 4.0]]), np.full(2, 40.0))
    yield RegressionProblem(SOFTMAX, "faithful K=2", x, y, 2, start, (0,), (0,))
    joint = Mapping(
        np.full(2, 0.5), np.array([[2.0], [4.3]]), np.full((2, 1, 1), 0.2),
        start.mean[:, None, :], np.full((2, 1, 1), 40.0),
    )  # fmt: skip
    yield MappingProblem(MIXTURE, "faithful K=2", x, y[:, None], 2, joint)
    x = np.column_stack([ethanol["E"], ethanol["C"] / 10.0]).astype(float)
    y = ethanol["NOx"].to_numpy(dtype=float)
    mean = np.array([[-4.0, 7.0, 0.5], [9.0, -7.0, 0.0]])
    start = Regressions(np.zeros((2, 2)), mean, np.full(2, 0.3))
    yield RegressionProblem(SOFTMAX, "ethanol K=2", x, y, 2, start, (0,), (0, 1))


def _design(x: Array, columns: tuple[int, ...]) -> Array:
    return np.column_stack([np.ones(len(x)), x[:, list(columns)]])


def _power(n: int) -> str:
    return f"{n:.0e}".replace("e+0", "e")
