"""Starting values: kinds of first guesses, each a function of the sketch and of random numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mixexp.estimation.box import Box
from mixexp.estimation.data import Data
from mixexp.estimation.objective import Objective
from mixexp.estimation.solvers.em import m_step
from mixexp.models.coordinates import Sharing
from mixexp.models.mixture import MixtureOfExperts

Array = NDArray[np.float64]


class Start(NamedTuple):
    """A starting value θ (P,) and the kind of start it is.

    ``climbed`` says that it is an optimum already: no place for EM's first steps.
    """

    theta: Array
    kind: str
    climbed: bool = False


def from_responsibilities(
    objective: Objective,
    responsibilities: Array,
    box: Box,
    rng: np.random.Generator | None = None,
    n_steps: int = 4,
) -> Array:
    """θ after M-steps with responsibilities (n, K) held fixed, from equal experts.

    Slopes of a gate with a fixed reference begin at random: at zero a function such as the square
    or a rectifier has no slope to leave it by.
    """
    theta = box.project(equal_experts(objective))
    layout = objective.layout
    for c, where in zip(layout.coordinates, layout.slices, strict=True):
        if c.sharing is Sharing.PINNED:
            rng = rng or np.random.default_rng(0)
            theta[where] = rng.normal(size=where.stop - where.start)
    for _ in range(n_steps):
        statistics = objective.em_statistics(theta, responsibilities)
        theta = m_step(objective, theta, statistics, box)
    return theta


def equal_experts(objective: Objective) -> Array:
    """θ of the fit without covariates, in every expert, with equal weights."""
    layout, data = objective.layout, objective.in_memory
    tables = layout.coefficients(np.zeros(layout.n_free))
    constants = objective.model.expert.intercepts(data.y, data.weight)
    for table, constant in zip(tables[len(layout.gate) :], constants, strict=True):
        table[:, 0] = constant
    return layout.vector(tables)


def clusters(objective: Objective, rng: np.random.Generator) -> Array:
    """Hard labels of k-means on standardised (x, y), y stretched at random; (n, K).

    Weighted Lloyd iterations, written out because a threaded one would make the starts, and so the
    fit, depend on the number of threads in their last bits.
    """
    stretch = np.exp(rng.uniform(np.log(0.5), np.log(4.0)))
    data, model = objective.in_memory, objective.model
    n_experts = model.n_experts
    points = np.concatenate([data.z, stretch * model.expert.positions(data.y)]).T
    weight = np.ones(data.n_rows) if data.weight is None else data.weight
    centers = points[_draw(data, n_experts, rng)]
    for _ in range(20):
        labels = _nearest(points, centers)
        mass = labels.T @ weight
        # A centre that lost all its points stays where it is.
        means = (labels.T * weight) @ points / np.where(mass > 0.0, mass, 1.0)[:, None]
        moved = np.where(mass[:, None] > 0.0, means, centers)
        if np.array_equal(moved, centers):
            break
        centers = moved
    return labels


def partition(objective: Objective, rng: np.random.Generator) -> Array:
    """Nearest of K random rows in randomly weighted x, as a softmax gate can represent; (n, K)."""
    data, n_experts = objective.in_memory, objective.model.n_experts
    stretch = rng.exponential(size=(len(data.z), 1))
    points = (stretch * data.z).T
    return _nearest(points, points[_draw(data, n_experts, rng)])


def _nearest(points: Array, centers: Array) -> Array:
    """Indicator (n, K) of the nearest centre of each point."""
    squares = ((points[:, None, :] - centers[None]) ** 2).sum(axis=2)
    return np.eye(len(centers))[squares.argmin(axis=1)]


def soft(objective: Objective, rng: np.random.Generator) -> Array:
    """Independent Dirichlet responsibilities; (m, K)."""
    shape = np.full(objective.model.n_experts, 0.5)
    return rng.dirichlet(shape, size=objective.data.n_rows)


def _draw(data: Data, size: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Rows drawn in proportion to their weights, distinct ones if there are enough."""
    replace = size > data.n_rows
    p = None if data.weight is None else data.weight / data.weight.sum()
    return rng.choice(data.n_rows, size=size, replace=replace, p=p)


PARTITIONS: dict[str, Callable[[Objective, np.random.Generator], Array]] = {
    "k-means": clusters,
    "partition": partition,
    "random": soft,
}


def exact_fits(objective: Objective, box: Box, rng: np.random.Generator) -> Array:
    """Experts that pass through as many random rows as they have terms, with small random scales.

    Half of the time the rows of an expert are neighbours in x. Clusters never give an expert that
    fits a thin subset of the rows; a line through a few of its rows, with a scale between a
    thousandth and one, does.
    """
    layout, data, m = objective.layout, objective.in_memory, objective.data.n_rows
    n_terms = max(c.basis.n_terms for c in layout.expert)
    chosen = np.zeros((m, layout.n_experts))
    for k in range(layout.n_experts):
        rows = _draw(data, min(n_terms, m), rng)
        if rng.random() < 0.5:
            distance = ((data.z - data.z[:, rows[:1]]) ** 2).sum(axis=0)
            near = np.argsort(distance, kind="stable")[: max(4 * n_terms, m // 10)]
            rows = rng.choice(near, size=min(n_terms, len(near)), replace=False)
        chosen[rows, k] = 1.0
    theta = box.project(equal_experts(objective))
    experts = m_step(objective, theta, objective.em_statistics(theta, chosen), box)
    theta[layout.n_gate :] = experts[layout.n_gate :]
    scale = layout.entries("scale")
    theta[scale] = 2.0 * np.log(10.0) * rng.uniform(-3.0, 0.0, size=int(scale.sum()))
    return box.project(theta)


def split(
    small: MixtureOfExperts,
    theta: Array,
    model: MixtureOfExperts,
    atom: int,
    rng: np.random.Generator,
) -> Array:
    """Split one expert of a fit with K - 1 experts into two, well separated, of equal weight.

    Means move apart by about one standard deviation of the expert, log-variances and gate slopes
    at random; ``small`` and ``theta`` are the model and the fit to split, ``model`` the new one.
    """
    tables = small.layout.coefficients(theta)
    scales = zip(small.layout.coordinates, tables, strict=True)
    spread = [t for c, t in scales if c.box == "scale"]
    sigma = float(np.exp(0.5 * spread[0][min(atom, len(spread[0]) - 1), 0])) if spread else 1.0
    size = {"gate": 0.5, "expert": sigma, "scale": 0.5}
    n_gate, last = len(model.layout.gate), small.n_experts - 1
    coordinates = model.layout.coordinates
    bigger = [
        t if c.sharing is Sharing.SHARED else np.concatenate([t[atom : atom + 1], t])
        for c, t in zip(coordinates, tables, strict=True)
    ]
    # The twin comes first, and the atom itself one place later than it was.
    for half in (0, atom + 1):
        model.gate.shift(bigger[:n_gate], half, -np.log(2.0))
    for i, (c, table) in enumerate(zip(coordinates, bigger, strict=True)):
        if c.sharing is Sharing.SHARED:
            continue
        move = rng.normal(0.0, size[c.box], size=(table.shape[1],))
        if i < n_gate:
            move *= c.basis.slopes
        table[0] += move
        if not (c.sharing is Sharing.PINNED and atom == last):
            table[atom + 1] -= move
        if c.sharing is Sharing.CONTRAST:
            table -= table[-1].copy()
    return model.layout.vector(bigger)
