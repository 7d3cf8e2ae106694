"""Arms and problems say all there is about themselves."""

import pytest

from mixexp.estimation.box import Bounds
from mixexp.models import Softmax, Temperature
from mixexp.simulation.claims.arms import USUAL, LiteratureEM, NearTruth, Search
from mixexp.simulation.claims.problems.conditional import Conditional
from mixexp.simulation.claims.problems.on_grid import OnGrid
from mixexp.simulation.claims.problems.scale_ray import OnRay
from mixexp.theory.truths.named import TRUTHS


def test_the_first_arm_knows_nothing_of_the_truth_and_names_are_unique():
    assert isinstance(USUAL[0], Search)
    assert len({arm.name for arm in USUAL}) == len(USUAL)


def test_a_repr_says_every_setting():
    assert repr(Search(n_starts=5)) != repr(Search())
    assert repr(NearTruth()) != repr(Search(name="near", n_starts=4))
    assert repr(LiteratureEM(rtol=1e-5)) != repr(LiteratureEM())


@pytest.mark.parametrize("wrong", [{"rtol": -1.0}, {"rtol": float("nan")}, {"max_iter": 0}])
def test_an_em_without_steps_is_refused(wrong):
    with pytest.raises(ValueError, match="EM needs"):
        LiteratureEM(**wrong)


def test_problems_that_differ_have_different_reprs():
    bounds, free = Bounds(gate=6.0), Temperature(Softmax(), normalize=False)
    truth = TRUTHS["temperature"]
    problems = [
        Conditional(truth, 2, bounds),
        Conditional(truth, 3, bounds),
        Conditional(truth, 2, Bounds(gate=7.0)),
        Conditional(TRUTHS["activation"], 2, bounds),
        Conditional(truth, 2, bounds, gate=free),
        OnGrid(truth, 2, bounds),
        OnRay(truth, 2, bounds, gate=free),
    ]
    assert len({repr(problem) for problem in problems}) == len(problems)
