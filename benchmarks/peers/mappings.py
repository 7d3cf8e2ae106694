"""Gaussian locally linear mappings and Gaussian mixtures, as mixexp fits them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from benchmarks.peers.forms import Mapping
from benchmarks.peers.problem import Problem, Watch
from mixexp import GLoME
from mixexp.estimation.blocks import single_threaded_blas
from mixexp.estimation.box import Bounds
from mixexp.estimation.gllim.climb import Climb, Climber
from mixexp.estimation.gllim.data import JointData
from mixexp.estimation.gllim.fit import JointOptions
from mixexp.estimators.glome import DEFAULT_SCALE
from mixexp.models.covariances import BlockMatrices, Diagonal, DiagonalMatrices, Full, Matrices
from mixexp.models.gllim import GLLiM, GLLiMParams, log_densities

Array = NDArray[np.float64]


@dataclass(frozen=True)
class MappingProblem(Problem[Mapping]):
    """The joint law of x (n, L) and y (n, D), Σ diagonal or full.

    With full covariances it is a Gaussian mixture of (x, y), which other packages fit as such.
    """

    diagonal: bool = False

    @cached_property
    def model(self) -> GLLiM:
        """The model as mixexp has it."""
        structure = Diagonal() if self.diagonal else Full()
        return GLLiM(self.n_experts, self.x.shape[1], self.y.shape[1], Full(), structure)

    def params(self, parameters: Mapping) -> GLLiMParams:
        """Parameters as mixexp has them."""
        covariance = parameters.covariance
        noise: Matrices
        if self.diagonal:
            noise = DiagonalMatrices(np.diagonal(covariance, axis1=1, axis2=2).copy())
        else:
            noise = BlockMatrices.full(covariance)
        return GLLiMParams(
            parameters.weight / parameters.weight.sum(), parameters.center,
            BlockMatrices.full(parameters.gate_covariance), parameters.table, noise,
            np.zeros((*parameters.table.shape[:2], 0)),
        )  # fmt: skip

    def loglik(self, parameters: Mapping) -> float:
        return float(np.logaddexp.reduce(self._logs(parameters), axis=0).sum())

    def posterior(self, parameters: Mapping) -> Array:
        logs = self._logs(parameters)
        return np.exp(logs - np.logaddexp.reduce(logs, axis=0)).T

    def _logs(self, parameters: Mapping) -> Array:
        u, v = self.x.T, self.y.T
        logs = log_densities(self.params(parameters), u, self.model.features(u), v)
        return logs.gate + logs.expert

    def _fit(self, start: Mapping) -> tuple[float, bool]:
        estimator = GLoME(
            self.n_experts,
            direction="direct",
            covariance=self.model.covariance,
            init=self.params(start),
            n_init=1,
        )
        estimator.fit(self.x, self.y)
        return estimator.joint_loglik_, estimator.converged_

    @single_threaded_blas()
    def _climb(self, start: Mapping, watch: Watch) -> float:
        model, data = JointData.from_rows(self.model, self.x, self.y)
        climber = Climber(model, data, Bounds.parse({"scale": DEFAULT_SCALE}))
        watch.on(climber.em, "statistics")
        if climber.objective is not None:
            watch.on(climber.objective, "evaluate")
        params = model.rescale(self.params(start), data.scaling.inverse())
        begin = Climb(params, -np.inf, np.inf, np.empty(0), "given")
        options = JointOptions()
        climber.run(begin, options.tol, options.max_iter, options.n_em)
        return -data.log_scale
