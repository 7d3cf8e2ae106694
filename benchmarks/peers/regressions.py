"""Mixtures of regressions with softmax or constant gates, as mixexp fits them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from benchmarks.peers.forms import Regressions
from benchmarks.peers.problem import Problem, Watch
from mixexp import GaussianMoE
from mixexp.estimation.blocks import single_threaded_blas
from mixexp.estimation.box import Bounds
from mixexp.estimation.data import Data
from mixexp.estimation.objective import Objective
from mixexp.estimation.solvers import solve
from mixexp.models import (
    Gaussian,
    GaussianParams,
    MixtureOfExperts,
    MixtureParams,
    Softmax,
    SoftmaxParams,
)

Array = NDArray[np.float64]


@dataclass(frozen=True)
class RegressionProblem(Problem[Regressions]):
    """A response y (n,); ``gate_columns`` and ``expert_columns`` of x may be none."""

    gate_columns: tuple[int, ...] = ()
    expert_columns: tuple[int, ...] = ()

    @cached_property
    def model(self) -> MixtureOfExperts:
        """The model as mixexp has it."""
        return MixtureOfExperts(
            Softmax(), Gaussian(), self.n_experts, self.x.shape[1],
            self.gate_columns, self.expert_columns,
        )  # fmt: skip

    def params(self, parameters: Regressions) -> MixtureParams:
        """Parameters as mixexp has them: the last expert's gate is zero."""
        gate = parameters.gate - parameters.gate[-1]
        mean = parameters.mean
        return MixtureParams(
            SoftmaxParams(gate[:, 0], gate[:, 1:]),
            GaussianParams(mean[:, 0], mean[:, 1:], parameters.variance),
        )

    def loglik(self, parameters: Regressions) -> float:
        each = self.model.log_prob(self.params(parameters), self.x, self.y)
        return float(each.sum())

    def posterior(self, parameters: Regressions) -> Array:
        return self.model.posterior(self.params(parameters), self.x, self.y)

    def _fit(self, start: Regressions) -> tuple[float, bool]:
        estimator = GaussianMoE(
            self.n_experts,
            gate_features=list(self.gate_columns),
            expert_features=list(self.expert_columns),
            init=self.params(start),
            n_init=1,
            min_share=0.0,
        )
        estimator.fit(self.x, self.y)
        return estimator.loglik_, estimator.converged_

    @single_threaded_blas()
    def _climb(self, start: Regressions, watch: Watch) -> float:
        data = Data.from_rows(self.x, self.y)
        objective = watch.on(Objective(self.model, data), "evaluate", "em_statistics")
        model = objective.model
        coefficients = model.coefficients(self.params(start))
        theta = model.layout.vector(model.rescale(coefficients, data.affine.inverse()))
        solve("auto", objective, theta, Bounds().box(model.layout))
        return -data.log_scale
