"""The top-K gate: which experts are active, and what is left of the gate that was made sparse."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mixexp.estimation.data import Data
from mixexp.estimation.objective import Objective
from mixexp.models import (
    Activation,
    Gate,
    Gaussian,
    MixtureOfExperts,
    MixtureParams,
    Softmax,
    SoftmaxParams,
    Temperature,
    TopK,
    Transformed,
)
from tests.instances import problem

BASES: list[Gate] = [
    Softmax(),
    Softmax(degree=2),
    Transformed(),
    Temperature(),
    Temperature(tau=0.4),
    Activation(),
    Temperature(Activation()),
]
SELECT = pytest.mark.parametrize("select", ["score", "logit"])
QUICK = settings(max_examples=10, derandomize=True)


def gates_of(k: int, n_columns: int, seed: int) -> SoftmaxParams:
    rng = np.random.default_rng(seed)
    table = rng.normal(size=(k, 1 + n_columns))
    table[-1] = 0.0
    return SoftmaxParams(table[:, 0], table[:, 1:])


def weights(gate: Gate, params: Any, x: np.ndarray) -> np.ndarray:
    k = len(params.intercept)
    model = MixtureOfExperts(gate, Gaussian(), k, x.shape[1])
    expert = model.to_params(model.layout.coefficients(np.zeros(model.layout.n_free))).expert
    return model.weights(MixtureParams(params, expert), x)


@SELECT
@pytest.mark.parametrize("n_active", [1, 2, 3, 4])
def test_weights_by_hand(select: str, n_active: int) -> None:
    """Softmax over the K experts that a stable sort puts first, exact zeros elsewhere."""
    x = np.random.default_rng(0).normal(size=(200, 2))
    params = gates_of(5, 2, 1)
    score = x @ params.coef.T
    logit = score + params.intercept
    order = np.argsort(-(score if select == "score" else logit), axis=1, kind="stable")
    active = np.zeros((200, 5), dtype=bool)
    np.put_along_axis(active, order[:, :n_active], True, axis=1)
    expected = np.where(active, np.exp(logit), 0.0)
    expected /= expected.sum(axis=1, keepdims=True)
    got = weights(TopK(n_active, select=select), params, x)
    assert np.array_equal(got > 0.0, active)
    assert np.allclose(got, expected, rtol=1e-13, atol=0.0)


@SELECT
@QUICK
@given(seed=st.integers(0, 999), n_active=st.integers(1, 4))
def test_exactly_k_are_active_and_ties_go_to_the_lower_index(
    select: str, seed: int, n_active: int
) -> None:
    rng = np.random.default_rng(seed)
    params = SoftmaxParams(np.zeros(5), rng.integers(-1, 2, size=(5, 2)).astype(float))
    x = rng.integers(-1, 2, size=(30, 2)).astype(float)
    params.coef[-1] = 0.0
    active = weights(TopK(n_active, select=select), params, x) > 0.0
    assert np.all(active.sum(axis=1) == n_active)
    score = x @ params.coef.T
    for row, on in zip(score, active, strict=True):
        lowest, best_off = row[on].min(), row[~on].max()
        assert lowest >= best_off
        tied_on, tied_off = (
            np.flatnonzero(on & (row == lowest)),
            np.flatnonzero(~on & (row == lowest)),
        )
        assert not tied_off.size or tied_on.max() < tied_off.min()


@SELECT
@pytest.mark.parametrize("base", BASES, ids=repr)
def test_with_all_experts_active_it_is_the_base(select: str, base: Gate) -> None:
    case = problem(base, Gaussian(), n_experts=3, n_columns=2)
    dense = TopK(3, base, select)
    sparse = MixtureOfExperts(dense, Gaussian(), 3, 2)
    got, expected = (m.weights(case.params, case.x) for m in (sparse, case.model))
    assert np.allclose(got, expected, rtol=0.0, atol=1e-14)
    assert sparse.log_prob(case.params, case.x, case.y) == pytest.approx(
        case.model.log_prob(case.params, case.x, case.y), rel=1e-13
    )
    assert (dense.pieces(3) is None) == (base.pieces(3) is None)


@SELECT
@pytest.mark.parametrize("base", BASES, ids=repr)
def test_parameters_are_those_of_the_base(select: str, base: Gate) -> None:
    case = problem(base, Gaussian(), n_experts=3, n_columns=2, seed=4)
    gate = TopK(2, base, select)
    back = gate.to_params(gate.from_params(case.params.gate))
    for got, table in zip(base.from_params(back), base.from_params(case.params.gate), strict=True):
        assert np.allclose(got, table, rtol=1e-12, atol=1e-15)


def test_by_score_the_bias_moves_no_boundary() -> None:
    x = np.random.default_rng(2).normal(size=(100, 2))
    params = gates_of(4, 2, 3)
    moved = params._replace(intercept=params.intercept + [5.0, -3.0, 1.0, 0.0])
    for select, same in (("score", True), ("logit", False)):
        on = [weights(TopK(2, select=select), p, x) > 0.0 for p in (params, moved)]
        assert np.array_equal(*on) == same


@QUICK
@given(seed=st.integers(0, 999))
def test_by_score_in_one_column_only_the_order_of_slopes_matters(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(60, 1))
    coef = rng.normal(size=(4, 1))
    coef[-1] = 0.0
    stretched = np.sign(coef) * np.abs(coef) ** 3.0
    gate = TopK(2)
    on = [weights(gate, SoftmaxParams(np.zeros(4), c), x) > 0.0 for c in (coef, stretched)]
    assert np.array_equal(*on)
    # Two patterns, one for each side of the user's origin.
    for side in (x[:, 0] > 0.0, x[:, 0] < 0.0):
        assert len(np.unique(on[0][side], axis=0)) == 1


@pytest.mark.parametrize("base", [Softmax(), Softmax(degree=2), Transformed()], ids=repr)
@SELECT
def test_boundaries_stay_where_the_user_has_them_under_standardisation(
    base: Gate, select: str
) -> None:
    rng = np.random.default_rng(5)
    x = np.array([3.0, -20.0]) + np.array([4.0, 30.0]) * rng.normal(size=(80, 2))
    y = 7.0 + 2.0 * rng.normal(size=80)
    model = MixtureOfExperts(TopK(2, base, select), Gaussian(), 4, 2)
    data = Data.from_rows(x, y)
    target = Objective(model, data)
    theta = rng.normal(size=target.layout.n_free)
    params = model.to_params(target.model.rescale(target.layout.coefficients(theta), data.affine))
    inside = target.evaluate(theta).value - data.log_scale
    assert model.log_prob(params, x, y).sum() == pytest.approx(inside, rel=1e-10)
    active = target.responsibilities(theta) > 0.0
    assert np.array_equal(model.posterior(params, x, y) > 0.0, active)


def test_by_score_in_one_column_the_boundary_is_at_the_users_zero() -> None:
    """Standardised columns are centred elsewhere; a change of the active set must not be."""
    rng = np.random.default_rng(6)
    x = rng.uniform(-1.0, 9.0, size=(200, 1))
    target = Objective(
        MixtureOfExperts(TopK(1), Gaussian(), 2, 1), Data.from_rows(x, rng.normal(size=200))
    )
    theta = np.zeros(target.layout.n_free)
    theta[target.layout.slices[0]] = 2.0
    first = target.responsibilities(theta)[:, 0] > 0.5
    assert np.array_equal(first, x[:, 0] > 0.0) and 0 < first.sum() < 200


def test_regions_do_not_depend_on_the_temperature_inside() -> None:
    case = problem(TopK(2, Temperature(normalize=False)), Gaussian(), n_experts=4, n_columns=2)
    hot = case.params.gate._replace(temperature=50.0)
    on = [
        case.model.weights(MixtureParams(p, case.params.expert), case.x) > 0.0
        for p in (case.params.gate, hot)
    ]
    assert np.array_equal(*on)


@pytest.mark.parametrize(
    ("n_active", "message"),
    [
        (0, "1..n_experts=3"),
        (-1, "n_active=-1"),
        (4, "n_active=4"),
        (2.0, "integer"),
        ("2", "integer"),
        (True, "integer"),
    ],
)
def test_numbers_of_active_experts_that_cannot_be(n_active: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        MixtureOfExperts(TopK(n_active), Gaussian(), 3, 1)


@pytest.mark.parametrize(
    ("gate", "message"),
    [
        (TopK(2, select="bias"), "neither 'score' nor 'logit'"),
        (TopK(2, Softmax(degree=0)), "no slopes to select by"),
        (TopK(2, Temperature(tau=-1.0)), "tau=-1.0"),
        (TopK(2, TopK(2)), "sparse already"),
        (TopK(2, Temperature(TopK(2))), "sparse"),
    ],
    ids=repr,
)
def test_gates_that_make_no_sense(gate: Gate, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        assert MixtureOfExperts(gate, Gaussian(), 3, 1).layout


def test_a_gate_without_columns_is_refused() -> None:
    with pytest.raises(ValueError, match="gate_features is empty"):
        assert MixtureOfExperts(TopK(2), Gaussian(), 3, 1, gate_columns=()).layout


def test_one_active_expert_is_said_to_be_a_step() -> None:
    assert "not at all" in " ".join(TopK(1).findings(3))
    assert "only with its slopes" in " ".join(TopK(1, select="logit").findings(3))
    assert TopK(2).findings(3) == () and TopK(1).findings(1) == ()
