"""The expected information through its root: against the Hessian, and its null directions."""

from __future__ import annotations

import numpy as np
import pytest

from mixexp.estimation.data import Data
from mixexp.estimation.identifiability import diagnose, expected_information, root_scores
from mixexp.estimation.identifiability.design import thinned
from mixexp.estimation.identifiability.information import affordable
from mixexp.estimation.identifiability.invariances import Law, grid_points
from mixexp.estimation.objective import Objective
from mixexp.models import (
    Activation,
    Expert,
    Gate,
    Gaussian,
    GaussianParams,
    MixtureOfExperts,
    MixtureParams,
    Multinomial,
    Poisson,
    PoissonParams,
    Softmax,
    SoftmaxParams,
    Temperature,
    TopK,
)
from mixexp.models.activations import RELU, SQUARE
from mixexp.models.response_grid import points_per_row, response_grid
from tests.instances import UNIVARIATE_PAIRS, generator, known_at, problem

SHARES = np.array([1.0, 2.0, 0.5, 1.0, 1.5])


@UNIVARIATE_PAIRS
def test_it_is_minus_the_expected_hessian(gate: Gate, expert: Expert) -> None:
    """-E ∇²log p, by exact Hessians summed over all responses, against J'J."""
    case = problem(gate, expert, n_experts=3, n_columns=2)
    x, known = case.x[:5], known_at(case, slice(0, 5))
    grid = response_grid(case.model, case.params, x, known)
    density = np.exp(case.model.log_prob(case.params, x[grid.row], grid.y))
    weight = (SHARES / SHARES.sum())[grid.row] * grid.weight * density
    encoded = case.model.expert.encode(grid.y)
    data = Data.from_rows(x[grid.row], encoded, weight, standardize=False)
    # A temperature that is only identified up to scale is 1 in the parameters, unlike in θ.
    theta = case.model.layout.vector(case.model.coefficients(case.params))
    hessian = Objective(case.model, data).evaluate(theta, 2).hessian
    root = root_scores(case.model, case.params, x, SHARES, known)
    assert root.shape == (len(grid.row), case.model.layout.n_free)
    assert np.allclose(root.T @ root, -hessian, rtol=1e-6, atol=1e-7)
    # Scores have mean zero.
    assert np.abs(np.sqrt(weight) @ root).max() < 1e-7


@pytest.mark.parametrize(
    "gate",
    [
        Temperature(normalize=False),
        Temperature(Activation(SQUARE), normalize=False),
        Temperature(Activation(RELU), normalize=False),
        TopK(2, Temperature(normalize=False)),
    ],
    ids=repr,
)
def test_null_directions_are_the_known_ones(gate: Gate) -> None:
    case = problem(gate, Gaussian(), n_experts=3, n_columns=2, n_rows=200)
    found = expected_information(case.model, case.params, case.x)
    known = case.model.invariant_directions(case.theta)
    assert found.n_null == known.shape[1] == 1
    assert abs(found.null[:, 0] @ known[:, 0]) == pytest.approx(1.0, abs=1e-9)
    assert any(name.startswith("log-temp") for name in found.participants())
    assert not any(name.startswith("mean") for name in found.participants())


def lines(gap: float) -> Law:
    """Two experts whose intercepts are ``gap`` apart, all else equal, one third of the weight."""
    model = MixtureOfExperts(Softmax(), Gaussian(), 2, 1)
    gate = SoftmaxParams(np.log([1.0, 2.0]), np.zeros((2, 1)))
    expert = GaussianParams(np.array([1.0, 1.0 + gap]), np.full((2, 1), 2.0), np.full(2, 0.25))
    return Law(model, MixtureParams(gate, expert))


X = np.linspace(-1.0, 1.0, 21)[:, None]


def test_equal_experts_have_null_directions_named_by_block() -> None:
    law = lines(0.0)
    found = expected_information(law.model, law.params, X, columns=["age"])
    # What is left is one line and its scale: 3 of 8.
    assert (found.rank, found.n_null) == (3, 5)
    assert set(found.participants()) == set(law.model.layout.names(["age"]))
    root = root_scores(law.model, law.params, X)
    assert np.abs(root @ found.null).max() < 1e-12
    assert np.allclose(found.null.T @ found.null, np.eye(5))
    gate = np.eye(8)[:, :2]
    assert np.allclose(found.null @ (found.null.T @ gate), gate)
    assert np.array_equal(found.scaled[3:] < 1e-12, [True] * 5)


def test_small_singular_values_keep_their_digits() -> None:
    """One falls with the cube of the gap, to 2e-13; its square would drown in J'J from 1e-8 on."""
    values = []
    for gap, rank in ((1e-2, 8), (1e-3, 7), (1e-4, 6)):
        law = lines(gap)
        found = expected_information(law.model, law.params, X)
        values.append(found.singular_values[-2])
        assert found.rank == rank
    assert values[-1] < 1e-12
    assert np.allclose(np.divide(values[:-1], values[1:]), 1000.0, rtol=0.01)


def test_units_do_not_change_the_rank_or_the_scaled_values() -> None:
    case = problem(Softmax(), Gaussian(), n_experts=2, n_columns=2, n_rows=30)
    here = expected_information(case.model, case.params, case.x)
    unit = np.array([1e6, 1e-6])
    gate, expert = case.params.gate, case.params.expert
    moved = MixtureParams(
        gate._replace(coef=gate.coef / unit), expert._replace(coef=expert.coef / unit)
    )
    there = expected_information(case.model, moved, case.x * unit)
    assert np.allclose(there.scaled, here.scaled, rtol=1e-8)
    assert there.rank == here.rank == case.model.layout.n_free


def test_a_large_design_is_thinned_and_copies_are_merged() -> None:
    law = lines(1.0)
    few = expected_information(law.model, law.params, X)
    copies = expected_information(law.model, law.params, np.repeat(X, 500, axis=0))
    assert np.allclose(copies.singular_values, few.singular_values, rtol=1e-10)
    many = np.linspace(-1.0, 1.0, 20_000)[:, None]
    dense = expected_information(law.model, law.params, many)
    middle = np.linspace(-1.0, 1.0, 2_000)[:, None]
    # A grid of 21 points has 10 % more variance than the interval.
    root = root_scores(law.model, law.params, middle)
    assert np.allclose(dense.singular_values, np.linalg.svd(root, compute_uv=False), rtol=0.01)


def test_a_saturated_gate_has_no_information() -> None:
    """Scores of a step are what rounding leaves of r - π: they must not pass for information."""
    law = lines(5.0)
    gate = SoftmaxParams(np.array([300.0, 0.0]), np.array([[1.0], [0.0]]))
    found = expected_information(law.model, law.params._replace(gate=gate), X)
    assert {"gate[0] 1", "gate[0] x0"} <= set(found.participants())
    assert found.rank == 3


def with_a_rare_level(n: int, n_rare: int) -> np.ndarray:
    """A dummy with few ones, spread over a normal column."""
    rng = generator("rare", n, n_rare)
    dummy = np.isin(np.arange(n), rng.choice(n, n_rare, replace=False))
    return np.column_stack([dummy, rng.normal(size=n)]).astype(float)


@pytest.mark.parametrize("seed", range(4))
def test_a_rare_level_is_not_lost_among_many_rows(seed: int) -> None:
    x = with_a_rare_level(5000, 20)
    law = MixtureOfExperts(Softmax(), Gaussian(), 2, 2)
    theta = generator("rare law", seed).normal(size=law.layout.n_free)
    params = law.to_params(law.layout.coefficients(theta))
    thin = expected_information(law, params, x)
    assert thin.rank == law.layout.n_free
    # All rare rows, and a twentieth of the others with twenty times the weight.
    often = x[:, 0] == 0.0
    few = np.flatnonzero(often)[np.argsort(x[often, 1])][10::20]
    rows = np.append(np.flatnonzero(~often), few)
    weight = np.where(x[rows, 0] == 1.0, 1.0, 4980 / len(few))
    all_of_them = np.linalg.svd(root_scores(law, params, x[rows], weight), compute_uv=False)
    assert np.allclose(thin.singular_values, all_of_them, rtol=0.1)


def test_rows_that_only_one_expert_sees_are_kept() -> None:
    """One row in 3000 lets the second expert's slope be known; its weight there is all it has."""
    x = np.append(np.linspace(-1.0, 0.0, 2999), 50.0)[:, None]
    x = np.append(x, [[49.0]], axis=0)
    law = MixtureOfExperts(Softmax(), Gaussian(), 2, 1)
    params = MixtureParams(
        SoftmaxParams(np.array([-300.0, 0.0]), np.array([[10.0], [0.0]])),
        GaussianParams(np.array([1.0, -1.0]), np.array([[1.0], [2.0]]), np.array([0.5, 0.7])),
    )
    rows, share = thinned(law, params, x, None, None, 40)
    assert {49.0, 50.0} <= set(rows[:, 0]) and len(rows) <= 40
    assert share[rows[:, 0] > 1.0].sum() / share.sum() == pytest.approx(2 / 3001, rel=0.01)
    found = expected_information(law, params, x)
    assert not any(name.startswith("mean[0]") for name in found.participants())


def test_thinned_sums_keep_their_values() -> None:
    x = with_a_rare_level(4000, 13)
    weight = generator("weights").exponential(size=4000)
    law = MixtureOfExperts(Softmax(), Gaussian(), 2, 2)
    params = law.to_params(law.layout.coefficients(np.linspace(-1.0, 1.0, law.layout.n_free)))
    rows, share = thinned(law, params, x, weight, None, 256)
    share /= share.sum()
    weight /= weight.sum()
    for f in (lambda t: t[:, 0], lambda t: t[:, 1] ** 2, lambda t: np.tanh(t[:, 1] - t[:, 0])):
        assert share @ f(rows) == pytest.approx(weight @ f(x), abs=0.03)
    assert share @ rows[:, 0] == pytest.approx(weight @ x[:, 0], rel=0.1)


def counts(slope: float) -> Law:
    law = MixtureOfExperts(Softmax(), Poisson(), 2, 1)
    experts = PoissonParams(np.zeros(2), np.array([[slope], [slope - 1.0]]))
    return Law(law, MixtureParams(SoftmaxParams(np.zeros(2), np.array([[1.0], [0.0]])), experts))


@pytest.mark.parametrize("slope", [15.0, 17.5, 25.0])
def test_large_counts_at_the_end_of_a_design_are_summed_in_strides(slope: float) -> None:
    """The first rows have means of one, the last ones of 1e10."""
    law, x = counts(slope), np.linspace(0.0, 1.0, 60)[:, None]
    assert points_per_row(law.model, law.params, x).sum() < 1e5
    assert len(grid_points(law, x).y) < 1e5
    found = diagnose(law.model, law.params, x)
    assert found.identified and found.information.rank == 6
    # At large means the experts are told apart, and the information is that of each: E w μ x x'.
    root = root_scores(law.model, law.params, x[-1:])
    at = [name.startswith("log-rate") for name in found.information.names]
    mean, weight = np.exp([slope, slope - 1.0]), law.model.weights(law.params, x[-1:])[0]
    alone = np.diag((root.T @ root)[np.ix_(at, at)])
    # Log-densities are differences of terms as large as y log y.
    rounding = np.finfo(float).eps * slope * mean[0]
    assert np.allclose(alone, np.repeat(weight * mean, 2), rtol=1e-4 + rounding)


@pytest.mark.parametrize("slope", [40.0, 200.0, 690.0])
def test_counts_beyond_all_digits_are_refused(slope: float) -> None:
    law = counts(slope)
    with pytest.raises(ValueError, match="with smaller means"):
        diagnose(law.model, law.params, np.linspace(0.0, 1.0, 60)[:, None])


def test_many_experts_make_grids_of_fewer_rows() -> None:
    case = problem(Softmax(), Gaussian(), n_experts=9, n_columns=2, n_rows=300)
    rows, share = affordable(case.model, case.params, case.x, None, None, 256, 20_000.0)
    assert 8 <= len(rows) < 25 and share.sum() == pytest.approx(300.0, rel=0.05)
    assert points_per_row(case.model, case.params, rows).sum() <= 20_000


def binary(k: int, seed: int) -> Law:
    law = MixtureOfExperts(Softmax(), Multinomial(2), k, 1)
    theta = generator("binary", k, seed).normal(size=law.layout.n_free)
    return Law(law, law.to_params(law.layout.coefficients(theta)))


@pytest.mark.parametrize("k", [4, 5])
def test_a_decay_into_rounding_is_weak_and_a_gap_is_not_identified(k: int) -> None:
    """Mixtures of logistic functions on [-1, 1] are analytic: full rank, all but invisible."""
    law, x = binary(k, 1), np.linspace(-1.0, 1.0, 200)[:, None]
    found = diagnose(law.model, law.params, x)
    assert found.information.n_null and found.information.gap < 1e3
    (rank,) = [f for f in found.findings if f.key == "rank"]
    assert rank.severity == "weak" and found.identified
    assert "to rounding, on this design" in rank.message and "without a gap" in rank.message
    equal = lines(0.0)
    clear = diagnose(equal.model, equal.params, X)
    (rank,) = [f for f in clear.findings if f.key == "rank"]
    assert clear.information.gap > 1e3 and rank.severity == "not identified"
    assert "to rounding, on this design" in rank.message


def test_an_expert_that_is_never_used_is_silent_and_not_weak() -> None:
    gate = SoftmaxParams(np.array([-300.0, 0.0]), np.zeros((2, 1)))
    law = lines(1.0)
    found = diagnose(law.model, law.params._replace(gate=gate), X)
    assert found.information.n_silent == 5 and not found.identified


def test_the_rows_of_an_expert_with_a_small_region_are_kept() -> None:
    """One expert has the 15 of 3001 rows with |x| < 0.005, and 40 rows are taken."""
    law = MixtureOfExperts(Softmax(degree=2), Gaussian(), 2, 1)
    params = MixtureParams(
        SoftmaxParams(np.array([2500.0, 0.0]), np.array([[0.0, -1e8], [0.0, 0.0]])),
        GaussianParams(np.array([1.0, -1.0]), np.array([[1.0], [2.0]]), np.array([0.5, 0.7])),
    )
    x = np.linspace(-1.0, 1.0, 3001)[:, None]
    rows, share = thinned(law, params, x, None, None, 40)
    inside = np.abs(rows[:, 0]) < 0.005
    assert inside.sum() >= 5 and len(rows) <= 40
    assert share[inside].sum() / share.sum() == pytest.approx(15 / 3001, rel=0.3)


def test_a_silent_expert_in_a_decay_is_not_identified() -> None:
    law, x = binary(6, 1), np.linspace(-1.0, 1.0, 200)[:, None]
    gate = SoftmaxParams(law.params.gate.intercept.copy(), law.params.gate.coef.copy())
    gate.intercept[0], gate.coef[0] = -700.0, 0.0
    found = diagnose(law.model, law.params._replace(gate=gate), x)
    assert found.information.gap < 1e3 and found.information.n_silent == 4
    assert [f.severity for f in found.findings if f.key == "rank"] == ["not identified"]
