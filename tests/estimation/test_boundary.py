"""Exact profiles over the position of a boundary, against brute force on the true likelihood."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mixexp.estimation.boundary import crossings, profile_candidates
from mixexp.estimation.pieces import boundary_moves, moved, pieces_of
from mixexp.models import Expert, Gaussian, Poisson, Softmax, Temperature, TopK
from tests.instances import Problem, problem

QUICK = settings(max_examples=8, derandomize=True)
GATES = [
    TopK(1),
    TopK(2),
    TopK(3),
    TopK(2, select="logit"),
    TopK(1, select="logit"),
    TopK(2, Softmax(degree=2)),
    TopK(2, Temperature()),
]
EACH = pytest.mark.parametrize("gate", GATES, ids=repr)


def case_of(gate: TopK, expert: Expert | None = None, seed: int = 0, n_rows: int = 25) -> Problem:
    return problem(gate, expert or Gaussian(), n_experts=4, n_columns=2, n_rows=n_rows, seed=seed)


def parts(case: Problem) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores that decide, logits without the selection and log densities at θ, each (K, n)."""
    target = case.objective
    layout, model = target.layout, target.model
    predictors = layout.predictors(layout.coefficients(case.theta), layout.features(target.data.z))
    n = len(layout.gate)
    dense = model.gate.with_active(model.n_experts)
    shape = (model.n_experts, target.data.n_rows)
    logits = dense.logits(predictors[:n], np.empty(shape))
    density = model.expert.log_density(predictors[n:], target.data.y, np.empty(shape))
    return np.array(predictors[pieces_of(target).coordinate]), np.array(logits), density


def row_loglik(logits: np.ndarray, density: np.ndarray, active: np.ndarray, i: int) -> float:
    a, f = logits[active, i], density[active, i]
    return float(np.logaddexp.reduce(a + f) - np.logaddexp.reduce(a))


def active_at(case: Problem, scores: np.ndarray, i: int) -> np.ndarray:
    return np.argsort(-scores[:, i], kind="stable")[: case.model.gate.n_active]


@EACH
@QUICK
@given(seed=st.integers(0, 99), expert=st.integers(0, 3))
def test_crossings_against_the_likelihood_of_other_active_sets(
    gate: TopK, seed: int, expert: int
) -> None:
    """Just before t a row has its present active set, just after it another, worth the jump."""
    case = case_of(gate, seed=seed)
    scores, logits, density = parts(case)
    n_terms = len(case.objective.layout.coefficients(case.theta)[0].T)
    direction = np.random.default_rng(seed).normal(size=n_terms)
    t, jump = crossings(case.objective, case.theta, expert, direction)
    coordinate = case.objective.layout.coordinates[pieces_of(case.objective).coordinate]
    speed = direction @ coordinate.basis.expand(case.objective.data.z, np.empty((n_terms, 25)))
    assert np.isfinite(t).all()
    for i in range(25):
        here = active_at(case, scores, i)
        sets = []
        for factor in (1.0 - 1e-7, 1.0 + 1e-7):
            trial = scores.copy()
            trial[expert, i] += factor * t[i] * speed[i]
            sets.append(active_at(case, trial, i))
        assert set(sets[0]) == set(here) != set(sets[1])
        expected = row_loglik(logits, density, sets[1], i) - row_loglik(logits, density, here, i)
        assert jump[i] == pytest.approx(case.weight[i] * expected, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("expert", [Gaussian(), Poisson()], ids=repr)
@QUICK
@given(seed=st.integers(0, 99))
def test_with_one_active_expert_the_profile_is_the_true_likelihood(
    expert: Expert, seed: int
) -> None:
    """There nothing but the jumps changes as a boundary moves, whatever the step."""
    case = case_of(TopK(1), expert, seed)
    target = case.objective
    for who, direction in boundary_moves(target, case.theta, np.random.default_rng(seed))[:4]:
        t, jump = crossings(target, case.theta, who, direction)
        ends = np.sort(t[np.isfinite(t) & (t > 0.0)])
        for step in [*(0.5 * (ends[1:] + ends[:-1]))[:6], -0.3, -0.9]:
            there = moved(target, case.theta, who, direction, step)
            passed = (t * np.sign(step) > 0.0) & (np.abs(t) < abs(step))
            expected = target.evaluate(case.theta).value + jump[passed].sum()
            assert target.evaluate(there).value == pytest.approx(expected, rel=1e-10)


def test_rows_that_never_cross_have_no_time() -> None:
    case = case_of(TopK(2))
    t, _ = crossings(case.objective, case.theta, 1, np.zeros(2))
    assert np.isnan(t).all()
    assert profile_candidates(t, np.ones_like(t)) == []


def test_crossings_do_not_depend_on_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    case = case_of(TopK(2), n_rows=60)
    whole = crossings(case.objective, case.theta, 0, np.array([1.0, -2.0]))
    monkeypatch.setattr("mixexp.estimation.boundary.BLOCK_ROWS", 7)
    for got, expected in zip(
        crossings(case.objective, case.theta, 0, np.array([1.0, -2.0])), whole, strict=True
    ):
        assert np.allclose(got, expected, rtol=1e-12, atol=0.0)


def height_at(t: np.ndarray, jump: np.ndarray, position: float) -> float:
    """The profile at a position, by brute force."""
    passed = (np.sign(t) == np.sign(position)) & (np.abs(t) < abs(position))
    return float(jump[passed].sum())


@settings(max_examples=150, derandomize=True)
@given(
    rows=st.lists(
        st.tuples(st.floats(-1.5, 1.5).filter(lambda t: abs(t) > 1e-3), st.integers(-20, 20)),
        min_size=1,
        max_size=25,
    ),
    ties=st.booleans(),
)
def test_candidates_against_all_gaps(rows: list[tuple[float, int]], ties: bool) -> None:
    """The first is the best gap whose near end is within reach; rows that tie cross together."""
    t, jump = np.array(rows, dtype=float).T
    if ties:
        t = np.round(t, 1) + 0.05
    found = profile_candidates(t, jump)
    heights = []
    for sign in (1.0, -1.0):
        ends = np.unique(sign * t[sign * t > 0.0])
        for i, end in enumerate(ends[ends <= 1.0]):
            later = ends[i + 1] if i + 1 < len(ends) else 1.5 * end
            if later > end * (1.0 + 1e-12):
                heights.append(height_at(t, jump, sign * 0.5 * (end + later)))
    best = max(heights, default=0.0)
    if best <= 0.0:
        assert found == []
        return
    assert height_at(t, jump, found[0]) == pytest.approx(best)
    ranked = [height_at(t, jump, position) for position in found]
    assert ranked == sorted(ranked, reverse=True) and min(ranked) > 0.0
    # In the middle of its gap: no crossing nearer on the one side than on the other.
    for position in found:
        ahead = np.unique(np.sign(position) * t)
        below = ahead[(ahead > 0.0) & (ahead < abs(position))].max()
        above = ahead[ahead > abs(position)]
        if above.size:
            assert abs(position) - below == pytest.approx(above.min() - abs(position), abs=1e-9)


def test_near_windows_keep_a_lower_peak_close_by() -> None:
    """A peak next to the present position is tried as well, after the highest one."""
    t = np.array([0.005, 0.007, 0.8, 0.9])
    jump = np.array([1.0, -1.0, 3.0, -5.0])
    found = profile_candidates(t, jump)
    assert found == pytest.approx([0.85, 0.006])


@settings(max_examples=60, derandomize=True)
@given(
    seed=st.integers(0, 9999),
    slope=st.floats(-20.0, 20.0).filter(lambda v: abs(v) > 0.1),
    curvature=st.floats(-50.0, 0.0),
)
def test_candidates_with_a_smooth_part_against_a_fine_grid(
    seed: int, slope: float, curvature: float
) -> None:
    """Jumps and a parabola together: nothing beyond the first row is higher but next to a row."""
    rng = np.random.default_rng(seed)
    t, jump = rng.uniform(-1.4, 1.4, size=12), rng.normal(size=12)

    def profile(position: float) -> float:
        return height_at(t, jump, position) + position * (slope + 0.5 * curvature * position)

    found = profile_candidates(t, jump, smooth=(slope, curvature))
    positions = []
    for sign in (1.0, -1.0):
        ends = np.sort(sign * t[sign * t > 0.0])
        for start, end in zip(ends, np.append(ends[1:], 1.5 * ends[-1:]), strict=True):
            if start <= 1.0:
                positions += list(sign * (start + np.linspace(0.05, 0.95, 201) * (end - start)))
    best = max(map(profile, positions), default=0.0)
    if best <= 0.0:
        assert found == []
        return
    assert profile(found[0]) >= best - 1e-9
    assert profile(found[0]) <= best + 0.01 * (abs(slope) + 50.0) * 0.05


@pytest.mark.parametrize("weighted", [False, True])
def test_exact_moves_turn_a_boundary_back(weighted: bool) -> None:
    """From a boundary turned by a right angle, best candidates alone reach the truth, or more."""
    case = problem(TopK(1), Gaussian(), n_experts=2, n_columns=2, n_rows=400, weighted=weighted)
    target, rng = case.objective, np.random.default_rng(3)
    theta = case.theta.copy()
    theta[:2] = [theta[1], -theta[0]]
    truth, value = target.evaluate(case.theta).value, target.evaluate(theta).value
    assert value < truth - 10.0
    for _ in range(6):
        for who, direction in boundary_moves(target, theta, rng):
            for t in profile_candidates(*crossings(target, theta, who, direction))[:1]:
                there = moved(target, theta, who, direction, t)
                assert target.evaluate(there).value > value
                theta, value = there, target.evaluate(there).value
    assert value > truth - 0.5
