"""The settings that all estimators share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Integral, Real
from typing import Any, ClassVar

from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import Interval, StrOptions

from mixexp.estimation.box import Bounds
from mixexp.estimation.solvers import SOLVERS, TemperatureSchedule
from mixexp.models import MixingMeasure, MixtureParams
from mixexp.models.gates import Gate


class MoEParameters(BaseEstimator):
    """Constructor and allowed values; scikit-learn wants each setting written out by name."""

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "n_experts": [Interval(Integral, 1, None, closed="left")],
        "gate": [Gate, None],
        "degree": [Interval(Integral, 0, None, closed="left")],
        "expert_features": ["array-like", None],
        "gate_features": ["array-like", None],
        "solver": [StrOptions(set(SOLVERS))],
        "temperature_schedule": [TemperatureSchedule, None],
        "n_init": [Interval(Integral, 1, None, closed="left")],
        "min_share": [Interval(Real, 0, 1, closed="both")],
        "bounds": [Mapping, Bounds, None],
        "gate_penalty": [Interval(Real, 0, None, closed="left"), None],
        "expert_penalty": [Interval(Real, 0, None, closed="left"), None],
        "standardize": ["boolean"],
        "init": [MixingMeasure, MixtureParams, "array-like", None],
        "tol": [Interval(Real, 0, None, closed="neither")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "warm_start": ["boolean"],
        "n_jobs": [Integral, None],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        n_experts: int = 2,
        gate: Gate | None = None,
        *,
        degree: int = 1,
        expert_features: Sequence[Any] | None = None,
        gate_features: Sequence[Any] | None = None,
        solver: str = "auto",
        temperature_schedule: TemperatureSchedule | None = None,
        n_init: int = 10,
        min_share: float = 0.05,
        bounds: Mapping[str, Any] | Bounds | None = None,
        gate_penalty: float | None = None,
        expert_penalty: float | None = None,
        standardize: bool = True,
        init: Any = None,
        tol: float = 1e-8,
        max_iter: int = 500,
        warm_start: bool = False,
        n_jobs: int | None = None,
        random_state: Any = None,
        verbose: int = 0,
    ):
        self.n_experts = n_experts
        self.gate = gate
        self.degree = degree
        self.expert_features = expert_features
        self.gate_features = gate_features
        self.solver = solver
        self.temperature_schedule = temperature_schedule
        self.n_init = n_init
        self.min_share = min_share
        self.bounds = bounds
        self.gate_penalty = gate_penalty
        self.expert_penalty = expert_penalty
        self.standardize = standardize
        self.init = init
        self.tol = tol
        self.max_iter = max_iter
        self.warm_start = warm_start
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose
