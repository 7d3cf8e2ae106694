"""Small problems for the general engine and for the kernels."""

from __future__ import annotations

import numpy as np
import pytest

from mixexp.estimation.objective import Objective
from mixexp.estimation.penalty import Ridge
from mixexp.estimation.small.batch import Batch
from mixexp.estimation.small.form import Form
from mixexp.models import Binomial, Gaussian, Multinomial, Poisson, Softmax, Transformed
from tests import instances

GATES = [Softmax(), Transformed(), Softmax(degree=2)]
EXPERTS = [
    Gaussian(),
    Gaussian(degree=2, variance="shared"),
    Multinomial(2),
    Multinomial(3),
    Poisson(),
    Binomial(),
]


@pytest.fixture(params=GATES, ids=repr)
def gate(request):
    return request.param


@pytest.fixture(params=EXPERTS, ids=repr)
def expert(request):
    return request.param


def problem_of(gate, expert, penalty=(0.3, 0.2), **settings):  # type: ignore[no-untyped-def]
    """A random problem and its objective with a ridge."""
    case = instances.problem(gate, expert, **settings)
    objective = Objective(case.model, case.objective.data, Ridge.build(case.model.layout, *penalty))
    return case, objective


def batch_of(objective, box, copies=1):  # type: ignore[no-untyped-def]
    """The rows of an objective as one problem, or as several equal ones."""
    form, data = Form.of(objective.model), objective.data
    rows = [b.expand(data.z, np.empty((b.n_terms, data.n_rows))) for b in form.bases]
    features = np.tile(np.concatenate(rows), copies)
    weight = None if data.weight is None else np.tile(data.weight, copies)
    starts = np.arange(copies + 1) * data.n_rows
    return Batch.pack(
        form, starts, features, np.tile(data.y, copies), weight, objective.penalty.matrix, box
    )
