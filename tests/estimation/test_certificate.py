"""Certificates, and above all the false ones: points that look like an optimum and are none."""

from __future__ import annotations

import numpy as np
import pytest

from mixexp.estimation.box import Bounds
from mixexp.estimation.fit import Options, fit
from mixexp.estimation.objective import Objective
from mixexp.estimation.solvers import Newton, Reason, Solution, solve
from tests.estimation.cases import (
    bind,
    box,
    certificate,
    duplicated,
    model,
    near_truth,
    redundant,
    two_lines,
)


def test_regular_optimum_is_certified(regular: tuple[Objective, Solution]) -> None:
    target, solution = regular
    found, best = certificate(target, solution.theta)
    assert found.holds
    assert found.remaining_gain <= 1e-8
    assert found.score_norm <= 1e-10
    assert best is solution.theta
    assert (found.n_null, found.null_blocks, found.active_bounds) == (0, (), ())
    assert not found.separation.found
    information = -target.evaluate(solution.theta, 2).hessian / target.data.total_weight
    values = np.linalg.eigvalsh(information)
    assert found.information == pytest.approx((values[0], values[-1]), rel=1e-10)
    assert found.summary().startswith("certified optimum: yes")


def test_a_point_beside_the_optimum_is_not_certified(regular: tuple[Objective, Solution]) -> None:
    target, solution = regular
    for i in range(len(solution.theta)):
        moved = solution.theta.copy()
        moved[i] += 1e-3
        found, _ = certificate(target, moved)
        assert not found.holds
        fall = solution.value - target.evaluate(moved).value
        assert found.remaining_gain == pytest.approx(fall, rel=0.05)
        assert found.summary().startswith("certified optimum: NO")


@pytest.mark.parametrize("atom", [0, 1])
def test_duplicated_atoms(regular: tuple[Objective, Solution], atom: int) -> None:
    """The score is zero, but several nats remain along a direction of positive curvature."""
    target, solution = regular
    bigger = bind(3, *two_lines())
    theta = duplicated(target, solution.theta, atom, bigger)
    at = bigger.evaluate(theta, 2)
    assert at.value == pytest.approx(solution.value, abs=1e-10)
    assert np.abs(at.gradient).max() < 1e-10
    found, _ = certificate(bigger, theta)
    assert found.score_norm < 1e-12
    assert found.remaining_gain > 1.0
    assert found.information[0] < -1e-3
    assert not found.holds


def test_equal_experts_with_a_flat_gate() -> None:
    """Starting from one line twice, the score is zero to the last bit's rounding."""
    one, two = bind(1, *two_lines()), bind(2, *two_lines())
    line = Newton().solve(one, np.zeros(3), box(one))
    theta = duplicated(one, line.theta, 0, two)
    assert np.abs(two.evaluate(theta, 1).gradient).max() < 1e-12
    found, _ = certificate(two, theta)
    assert not found.holds and found.remaining_gain > 10.0
    solution = Newton().solve(two, theta, box(two))
    assert solution.reason is Reason.STATIONARY
    assert solution.value > line.value + 100.0
    assert certificate(two, solution.theta)[0].holds


def test_shrunken_trust_radius_reports_no_small_gain(regular: tuple[Objective, Solution]) -> None:
    """Whatever the trust radius, the gain is measured within one standard deviation."""
    target, solution = regular
    away = solution.theta + 0.1
    states = [Newton(radius=r).start(target, away, box(target)) for r in (1.0, 1e-9)]
    assert states[1].radius == 1e-9
    assert states[0].remaining_gain > 1.0
    assert states[1].remaining_gain == states[0].remaining_gain
    found = Newton(radius=1e-9).solve(target, away, box(target))
    assert found.reason is Reason.STATIONARY
    assert found.value == pytest.approx(solution.value, abs=1e-9)


def test_rejected_steps_do_not_end_a_fit(regular: tuple[Objective, Solution]) -> None:
    """A solver that gives up says so: it has not converged because its radius is small."""
    target, solution = regular
    given_up = Newton(radius=1e-9, max_rejected=0).solve(target, solution.theta + 0.1, box(target))
    assert given_up.reason is Reason.STALLED
    assert not certificate(target, given_up.theta)[0].holds


def test_a_bound_in_the_way_is_not_an_optimum(regular: tuple[Objective, Solution]) -> None:
    """On a bound with the likelihood rising into the box: no certificate."""
    target, solution = regular
    theta = solution.theta.copy()
    bounds = Bounds(gate=theta[1] + 1.0)
    theta[1] = bounds.gate
    found, _ = certificate(target, theta, bounds)
    assert not found.holds
    assert found.active_bounds == ()


def test_superfluous_expert_is_a_finding() -> None:
    """Where one expert is the truth, two of them leave five directions without information."""
    one, two = bind(1, *redundant()), bind(2, *redundant())
    line = Newton().solve(one, np.zeros(3), box(one))
    theta = duplicated(one, line.theta, 0, two)
    found, _ = certificate(two, theta)
    assert found.holds
    assert found.n_null == 5
    assert {"gate[0] 1", "gate[0] x", "mean[0] 1", "mean[1] 1"} <= set(found.null_blocks)
    assert abs(found.information[0]) < 1e-9
    (best, *_) = fit(model(2), *redundant(), options=Options(n_init=2)).optima
    assert best.certificate is not None
    assert "experts 0 and 1 coincide" in best.certificate.summary()
    assert best.value == pytest.approx(line.value, abs=1e-7)


def test_probes_see_what_the_curvature_does_not() -> None:
    """Two parallel lines of equal weight, fitted by one line twice.

    Score and curvature along the split vanish, and a straight step falls; the likelihood rises only
    along a curve, on which the scales shrink as the means move apart.
    """
    x = np.tile(np.linspace(-1.0, 1.0, 41), 6)[:, None]
    y = np.repeat([1.1, 1.0, 0.9, -0.9, -1.0, -1.1], 41)
    one, two = bind(1, x, y), bind(2, x, y)
    line = Newton().solve(one, np.zeros(3), box(one))
    theta = duplicated(one, line.theta, 0, two)
    found, best = certificate(two, theta)
    assert found.remaining_gain < 1e-8
    assert found.probe_gain > 1e-3
    assert not found.holds
    assert two.evaluate(best).value == pytest.approx(line.value + found.probe_gain)


def test_relative_changes_do_not_certify() -> None:
    """EM whose likelihood changes by less than 1e-6 of itself can be nats away."""
    x, y = two_lines(300)
    target = bind(3, x, y)
    theta = duplicated(bind(2, x, y), near_truth(bind(2, x, y)), 0, target)
    theta += 0.05 * np.random.default_rng(0).normal(size=len(theta))
    em = solve("em", target, theta, box(target), max_iter=300)
    changes = np.abs(np.diff(em.trace) / np.array(em.trace[1:]))
    stop = int(np.argmax(changes < 1e-4))
    early = solve("em", target, theta, box(target), max_iter=stop)
    found, _ = certificate(target, early.theta)
    assert not found.holds
    newton = Newton().solve(target, early.theta, box(target))
    assert newton.value - early.value > 0.1
