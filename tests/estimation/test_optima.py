"""The search over starts: which optimum is the answer, and what is said about the others."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mixexp.estimation.drawing import into_the_box
from mixexp.estimation.fit import Options, fit
from mixexp.estimation.identifiability import fit_findings
from mixexp.estimation.objective import Objective
from mixexp.estimation.solvers import Newton, Reason, Solution
from mixexp.estimation.solvers.multistart import Search, _rivals
from mixexp.estimation.start import Start, from_responsibilities
from tests.estimation.cases import (
    bind,
    box,
    duplicated,
    model,
    names,
    near_truth,
    two_lines,
)


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


def test_optima_that_the_data_cannot_tell_apart_are_said(
    regular: tuple[Objective, Solution],
) -> None:
    target, solution = regular
    search = Search(target, box(target))
    best = search.run(Start(solution.theta, "given"))
    (text,) = _rivals(best, [best])
    assert text.startswith("1 other optima have the same likelihood")
    lower = replace(best, solution=replace(best.solution, value=best.value - 1e-3))
    assert _rivals(best, [lower, replace(best, thin=(0,))]) == ()


def test_a_start_outside_the_box_keeps_its_boundaries() -> None:
    """Clipped one by one, coefficients of (4000, 2000) would cut x elsewhere."""
    x, y = two_lines(60)
    target = bind(2, x, y)
    theta = np.zeros(target.layout.n_free)
    theta[:2] = 4000.0, 2000.0
    inside = into_the_box(target.model, theta, box(target))
    assert inside[:2].tolist() == [1000.0, 500.0]
    assert np.array_equal(inside[2:], theta[2:])
    assert np.array_equal(into_the_box(target.model, inside, box(target)), inside)
