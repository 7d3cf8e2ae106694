"""Quadrature over a line on which the active experts of a sparse gate change."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from mixexp.models import MixtureOfExperts, MixtureParams
from mixexp.theory.exponents.charts import Chart
from mixexp.theory.truths.truth import Design, Truth, uniform_design

Array = NDArray[np.float64]

_GRID = 2001
_BISECTIONS = 60


def boundaries(model: MixtureOfExperts, params: MixtureParams, lower: float, upper: float) -> Array:
    """Points of [lower, upper] at which a gate of one covariate changes its active experts.

    Found on a grid of 2,001 points and by bisection: two changes between neighbours are not seen.

    Examples
    --------
    >>> from mixexp.theory.truths.named import TRUTHS
    >>> truth = TRUTHS["topk-step"]
    >>> boundaries(truth.model, truth.params, -1.0, 1.0)
    array([-0.2])
    """

    def active(x: Array) -> NDArray[np.bool_]:
        return model.weights(params, x[:, None]) > 0.0

    grid = np.linspace(lower, upper, _GRID)
    at = active(grid)
    left = np.flatnonzero((at[1:] != at[:-1]).any(axis=1))
    low, high, before = grid[left], grid[left + 1], at[left]
    for _ in range(_BISECTIONS if len(left) else 0):
        middle = 0.5 * (low + high)
        same = (active(middle) == before).all(axis=1)
        low, high = np.where(same, middle, low), np.where(same, high, middle)
    found = 0.5 * (low + high)
    # A tie at a point of the grid is a set of active experts of its own.
    return found[np.diff(found, prepend=-np.inf) > 1e-12 * (upper - lower)]


def design_between(lower: float, upper: float, cuts: Iterable[float], n: int) -> Design:
    """Gauss-Legendre points of the uniform law on an interval, n between each two cuts.

    Examples
    --------
    >>> x, weight = design_between(0.0, 1.0, [0.25], n=3)
    >>> print(weight @ np.abs(x[:, 0] - 0.25))
    0.3125
    """
    inside = [float(c) for c in cuts if lower < c < upper]
    edges = np.unique([lower, *inside, upper])
    parts = [uniform_design(a, b, n) for a, b in pairwise(edges)]
    share = np.diff(edges) / (upper - lower)
    x = np.concatenate([part.x for part in parts])
    weights = [s * part.weight for s, part in zip(share, parts, strict=True)]
    return Design(x, np.concatenate(weights))


def is_sparse(truth: Truth) -> bool:
    """Whether the gate switches experts off."""
    pieces = truth.model.gate.pieces(truth.model.n_experts)
    return pieces is not None and pieces.jumps


def truth_design(truth: Truth, n: int) -> Design:
    """Quadrature points for the law of x; of a sparse gate on a line cut at its boundaries."""
    if not is_sparse(truth) or truth.model.n_columns > 1:
        return truth.design(n)
    cuts = boundaries(truth.model, truth.params, truth.lower, truth.upper)
    return design_between(truth.lower, truth.upper, cuts, n)


def cut_design(truth: Truth, chart: Chart, eps: float, n: int) -> Design:
    """Quadrature points; of a sparse gate cut where the truth or the moved law changes experts."""
    if not is_sparse(truth):
        return truth.design(n)
    ends = truth.lower, truth.upper
    cuts = [boundaries(chart.model, chart.params(eps * chart.start), *ends)]
    cuts.append(boundaries(truth.model, truth.params, *ends))
    return design_between(*ends, np.concatenate(cuts), n)


def still(truth: Truth, chart: Chart) -> Chart:
    """The chart with every coordinate fixed that would move a boundary, the held one excepted."""
    ends = truth.lower, truth.upper
    here = boundaries(chart.model, chart.params(np.zeros(len(chart.base))), *ends)
    lower, upper = chart.lower.copy(), chart.upper.copy()
    for entry, step in enumerate(1e-3 * np.eye(len(chart.base))):
        there = boundaries(chart.model, chart.params(step), *ends)
        moved = len(here) != len(there) or np.abs(here - there).max(initial=0.0) > 1e-9
        if moved and entry != chart.held:
            lower[entry] = upper[entry] = 0.0
    return replace(chart, lower=lower, upper=upper)
