"""Candidate starts, several of each kind, drawn on the sketch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mixexp.estimation.box import Bounds, Box
from mixexp.estimation.objective import Objective
from mixexp.estimation.solvers import EM, solve
from mixexp.estimation.start import PARTITIONS, Start, exact_fits, from_responsibilities, split
from mixexp.estimation.topk_start import annealed, change_points, densified, has_change_points
from mixexp.models.gates import TopK

Array = NDArray[np.float64]

# Remaining gain, nats, at which an optimum is known well enough to go on from.
ROUGH = 1e-5
_TRIALS = 5
_THIN = 0.05
_MAX_DEPTH = 4


class Pool(NamedTuple):
    """Where starts are made: the objective on the sketch, and the bounds."""

    objective: Objective
    bounds: Bounds

    @property
    def box(self) -> Box:
        """The box of the model."""
        return self.bounds.box(self.objective.layout)

    def smaller(self) -> Pool:
        """The pool of the model with one expert less."""
        model = self.objective.model
        n_fewer = model.n_experts - 1
        fewer = replace(model, n_experts=n_fewer, gate=model.gate.for_experts(n_fewer))
        penalty = self.objective.penalty.rebuild(fewer.layout)
        return Pool(Objective(fewer, self.objective.data, penalty), self.bounds)


def draw(pool: Pool, each: int, rng: np.random.Generator, depth: int = 0) -> Iterator[Start]:
    """``each`` starts of every kind, the kinds taking turns.

    ``depth`` counts the splits that led to this model: a fit of many experts does not go all the
    way down to one.
    """
    objective, n_experts = pool.objective, pool.objective.model.n_experts
    if n_experts == 1:
        ones = np.ones((objective.data.n_rows, 1))
        yield Start(from_responsibilities(objective, ones, pool.box), "one expert")
        return
    has_scale = objective.layout.entries("scale").any()
    sparse = isinstance(objective.model.gate, TopK)
    # M-steps cannot move a gate that has switched an expert off.
    dense = densified(objective)
    splits = _splits(pool, each, rng, depth) if depth < _MAX_DEPTH else iter(())
    if has_change_points(objective):
        yield Start(change_points(objective, pool.box), "change points")
    for _ in range(each):
        yield from islice(splits, 1)
        for kind, make in PARTITIONS.items():
            labels = make(objective, rng)
            theta = from_responsibilities(dense, labels, pool.box, rng)
            yield Start(theta, kind)
            if sparse and kind == "k-means":
                yield Start(annealed(objective, theta, pool.box), "annealed")
        if has_scale:
            yield Start(_best_exact_fit(pool, rng), "exact fits")


def _best_exact_fit(pool: Pool, rng: np.random.Generator) -> Array:
    """The most promising of a few exact fits: highest after two EM steps, no expert thin.

    Most of them fit nothing but their own rows, and few steps tell.
    """
    best, height = None, -np.inf
    for _ in range(_TRIALS):
        theta = exact_fits(pool.objective, pool.box, rng)
        tried = EM().solve(pool.objective, theta, pool.box, max_iter=2)
        thin = pool.objective.shares(tried.theta).min() < _THIN
        if best is None or (tried.value > height and not thin):
            best, height = tried.theta, -np.inf if thin else tried.value
    assert best is not None
    return best


def _splits(pool: Pool, each: int, rng: np.random.Generator, depth: int) -> Iterator[Start]:
    """Splits of the best fit on the sketch with one expert less, each of its experts in turn."""
    fewer = pool.smaller()
    base = best_on_sketch(fewer, max(2, each // 4), rng, depth + 1)
    return splits_of(fewer.objective, base, pool, rng)


def splits_on_data(
    pool: Pool, objective: Objective, number: int, rng: np.random.Generator
) -> list[Start]:
    """Splits of a fit with one expert less that was climbed on the data, not on the sketch.

    A superfluous expert settles where noise happens to leave a few nats, and the noise of a sketch
    is not that of the data: separated splits are the starts that do not depend on it.
    """
    fewer = pool.smaller()
    base = best_on_sketch(fewer, 2, rng)
    smaller = Pool(objective, pool.bounds).smaller()
    base = solve(
        "auto", smaller.objective, base, smaller.box,
        n_em=0, tol=ROUGH, search=False, polish=False,
    ).theta  # fmt: skip
    return list(islice(splits_of(smaller.objective, base, pool, rng), number))


def splits_of(
    objective: Objective, base: Array, pool: Pool, rng: np.random.Generator
) -> Iterator[Start]:
    """Separated splits of the fit ``base`` of ``objective``, its experts in turn, without end."""
    small, model = objective.model, pool.objective.model
    while True:
        for atom in rng.permutation(small.n_experts):
            yield Start(pool.box.project(split(small, base, model, int(atom), rng)), "split")


def best_on_sketch(pool: Pool, each: int, rng: np.random.Generator, depth: int = 1) -> Array:
    """θ of the highest optimum on the sketch among ``each`` starts of every kind.

    Optima on a scale's floor are passed over unless there is no other: their height is that of the
    floor, not of the data.
    """
    found = [
        solve(
            "auto",
            pool.objective,
            start.theta,
            pool.box,
            tol=ROUGH,
            max_iter=100,
            search=False,
            polish=False,
        )
        for start in draw(pool, each, rng, depth)
    ]
    scale = pool.objective.layout.entries("scale")

    def rank(solution):  # type: ignore[no-untyped-def]
        on_floor = np.any(solution.theta[scale] <= pool.box.lower[scale] + 1e-6)
        return (not on_floor, solution.value)

    return max(found, key=rank).theta
