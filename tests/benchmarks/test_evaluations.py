"""The suite of counted fits is what it says, and its failures are found."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks import evaluations
from benchmarks.counting import counted
from benchmarks.problems import random_problem
from benchmarks.suite import CASES, Case, draw


def test_every_pass_of_an_objective_is_counted_and_weighed():
    objective, theta = random_problem(400, 1, 2)
    with counted(n_rows=400) as passes:
        objective.evaluate(theta)
        objective.evaluate(theta, order=2)
        objective.em_statistics(theta)
        objective.log_prob(theta)
    objective.evaluate(theta)
    assert dict(passes.rows) == {"": 400, "hessian": 400, "em_statistics": 400, "by row": 400}
    assert passes.number == 4.0
    assert passes.cost == pytest.approx(0.4 + 1.5 + 1.0 + 0.4)


def test_a_pass_over_fewer_rows_counts_as_less():
    objective, theta = random_problem(100, 1, 2)
    with counted(n_rows=400) as passes:
        objective.evaluate(theta)
    assert passes.number == 0.25


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_problems_depend_on_names_alone_and_are_the_same_with_a_surplus(case: Case):
    exact, over, again = draw(case, 0, 3), draw(case, 1, 3), draw(case, 0, 3)
    assert over.model.n_experts == exact.model.n_experts + 1 == case.n_true + 1
    np.testing.assert_array_equal(exact.y, over.y)
    np.testing.assert_array_equal(exact.x, again.x)
    assert not np.array_equal(exact.x, draw(case, 0, 4).x)


def test_a_run_is_certified_and_no_lower_than_the_best_known():
    best = evaluations.best_known()
    run = evaluations.run("one start", CASES[0], 0, 0)
    assert run.certified and run.key in best
    assert not run.fails(best)
    assert replace(run, loglik=run.loglik - 1e-3).fails(best)
    assert replace(run, certified=False).fails(best)


def test_an_exact_fit_from_one_start_makes_few_passes():
    # Five EM steps, and four evaluations with the Hessian, which give the shares as well.
    assert evaluations.run("one start", CASES[0], 0, 0).number == 9.0


def test_the_table_and_the_measurements_cover_every_case(monkeypatch):
    monkeypatch.setattr(evaluations, "CASES", CASES[:1])
    found = {m.name: m for m in evaluations.measure(n_seeds={"one start": 1, "whole fit": 0})}
    assert found["one start, exact, median number"].unit == "passes"
    assert found["one start, over, failures"].value == 0.0
    assert "one start, exact, softmax, median cost" in found
    assert len({m.name for m in found.values()}) == 2 * (5 + 1)
    runs = list(evaluations.runs("one start", 1))
    lines = evaluations.table("one start", runs, evaluations.best_known()).splitlines()
    assert len(lines) == 1 + 2 * 2 + 1
    assert lines[-1].split()[-1] == "2"
