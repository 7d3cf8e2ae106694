"""No false alarms: generic laws of every gate with every expert are identified."""

from __future__ import annotations

import numpy as np

from mixexp.estimation.identifiability import diagnose, exact_findings
from mixexp.estimation.identifiability.invariances import INVARIANCES
from mixexp.models import Expert, Gate, GaussianGate
from tests.instances import PAIRS, UNIVARIATE_PAIRS, known_at, problem

KEYS = {invariance.key for invariance in INVARIANCES}


@UNIVARIATE_PAIRS
def test_a_generic_law_has_its_gate_s_own_invariances_and_no_others(
    gate: Gate, expert: Expert
) -> None:
    case = problem(gate, expert, n_experts=3, n_columns=2, n_rows=80)
    known = known_at(case, slice(0, 80))
    found = diagnose(case.model, case.params, case.x, known=known)
    exponents = gate.homogeneity()
    free_scale = exponents is not None and 0.0 in exponents
    expected = {"scale"} if free_scale else set()
    if isinstance(gate, GaussianGate):
        expected.add("log-quadratic-factor")
    # A sparse gate may leave an expert out at all rows.
    if (case.model.weights(case.params, case.x).max(axis=0) == 0.0).any():
        assert gate.pieces(3) is not None
        assert KEYS.intersection(found.keys) == expected | {"never-active"}
        return
    assert KEYS.intersection(found.keys) == expected
    # Directions without information are the known ones.
    gauge = case.model.gate.in_gauge()
    left = len([h for h in gauge.homogeneity() or () if h == 0.0])
    assert found.information.n_null == left
    assert found.identified is (left == 0)
    assert np.all(np.diff(found.information.scaled) <= 0.0)


@UNIVARIATE_PAIRS
def test_nothing_is_found_in_an_over_specified_law_of_distinct_experts(
    gate: Gate, expert: Expert
) -> None:
    """Three experts fitted where two are the truth: too few for a common factor."""
    case = problem(gate, expert, n_experts=3, n_columns=2, n_rows=15, seed=1)
    found = diagnose(case.model, case.params, case.x, k_true=2, known=known_at(case, slice(0, 15)))
    assert KEYS.intersection(found.keys) <= {"scale", "log-quadratic-factor"}


@PAIRS
def test_steep_laws_break_nothing(gate: Gate, expert: Expert) -> None:
    """Weights below the smallest number, odds beyond the largest: fits end there, and are told."""
    case = problem(gate, expert, n_experts=2, n_rows=20)
    for size in (30.0, 1000.0):
        theta = np.where(case.model.layout.entries("temperature"), case.theta, size * case.theta)
        scale = case.model.layout.entries("scale")
        params = case.params_of(np.where(scale, case.theta, theta))
        found = exact_findings(case.model, params, case.x, case.y)
        assert all("roles of gate and experts" in text for text in found)
