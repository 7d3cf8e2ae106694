"""The bootstrap test of K experts against K + 1."""

from __future__ import annotations

import numpy as np
import pytest

from mixexp import GaussianMoE, MultinomialMoE, PoissonMoE
from mixexp.datasets import load_faithful
from mixexp.inference.n_experts_table import ExpertCountTest
from mixexp.inference.n_experts_test import Ratio
from mixexp.inference.resampling import LawSampler
from mixexp.inference.splits import doubled, split_starts
from mixexp.models import TopK
from tests.instances import SMOOTH_PAIRS, problem


def simulated(n: int, seed: int, gap: float):
    """Rows of two lines ``gap`` apart, the same one if it is zero, and the fit of one expert."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(-1.0, 1.0, size=(n, 1))
    side = np.where(rng.random(n) < 0.5, 0.5, -0.5)
    y = x[:, 0] + gap * side + rng.normal(size=n)
    return GaussianMoE(1, gate_features=[]).fit(x, y).results(x, y)


def ratio(statistic: float, **changes) -> Ratio:
    found = Ratio(0.0, 0.5 * statistic, True, True, True, 0.1)
    return found._replace(**changes)


def outcome(observed: float, null: list[Ratio | None], **options) -> ExpertCountTest:
    return ExpertCountTest.of(2, 0.0, ratio(observed), null, n_boot=len(null), **options)


def test_two_lines_are_not_one():
    found = simulated(150, 0, gap=6.0).test_n_experts(n_boot=19, random_state=0)
    assert found.pvalue == pytest.approx(0.05) and found.statistic > 2.0 * found.null.max()
    assert found.n_experts == 1 and len(found.null) == 19


def test_one_line_may_be_one():
    found = simulated(150, 0, gap=0.0).test_n_experts(n_boot=19, random_state=0)
    assert found.pvalue > 0.05
    assert found.null.min() >= 0.0


def test_it_says_that_the_statistic_is_not_chi_squared():
    found = simulated(80, 1, gap=0.0).test_n_experts(n_boot=9, random_state=0)
    assert "no chi-squared law" in found.message and "not identified" in found.message
    assert "1 expert against 2" in repr(found) and f"{found.pvalue:.4g}" in repr(found)


def test_the_statistic_is_that_of_the_two_fits():
    data = load_faithful()
    X, y = data[["eruptions"]], data["waiting"]
    one, two = (GaussianMoE(k, random_state=0).fit(X, y) for k in (1, 2))
    found = one.results(X, y).test_n_experts(n_boot=1, random_state=0)
    assert found.statistic == pytest.approx(2.0 * (two.loglik_ - one.loglik_), abs=1e-5)


def test_the_p_value_counts_the_data_themselves():
    found = outcome(5.0, [ratio(t) for t in (1.0, 5.0, 9.0, 2.0)])
    assert found.pvalue == pytest.approx(3.0 / 5.0)
    np.testing.assert_allclose(found.null, [1.0, 2.0, 5.0, 9.0])
    assert outcome(10.0, [ratio(1.0)] * 99).pvalue == pytest.approx(0.01)


def test_what_failed_is_counted_and_kept():
    found = outcome(5.0, [ratio(9.0, regular=False), ratio(1.0), None])
    assert found.n_failed == 2 and len(found.null) == 2 and found.pvalue == pytest.approx(2 / 3)
    assert "in 2 simulated data sets" in found.message
    assert "interrupted after 1 of 1" in outcome(5.0, [ratio(1.0)], interrupted=True).message


def test_a_search_that_ends_below_the_smaller_law_gains_nothing():
    assert ratio(-3.0).statistic == 0.0
    assert ratio(-3.0, nested=False).statistic == -3.0
    # An optimum with a thin expert is no answer, however high it is.
    assert ratio(80.0, admissible=False).statistic == 0.0


def test_a_better_fit_of_the_same_size_is_reported():
    found = ExpertCountTest.of(2, -1.0, ratio(5.0), [ratio(1.0)], n_boot=1)
    assert "1 nats more than the fit has" in found.message
    spoiled = ExpertCountTest.of(2, 0.0, ratio(5.0, regular=False), [ratio(1.0)], n_boot=1)
    assert "3 experts may be more than the data can tell apart" in spoiled.message


@SMOOTH_PAIRS
def test_an_expert_that_is_doubled_leaves_the_law_alone(gate, expert):
    small = problem(gate, expert, n_experts=2, n_columns=2)
    large = problem(gate, expert, n_experts=3, n_columns=2)
    model = large.objective.model
    for k in range(2):
        theta = doubled(small.objective.model, small.theta, model, k)
        before, after = (case.params_of(t) for case, t in ((small, small.theta), (large, theta)))
        np.testing.assert_allclose(
            model.log_prob(after, small.x, small.y),
            small.model.log_prob(before, small.x, small.y),
            rtol=1e-9,
        )


def test_starts_are_the_doubled_law_and_a_split_of_every_expert():
    case = problem(TopK(2), PoissonMoE()._expert(), n_experts=3, n_columns=2)
    larger = problem(TopK(2), PoissonMoE()._expert(), n_experts=4, n_columns=2)
    rng = np.random.default_rng(0)
    models = case.objective.model, larger.objective.model
    starts = list(split_starts(models[0], case.theta, models[1], np.array([0.2, 0.5, 0.3]), rng))
    assert [start.kind for start in starts] == ["doubled", "split", "split", "split"]
    assert len({start.theta.tobytes() for start in starts}) == 4


def test_gates_without_nested_laws_say_so():
    rng = np.random.default_rng(0)
    x = rng.uniform(-1.0, 1.0, size=(120, 1))
    y = np.where(x[:, 0] > 0.0, 2.0, -2.0) + 0.3 * rng.normal(size=120)
    moe = GaussianMoE(2, TopK(1, select="logit"), n_init=2, random_state=0).fit(x, y)
    found = moe.results(x, y).test_n_experts(n_boot=2, random_state=0, n_starts=1)
    assert "statistic may be negative" in found.message


def test_workers_change_nothing():
    results = simulated(80, 2, gap=1.0)
    one = results.test_n_experts(n_boot=4, random_state=5)
    two = results.test_n_experts(n_boot=4, random_state=5, n_jobs=2)
    np.testing.assert_array_equal(one.null, two.null)
    assert one.pvalue == two.pvalue and one.statistic == two.statistic
    assert not np.array_equal(one.null, results.test_n_experts(4, random_state=6).null)


def test_counts_and_classes_are_tested_too():
    rng = np.random.default_rng(1)
    x = rng.uniform(-1.0, 1.0, size=(120, 1))
    exposure = rng.uniform(1.0, 4.0, size=120)
    y = rng.poisson(exposure * np.where(rng.random(120) < 0.5, 8.0, 1.0))
    moe = PoissonMoE(1, gate_features=[]).fit(x, y, exposure=exposure)
    found = moe.results(x, y, exposure=exposure).test_n_experts(n_boot=9, random_state=0)
    assert found.pvalue == pytest.approx(0.1) and found.statistic > 50.0
    label = np.where(rng.random(120) < 1.0 / (1.0 + np.exp(-2.0 * x[:, 0])), "a", "b")
    classes = MultinomialMoE(1).fit(x, label).results(x, label)
    assert classes.test_n_experts(n_boot=4, random_state=0).pvalue > 0.2


def test_an_interrupt_keeps_what_is_there(monkeypatch):
    results = simulated(60, 0, gap=0.0)
    calls, honest = iter(range(9)), LawSampler.draw

    def draw(self, rng):
        if next(calls) == 2:
            raise KeyboardInterrupt
        return honest(self, rng)

    monkeypatch.setattr(LawSampler, "draw", draw)
    found = results.test_n_experts(n_boot=5, random_state=0)
    assert found.interrupted and len(found.null) == 2 and found.n_boot == 5


def test_errors_name_the_argument():
    results = simulated(60, 0, gap=0.0)
    with pytest.raises(ValueError, match="n_boot=0 draws no data set; use 99 or more"):
        results.test_n_experts(n_boot=0)
    with pytest.raises(ValueError, match="n_starts=-1 must not be negative"):
        results.test_n_experts(n_boot=9, n_starts=-1)


@pytest.mark.slow
def test_it_keeps_its_level_and_has_power():
    def rejections(gap: float, seeds: range) -> int:
        found = (
            simulated(100, seed, gap).test_n_experts(n_boot=19, random_state=seed) for seed in seeds
        )
        return sum(test.pvalue <= 0.05 for test in found)

    # Of 60 tests of level 0.05, 8 or more reject with probability 0.01.
    assert rejections(0.0, range(100, 160)) <= 7
    assert rejections(4.0, range(300, 310)) >= 8
