"""One cell of a claim."""

import math
from dataclasses import dataclass

import numpy as np
import pytest
from toy_claim import THETA, claim

from mixexp.simulation.claims.arms import LiteratureEM, Unfitted
from mixexp.simulation.claims.problem import Outcome
from mixexp.simulation.claims.problems.conditional import Conditional
from mixexp.simulation.claims.replicate import one_replicate
from mixexp.simulation.study import StudyTask
from mixexp.theory.truths.named import TRUTHS


@dataclass(frozen=True)
class Declared(Conditional):
    """Outcomes whose log-likelihood is declared."""

    logliks: tuple = ()

    def fit(self, arm, x, y, seed):
        return Outcome(self.truth_measure, dict(self.logliks)[arm.name], {"n_iter": 3})


@pytest.fixture(scope="module")
def rows():
    toy = claim()
    return one_replicate(toy, StudyTask(toy.study(), 200, 0))


def test_one_row_an_arm_in_order(rows):
    assert [row["arm"] for row in rows] == ["search", "near", "literature", "start"]
    assert all(row["rows"] == 200 and row["first"] == rows[0]["first"] for row in rows)
    assert all(row["seconds"] >= 0.0 and math.isfinite(row["d2"]) for row in rows)


def test_shortfalls_and_gains_are_differences_of_one_likelihood(rows):
    best = max(row["gain"] for row in rows)
    assert min(row["shortfall"] for row in rows) == 0.0
    for row in rows:
        assert row["shortfall"] == pytest.approx(best - row["gain"], abs=1e-9)
        assert row["gain"] - row["gain_over_exact"] == pytest.approx(
            rows[0]["gain"] - rows[0]["gain_over_exact"], abs=1e-9
        )


def test_cells_are_reproducible_and_differ(rows):
    toy = claim()
    again = one_replicate(toy, StudyTask(toy.study(), 200, 0))
    clean = [{k: v for k, v in row.items() if k != "seconds"} for row in rows]
    assert [{k: v for k, v in row.items() if k != "seconds"} for row in again] == clean
    other = one_replicate(claim(arms=(Unfitted(),)), StudyTask(toy.study(), 200, 1))
    assert other[0]["first"] != rows[0]["first"]


def test_an_arm_is_the_same_whichever_others_run(rows):
    toy = claim(arms=(LiteratureEM(n_starts=2),), exact=False)
    (alone,) = one_replicate(toy, StudyTask(toy.study(), 200, 0))
    assert alone["gain"] == rows[2]["gain"]
    assert "gain_over_exact" not in alone


def declared(**logliks):
    arms = tuple(Unfitted(name=name) for name in logliks)
    problem = Declared(TRUTHS["balanced"], 2, THETA, logliks=tuple(logliks.items()))
    toy = claim(problem=problem, arms=arms, exact=False, measures=())
    return one_replicate(toy, StudyTask(toy.study(), 200, 0))


def test_an_arm_without_a_likelihood_does_not_hide_the_best():
    rows = declared(a=-np.inf, b=-300.0, c=-310.0)
    assert [row["shortfall"] for row in rows] == [np.inf, 0.0, 10.0]
    rows = declared(a=np.nan, b=-300.0)
    assert math.isnan(rows[0]["shortfall"])
    assert rows[1]["shortfall"] == 0.0
    assert all(math.isnan(row["shortfall"]) for row in declared(a=np.nan))


def test_what_a_fit_says_about_itself_is_kept():
    assert declared(a=-300.0)[0]["n_iter"] == 3
