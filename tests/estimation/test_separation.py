"""Separated gates, on and off their bound, and gates that only look so."""

from __future__ import annotations

import numpy as np
import pytest

from mixexp.estimation.box import Bounds
from mixexp.estimation.objective import Objective
from mixexp.estimation.solvers import Newton, Solution, solve
from tests.estimation.cases import (
    bind,
    box,
    certificate,
    duplicated,
    near_truth,
    redundant,
    step,
)

STEP_START = np.array([0.0, -1.0, -1.0, 0.5, 1.0, 0.5, -2.0, -2.0])


@pytest.mark.parametrize("bound", [1e3, 20.0, 5.0])
def test_separated_gate_off_and_on_its_bound(bound: float) -> None:
    target, bounds = bind(2, *step()), Bounds(gate=bound)
    solution = solve("auto", target, STEP_START, box(target, bounds))
    found, _ = certificate(target, solution.theta, bounds)
    assert found.holds
    assert found.separation.found
    assert "the gate separates" in found.summary()
    assert found.active_bounds == (() if bound == 1e3 else ("gate[0] x",))
    # What the bound costs is known: the supremum is that of two separate regressions.
    supremum = 0.0
    for side in (target.data.z[0] > 0.0, target.data.z[0] < 0.0):
        design = np.column_stack([np.ones(side.sum()), target.data.z[0, side]])
        response = target.data.y[0, side]
        residual = response - design @ np.linalg.lstsq(design, response, rcond=None)[0]
        supremum -= 0.5 * side.sum() * (1.0 + np.log(2.0 * np.pi * np.mean(residual**2)))
    assert solution.value + found.separation.gain == pytest.approx(supremum, abs=1e-6)


@pytest.mark.parametrize("bound", [1e3, 50.0, 5.0])
def test_a_gate_that_does_not_separate(regular: tuple[Objective, Solution], bound: float) -> None:
    target, solution = regular
    found, _ = certificate(target, solution.theta, Bounds(gate=bound))
    assert found.holds
    assert not found.separation.found
    assert found.separation.message == ""


@pytest.mark.parametrize("bound", [0.5, 1.0])
def test_a_bound_that_cuts_off_an_interior_optimum_says_so(
    regular: tuple[Objective, Solution], bound: float
) -> None:
    target, solution = regular
    bounds = Bounds(gate=bound)
    cut = solve("auto", target, near_truth(target), box(target, bounds))
    found, _ = certificate(target, cut.theta, bounds)
    assert found.holds
    assert found.active_bounds == ("gate[0] x",)
    assert not found.separation.found
    assert found.separation.gain == pytest.approx(solution.value - cut.value, abs=1e-6)
    assert "the bounds of the gate cost" in found.separation.message


def test_a_gate_between_equal_experts_does_not_separate() -> None:
    """Its coefficients are arbitrary: far out the likelihood stays, but it does not rise either."""
    one, two = bind(1, *redundant()), bind(2, *redundant())
    line = Newton().solve(one, np.zeros(3), box(one))
    theta = duplicated(one, line.theta, 0, two)
    theta[:2] = [0.3, 4.0]
    assert two.evaluate(theta).value == pytest.approx(line.value, abs=1e-9)
    found, _ = certificate(two, theta)
    assert found.n_null >= 2
    assert not found.separation.found
