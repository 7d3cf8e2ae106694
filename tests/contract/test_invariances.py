"""What must not change the law: labels, translations, splits, and the units of the data."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mixexp.estimation.data import Data
from mixexp.estimation.objective import Objective
from mixexp.estimation.solvers import solve
from mixexp.models import Expert, Gate, Gaussian, MixtureOfExperts, Softmax
from mixexp.models.basis import Affine
from mixexp.models.coordinates import Sharing
from tests.instances import (
    GATES,
    PAIRS,
    SMOOTH_PAIRS,
    Problem,
    problem,
    regular_problem,
    units,
)

QUICK = settings(max_examples=10, derandomize=True)
SEEDS = st.integers(0, 2**16)


def log_prob(case: Problem, model: MixtureOfExperts, measure) -> np.ndarray:  # type: ignore[no-untyped-def]
    return model.log_prob(model.from_measure(measure), case.x, case.y)


def same_law(got: np.ndarray, expected: np.ndarray) -> bool:
    return np.allclose(got, expected, rtol=1e-9, atol=1e-9)


@PAIRS
@QUICK
@given(seed=SEEDS, order=st.permutations(range(4)))
def test_relabelling(gate: Gate, expert: Expert, seed: int, order: list[int]) -> None:
    """The law, the value, the score and the Hessian belong to the experts, not to their labels."""
    case = problem(gate, expert, n_experts=4, n_columns=2, n_rows=20, max_logit=8.0, seed=seed)
    if any(c.sharing is Sharing.PINNED for c in case.model.layout.gate):
        # The reference is an expert of its own kind: only the others can change places.
        order = [*(k for k in order if k != 3), 3]
    model, measure = case.model, case.model.measure(case.params)
    assert same_law(log_prob(case, model, measure.take(order)), log_prob(case, model, measure))
    renamed = model.layout.vector(model.coefficients(model.from_measure(measure.take(order))))
    here, there = (case.objective.evaluate(t, 2) for t in (case.theta, renamed))
    assert there.value == pytest.approx(here.value, rel=1e-10)
    n = model.layout.n_gate
    norms = [np.linalg.norm(e.gradient[n:]) for e in (here, there)]
    assert norms[1] == pytest.approx(norms[0], rel=1e-8, abs=1e-8)
    assert np.trace(there.hessian[n:, n:]) == pytest.approx(
        np.trace(here.hessian[n:, n:]), rel=1e-8
    )
    r = model.posterior(model.from_measure(measure.take(order)), case.x, case.y)
    assert np.allclose(r, model.posterior(case.params, case.x, case.y)[:, order], atol=1e-9)


@pytest.mark.parametrize("gate", [g for g in GATES if isinstance(g, Softmax)], ids=repr)
@QUICK
@given(seed=SEEDS, intercept=st.floats(-20, 20), slope=st.floats(-20, 20))
def test_translation_of_a_softmax_gate(
    gate: Softmax, seed: int, intercept: float, slope: float
) -> None:
    """A common shift of all logits changes neither the law nor the pinned parameter vector."""
    case = problem(gate, Gaussian(), n_experts=3, n_columns=2, n_rows=20, seed=seed)
    model = case.model
    moved = model.measure(case.params).translate(intercept, slope)
    assert same_law(log_prob(case, model, moved), model.log_prob(case.params, case.x, case.y))
    theta = model.layout.vector(model.coefficients(model.from_measure(moved)))
    assert np.allclose(theta, case.theta, rtol=1e-9, atol=1e-9)


@SMOOTH_PAIRS
@QUICK
@given(seed=SEEDS, atom=st.integers(0, 2), share=st.floats(0.01, 0.99))
def test_splitting_an_atom(gate: Gate, expert: Expert, seed: int, atom: int, share: float) -> None:
    case = problem(gate, expert, n_experts=3, n_columns=2, n_rows=20, seed=seed)
    bigger = MixtureOfExperts(gate, expert, 4, 2)
    split = case.model.measure(case.params).split(atom, [share, 1.0 - share])
    assert same_law(log_prob(case, bigger, split), case.model.log_prob(case.params, case.x, case.y))
    r = bigger.posterior(bigger.from_measure(split), case.x, case.y)
    both = r[:, atom] + r[:, atom + 1]
    assert np.allclose(r[:, atom], share * both, rtol=1e-7, atol=1e-300)


@PAIRS
def test_measure_and_parameters_say_the_same(gate: Gate, expert: Expert) -> None:
    case = problem(gate, expert, n_experts=3, n_columns=2)
    back = case.model.from_measure(case.model.measure(case.params))
    expected = case.model.coefficients(case.params)
    for got, table in zip(case.model.coefficients(back), expected, strict=True):
        assert np.allclose(got, table, rtol=1e-12, atol=1e-12)
    assert same_law(case.model.log_prob(back, case.x, case.y), case.objective.log_prob(case.theta))


@PAIRS
@QUICK
@given(seed=SEEDS)
def test_affine_change_of_x_and_y(gate: Gate, expert: Expert, seed: int) -> None:
    """log p_x(y | x) = log p_z(t | z) - log y_scale at z = (x - c) / s, t = (y - c_y) / y_scale."""
    case = problem(gate, expert, n_experts=3, n_columns=2, n_rows=20, seed=seed)
    affine = units(Softmax(), expert, seed, 2)
    z = (case.x - affine.x_center) / affine.x_scale
    t = (case.y - affine.y_center) / affine.y_scale
    coefficients = case.model.layout.coefficients(case.theta)
    inside = case.model.on_scale(affine).log_prob(case.params, z, t)
    outside = case.model.to_params(case.model.rescale(coefficients, affine))
    shifted = case.model.log_prob(outside, case.x, case.y) + np.sum(np.log(affine.y_scale))
    assert np.allclose(shifted, inside, rtol=1e-9, atol=1e-8)
    back = case.model.rescale(case.model.rescale(coefficients, affine), affine.inverse())
    for a, b in zip(back, coefficients, strict=True):
        assert np.allclose(a, b, rtol=1e-8, atol=1e-8)


@PAIRS
def test_refit_in_other_units(gate: Gate, expert: Expert) -> None:
    """From the same start the fit on changed data is the changed fit."""
    case, first = regular_problem(gate, expert, n_columns=2, n_rows=150)
    free = units(gate, expert, 0, 2)
    # Where all columns have one scale in the units of a class, they do in all its units.
    alike = free.x_scale[0] == free.x_scale[1]
    of_y = (1e3, 7.0) if expert.standardizes else (0.0, 1.0)
    if np.ndim(free.y_scale):
        of_y = (1e3 * free.y_center, 7.0 * free.y_scale)
    affine = Affine(
        np.where(free.x_center == 0.0, 0.0, [3.0, -40.0]),
        np.where(free.x_scale == 1.0, 1.0, 0.01 if alike else [0.01, 250.0]),
        *of_y,
    )
    x, y = case.x * affine.x_scale + affine.x_center, case.y
    if expert.standardizes:
        y = y * affine.y_scale + affine.y_center
    model = case.model
    start = model.layout.coefficients(first.theta + 0.01)
    fits, log_probs = [], []
    for rows, table in (((case.x, case.y), start), ((x, y), model.rescale(start, affine))):
        encoded = model.expert.encode(rows[1])
        data = Data.from_rows(
            rows[0], encoded, case.weight,
            standardize_y=expert.standardizes, common_scale=expert.common_scale,
        )  # fmt: skip
        inside = model.layout.vector(model.rescale(table, data.affine.inverse()))
        found = solve("auto", Objective(model, data), inside, case.box)
        rescaled = model.rescale(model.layout.coefficients(found.theta), data.affine)
        fits.append(found)
        log_probs.append(model.log_prob(model.to_params(rescaled), *rows))
    if not model.invariant_directions(first.theta).shape[1]:
        assert np.allclose(fits[1].theta, fits[0].theta, rtol=1e-6, atol=1e-6)
    assert np.allclose(
        log_probs[1] + np.sum(np.log(affine.y_scale)), log_probs[0], rtol=1e-7, atol=1e-7
    )
