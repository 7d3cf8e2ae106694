"""Deterministic exponents: against theory, against known invariances, and against themselves."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mixexp.models import (
    Binomial,
    Expert,
    Gate,
    Gaussian,
    Multinomial,
    Poisson,
    Softmax,
    Temperature,
    Transformed,
)
from mixexp.models.activations import RELU
from mixexp.models.gates import Activation
from mixexp.theory import d2, hellinger, moe_densities
from mixexp.theory.exponents.boundaries import boundaries, design_between
from mixexp.theory.exponents.catalogue import predicted
from mixexp.theory.exponents.charts import Chart, entry_of
from mixexp.theory.exponents.directions import Merge, Move, Split
from mixexp.theory.exponents.levenberg import LocalMinimum
from mixexp.theory.exponents.local import _Trail, local_exponents
from mixexp.theory.exponents.root_distance import RootDistance
from mixexp.theory.truths.named import TRUTHS, make_truth
from mixexp.theory.truths.truth import Truth
from tests.instances import SMOOTH_UNIVARIATE_PAIRS, differences, problem

CROSSING = TRUTHS["crossing"]


@pytest.mark.parametrize(
    ("direction", "exponent"),
    [
        (Split("gate_coef"), 2.0),
        (Split("coef"), 2.0),
        (Split("variance"), 2.0),
        (Split("intercept"), 4.0),
        (Split("variance", cell=1), 2.0),
        (Move("intercept"), 1.0),
        (Move("weight"), 1.0),
        (Move("intercept", cell=1, copies=2), 1.0),
        (Merge("intercept"), 4.0),
        (Merge("intercept", share=0.3), 3.0),
        (Merge("coef"), 2.0),
    ],
    ids=lambda value: getattr(value, "label", value),
)
def test_the_truth_of_two_crossing_lines(direction, exponent: float) -> None:
    found = local_exponents(CROSSING, direction, n_starts=2)
    assert found.exponent == pytest.approx(exponent, abs=0.12)
    assert found.half_width < 0.5
    # A test of an exponent must be able to reject its neighbours.
    assert not found.covers(exponent + 1.0)
    assert not found.covers(exponent - 1.0)
    assert np.all(np.diff(found.distance) < 0.0)


@pytest.mark.parametrize(
    ("name", "direction", "exponent"),
    [
        ("multinomial", Split("gate_coef"), 2.0),
        ("multinomial", Split("intercept"), 2.0),
        ("multinomial", Split("coef"), 2.0),
        ("activation", Move("gate_temperature"), 1.0),
        ("activation", Split("gate_coef"), 2.0),
        ("multinomial-constant", Move("intercept", cell=1), 1.0),
        ("topk-line", Move("gate_coef"), 1.0),
        ("topk-step", Move("intercept"), 1.0),
        ("topk-step", Move("weight"), 0.5),
        ("topk-step", Move("gate_coef"), 0.5),
    ],
)
def test_other_models(name: str, direction, exponent: float) -> None:
    found = local_exponents(TRUTHS[name], direction, n_starts=2)
    assert found.exponent == pytest.approx(exponent, abs=0.12)


@pytest.mark.parametrize(
    ("name", "direction"),
    [
        ("temperature", Move("gate_temperature")),
        ("temperature", Move("gate_coef")),
        ("multinomial-constant", Split("intercept", cell=1)),
        ("multinomial-constant-tanh", Split("intercept", cell=1)),
    ],
)
def test_what_is_not_identified_is_flat(name: str, direction) -> None:
    found = local_exponents(TRUTHS[name], direction, n_epsilon=4, n_starts=2)
    assert found.flat
    assert found.covers(np.inf)
    assert not found.covers(2.0)
    assert "flat" in str(found)


@pytest.mark.parametrize("expert", [Poisson(), Binomial()], ids=repr)
def test_counts(expert: Expert) -> None:
    truth = make_truth(
        "counts", Softmax(), expert, [0.2, 0.0], known=6.0, gate_coef=[[2.0], [0.0]],
        intercept=[1.0, -1.0], coef=[[0.5], [-0.5]],
    )  # fmt: skip
    move = local_exponents(truth, Move("intercept"), n_epsilon=4, n_starts=1)
    assert move.exponent == pytest.approx(1.0, abs=0.1)
    split = local_exponents(truth, Split("coef"), n_starts=2)
    assert split.exponent == pytest.approx(2.0, abs=0.15)


@SMOOTH_UNIVARIATE_PAIRS
def test_the_jacobian_of_the_root_distance(gate: Gate, expert: Expert) -> None:
    case = problem(gate, expert, n_experts=2, weighted=False)
    truth = replace(CROSSING, model=case.model, params=case.params)
    distance = RootDistance(case.model, truth.law, truth.design(4))
    at = case.theta + 0.1 * np.random.default_rng(0).normal(size=len(case.theta))
    residual, jacobian = distance.residual(at)
    expected = differences(lambda theta: distance.residual(theta)[0], at).T
    np.testing.assert_allclose(jacobian, expected, atol=1e-7 * (1.0 + np.abs(expected).max()))
    assert distance.distance(at) == pytest.approx(np.linalg.norm(residual))
    assert distance.distance(case.theta) < 1e-14


def test_the_distance_is_that_of_the_divergences() -> None:
    truth = CROSSING
    model, design = truth.model, truth.design(12)
    theta = Chart.around(truth, 0, 1)[0].base + 0.05
    params = model.to_params(model.layout.coefficients(theta))
    found = RootDistance(model, truth.law, design).distance(theta)
    h = hellinger(*moe_densities(truth.measure, model.measure(params), design.x))
    assert found == pytest.approx(np.sqrt(design.weight @ h**2), rel=1e-8)


def test_entries_of_the_parameter_and_their_units() -> None:
    chart, measure = Chart.around(CROSSING, 0, 2)
    names = chart.model.layout.names(["x"])
    entry, rate = entry_of(chart.model, measure, "variance", 0, 0)
    assert names[entry] == "log-variance[0]"
    assert rate == pytest.approx(1.0 / 0.5, rel=1e-6)
    entry, rate = entry_of(chart.model, measure, "weight", 0, 1)
    assert names[entry] == "gate[1] 1"
    assert rate == pytest.approx(1.0)
    # Both copies have the law of the truth, and the weights of copies may differ by a factor e.
    assert chart.upper[entry] == pytest.approx(1.0)
    tempered, measure = Chart.around(TRUTHS["activation"], 0, 1)
    entry, rate = entry_of(tempered.model, measure, "gate_temperature", 0, 0)
    assert tempered.model.layout.names(["x"])[entry] == "log-temperature"
    assert rate == pytest.approx(4.0, rel=1e-6)


def test_boundaries_of_a_line() -> None:
    truth = TRUTHS["topk-line"]
    np.testing.assert_allclose(boundaries(truth.model, truth.params, -1.0, 1.0), [0.0], atol=1e-12)
    step = TRUTHS["topk-step"]
    np.testing.assert_allclose(boundaries(step.model, step.params, -1.0, 1.0), [-0.2])
    assert len(boundaries(CROSSING.model, CROSSING.params, -1.0, 1.0)) == 0
    x, weight = design_between(-1.0, 1.0, [-0.2, 3.0], n=4)
    assert len(x) == 8
    # A step is integrated exactly.
    assert weight @ (x[:, 0] > -0.2) == pytest.approx(0.6, rel=1e-14)


def test_a_sparse_gate_that_cannot_have_the_law_is_refused() -> None:
    with pytest.raises(ValueError, match="does not represent it"):
        local_exponents(TRUTHS["topk-line"], Split("intercept"))


def test_the_last_cell_is_split_against_the_reference_of_the_gate() -> None:
    chart = Split("gate_coef", cell=1).chart(CROSSING)
    assert chart.model.layout.names(["x"])[chart.held] == "gate[1] x"
    assert chart.upper[chart.model.layout.names(["x"]).index("gate[1] 1")] == pytest.approx(1.0)


def test_what_cannot_be_tested_is_refused() -> None:
    with pytest.raises(ValueError, match="use one covariate"):
        local_exponents(TRUTHS["topk-plane"], Move("intercept"))
    kinked = make_truth(
        "kinked", Activation(RELU), Gaussian(), [0.2, 0.0], gate_coef=[[2.0], [0.0]],
        intercept=[1.0, -1.0], coef=[[0.5], [-0.5]], variance=[1.0, 1.0],
    )  # fmt: skip
    with pytest.raises(ValueError, match="bends where a score"):
        local_exponents(kinked, Move("intercept"))
    with pytest.raises(ValueError, match="block='slope' is not one of"):
        local_exponents(CROSSING, Split("slope"))
    with pytest.raises(ValueError, match=r"index=1 is not in 0\.\.0"):
        local_exponents(CROSSING, Split("coef", index=1))
    with pytest.raises(ValueError, match="cell=2 is not one of the 2 true atoms"):
        local_exponents(CROSSING, Split("coef", cell=2))
    with pytest.raises(ValueError, match="move another atom"):
        local_exponents(TRUTHS["three-planes"], Move("gate_coef", cell=2))
    with pytest.raises(ValueError, match="use Move"):
        local_exponents(TRUTHS["activation"], Split("gate_temperature"))
    with pytest.raises(ValueError, match="make four or more"):
        local_exponents(CROSSING, Move("intercept"), epsilon=[0.1, 0.2])
    with pytest.raises(ValueError, match="copies=1"):
        local_exponents(CROSSING, Split("coef", copies=1))
    with pytest.raises(ValueError, match=r"share=1\.0"):
        local_exponents(CROSSING, Merge("coef", share=1.0))
    with pytest.raises(ValueError, match="n_starts=0"):
        local_exponents(CROSSING, Move("intercept"), n_starts=0)


@SMOOTH_UNIVARIATE_PAIRS
def test_every_smooth_gate_with_every_family(gate: Gate, expert: Expert) -> None:
    case = problem(gate, expert, n_experts=2, weighted=False)
    known = 3.0 if isinstance(expert, Poisson | Binomial) else None
    truth = Truth("random", case.model, case.params, known=known)
    found = local_exponents(truth, Move("intercept"), n_starts=1)
    assert found.exponent == pytest.approx(1.0, abs=0.1)


def test_a_direction_that_never_comes_near_at_first() -> None:
    """A probability that hardly depends on its parameter: ε ends at the box, then shrinks."""
    case = problem(Transformed(), Multinomial(3), n_experts=2, weighted=False)
    found = local_exponents(Truth("t", case.model, case.params), Split("coef"), n_starts=1)
    assert found.epsilon[0] <= 1.0 + np.abs(case.theta).max()
    assert found.distance[-1] < 1e-3 * found.distance[0]


def test_a_search_that_left_is_begun_again() -> None:
    trail = _Trail([], [], [])
    trail.add(1.0, [LocalMinimum(np.ones(2), 0.1, 3, 0.0, True)])
    assert trail.stalls(0.5, 0.09)
    assert not trail.stalls(0.5, 0.05)
    trail.add(0.5, [LocalMinimum(np.array([0.5, 0.25]), 0.05, 3, 1.0, False),
                    LocalMinimum(np.ones(2), 0.05 * np.e, 3, 0.0, True)])  # fmt: skip
    assert trail.doubts == [0.0, pytest.approx(1.0)]
    like_epsilon, as_before = trail.continued(0.25)
    np.testing.assert_allclose(like_epsilon, [0.25, 0.125])
    np.testing.assert_allclose(as_before, [0.25, 0.0625])


@pytest.mark.parametrize("block", ["intercept", "coef"])
def test_values_of_epsilon_that_are_too_small_decide_nothing(block: str) -> None:
    tiny = [1e-6, 1e-7, 1e-8, 1e-9]
    found = local_exponents(CROSSING, Split(block), epsilon=tiny, n_starts=1)
    assert not found.flat
    assert not found.covers(np.inf)
    assert "use larger epsilon" in str(found)


def test_distances_at_rounding_are_left_out() -> None:
    grid = [0.4, 0.2, 0.1, 1e-4, 1e-5]
    found = local_exponents(CROSSING, Split("intercept"), epsilon=grid, n_starts=1)
    assert len(found.local) == 2
    assert found.exponent == pytest.approx(4.0, abs=0.3)


def test_a_merge_in_variance_stays_in_its_range() -> None:
    found = local_exponents(CROSSING, Merge("variance"), n_starts=1)
    assert found.exponent == pytest.approx(2.0, abs=0.1)
    with pytest.raises(ValueError, match="epsilon=3 moves variance of the truth out of its range"):
        local_exponents(CROSSING, Merge("variance"), epsilon=[3.0, 2.0, 1.0, 0.5])
    for block, truth in (("weight", CROSSING), ("gate_temperature", TRUTHS["activation"])):
        with pytest.raises(ValueError, match="cannot differ between two atoms"):
            local_exponents(truth, Merge(block))


def test_two_covariates() -> None:
    found = local_exponents(TRUTHS["three-planes"], Move("coef", index=1), n_starts=1)
    assert found.exponent == pytest.approx(1.0, abs=0.05)


def test_settings_that_mean_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match="n_design=2 must be 5 or more"):
        local_exponents(CROSSING, Move("coef"), n_design=2)
    with pytest.raises(ValueError, match=r"copies=2\.5 must be an integer"):
        local_exponents(CROSSING, Split("coef", copies=2.5))
    with pytest.raises(ValueError, match="copies=0 must be an integer, 1 or more"):
        local_exponents(CROSSING, Move("coef", copies=0))
    with pytest.raises(ValueError, match=r"cell=1\.0 is not one of"):
        local_exponents(CROSSING, Move("coef", split=1.0))
    fixed = make_truth(
        "fixed", Temperature(tau=0.5), Gaussian(), [0.2, 0.0], gate_coef=[[2.0], [0.0]],
        gate_temperature=[0.5, 0.5], intercept=[1.0, -1.0], coef=[[0.5], [-0.5]],
        variance=[1.0, 1.0],
    )  # fmt: skip
    with pytest.raises(ValueError, match="is no free parameter"):
        local_exponents(fixed, Move("gate_temperature"))
    with pytest.raises(ValueError, match="is no free parameter"):
        local_exponents(TRUTHS["activation"], Move("gate_coef", cell=1))


@pytest.mark.parametrize(
    ("name", "direction"),
    [
        ("topk-line", Merge("intercept")),
        ("topk-step", Merge("coef")),
        ("topk-lambda", Split("coef")),
    ],
)
def test_more_experts_than_a_sparse_truth_has_are_refused(name: str, direction) -> None:
    with pytest.raises(ValueError, match="does not represent it"):
        local_exponents(TRUTHS[name], direction)


def test_a_single_search_that_ended_early_is_doubted() -> None:
    trail = _Trail([], [], [])
    trail.add(1.0, [LocalMinimum(np.ones(2), 0.1, 3, 0.75, False)])
    assert trail.doubts == [pytest.approx(np.log(2.0))]
    found = local_exponents(CROSSING, Split("intercept"), n_starts=1, n_epsilon=4, max_iter=2)
    assert found.n_converged < len(found.epsilon)
    assert found.error.max() > 0.0
    assert "ended early" in str(found)
    with pytest.raises(ValueError, match="max_iter=0"):
        local_exponents(CROSSING, Split("intercept"), max_iter=0)


def test_a_loss_predicts_nothing_about_a_block_it_does_not_have() -> None:
    with pytest.raises(KeyError, match="gate_temperature"):
        predicted(d2, Move("gate_temperature"), CROSSING)
