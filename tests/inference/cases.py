"""Fits bound to their data without an estimator, for every gate and every expert."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from mixexp.estimation.certificate import certify
from mixexp.estimation.solvers import Solution
from mixexp.inference.fitted import Fitted
from mixexp.inference.results import MoEResults
from tests.instances import Problem


def bound(case: Problem, solution: Solution) -> Fitted:
    """The optimum of a problem with its certificate."""
    names = [f"x{j}" for j in range(case.model.n_columns)]
    labels = case.objective.layout.names(names)
    certificate, _ = certify(case.objective, solution.theta, case.box, labels)
    return Fitted(
        case.objective, solution.theta, case.box, tuple(names), case.x, case.y, case.weight,
        certificate.with_boundaries(solution),
    )  # fmt: skip


def results_of(case: Problem, solution: Solution, **options: Any) -> MoEResults:
    """Results of a problem; the estimator is a name and a model."""
    return MoEResults(bound(case, solution), SimpleNamespace(model_=case.model), **options)
