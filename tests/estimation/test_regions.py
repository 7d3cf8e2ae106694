"""Fits of likelihoods that jump: no step down, no boundary left where a better one is near."""

from __future__ import annotations

import numpy as np
import pytest

from mixexp.estimation import pieces as pieces_module
from mixexp.estimation.box import Bounds, Box
from mixexp.estimation.certificate import certify
from mixexp.estimation.data import Data
from mixexp.estimation.objective import Objective
from mixexp.estimation.pieces import describe, neighbours, normalised, pieces_of, rigid_basis
from mixexp.estimation.solvers import LBFGS, Reason, solve
from mixexp.estimation.solvers.edges import first_crossing, to_the_edge, working_basis
from mixexp.estimation.solvers.newton import quadratic_model
from mixexp.estimation.solvers.regions import Regions
from mixexp.models import (
    Activation,
    Gate,
    Gaussian,
    GaussianParams,
    MixtureOfExperts,
    MixtureParams,
    Poisson,
    Softmax,
    SoftmaxParams,
    Temperature,
    TopK,
)
from mixexp.models.activations import RELU
from tests.instances import problem

GATES = [
    TopK(1),
    TopK(2),
    TopK(2, select="logit"),
    TopK(1, select="logit"),
    TopK(2, Softmax(degree=2)),
    TopK(2, Temperature(Activation())),
    Activation(RELU),
]

TRUTH = MixtureParams(
    SoftmaxParams(np.array([0.3, -0.2, 0.0]), np.array([[3.0, 0.0], [1.5, 2.6], [0.0, 0.0]])),
    GaussianParams(
        np.array([2.0, -2.0, 0.0]),
        np.array([[1.0, 0.5], [0.5, -1.0], [-1.5, 1.0]]),
        np.array([0.25, 0.36, 0.16]),
    ),
)


def truth_of(n: int, seed: int) -> tuple[Objective, np.ndarray]:
    """Two of three experts active on a square, regions cut by three half-lines; θ of the law."""
    rng = np.random.default_rng(seed)
    model = MixtureOfExperts(TopK(2), Gaussian(), 3, 2)
    x = rng.uniform(-1.0, 1.0, size=(n, 2))
    y = model.sample(TRUTH, x, rng)
    target = Objective(model, Data.from_rows(x, y, standardize=False))
    return target, model.layout.vector(model.coefficients(TRUTH))


def box_of(target: Objective) -> Box:
    return Bounds().box(target.layout)


def active(target: Objective, theta: np.ndarray) -> np.ndarray:
    return target.responsibilities(theta) > 0.0


def bind(gate: Gate, k: int = 4, n: int = 120, seed: int = 0, expert=None):  # type: ignore[no-untyped-def]
    case = problem(gate, expert or Gaussian(), n_experts=k, n_columns=2, n_rows=n, seed=seed)
    return case.objective, case.theta


@pytest.mark.parametrize("size", [0.0, 0.15, 0.4])
def test_perturbed_starts_beat_the_truth(size: float) -> None:
    target, truth = truth_of(1000, seed=0)
    start = truth + size * np.random.default_rng(1).normal(size=len(truth))
    found = solve("auto", target, start, box_of(target))
    assert found.value >= target.evaluate(truth).value + 4.0
    assert found.reason is Reason.STATIONARY
    certificate, _ = certify(target, found.theta, box_of(target), target.layout.names(["a", "b"]))
    assert certificate.holds and certificate.n_null == 0


@pytest.mark.parametrize("seed", [0, 1])
def test_nothing_near_a_solution_is_higher(seed: int) -> None:
    """On the true likelihood, along 500 random moves and single slopes.

    A move that carries rows across is no gain at all. One that turns boundaries between two rows
    may be a small one: the solver searches there no further than a parabola tells.
    """
    target, truth = truth_of(1000, seed)
    found = solve("auto", target, truth, box_of(target))
    rng, here = np.random.default_rng(1), active(target, found.theta)
    moves = rng.normal(size=(500, len(truth)))
    moves *= (10.0 ** np.linspace(-6.0, -1.0, 500) / np.linalg.norm(moves, axis=1))[:, None]
    single = np.concatenate([np.linspace(-0.5, 0.5, 101), np.geomspace(1e-5, 1e-2, 20)])
    slopes = (step * e for step in single for e in np.eye(len(truth))[:4])
    for move in [*moves, *slopes]:
        gain = target.evaluate(found.theta + move).value - found.value
        same = np.array_equal(active(target, found.theta + move), here)
        assert gain <= (0.02 if same else 1e-7)


def test_random_rigid_moves_do_not_help() -> None:
    target, truth = truth_of(1000, seed=2)
    found = solve("auto", target, truth, box_of(target))
    basis, rng = rigid_basis(target, found.theta), np.random.default_rng(2)
    for log_scale in np.linspace(-6.0, -1.0, 300):
        move = basis @ rng.normal(size=basis.shape[1])
        move *= 10.0**log_scale / np.linalg.norm(move)
        assert target.evaluate(found.theta + move).value <= found.value + 1e-9


@pytest.mark.parametrize("gate", GATES, ids=repr)
def test_values_never_fall(gate: Gate) -> None:
    """From anywhere; and the last value of the trace is that of the solution, in the box."""
    target, theta = bind(gate, 3) if gate.pieces(3).jumps else relu_problem(gate)
    rng, box = np.random.default_rng(3), box_of(target)
    start = theta + rng.normal(size=len(theta))
    found = Regions(max_sweeps=3).solve(target, start, box, max_iter=20)
    rounding = 1e-12 * (1.0 + abs(found.value))
    assert found.trace[0] == target.evaluate(normalised(target, start)).value
    assert np.all(np.diff(found.trace) >= -rounding)
    assert found.value == found.trace[-1] == target.evaluate(found.theta).value
    assert found.value > found.trace[0] and np.array_equal(found.theta, box.project(found.theta))


def relu_problem(gate: Gate) -> tuple[Objective, np.ndarray]:
    rng = np.random.default_rng(4)
    model = MixtureOfExperts(gate, Gaussian(), 3, 2)
    x = rng.normal(size=(120, 2))
    y = np.where(x[:, 0] > 0.0, 2.0, -1.0) + 0.5 * rng.normal(size=120)
    target = Objective(model, Data.from_rows(x, y))
    return target, rng.normal(size=target.layout.n_free)


def test_moves_are_counted_and_none_of_the_last_helped() -> None:
    target, truth = truth_of(300, seed=5)
    found = Regions().solve(target, truth + 0.3, box_of(target))
    assert found.n_moves > 0 and found.n_tried > 0
    again = Regions(seed=1).solve(target, found.theta, box_of(target))
    assert again.n_moves == 0 and again.value == pytest.approx(found.value, abs=1e-7)
    certificate, _ = certify(target, found.theta, box_of(target), target.layout.names(["a", "b"]))
    text = certificate.with_boundaries(found).boundaries
    assert f"{found.n_moves} moves accepted, none of the last {found.n_tried} helped" in text


def test_without_sweeps_boundaries_stay() -> None:
    target, truth = truth_of(300, seed=6)
    found = Regions(max_sweeps=0).solve(target, truth, box_of(target))
    assert np.array_equal(active(target, found.theta), active(target, truth))
    assert found.n_moves == 0 and found.value > target.evaluate(truth).value + 1.0


def test_with_first_derivatives_only() -> None:
    target, truth = truth_of(300, seed=7)
    newton = Regions().solve(target, truth, box_of(target))
    quasi = Regions(LBFGS()).solve(target, truth, box_of(target))
    assert np.all(np.diff(quasi.trace) >= -1e-9) and quasi.value > newton.value - 1.0


@pytest.mark.parametrize("gate", GATES[:5], ids=repr)
def test_rigid_moves_turn_no_boundary(gate: TopK) -> None:
    target, theta = bind(gate)
    basis = rigid_basis(target, theta)
    assert np.allclose(basis.T @ basis, np.eye(basis.shape[1]))
    # Small steps: boundaries that run outside the data are not held.
    near = pieces_module.scores_by_block(target, theta, pieces_of(target).coordinate)
    ordered = -np.sort(-next(iter(near)), axis=0)
    margin = (ordered[gate.n_active - 1] - ordered[gate.n_active]).min()
    rng = np.random.default_rng(8)
    for move in rng.normal(size=(50, basis.shape[1])):
        step = basis @ move
        step *= 0.05 * margin / np.linalg.norm(step)
        assert np.array_equal(active(target, theta + step), active(target, theta))
    if gate.n_active == 1:
        # Nothing about the gate but its regions is in the likelihood.
        assert np.all(basis[: target.layout.n_gate] == 0.0)


def test_rigid_moves_keep_half_lines_at_any_length() -> None:
    """All three boundaries run through the data: of four slopes, only their common scale moves."""
    target, truth = truth_of(300, seed=9)
    assert neighbours(target, truth) == [(0, 1), (0, 2), (1, 2)]
    basis = rigid_basis(target, truth)
    scores = basis[:4]
    assert np.linalg.matrix_rank(scores, tol=1e-9) == 1
    scale = truth[:4] / np.linalg.norm(truth[:4])
    assert np.allclose(scores @ (scores.T @ scale), scale)
    longer = truth + 5.0 * basis @ (basis.T @ np.r_[truth[:4], np.zeros(len(truth) - 4)])
    assert np.array_equal(active(target, longer), active(target, truth))


def test_in_one_column_by_score_slopes_are_free_between_each_other() -> None:
    """All boundaries are at the origin and only the order of slopes counts: nothing is held."""
    x = np.random.default_rng(10).uniform(-1.0, 1.0, size=(50, 1))
    target = Objective(
        MixtureOfExperts(TopK(2), Gaussian(), 3, 1), Data.from_rows(x, x[:, 0], standardize=False)
    )
    theta = np.zeros(target.layout.n_free)
    theta[:2] = [2.0, -1.0]
    assert neighbours(target, theta) == []
    assert rigid_basis(target, theta).shape[1] == len(theta)


@pytest.mark.parametrize("gate", [TopK(2), TopK(1), TopK(2, select="logit")], ids=repr)
def test_the_first_crossing_against_active_sets(gate: TopK) -> None:
    target, theta = bind(gate, 5)
    rng, where = np.random.default_rng(11), target.layout.slices[0]
    for _ in range(20):
        step = rng.normal(size=len(theta))
        blocker = first_crossing(target, theta, step)
        assert blocker is not None and 0.0 < blocker.t < 1.0
        before, after = (theta + f * blocker.t * step for f in (1.0 - 1e-9, 1.0 + 1e-9))
        assert np.array_equal(active(target, before), active(target, theta))
        assert np.sum(np.any(active(target, after) != active(target, theta), axis=1)) == 1
        # The margin is linear in θ, and zero where the row crosses.
        assert blocker.normal @ theta > 0.0 > blocker.normal @ step
        assert blocker.normal @ (theta + blocker.t * step) == pytest.approx(0.0, abs=1e-9)
        outside = np.delete(blocker.normal, np.arange(where.start, where.stop))
        assert np.all(outside == 0.0)
    assert first_crossing(target, theta, np.zeros_like(theta)) is None


def test_a_working_basis_carries_no_row_across_at_once() -> None:
    """Boundaries outside the data are free to move up to the first row, and are held there."""
    n_held = 0
    for seed in range(12):
        target, theta = edge_of_the_data(seed)
        box, evaluation = box_of(target), target.evaluate(theta, 2)
        rigid = rigid_basis(target, theta)
        basis = working_basis(target, evaluation, theta, box, 1e-8)
        n_held += rigid.shape[1] - basis.shape[1]
        assert np.allclose(basis.T @ basis, np.eye(basis.shape[1]))
        assert np.allclose(rigid @ (rigid.T @ basis), basis)
        restricted = pieces_module.restrict(evaluation, basis)
        step = quadratic_model(restricted, theta, box).maximize(1.0)
        blocker = first_crossing(target, theta, step.step)
        assert step.gain <= 1e-8 or blocker is None or blocker.t > 1e-3
    assert n_held >= 3


def edge_of_the_data(seed: int) -> tuple[Objective, np.ndarray]:
    """The third expert is off everywhere, and comes on just beyond the last row."""
    rng = np.random.default_rng(seed)
    x = np.sort(rng.uniform(-1.0, 1.0, size=60))
    y = np.where(rng.random(60) < 1.0 / (1.0 + np.exp(-3.0 * x)), 1.0, -1.0) * (1.0 + x)
    model = MixtureOfExperts(TopK(2, select="logit"), Gaussian(), 3, 1)
    target = Objective(
        model, Data.from_rows(x[:, None], y + 0.2 * rng.normal(size=60), standardize=False)
    )
    theta = np.zeros(target.layout.n_free)
    theta[target.layout.entries("expert")] = rng.normal(size=6)
    slope, level = -0.5, 0.5 * x[-1] + 1e-7
    theta[:4] = [level + 1.0, 0.3, level, slope]
    assert not active(target, theta)[:, 2].any()
    return target, theta


def test_going_to_the_edge_loses_nothing() -> None:
    for seed in range(6):
        target, theta = edge_of_the_data(seed)
        evaluation = target.evaluate(theta, 2)
        there, basis = to_the_edge(target, evaluation, theta, box_of(target), 1e-8)
        assert target.evaluate(there).value >= evaluation.value
        assert np.array_equal(active(target, there), active(target, theta))
        assert basis.shape[1] <= rigid_basis(target, theta).shape[1]


@pytest.mark.parametrize("expert", [Gaussian(), Poisson()], ids=repr)
def test_one_active_expert_is_certified_modulo_its_gate(expert) -> None:  # type: ignore[no-untyped-def]
    target, theta = bind(TopK(1), 3, expert=expert)
    box = box_of(target)
    found = solve("auto", target, theta, box)
    scores = found.theta[target.layout.slices[0]]
    assert np.abs(scores).max() == pytest.approx(5.0)
    certificate, best = certify(target, found.theta, box, target.layout.names(["a", "b"]))
    assert certificate.holds and best is found.theta
    assert "regions of single experts, a heuristic" in certificate.boundaries


def test_how_boundaries_are_searched_is_said() -> None:
    words = [describe(bind(gate)[0]) for gate in GATES]
    assert ["exact profiles" in text for text in words] == [True] * 5 + [False] * 2
    assert ["a heuristic" in text for text in words] == [True, False, False, True] + [False] * 3
    assert "kinks" in words[-1] and "grids of step lengths" in words[-2]
    one = [
        describe(problem(gate, Gaussian(), n_experts=3).objective)
        for gate in (TopK(1), TopK(2), TopK(1, select="logit"), Softmax())
    ]
    assert ["only boundary is at zero" in text for text in one] == [True, True, False, False]
    assert "change points of one column searched by exact profiles" in one[2]
    assert one[3] == ""


def test_normalised_scores_cut_the_same_regions() -> None:
    target, theta = bind(TopK(1), 4)
    fixed = normalised(target, theta)
    assert np.abs(fixed[target.layout.slices[0]]).max() == pytest.approx(5.0)
    assert np.array_equal(active(target, fixed), active(target, theta))
