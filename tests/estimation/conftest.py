"""Fits that several files start from."""

from __future__ import annotations

import pytest

from mixexp.estimation.objective import Objective
from mixexp.estimation.solvers import Newton, Solution
from tests.estimation.cases import bind, box, near_truth, two_lines


@pytest.fixture(scope="session")
def regular() -> tuple[Objective, Solution]:
    """Two experts on two lines, at the optimum."""
    target = bind(2, *two_lines())
    return target, Newton().solve(target, near_truth(target), box(target))
