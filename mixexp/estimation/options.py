"""How to fit."""

from __future__ import annotations

from dataclasses import dataclass, field

from mixexp.estimation.box import Bounds
from mixexp.estimation.solvers.annealing import TemperatureSchedule


@dataclass(frozen=True)
class Options:
    """How to fit; the estimators document each of these.

    ``sample_rows`` is for rows that are not in memory: of how many of them, distinct ones, starts
    are climbed before the best are on all rows. A source that has fewer is read into memory.
    """

    solver: str = "auto"
    n_init: int = 10
    bounds: Bounds = field(default_factory=Bounds)
    min_share: float = 0.05
    tol: float = 1e-8
    max_iter: int = 500
    gate_penalty: float | None = None
    expert_penalty: float | None = None
    standardize: bool = True
    n_threads: int = 1
    seed: int = 0
    schedule: TemperatureSchedule | None = None
    sample_rows: int = 100_000
