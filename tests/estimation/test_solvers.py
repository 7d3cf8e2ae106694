"""Solvers: they agree, escape saddles, keep to the box, and say why they stopped."""

from __future__ import annotations

import numpy as np
import pytest

from mixexp.estimation.box import Bounds
from mixexp.estimation.objective import Objective
from mixexp.estimation.solvers import EM, LBFGS, SOLVERS, Newton, Reason, Solution, solve
from mixexp.estimation.solvers.chain import HESSIAN_LIMIT, NEWTON_LIMIT, stages
from mixexp.models import Gaussian, Softmax
from tests.estimation.cases import bind, box, duplicated, step, two_lines
from tests.instances import problem

NAMES = pytest.mark.parametrize("name", SOLVERS)


@NAMES
def test_all_solvers_find_the_optimum(name: str, regular: tuple[Objective, Solution]) -> None:
    target, best = regular
    found = solve(name, target, best.theta + 0.2, box(target), max_iter=2000)
    assert found.value == pytest.approx(best.value, abs=1e-6)
    assert found.value == pytest.approx(target.evaluate(found.theta).value, abs=1e-9)
    assert found.monotone
    assert found.trace[-1] <= found.value + 1e-6
    assert found.reason is (Reason.STALLED if name == "lbfgs" else Reason.STATIONARY)
    close = {"auto": 1e-8, "newton": 1e-8, "em": 1e-3, "lbfgs": 1e-3}[name]
    assert np.allclose(found.theta, best.theta, atol=close)


@NAMES
def test_all_solvers_keep_to_the_box(name: str, regular: tuple[Objective, Solution]) -> None:
    """A box that cuts off the optimum: the same bounded optimum from every solver."""
    target, best = regular
    tight = box(target, Bounds(gate=0.8, expert=0.6, scale=(0.3, 2.0)))
    assert np.any(tight.project(best.theta) != best.theta)
    found = solve(name, target, best.theta, tight, max_iter=2000)
    assert np.all((found.theta >= tight.lower) & (found.theta <= tight.upper))
    reference = Newton().solve(target, np.zeros(8) + 0.01, tight)
    swapped = Newton().solve(target, best.theta, tight)
    assert found.value == pytest.approx(max(reference.value, swapped.value), abs=1e-6)


def test_newton_converges_to_rounding(regular: tuple[Objective, Solution]) -> None:
    target, best = regular
    score = target.evaluate(best.theta, 1).gradient
    assert np.abs(score).max() <= 1e-9
    assert best.reason is Reason.STATIONARY
    assert best.n_iter <= 8
    again = Newton().solve(target, best.theta, box(target))
    assert again.n_iter == 0
    assert np.allclose(again.theta, best.theta, atol=1e-12)


@pytest.mark.parametrize("atom", [0, 1])
def test_newton_escapes_from_a_saddle(atom: int, regular: tuple[Objective, Solution]) -> None:
    """At duplicated atoms the score is zero; EM stays there for ever, Newton goes on."""
    target, best = regular
    bigger = bind(3, *two_lines())
    theta = duplicated(target, best.theta, atom, bigger)
    em = EM().solve(bigger, theta, box(bigger), max_iter=50)
    assert em.value == pytest.approx(best.value, abs=1e-8)
    newton = Newton().solve(bigger, theta, box(bigger))
    assert newton.reason is Reason.STATIONARY
    assert newton.value > best.value + 1.0


def test_newton_raises_every_value_and_needs_few_steps() -> None:
    target = bind(3, *two_lines())
    theta = np.random.default_rng(0).normal(size=target.layout.n_free)
    found = Newton().solve(target, theta, box(target))
    assert found.reason is Reason.STATIONARY
    assert found.monotone
    assert found.n_iter < 100


def test_lbfgs_agrees_with_newton() -> None:
    target = bind(3, *two_lines(), penalty=(0.1, 0.1))
    start = np.random.default_rng(3).normal(size=target.layout.n_free)
    newton = Newton().solve(target, start, box(target))
    quasi = LBFGS().solve(target, newton.theta + 0.02, box(target), max_iter=1)
    assert quasi.value == pytest.approx(newton.value, abs=1e-6)
    assert quasi.value <= newton.value + 1e-9


def test_separated_gate_is_climbed_to_its_plateau() -> None:
    target = bind(2, *step())
    start = np.array([0.0, -1.0, -1.0, 0.5, 1.0, 0.5, -2.0, -2.0])
    found = Newton().solve(target, start, box(target))
    assert found.reason is Reason.STATIONARY
    assert -1000.0 <= found.theta[1] < -30.0
    wider = Newton().solve(target, start, box(target, Bounds(gate=1e5)))
    assert found.value == pytest.approx(wider.value, abs=1e-7)


def test_iteration_limit_is_a_reason(regular: tuple[Objective, Solution]) -> None:
    target, best = regular
    for solver in (EM(), Newton()):
        found = solver.solve(target, best.theta + 0.5, box(target), max_iter=2)
        assert found.reason is Reason.MAX_ITER
        assert found.n_iter == 2
        assert len(found.trace) == 3
        assert found.value > found.trace[0]


@pytest.mark.parametrize("name", SOLVERS)
def test_no_start_where_the_likelihood_is_not_finite(name: str) -> None:
    """A residual whose square overflows: nothing to climb from."""
    x, y = two_lines(20)
    y[3] = 1e300
    target = bind(2, x, y, standardize=False)
    found = solve(name, target, np.zeros(8), box(target))
    assert found.reason is Reason.NOT_FINITE
    assert not np.isfinite(found.value)


def test_start_outside_of_the_box_is_projected(regular: tuple[Objective, Solution]) -> None:
    target, best = regular
    tight = box(target, Bounds(gate=0.5))
    found = Newton().solve(target, best.theta * 100.0, tight, max_iter=0)
    assert np.array_equal(found.theta, tight.project(best.theta * 100.0))


def test_traces_of_the_stages_are_joined(regular: tuple[Objective, Solution]) -> None:
    target, best = regular
    found = solve("newton", target, best.theta + 0.2, box(target), n_em=3)
    assert found.monotone
    em = EM().solve(target, best.theta + 0.2, box(target), max_iter=3)
    assert found.trace[:4] == em.trace
    assert len(found.trace) > 4
    alone = solve("newton", target, best.theta + 0.2, box(target), n_em=0)
    assert alone.trace[1] != em.trace[1]


def kinds(name: str, n_free: int, n_em: int = 5) -> list[str]:
    return [type(stage.solver).__name__ for stage in stages(name, n_free, n_em)]


def test_which_methods_a_solver_runs() -> None:
    assert kinds("em", 10) == ["EM"]
    assert kinds("newton", 10**6) == ["EM", "Newton"]
    assert kinds("newton", 10, n_em=0) == ["Newton"]
    assert kinds("lbfgs", 10) == ["EM", "LBFGS"]
    assert kinds("auto", NEWTON_LIMIT) == ["EM", "Newton"]
    assert kinds("auto", NEWTON_LIMIT + 1) == ["EM", "LBFGS", "Newton"]
    assert kinds("auto", HESSIAN_LIMIT + 1) == ["EM", "LBFGS"]


def test_unknown_solver() -> None:
    with pytest.raises(ValueError, match=r"solver='adam' is not one of 'auto', 'em'"):
        stages("adam", 10, 5)


def test_em_of_a_constant_gate_counts_rows() -> None:
    """Without covariates in the gate, one M-step gives the mean responsibilities."""
    case = problem(Softmax(degree=0), Gaussian(), n_experts=3, n_columns=1)
    em = EM().solve(case.objective, case.theta, case.box, max_iter=3000, tol=1e-12)
    shares = case.objective.shares(em.theta)
    odds = np.exp(np.append(em.theta[:2], 0.0))
    assert np.allclose(odds / odds.sum(), shares, atol=1e-5)
