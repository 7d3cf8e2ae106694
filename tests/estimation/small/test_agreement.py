"""The kernels of small problems against the general engine."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mixexp._kernels import small_em, small_newton
from mixexp.estimation.certificate import certify
from mixexp.estimation.small.batch import Points
from mixexp.estimation.small.climb import REASONS, em, newton
from mixexp.estimation.small.search import N_EM, climb, solve_jobs
from mixexp.estimation.small.verdicts import verdicts
from mixexp.estimation.solvers import EM, Newton, solve
from mixexp.estimation.solvers.trust_region import maximize_model
from mixexp.models import Gaussian, Multinomial, Softmax
from mixexp.models.quadratic import maximize_in_box
from tests import instances
from tests.estimation.small.conftest import batch_of, problem_of

ONE = np.zeros(1, dtype=np.int64)


def close(found, expected, rtol=1e-12):  # type: ignore[no-untyped-def]
    scale = np.abs(expected).max(initial=1e-300)
    np.testing.assert_allclose(found, expected, rtol=0.0, atol=rtol * scale)


@pytest.mark.parametrize("n_experts", [1, 2, 3])
def test_value_gradient_and_hessian(gate, expert, n_experts):
    case, objective = problem_of(gate, expert, n_experts=n_experts, n_columns=2)
    points = Points.at(case.theta[None], n_experts)
    batch_of(objective, case.box).evaluate(ONE, points, ONE, 2)
    expected = objective.evaluate(case.theta, 2)
    close(points.value[0], expected.value)
    close(points.gradient[0], expected.gradient)
    close(points.hessian[0], expected.hessian)
    total = objective.data.total_weight
    close(points.mass[0] / total, objective.shares(case.theta))


@pytest.mark.parametrize("n_experts", [1, 2, 3])
def test_paths(gate, expert, n_experts):
    """EM and Newton make the same steps, and stop for the same reason."""
    case, objective = problem_of(gate, expert, n_experts=n_experts, n_columns=2)
    batch = batch_of(objective, case.box)
    first = em(batch, ONE, case.theta[None], tol=1e-8, max_iter=5)
    expected = EM().solve(objective, case.theta, case.box, max_iter=5)
    close(first.points.theta[0], expected.theta, 1e-10)
    close(first.trace[0, : first.n_steps[0] + 1], expected.trace)
    last = newton(batch, ONE, first.points.theta, tol=1e-8, max_iter=500)
    found = Newton().solve(objective, expected.theta, case.box)
    assert REASONS[int(last.reason[0])] is found.reason
    close(last.points.value[0], found.value)
    close(last.trace[0, : last.n_steps[0] + 1], found.trace, 1e-10)


def hard_data(kind, rng):  # type: ignore[no-untyped-def]
    """Rows (n, 1), responses (n,) and weights of a problem that is difficult in some way."""
    n = 6 if kind == "few rows" else 60
    x = rng.normal(size=(n, 1))
    y = np.where(x[:, 0] > 0.0, 1.0, -1.0) * (1.0 + x[:, 0]) + 0.3 * rng.normal(size=n)
    weight = rng.uniform(0.1, 4.0, size=n) if kind == "weights" else None
    if kind == "ties":
        x, y = np.round(x), np.round(y)
    elif kind == "duplicates":
        x, y = np.repeat(x[:20], 3, axis=0), np.repeat(y[:20], 3)
    elif kind == "constant":
        y = np.ones(n)
    elif kind == "separable":
        y = np.where(x[:, 0] > 0.0, 10.0, -10.0) + 0.01 * rng.normal(size=n)
    elif kind == "spike":
        y[:3] = 5.0
    return x, y, weight


KINDS = ["plain", "weights", "ties", "duplicates", "constant", "separable", "spike", "few rows"]


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    kind=st.sampled_from(KINDS), n_experts=st.integers(1, 3), seed=st.integers(0, 10**6),
    shared=st.booleans(), narrow=st.booleans(),
)  # fmt: skip
def test_hard_problems(kind, n_experts, seed, shared, narrow):
    """Same optimum and same verdict from the same start, whatever the data."""
    from mixexp.estimation.box import Bounds
    from mixexp.models.mixture import MixtureOfExperts

    rng = np.random.default_rng(seed)
    x, y, weight = hard_data(kind, rng)
    expert = Gaussian(variance="shared" if shared else "expert")
    model = MixtureOfExperts(Softmax(), expert, n_experts, 1)
    objective = instances.objective(model, x, y, weight)
    bounds = Bounds(gate=4.0, expert=3.0, scale=(0.05, 10.0)) if narrow else Bounds()
    box = bounds.box(model.layout)
    theta = rng.normal(size=model.layout.n_free)
    batch = batch_of(objective, box)
    found = climb(batch, ONE, theta[None], n_em=N_EM, tol=1e-8, max_iter=500)
    expected = solve("auto", objective, theta, box)
    ends = REASONS[int(found.reason[0])]
    assert ends is expected.reason
    value = found.points.value[0]
    # Far from regular, rounding decides which of two optima a path ends in.
    if abs(value - expected.value) > 1e-6 * (1.0 + abs(value)):
        certificate, _ = certify(objective, found.points.theta[0], box, ["?"] * len(theta))
        assert certificate.remaining_gain <= 1e-8
        return
    told = verdicts(batch, ONE, found, 1e-8)
    names = model.layout.names(["x"])
    certificate, best = certify(objective, found.points.theta[0], box, names)
    assert certificate.holds == told.holds[0]
    assert len(certificate.active_bounds) == told.n_held[0]
    if certificate.n_null == told.n_null[0] > 0:
        assert (best is not found.points.theta[0]) or told.probe_gain[0] <= 1e-8
    total = objective.data.total_weight
    close(told.information[0] / total, certificate.information, 1e-6)


def test_duplicated_expert_is_left_by_a_probe():
    """At a saddle that Newton's method starts on, both engines go on to a higher optimum."""
    case, objective = problem_of(Softmax(), Multinomial(2), penalty=(None, None), n_rows=80)
    batch = batch_of(objective, case.box)
    theta = np.zeros((1, objective.layout.n_free))
    ends = solve_jobs(batch, ONE, theta, tol=1e-8, max_iter=500)
    certificate, _ = certify(
        objective, ends.climbs.points.theta[0], case.box, objective.layout.names(["x"])
    )
    assert ends.verdicts.holds[0] == certificate.holds


def test_jobs_do_not_depend_on_each_other():
    """The same bits alone, among others, in chunks and on two threads."""
    case, objective = problem_of(Softmax(), Gaussian())
    batch = batch_of(objective, case.box, copies=3)
    rng = np.random.default_rng(0)
    theta = case.theta + 0.3 * rng.normal(size=(150, len(case.theta)))
    problem = np.arange(150) % 3
    together = solve_jobs(batch, problem, theta, tol=1e-8, max_iter=100)
    threads = solve_jobs(batch, problem, theta, tol=1e-8, max_iter=100, n_threads=2)
    assert np.array_equal(together.climbs.points.theta, threads.climbs.points.theta)
    for job in (0, 77, 149):
        alone = solve_jobs(
            batch, problem[job : job + 1], theta[job : job + 1], tol=1e-8, max_iter=100
        )
        assert np.array_equal(alone.climbs.points.theta[0], together.climbs.points.theta[job])
        assert alone.n_evaluations[0] == together.n_evaluations[job]


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    n=st.integers(1, 6), seed=st.integers(0, 10**6), radius=st.sampled_from([0.1, 1.0, 30.0]),
    on_bound=st.booleans(), definite=st.booleans(),
)  # fmt: skip
def test_model_problem(n, seed, radius, on_bound, definite):
    """The trust-region problem in a box, saddles and active bounds included."""
    rng = np.random.default_rng(seed)
    hessian = rng.normal(size=(n, n))
    hessian = -hessian @ hessian.T if definite else hessian + hessian.T
    gradient = rng.normal(size=n) * rng.choice([0.0, 1.0], size=n, p=[0.2, 0.8])
    lower, upper = -rng.exponential(size=n), rng.exponential(size=n)
    if on_bound:
        lower[rng.random(n) < 0.5] = 0.0
    expected = maximize_model(gradient, hessian, lower, upper, radius)
    step = np.empty(n)
    gain = small_newton.maximize(gradient, hessian, lower, upper, radius, step)
    assert gain == pytest.approx(expected.gain, rel=1e-9, abs=1e-12)
    assert np.all(step >= lower - 1e-12) and np.all(step <= upper + 1e-12)
    assert np.linalg.norm(step) <= radius * (1.0 + 1e-8)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(n=st.integers(1, 5), seed=st.integers(0, 10**6), rank=st.integers(1, 5))
def test_steps_of_an_m_step(n, seed, rank):
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(n, min(rank, n)))
    gram, start = root @ root.T, np.zeros(n)
    cross = gram @ rng.normal(size=n)
    lower, upper = -rng.exponential(size=n), rng.exponential(size=n)
    expected = maximize_in_box(gram[None], cross[None], start[None], lower[None], upper[None])[0]
    step = np.empty(n)
    small_em.box_step(gram, cross, lower, upper, step)
    np.testing.assert_allclose(step, expected, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("n_em", [0, 5])
def test_solution(gate, expert, n_em):
    """The solution of one problem, its trace and its evaluations are those of the solver."""
    case, objective = problem_of(gate, expert, n_columns=2)
    batch, point = batch_of(objective, case.box), case.theta[None].copy()
    counted, compiled = 0, []
    if n_em:
        first = em(batch, ONE, point, tol=1e-8, max_iter=n_em)
        counted += int(first.n_evaluations[0])
        compiled, point = first.trace[0, : first.n_steps[0]].tolist(), first.points.theta
    last = newton(batch, ONE, point, tol=1e-8, max_iter=500)
    counted += int(last.n_evaluations[0])
    compiled += last.trace[0, : last.n_steps[0] + 1].tolist()
    objective.n_evaluations, theta, trace = 0, case.theta, []
    for method, limit in ((EM(), n_em), (Newton(), 500)):
        if limit:
            expected = method.solve(objective, theta, case.box, max_iter=limit)
            theta, trace = expected.theta, trace[:-1] + expected.trace
    assert REASONS[int(last.reason[0])] is expected.reason
    assert len(compiled) == len(trace)
    close(np.array(compiled), np.array(trace), 1e-10)
    close(last.points.value[0], expected.value)
    # Polishing may go on by a step where the gain is at rounding.
    assert abs(counted - objective.n_evaluations) <= 1
