"""EM under a falling temperature: from a gate that is nearly even to the gate itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mixexp.estimation.fit import Options, fit
from mixexp.estimation.solvers import EM
from mixexp.estimation.solvers.annealing import TemperatureSchedule, with_gate
from mixexp.models import Gate, Gaussian, MixtureOfExperts, Softmax, Temperature, TopK
from tests.instances import GATES, problem


def test_temperatures_fall_from_the_first_to_one() -> None:
    found = TemperatureSchedule(start=8.0, n_steps=4).temperatures
    assert found == pytest.approx([8.0, 4.0, 2.0, 1.0], rel=1e-15) and found[-1] == 1.0
    assert np.array_equal(TemperatureSchedule(start=1.0, n_steps=3).temperatures, np.ones(3))


@pytest.mark.parametrize(
    "settings",
    [
        {"start": 0.5},
        {"start": np.inf},
        {"start": np.nan},
        {"n_steps": 0},
        {"n_each": 0},
        {"n_steps": 1},
        {"n_steps": 2.5},
    ],
    ids=str,
)
def test_schedules_that_make_no_sense(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="TemperatureSchedule"):
        TemperatureSchedule(**settings)


@pytest.mark.parametrize("gate", GATES, ids=repr)
def test_a_tempered_gate_has_the_same_parameters_and_flatter_weights(gate: Gate) -> None:
    case = problem(gate, Gaussian(), n_experts=3, n_columns=2)
    hot = with_gate(case.objective, case.objective.model.gate.tempered(4.0))
    assert hot.layout.n_free == case.model.layout.n_free and hot.data is case.objective.data
    params = hot.model.to_params(hot.layout.coefficients(case.theta))
    warm, cold = hot.model.weights(params, case.x), case.model.weights(case.params, case.x)
    # Selection is untouched, and the weights are those to the power 1/4, normalised again.
    assert np.array_equal(warm > 0.0, cold > 0.0)
    expected = cold**0.25 / (cold**0.25).sum(axis=1, keepdims=True)
    assert np.allclose(warm, expected, rtol=1e-9, atol=1e-12)


def test_warm_up_makes_one_em_step_at_each_temperature() -> None:
    case = problem(Softmax(), Gaussian(), n_experts=3, n_columns=2)
    theta = case.theta
    for tau in (9.0, 3.0, 1.0):
        tempered = with_gate(case.objective, Temperature(Softmax(), tau))
        theta = EM().solve(tempered, theta, case.box, max_iter=1).theta
    schedule = TemperatureSchedule(start=9.0, n_steps=3)
    found = schedule.warm_up(case.objective, case.theta, case.box)
    assert found == pytest.approx(theta, rel=1e-9)
    longer = TemperatureSchedule(start=9.0, n_steps=3, n_each=5)
    again = longer.warm_up(case.objective, case.theta, case.box)
    assert case.objective.evaluate(again).value > case.objective.evaluate(found).value


@pytest.mark.parametrize("gate", [Softmax(), Temperature(), TopK(1)], ids=repr)
def test_a_schedule_reaches_the_fit_and_changes_no_optimum(gate: Gate) -> None:
    """Two clear lines: the same optimum with and without, from other starting points."""
    rng = np.random.default_rng(1)
    x = rng.uniform(-1.0, 1.0, size=(150, 1))
    y = np.where(x[:, 0] > 0.0, 3.0 + x[:, 0], -3.0 - x[:, 0]) + 0.5 * rng.normal(size=150)
    model = MixtureOfExperts(gate, Gaussian(), 2, 1)
    options = {"n_init": 2, "seed": 0}
    plain = fit(model, x, y, options=Options(**options))
    cooled = fit(model, x, y, options=Options(**options, schedule=TemperatureSchedule()))
    best = cooled.optima[0]
    assert best.certificate.holds
    assert cooled.loglik(best) == pytest.approx(plain.loglik(plain.optima[0]), abs=1e-5)
    assert not np.array_equal(best.solution.trace, plain.optima[0].solution.trace)
