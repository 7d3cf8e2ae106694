"""Certificates, and above all the false ones: points that look like an optimum and are none."""

from __future__ import annotations

import numpy as np
import pytest

from mixexp.estimation.box import Bounds
from mixexp.estimation.certificate import Certificate, certify
from mixexp.estimation.fit import Options, fit
from mixexp.estimation.identifiability import fit_findings
from mixexp.estimation.objective import Objective
from mixexp.estimation.solvers import Newton, Reason, Solution, solve
from mixexp.estimation.solvers.multistart import Search
from mixexp.estimation.start import Start, from_responsibilities
from tests.estimation.cases import (
    bind,
    box,
    duplicated,
    model,
    names,
    near_truth,
    redundant,
    step,
    two_lines,
)


def certificate(
    target: Objective, theta: np.ndarray, bounds: Bounds | None = None
) -> tuple[Certificate, np.ndarray]:
    """Certificate within bounds, with the gate's lifted a hundredfold to look for separation."""
    bounds = bounds or Bounds()
    lifted = Bounds(100.0 * bounds.gate, bounds.expert, bounds.scale)
    return certify(
        target, theta, box(target, bounds), names(target), bounds_lifted=box(target, lifted)
    )


@pytest.fixture(scope="module")
def regular() -> tuple[Objective, Solution]:
    """Two experts on two lines, at the optimum."""
    target = bind(2, *two_lines())
    return target, Newton().solve(target, near_truth(target), box(target))


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


@pytest.mark.parametrize("atom", [0, 1])
def test_fit_from_duplicated_atoms_goes_on(regular: tuple[Objective, Solution], atom: int) -> None:
    target, solution = regular
    bigger = bind(3, *two_lines())
    search = Search(bigger, box(bigger))
    start = Start(duplicated(target, solution.theta, atom, bigger), "given")
    found = search.run(start)
    (best,) = search.certified(names(bigger), None)
    assert found.value > solution.value + 1.0
    assert best.certified
    assert best.value == pytest.approx(found.value, abs=1e-6)


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
    assert "the gate's bound costs" in found.separation.message


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


def test_a_probe_that_rises_starts_the_solver_again() -> None:
    x = np.tile(np.linspace(-1.0, 1.0, 41), 6)[:, None]
    y = np.repeat([1.1, 1.0, 0.9, -0.9, -1.0, -1.1], 41)
    one, two = bind(1, x, y), bind(2, x, y)
    line = Newton().solve(one, np.zeros(3), box(one))
    search = Search(two, box(two))
    stuck = search.run(Start(duplicated(one, line.theta, 0, two), "given"))
    assert stuck.value == pytest.approx(line.value, abs=1e-6)
    (best,) = search.certified(names(two), None)
    assert best.certified
    assert best.value > line.value + 100.0


def test_scale_on_its_floor_is_flagged() -> None:
    x, _ = two_lines(60)
    (found,) = fit(model(1), x, 1.0 + 2.0 * x[:, 0], options=Options(n_init=1)).optima
    assert found.on_floor == (0,)
    assert not found.admissible
    assert found.certificate is not None
    assert found.certificate.active_bounds == ("log-variance[0]",)
    assert "scale on its floor: 0" in found.certificate.summary()


def by_groups(target: Objective, groups: np.ndarray) -> Start:
    """The start whose experts each fit one group of rows."""
    r = np.eye(target.model.n_experts)[groups]
    return Start(from_responsibilities(target, r, box(target)), "given")


def test_spike_ranks_below_an_admissible_optimum() -> None:
    """Ten rows lie exactly on a line: the optimum that is highest is not the answer."""
    x, y = two_lines(200)
    spike = np.arange(200) < 10
    y[spike] = 0.3 - x[spike, 0]
    target = bind(3, x, y)
    search = Search(target, box(target), min_share=0.01)
    for groups in (np.where(spike, 2, y > 0.0), np.where(x[:, 0] > 0.5, 2, y > 0.0)):
        search.run(by_groups(target, groups.astype(int)))
    first, second = search.certified(names(target), None)
    assert first.admissible and first.certified
    assert second.on_floor == (2,) and not second.admissible
    assert second.value > first.value + 100.0
    assert fit_findings(target, second)[-1].startswith("experts with their scale on its floor: 2")


def test_thin_expert_is_flagged() -> None:
    x, y = two_lines(200)
    y[:4] += 30.0
    target = bind(3, x, y)
    search = Search(target, box(target), min_share=0.05)
    found = search.run(by_groups(target, np.where(y > 10.0, 2, y < 0.0).astype(int)))
    assert found.thin == (2,)
    assert not found.admissible
    assert fit_findings(target, found)[0].startswith("thin experts")
    assert Search(target, box(target), min_share=0.001).run(Start(found.theta, "given")).thin == ()


def test_em_stopped_early_is_not_certified() -> None:
    target = bind(2, *two_lines())
    start = near_truth(target) + 0.3
    search = Search(target, box(target), solver="em", max_iter=3)
    found = search.run(Start(start, "given"))
    assert found.solution.reason is Reason.MAX_ITER
    (best,) = search.certified(names(target), None)
    assert not best.certified
    assert best.certificate is not None and best.certificate.remaining_gain > 1e-4


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


def test_search_counts_starts_and_distinct_optima(regular: tuple[Objective, Solution]) -> None:
    target, solution = regular
    search = Search(target, box(target))
    gate, mean, scale = target.layout.coefficients(solution.theta)
    mirrored = target.layout.vector([gate[::-1] - gate[0], mean[::-1], scale[::-1]])
    for theta in (solution.theta, solution.theta + 0.05, mirrored):
        search.run(Start(theta, "given"))
    groups = (two_lines()[0][:, 0] > 0.0).astype(int)
    search.run(by_groups(target, groups), n_hits=2)
    found = search.certified(names(target), None)
    certificate = found[0].certificate
    assert certificate is not None
    assert certificate.n_starts == 5
    assert certificate.n_hits == found[0].n_hits >= 3
    assert certificate.n_optima == len(found)
    assert sum(o.n_hits for o in found) == 5
