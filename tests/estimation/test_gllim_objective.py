"""The joint objective of Gaussian locally linear mappings: chart, derivatives, certificates."""

from __future__ import annotations

import numpy as np
import pytest

from mixexp.estimation.box import Bounds
from mixexp.estimation.gllim.certify import certify
from mixexp.estimation.gllim.chart import Chart
from mixexp.estimation.gllim.climb import Climber
from mixexp.estimation.gllim.data import JointData
from mixexp.estimation.gllim.em import JointEM
from mixexp.estimation.gllim.objective import JointObjective
from mixexp.models.covariances import BlockDiagonal, Covariance, Diagonal, Full, Isotropic
from mixexp.models.gllim import GLLiM, GLLiMParams

Array = np.ndarray

GATES = [Full(), Diagonal(), Isotropic(), Full("shared"), Full("volume"), Isotropic("shared"),
         Diagonal("volume"), Diagonal("shared")]  # fmt: skip
EXPERTS = [
    Full(), Diagonal(), Isotropic(), Isotropic("volume"), BlockDiagonal([0, 1, 0]),
    BlockDiagonal([[0, 1, 0], [0, 0, 1]]), BlockDiagonal([0, 1, 0], "shared"), Full("shared"),
    Full("volume"), BlockDiagonal([[0, 1, 0], [0, 0, 1]], "volume"), Diagonal("volume"),
    Diagonal("shared"),
]  # fmt: skip
CASES = [(gate, Full()) for gate in GATES] + [(Diagonal(), expert) for expert in EXPERTS] + [
    (Full("volume"), Full("volume")), (Full("shared"), Diagonal("volume")),
    (Isotropic(), BlockDiagonal([0, 1, 0], "volume")),
]  # fmt: skip
each_case = pytest.mark.parametrize(("gate", "expert"), CASES, ids=repr)


def problem(
    gate: Covariance, expert: Covariance, degree: int = 2, n: int = 150
) -> tuple[Chart, JointObjective, JointEM, GLLiMParams]:
    rng = np.random.default_rng(0)
    u = rng.normal(size=(n, 2))
    v = u @ rng.normal(size=(2, 3)) + rng.normal(size=(n, 3))
    weight = rng.uniform(0.5, 2.0, n)
    model, data = JointData.from_rows(GLLiM(2, 2, 3, gate, expert, degree), u, v, weight)
    em = JointEM(model, data)
    params = em.from_responsibilities(rng.dirichlet([1.0, 1.0], n))
    chart = Chart(model)
    return chart, JointObjective(chart, data), em, params


def moved(chart: Chart, params: GLLiMParams) -> Array:
    """A point of the chart where no derivative vanishes."""
    return chart.theta(params) + 0.1 * np.random.default_rng(1).normal(size=chart.n_free)


@each_case
def test_chart_holds_every_parameter_once(gate: Covariance, expert: Covariance) -> None:
    chart, _, _, params = problem(gate, expert)
    assert chart.n_free == chart.model.n_parameters == len(chart.names)
    theta = moved(chart, params)
    back = chart.params(theta)
    np.testing.assert_allclose(chart.theta(back), theta, rtol=1e-9, atol=1e-10)
    same = chart.params(chart.theta(params))
    for name in ("weight", "gate_mean", "table"):
        np.testing.assert_allclose(getattr(same, name), getattr(params, name), atol=1e-10)
    for name in ("gate_covariance", "covariance"):
        found, wanted = getattr(same, name).dense(), getattr(params, name).dense()
        np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-10)


@each_case
def test_value_is_that_of_the_em_pass(gate: Covariance, expert: Covariance) -> None:
    chart, objective, em, params = problem(gate, expert)
    theta = moved(chart, params)
    value = em.statistics(chart.params(theta)).value
    for order in (0, 1, 2):
        assert objective.evaluate(theta, order).value == pytest.approx(value, rel=1e-11)


@each_case
def test_derivatives_are_those_of_the_value(gate: Covariance, expert: Covariance) -> None:
    chart, objective, _, params = problem(gate, expert)
    theta, h = moved(chart, params), 1e-5
    exact = objective.evaluate(theta, 2)
    assert exact.gradient is not None and exact.hessian is not None
    steps = h * np.eye(len(theta))
    gradient = [
        objective.evaluate(theta + s).value - objective.evaluate(theta - s).value for s in steps
    ]
    size = np.abs(exact.gradient).max()
    np.testing.assert_allclose(np.array(gradient) / (2 * h), exact.gradient, atol=1e-6 * size)
    rows = []
    for s in steps:
        up, down = objective.evaluate(theta + s, 1), objective.evaluate(theta - s, 1)
        assert up.gradient is not None and down.gradient is not None
        rows.append((up.gradient - down.gradient) / (2 * h))
    size = np.abs(exact.hessian).max()
    np.testing.assert_allclose(np.array(rows), exact.hessian, atol=1e-6 * size)


def test_threads_give_the_same_bits_and_blocks_the_same_sums(monkeypatch) -> None:
    chart, objective, em, params = problem(Full(), BlockDiagonal([0, 1, 0]), n=5000)
    theta = moved(chart, params)
    monkeypatch.setattr(JointObjective, "block_rows", property(lambda self: 64))
    one = objective.evaluate(theta, 2)
    two = JointObjective(chart, em.data, n_threads=2).evaluate(theta, 2)
    assert one.value == two.value
    np.testing.assert_array_equal(one.gradient, two.gradient)
    np.testing.assert_array_equal(one.hessian, two.hessian)
    monkeypatch.setattr(JointObjective, "block_rows", property(lambda self: 10_000))
    whole = objective.evaluate(theta, 2)
    np.testing.assert_allclose(whole.hessian, one.hessian, rtol=1e-9, atol=1e-8)


@pytest.mark.parametrize(
    ("gate", "expert"),
    [(Full(), Full()), (Diagonal("volume"), Diagonal()), (Full("shared"), Isotropic())],
    ids=repr,
)
def test_em_and_newton_end_at_the_same_stationary_point(gate, expert) -> None:
    _, _, em, params = problem(gate, expert, degree=1, n=300)
    climber = Climber(em.model, em.data, Bounds(scale=(1e-3, 1e3)))
    warm = climber.em_steps(params, 30, 0.0)
    newton = climber.newton(warm, 1e-8, 200)
    slow = climber.em_steps(newton.params, 50, 0.0)
    assert newton.value >= warm.value
    # From Newton's limit EM has nothing to gain.
    assert slow.value - newton.value == pytest.approx(0.0, abs=1e-7)
    certificate, _ = certify(climber, newton, 1e-8)
    assert certificate.holds
    assert certificate.remaining_gain <= 1e-8


def test_a_point_before_the_optimum_is_not_certified() -> None:
    _, _, em, params = problem(Full(), Diagonal(), degree=1, n=300)
    climber = Climber(em.model, em.data, Bounds(scale=(1e-3, 1e3)))
    climb = climber.em_steps(params, 5, 0.0)
    assert climber.chart is not None
    climb.theta = climber.chart.theta(climb.params)
    certificate, _ = certify(climber, climb, 1e-8)
    assert not certificate.holds and certificate.remaining_gain > 1e-3
